// A disk image in a file of the host's that is only ever read: what a copy-on-write layer lies upon.

import { onDisk, SECTOR_BYTES, type BlockStore } from './block-store.ts';
import { readFully, type ByteFile } from './byte-file.ts';

export class ImageFile implements BlockStore {
  readonly sectors: number;
  readonly readOnly = true;
  readonly #file: ByteFile;

  /** An image that ends in the middle of a sector is filled up with zeros. */
  constructor(file: ByteFile) {
    this.#file = file;
    this.sectors = Math.ceil(file.getSize() / SECTOR_BYTES);
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    try {
      readFully(this.#file, into, sector * SECTOR_BYTES);
      return true;
    } catch {
      return false; // the guest gets an I/O error
    }
  }

  write(): boolean {
    return false;
  }

  flush(): boolean {
    return true;
  }
}
