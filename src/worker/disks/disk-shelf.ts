// The disks a person has: made, listed, put into a VM, taken out, saved as a file, deleted. A disk is in one VM at a time.

import { diskFormatOf, FORMAT_ADVICE } from '../../core/devices/disk-format.ts';
import { SECTOR_BYTES, ZeroStore, type BlockStore } from '../../core/devices/block-store.ts';
import { writeFully, type ByteFile } from '../../core/devices/byte-file.ts';
import { DiskLayer, sectorsOfLayer } from '../../core/devices/disk-layer.ts';
import { ImageFile } from '../../core/devices/image-file.ts';
import { KeptDisk } from '../../core/devices/kept-disk.ts';
import type { DiskContents, DiskDescription } from '../../protocol/commands.ts';
import type { DiskFolder } from './disk-folder.ts';
import type { OpenDisk } from './open-disk.ts';

const MEBIBYTE = 2 ** 20;
/** The largest disk: its map of 2 MiB is written whole now and then. */
export const MOST_DISK_MIB = 2048;
/** The most that is handed to the page as one file. */
const MOST_SAVED_MIB = 512;
const HEADER_BYTES = 24;
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

export class DiskShelf {
  readonly #folder: DiskFolder;
  /** Those that are open, or are being opened. */
  readonly #open = new Map<string, OpenDisk | undefined>();

  constructor(folder: DiskFolder) {
    this.#folder = folder;
  }

  async list(): Promise<readonly DiskDescription[]> {
    const names = await this.#folder.names();
    return Promise.all(names.map((name) => this.#describe(name)));
  }

  /** @throws Error, one line for a person */
  async create(name: string, contents: DiskContents): Promise<void> {
    checkName(name);
    const sectors =
      contents.kind === 'empty'
        ? (checkSize(contents.sizeMiB) * MEBIBYTE) / SECTOR_BYTES
        : sectorsOfImage(contents.bytes);
    if ((await this.#describe(name)).sizeBytes !== undefined) {
      throw new Error(`Expected a new name for the disk, found one that is taken: “${name}”. Choose another.`);
    }
    await this.#folder.remove(name);
    try {
      // The layer comes last: without it there is no disk.
      if (contents.kind === 'image') await this.#fill(name, 'image', (file) => writeFully(file, contents.bytes, 0));
      await this.#fill(name, 'layer', (file) => DiskLayer.format(file, sectors));
    } catch (error) {
      await this.#folder.remove(name);
      throw error;
    }
  }

  /** @throws Error, one line for a person */
  async delete(name: string): Promise<void> {
    this.#mustBeFree(name);
    await this.#folder.remove(name);
  }

  /** Puts a disk into a VM. @throws Error, one line for a person */
  async open(name: string): Promise<OpenDisk> {
    this.#mustBeFree(name);
    this.#open.set(name, undefined);
    const files: ByteFile[] = [];
    try {
      const layer = await this.#folder.open(name, 'layer', { create: false });
      if (layer === undefined) {
        throw new Error(`Expected a disk that is kept here, found none with the name “${name}”. Make it first.`);
      }
      files.push(layer);
      const image = await this.#folder.open(name, 'image', { create: false });
      if (image !== undefined) files.push(image);
      const store = new KeptDisk(layer, image === undefined ? emptyBelow(layer) : new ImageFile(image));
      const disk: OpenDisk = {
        name,
        store,
        close: () => {
          if (this.#open.get(name) !== disk) return;
          store.close();
          image?.close();
          this.#open.delete(name);
        },
      };
      this.#open.set(name, disk);
      return disk;
    } catch (error) {
      for (const file of files) file.close();
      this.#open.delete(name);
      throw error;
    }
  }

  /** The whole disk as it is now, also while a VM has it. @throws Error, one line for a person */
  async save(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const present = this.#open.get(name);
    const disk = present ?? (await this.open(name));
    try {
      return contentsOf(disk.store);
    } finally {
      if (present === undefined) disk.close();
    }
  }

  async #fill(name: string, which: 'image' | 'layer', write: (file: ByteFile) => void): Promise<void> {
    const file = await this.#folder.open(name, which, { create: true });
    if (file === undefined) throw new Error(`Expected room for the disk “${name}”, found none. Delete another one.`);
    try {
      write(file);
      file.flush();
    } catch (error) {
      throw new Error(
        `Expected room for the disk “${name}” among the browser’s files, found less. Delete another disk, or make a smaller one.`,
        { cause: error },
      );
    } finally {
      file.close();
    }
  }

  async #describe(name: string): Promise<DiskDescription> {
    const layer = await this.#folder.look(name, 'layer', HEADER_BYTES);
    const image = await this.#folder.look(name, 'image', 0);
    const sectors = layer && sectorsOfLayer(layer.head);
    return {
      name,
      sizeBytes: sectors === undefined ? undefined : sectors * SECTOR_BYTES,
      keptBytes: (layer?.size ?? 0) + (image?.size ?? 0),
      image: image !== undefined,
    };
  }

  #mustBeFree(name: string): void {
    if (!this.#open.has(name)) return;
    throw new Error(`Expected the disk “${name}” to be free, found it in a VM. Remove that VM first.`);
  }
}

/** What lies below the layer of a disk that began empty. @throws Error where the file is no layer */
function emptyBelow(layer: ByteFile): BlockStore {
  const head = new Uint8Array(HEADER_BYTES);
  layer.read(head, { at: 0 });
  return new ZeroStore(sectorsOfLayer(head) ?? 0);
}

function contentsOf(store: BlockStore): Uint8Array<ArrayBuffer> {
  const length = store.sectors * SECTOR_BYTES;
  if (length > MOST_SAVED_MIB * MEBIBYTE) {
    throw new Error(
      `Expected a disk of at most ${MOST_SAVED_MIB} MiB to save, found ${length / MEBIBYTE} MiB. Copy what you need from inside a guest.`,
    );
  }
  const bytes = new Uint8Array(length);
  if (!store.read(0, bytes)) throw new Error('Expected to read the whole disk, found a part that cannot be read.');
  return bytes;
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new Error(`Expected a name of letters, digits, “.”, “-” and “_”, at most 63, found “${name}”. Choose another.`);
}

function checkSize(sizeMiB: number): number {
  if (Number.isInteger(sizeMiB) && sizeMiB >= 1 && sizeMiB <= MOST_DISK_MIB) return sizeMiB;
  throw new Error(`Expected 1 to ${MOST_DISK_MIB} MiB for the disk, found ${sizeMiB}. Choose another size.`);
}

function sectorsOfImage(image: Uint8Array): number {
  if (image.length === 0) throw new Error('Expected a disk image, found an empty file. Choose another.');
  const format = diskFormatOf(image);
  if (format !== undefined) {
    throw new Error(`Expected an image of a disk’s sectors, found one in the format ${format}: ${FORMAT_ADVICE}.`);
  }
  checkSize(Math.ceil(image.length / MEBIBYTE));
  return Math.ceil(image.length / SECTOR_BYTES);
}
