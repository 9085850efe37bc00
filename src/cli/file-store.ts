// A disk image in a file, read and written in place: what the guest was told is flushed is on the host's disk.

import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { onDisk, SECTOR_BYTES, type BlockStore } from '../core/devices/block-store.ts';
import { diskFormatOf, FORMAT_ADVICE, FORMAT_BYTES } from '../core/devices/disk-format.ts';
import { fileError } from './files.ts';
import { quoted, UsageError } from './options.ts';

export class FileStore implements BlockStore {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly #descriptor: number;

  /** @throws UsageError where the file cannot be opened, or cannot be a disk */
  constructor(path: string, { readOnly }: { readonly readOnly: boolean }) {
    this.readOnly = readOnly;
    const { O_RDONLY, O_RDWR, O_NONBLOCK } = constants;
    try {
      // A pipe would keep the command waiting for somebody at its other end.
      this.#descriptor = openSync(path, (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK);
    } catch (error) {
      throw fileError('a disk image', path, error);
    }
    const status = fstatSync(this.#descriptor);
    this.sectors = Math.ceil(status.size / SECTOR_BYTES);
    if (status.isFile() && this.sectors > 0) {
      const format = diskFormatOf(this.#start());
      if (format === undefined) return;
      closeSync(this.#descriptor);
      throw new UsageError(
        `an image of a disk’s sectors at ${quoted(path)}`,
        `one in the format ${format}`,
        FORMAT_ADVICE,
      );
    }
    closeSync(this.#descriptor);
    const found = status.isFile() ? 'an empty file' : status.isDirectory() ? 'a directory' : 'something else';
    throw new UsageError(`a disk image at ${quoted(path)}`, found, 'make one with truncate -s 64M FILE');
  }

  #start(): Uint8Array {
    const bytes = new Uint8Array(FORMAT_BYTES);
    return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, FORMAT_BYTES, 0));
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    try {
      let done = 0;
      while (done < into.length) {
        const length = readSync(this.#descriptor, into, done, into.length - done, sector * SECTOR_BYTES + done);
        if (length === 0) break;
        done += length;
      }
      into.fill(0, done); // a last sector that the file has only part of
      return true;
    } catch {
      return false; // the guest gets an I/O error
    }
  }

  write(sector: number, from: Uint8Array): boolean {
    if (this.readOnly || !onDisk(this, sector, from.length / SECTOR_BYTES)) return false;
    try {
      for (let done = 0; done < from.length;) {
        done += writeSync(this.#descriptor, from, done, from.length - done, sector * SECTOR_BYTES + done);
      }
      return true;
    } catch {
      return false;
    }
  }

  flush(): boolean {
    try {
      if (!this.readOnly) fsyncSync(this.#descriptor);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#descriptor);
  }
}
