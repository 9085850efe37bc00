// A disk whose writes lie in a layer of their own: the image below is never changed, so many guests may share it, a clone is
// cheap, and the layer alone is what has to be kept. Kept in clusters of 4 KiB, as file systems write.
//
// The layer as bytes, all numbers little-endian:
//   0 "RSCOW1\0\0"   8 sectors of the disk   16 clusters   20 0   24 entries: cluster number (32), kind (32), then 4 KiB if kind is 1

import { onDisk, SECTOR_BYTES, type BlockStore } from './block-store.ts';

export const CLUSTER_BYTES = 4096;
export const CLUSTER_SECTORS = CLUSTER_BYTES / SECTOR_BYTES;
const MAGIC = [0x52, 0x53, 0x43, 0x4f, 0x57, 0x31, 0, 0] as const;
const HEADER_BYTES = 24;
const ENTRY_BYTES = 8;

/** A cluster of zeros, which takes no room. */
const ZEROS = new Uint8Array(0);
const Kind = { zeros: 0, data: 1 } as const;

export class CopyOnWriteStore implements BlockStore {
  readonly sectors: number;
  readonly readOnly = false;
  readonly #base: BlockStore;
  readonly #clusters = new Map<number, Uint8Array>();
  /** Clusters whose bytes a fork of this disk has too: they are copied before they are written. */
  readonly #shared = new Set<number>();
  /** Clusters written since the last flush. */
  readonly #unflushed = new Set<number>();
  readonly #flushed: (changed: ReadonlyMap<number, Uint8Array>) => boolean;
  readonly #settles: boolean;

  /**
   * @param base never written by this class
   * @param flushed keeps what has changed since it was last called, by cluster number (no bytes: a cluster of zeros). It
   *   answers whether that will survive; the default promises nothing beyond the layer itself
   * @param options settles: from then on the base has what was flushed, and the layer begins anew
   */
  constructor(
    base: BlockStore,
    flushed: (changed: ReadonlyMap<number, Uint8Array>) => boolean = () => true,
    options: { readonly settles?: boolean } = {},
  ) {
    this.#base = base;
    this.sectors = base.sectors;
    this.#flushed = flushed;
    this.#settles = options.settles ?? false;
  }

  /** Clusters that differ from the image below, or may. */
  get writtenClusters(): number {
    return this.#clusters.size;
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    return pieces(sector, into.length, (cluster, within, from, to) => {
      const own = this.#clusters.get(cluster);
      const target = into.subarray(from, to);
      if (own === undefined) return this.#base.read(cluster * CLUSTER_SECTORS + within / SECTOR_BYTES, target);
      if (own === ZEROS) target.fill(0);
      else target.set(own.subarray(within, within + to - from));
      return true;
    });
  }

  write(sector: number, bytes: Uint8Array): boolean {
    if (!onDisk(this, sector, bytes.length / SECTOR_BYTES)) return false;
    return pieces(sector, bytes.length, (cluster, within, from, to) => {
      const own = this.#own(cluster, to - from === CLUSTER_BYTES);
      own?.set(bytes.subarray(from, to), within);
      return own !== undefined;
    });
  }

  zero(sector: number, count: number): boolean {
    if (!onDisk(this, sector, count)) return false;
    return pieces(sector, count * SECTOR_BYTES, (cluster, within, from, to) => {
      if (to - from === this.#lengthOf(cluster)) {
        this.#clusters.set(cluster, ZEROS);
        this.#unflushed.add(cluster);
        return true;
      }
      const own = this.#own(cluster, false);
      own?.fill(0, within, within + to - from);
      return own !== undefined;
    });
  }

  flush(): boolean {
    const changed = new Map<number, Uint8Array>();
    for (const cluster of this.#unflushed) changed.set(cluster, this.#clusters.get(cluster) ?? ZEROS);
    if (!this.#flushed(changed)) return false;
    this.#unflushed.clear();
    if (this.#settles) this.#clusters.clear();
    return true;
  }

  /** A disk over the same image whose layer begins with the same clusters, shared until one of the two writes to them. Nothing keeps it. */
  fork(): CopyOnWriteStore {
    const fork = new CopyOnWriteStore(this.#base);
    for (const [cluster, bytes] of this.#clusters) {
      fork.#clusters.set(cluster, bytes);
      fork.#shared.add(cluster);
      this.#shared.add(cluster);
    }
    return fork;
  }

  /** The layer as bytes, in the order of the disk. */
  layer(): Uint8Array {
    const clusters = [...this.#clusters].sort(([a], [b]) => a - b);
    const data = clusters.reduce((sum, [, bytes]) => sum + ENTRY_BYTES + bytes.length, 0);
    const layer = new Uint8Array(HEADER_BYTES + data);
    const view = new DataView(layer.buffer);
    layer.set(MAGIC);
    view.setBigUint64(8, BigInt(this.sectors), true);
    view.setUint32(16, clusters.length, true);
    let at = HEADER_BYTES;
    for (const [cluster, bytes] of clusters) {
      view.setUint32(at, cluster, true);
      view.setUint32(at + 4, bytes === ZEROS ? Kind.zeros : Kind.data, true);
      layer.set(bytes, at + ENTRY_BYTES);
      at += ENTRY_BYTES + bytes.length;
    }
    return layer;
  }

  /**
   * Replaces the layer by one that `layer` wrote.
   * @throws Error, one line for a person, where it is damaged or belongs to another disk; then nothing has changed
   */
  adoptLayer(layer: Uint8Array): void {
    const refuse = (found: string) =>
      new Error(
        `Expected a copy-on-write layer for a disk of ${this.sectors} sectors, found ${found}. Use the layer with its own image.`,
      );
    if (layer.length < HEADER_BYTES || MAGIC.some((byte, index) => layer[index] !== byte)) {
      throw refuse('a file of another kind');
    }
    const view = new DataView(layer.buffer, layer.byteOffset, layer.length);
    const sectors = Number(view.getBigUint64(8, true));
    if (sectors !== this.sectors) throw refuse(`one for ${sectors} sectors`);
    const count = view.getUint32(16, true);
    const adopted = new Map<number, Uint8Array>();
    let at = HEADER_BYTES;
    for (let entry = 0; entry < count; entry++) {
      if (at + ENTRY_BYTES > layer.length) throw refuse('one that is cut off');
      const cluster = view.getUint32(at, true);
      const kind = view.getUint32(at + 4, true);
      at += ENTRY_BYTES;
      if (cluster * CLUSTER_SECTORS >= this.sectors || kind > Kind.data || adopted.has(cluster)) {
        throw refuse('one that is damaged');
      }
      if (kind === Kind.data && at + CLUSTER_BYTES > layer.length) throw refuse('one that is cut off');
      adopted.set(cluster, kind === Kind.zeros ? ZEROS : layer.slice(at, at + CLUSTER_BYTES));
      if (kind === Kind.data) at += CLUSTER_BYTES;
    }
    if (at !== layer.length) throw refuse('one with something behind its end');
    this.#clusters.clear();
    this.#shared.clear();
    this.#unflushed.clear();
    for (const [cluster, bytes] of adopted) this.#clusters.set(cluster, bytes);
  }

  /** The layer's own copy of a cluster, made if there is none. @param whole all of it will be overwritten */
  #own(cluster: number, whole: boolean): Uint8Array | undefined {
    let own = this.#clusters.get(cluster);
    if (own !== undefined && own !== ZEROS && this.#shared.has(cluster)) {
      own = own.slice();
      this.#clusters.set(cluster, own);
    }
    this.#shared.delete(cluster);
    if (own === undefined || own === ZEROS) {
      const zeros = own === ZEROS;
      own = new Uint8Array(CLUSTER_BYTES);
      const filled = own.subarray(0, this.#lengthOf(cluster));
      if (!zeros && !whole && !this.#base.read(cluster * CLUSTER_SECTORS, filled)) return undefined;
      this.#clusters.set(cluster, own);
    }
    this.#unflushed.add(cluster);
    return own;
  }

  /** Bytes of a cluster that are on the disk: the last one may be cut off. */
  #lengthOf(cluster: number): number {
    return Math.min(CLUSTER_BYTES, (this.sectors - cluster * CLUSTER_SECTORS) * SECTOR_BYTES);
  }
}

/**
 * Cuts a run of sectors into pieces that lie in one cluster each, until one is refused.
 * @param length bytes
 * @param visit told the cluster, the byte within it, and the bytes of the run from and to
 */
export function pieces(
  sector: number,
  length: number,
  visit: (cluster: number, within: number, from: number, to: number) => boolean,
): boolean {
  for (let from = 0; from < length;) {
    const position = sector + from / SECTOR_BYTES;
    const cluster = Math.floor(position / CLUSTER_SECTORS);
    const within = (position % CLUSTER_SECTORS) * SECTOR_BYTES;
    const to = Math.min(length, from + CLUSTER_BYTES - within);
    if (!visit(cluster, within, from, to)) return false;
    from = to;
  }
  return true;
}
