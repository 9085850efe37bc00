// What is behind a disk: sectors of 512 bytes. A device only ever sees this port; an image in memory, a file or a copy-on-write
// layer over either is the mounter's choice.

export const SECTOR_BYTES = 512;

export interface BlockStore {
  readonly sectors: number;
  readonly readOnly: boolean;
  /** Copies whole sectors out. @returns false where the host could not read them */
  read(sector: number, into: Uint8Array): boolean;
  /** Stores whole sectors. @returns false where the host could not take them */
  write(sector: number, from: Uint8Array): boolean;
  /** What was written so far survives the loss of the host. @returns false where that cannot be promised */
  flush(): boolean;
  /** Whole sectors become zeros, if possible without storing them; absent where zeros have to be written. */
  zero?(sector: number, count: number): boolean;
  /** Another disk with the same contents, which goes its own way from here on; absent where that cannot be had. */
  fork?(): BlockStore;
}

/** Whether `count` sectors from `sector` on are on the disk. */
export const onDisk = (store: BlockStore, sector: number, count: number): boolean =>
  sector >= 0 && count >= 0 && sector + count <= store.sectors;

/** A disk in memory. An image that ends in the middle of a sector is filled up with zeros. */
export class MemoryStore implements BlockStore {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly bytes: Uint8Array;

  /** @param image taken over, not copied, where it is made of whole sectors */
  constructor(image: Uint8Array, options: { readonly readOnly?: boolean } = {}) {
    this.sectors = Math.ceil(image.length / SECTOR_BYTES);
    this.readOnly = options.readOnly ?? false;
    this.bytes = image;
    if (image.length % SECTOR_BYTES === 0) return;
    this.bytes = new Uint8Array(this.sectors * SECTOR_BYTES);
    this.bytes.set(image);
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    into.set(this.bytes.subarray(sector * SECTOR_BYTES, sector * SECTOR_BYTES + into.length));
    return true;
  }

  write(sector: number, from: Uint8Array): boolean {
    if (this.readOnly || !onDisk(this, sector, from.length / SECTOR_BYTES)) return false;
    this.bytes.set(from, sector * SECTOR_BYTES);
    return true;
  }

  flush(): boolean {
    return true;
  }

  zero(sector: number, count: number): boolean {
    if (this.readOnly || !onDisk(this, sector, count)) return false;
    this.bytes.fill(0, sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES);
    return true;
  }

  fork(): MemoryStore {
    return new MemoryStore(this.bytes.slice(), { readOnly: this.readOnly });
  }
}

/** An empty disk: zeros, without keeping them. What is written to it needs a layer above. */
export class ZeroStore implements BlockStore {
  readonly sectors: number;
  readonly readOnly = true;

  constructor(sectors: number) {
    this.sectors = sectors;
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    into.fill(0);
    return true;
  }

  write(): boolean {
    return false;
  }

  flush(): boolean {
    return true;
  }
}
