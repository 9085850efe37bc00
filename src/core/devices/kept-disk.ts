// A disk that is kept in a file of the host's: an image below, which is never changed, and a layer above, which takes what the
// guest writes. What the guest was told is flushed survives the loss of the host; what it was not told may be lost, but
// only from some moment on: after a crash the disk is as it was at one instant.

import { onDisk, SECTOR_BYTES, type BlockStore } from './block-store.ts';
import type { ByteFile } from './byte-file.ts';
import { CLUSTER_BYTES, CopyOnWriteStore } from './copy-on-write-store.ts';
import { DiskLayer } from './disk-layer.ts';

/** Bytes of unflushed writes that are held in memory; more are committed unasked. */
const MOST_UNFLUSHED = 4 * 2 ** 20;

export class KeptDisk implements BlockStore {
  readonly sectors: number;
  readonly readOnly = false;
  readonly layer: DiskLayer;
  readonly #written: CopyOnWriteStore;
  readonly #mostClusters: number;

  /**
   * @param file holds the layer, as `DiskLayer.format` made it
   * @param base the image
   * @throws Error, one line for a person, where the file is no layer of this disk
   */
  constructor(file: ByteFile, base: BlockStore, options: { readonly mostUnflushedBytes?: number } = {}) {
    this.layer = new DiskLayer(file, base);
    this.sectors = base.sectors;
    this.#written = new CopyOnWriteStore(this.layer, (changed) => this.layer.commit(changed), { settles: true });
    this.#mostClusters = Math.max(1, (options.mostUnflushedBytes ?? MOST_UNFLUSHED) / CLUSTER_BYTES);
  }

  /** Bytes that were written and not committed yet, in whole clusters. */
  get unflushedBytes(): number {
    return this.#written.writtenClusters * CLUSTER_BYTES;
  }

  read(sector: number, into: Uint8Array): boolean {
    return this.#written.read(sector, into);
  }

  write(sector: number, from: Uint8Array): boolean {
    if (!onDisk(this, sector, from.length / SECTOR_BYTES)) return false;
    // A run that is longer than what memory may hold goes in parts.
    const step = Math.floor(this.#mostClusters) * CLUSTER_BYTES;
    for (let done = 0; done < from.length; done += step) {
      const part = from.subarray(done, Math.min(from.length, done + step));
      if (!this.#hasRoom() || !this.#written.write(sector + done / SECTOR_BYTES, part)) return false;
    }
    return true;
  }

  zero(sector: number, count: number): boolean {
    return this.#hasRoom() && this.#written.zero(sector, count);
  }

  flush(): boolean {
    return this.#written.flush();
  }

  /** The disk is taken out: what was written is committed. @returns false where it could not be */
  close(): boolean {
    const kept = this.flush();
    this.layer.close();
    return kept;
  }

  /** Makes room in memory where there is none. @returns false where what is there could not be committed */
  #hasRoom(): boolean {
    return this.#written.writtenClusters < this.#mostClusters || this.flush();
  }
}
