// The layer of a copy-on-write disk in a file, such that a host that dies at any moment leaves the disk as it was at some
// commit: the last one that was answered, or the one under way, whole. Clusters are never overwritten where they are in use:
// new contents go to free slots, then one checksummed record says which cluster is where now (shadow paging with a journal).
//
//   0           "RSDISK1\0"   8 sectors (64)   16 clusters (32)   20 CRC-32C of these
//   4 KiB       map A, then map B: 0 sequence   4 clusters   8 CRC-32C   16 a word a cluster: 0 as below, 1 zeros, n: slot n − 2
//   then        journal, 64 KiB: records of one commit each, 0 "RSCM"   4 sequence   8 entries   12 CRC-32C, then the entries:
//               cluster, word of the map, CRC-32C of the slot's 4 KiB
//   then        slots of 4 KiB
//
// The state is the newer valid map and the journal's records behind it whose sequence follows without a gap. A commit is
// written and flushed once; whether all of the last one arrived, its checksums tell. All numbers are little-endian.

import { onDisk, SECTOR_BYTES, type BlockStore } from './block-store.ts';
import { crc32c, readFully, writeFully, type ByteFile } from './byte-file.ts';
import { CLUSTER_BYTES, CLUSTER_SECTORS, pieces } from './copy-on-write-store.ts';

const MAGIC = [0x52, 0x53, 0x44, 0x49, 0x53, 0x4b, 0x31, 0] as const;
const HEADER_BYTES = 24;
const PAGE = 4096;
const MAP_HEADER_BYTES = 16;
const JOURNAL_BYTES = 64 * 1024;
const RECORD_MAGIC = 0x4d43_5352;
const RECORD_HEADER_BYTES = 16;
const ENTRY_BYTES = 12;

/** Words of the map. */
const BELOW = 0;
const ZEROS = 1;
const FIRST_SLOT = 2;

interface Entry {
  readonly cluster: number;
  /** Its word in the map. */
  readonly word: number;
  /** Checksum of the slot; 0 for zeros. */
  readonly checksum: number;
}

/** The disk that a layer's file was made for, or undefined where it is none. @param header the first 24 bytes */
export function sectorsOfLayer(header: Uint8Array): number | undefined {
  if (header.length < HEADER_BYTES || MAGIC.some((byte, index) => header[index] !== byte)) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(20, true) !== crc32c(header.subarray(0, 20))) return undefined;
  return Number(view.getBigUint64(8, true));
}

export class DiskLayer implements BlockStore {
  readonly sectors: number;
  readonly readOnly = true;
  readonly #file: ByteFile;
  readonly #base: BlockStore;
  readonly #map: Uint32Array;
  readonly #mapBytes: number;
  /** Slots below the highest used one that are free. */
  #free: number[] = [];
  #slots = 0;
  #sequence = 0;
  /** Which map is the valid one. */
  #area = 0;
  /** Where the next record goes. */
  #journalAt = 0;
  /** A map that was not flushed may be valid all the same: the next commit must replace it, and keep off the slots it names. */
  #mapInDoubt = false;
  #doubtful: number[] = [];

  /**
   * Opens the layer in a file, and takes back a commit that was cut off.
   * @param base what is below it; never written
   * @throws Error, one line for a person, where the file is no layer of this disk
   */
  constructor(file: ByteFile, base: BlockStore) {
    this.#file = file;
    this.#base = base;
    this.sectors = base.sectors;
    const clusters = Math.ceil(base.sectors / CLUSTER_SECTORS);
    this.#map = new Uint32Array(clusters);
    this.#mapBytes = mapBytesOf(clusters);
    const header = new Uint8Array(HEADER_BYTES);
    readFully(file, header, 0);
    const sectors = sectorsOfLayer(header);
    if (sectors !== base.sectors) {
      throw new Error(
        `Expected the layer of a disk of ${base.sectors} sectors, found ${sectors === undefined ? 'something else' : `one for ${sectors}`}. Delete the disk, or open the layer with its own image.`,
      );
    }
    this.#recover();
  }

  /**
   * Makes the file of a new layer, in which nothing has been written.
   * @param sectors of the disk
   */
  static format(file: ByteFile, sectors: number): void {
    const clusters = Math.ceil(sectors / CLUSTER_SECTORS);
    const map = encodeMap(1, new Uint32Array(clusters));
    writeFully(file, map, PAGE);
    writeFully(file, new Uint8Array(mapBytesOf(clusters) + JOURNAL_BYTES), PAGE + mapBytesOf(clusters));
    file.flush();
    const header = new Uint8Array(PAGE);
    header.set(MAGIC);
    const view = new DataView(header.buffer);
    view.setBigUint64(8, BigInt(sectors), true);
    view.setUint32(16, clusters, true);
    view.setUint32(20, crc32c(header.subarray(0, 20)), true);
    writeFully(file, header, 0);
    file.flush();
  }

  /** Clusters that the layer holds, those of zeros included. */
  get writtenClusters(): number {
    return this.#map.reduce((count, word) => count + (word === BELOW ? 0 : 1), 0);
  }
  /** Commits so far, over the whole life of the disk. */
  get commits(): number {
    return this.#sequence - 1;
  }

  read(sector: number, into: Uint8Array): boolean {
    if (!onDisk(this, sector, into.length / SECTOR_BYTES)) return false;
    try {
      return pieces(sector, into.length, (cluster, within, from, to) => {
        const target = into.subarray(from, to);
        const word = this.#map[cluster] ?? BELOW;
        if (word === BELOW) return this.#base.read(cluster * CLUSTER_SECTORS + within / SECTOR_BYTES, target);
        if (word === ZEROS) target.fill(0);
        else readFully(this.#file, target, this.#addressOf(word) + within);
        return true;
      });
    } catch {
      return false;
    }
  }

  /** The layer changes by commits alone. */
  write(): boolean {
    return false;
  }

  flush(): boolean {
    return true;
  }

  /**
   * Replaces clusters, all or none, for good.
   * @param changed contents by cluster number, 4 KiB each; no bytes: zeros
   * @returns false where the host could not keep them; then nothing has changed
   */
  commit(changed: ReadonlyMap<number, Uint8Array>): boolean {
    if (changed.size === 0) return true;
    const entries: Entry[] = [];
    let mapTouched = false;
    try {
      for (const [cluster, bytes] of changed) {
        const word = bytes.length === 0 ? ZEROS : FIRST_SLOT + this.#takeSlot();
        entries.push({ cluster, word, checksum: bytes.length === 0 ? 0 : crc32c(bytes) });
        if (word !== ZEROS) writeFully(this.#file, bytes, this.#addressOf(word));
      }
      const record = encodeRecord(this.#sequence + 1, entries);
      if (!this.#mapInDoubt && this.#journalAt + record.length <= JOURNAL_BYTES) {
        writeFully(this.#file, record, this.#journalBase + this.#journalAt);
        this.#file.flush();
        this.#journalAt += record.length;
      } else {
        this.#file.flush(); // a map is believed without looking at the slots: they must be there first
        mapTouched = true;
        this.#writeMap(entries);
      }
    } catch {
      for (const { word } of entries) this.#release(word, mapTouched ? this.#doubtful : this.#free);
      return false;
    }
    this.#sequence++;
    this.#free.push(...this.#doubtful.splice(0));
    for (const entry of entries) {
      this.#release(this.#map[entry.cluster] ?? BELOW);
      this.#map[entry.cluster] = entry.word;
    }
    return true;
  }

  close(): void {
    this.#file.close();
  }

  /** The journal has no room: the whole map is written, to the place of the older one. */
  #writeMap(entries: readonly Entry[]): void {
    const map = this.#map.slice();
    for (const { cluster, word } of entries) map[cluster] = word;
    const other = 1 - this.#area;
    this.#mapInDoubt = true;
    writeFully(this.#file, encodeMap(this.#sequence + 1, map), PAGE + other * this.#mapBytes);
    this.#file.flush();
    this.#mapInDoubt = false;
    this.#area = other;
    this.#journalAt = 0;
  }

  #recover(): void {
    const maps = [0, 1].map((area) => this.#readMap(area));
    const [first, second] = maps;
    this.#area = (second?.sequence ?? 0) > (first?.sequence ?? 0) ? 1 : 0;
    const newest = maps[this.#area];
    if (newest === undefined) {
      throw new Error('Expected a map of the disk’s layer, found two that are damaged. Delete the disk.');
    }
    this.#map.set(newest.map);
    this.#sequence = newest.sequence;
    this.#replay();
    const used = new Set(this.#map);
    this.#slots = this.#map.reduce((most, word) => Math.max(most, word - FIRST_SLOT + 1), 0);
    for (let slot = 0; slot < this.#slots; slot++) if (!used.has(FIRST_SLOT + slot)) this.#free.push(slot);
  }

  /** Applies the records behind the map. The last one counts only if all its clusters arrived. */
  #replay(): void {
    const journal = new Uint8Array(JOURNAL_BYTES);
    readFully(this.#file, journal, this.#journalBase);
    for (;;) {
      const record = decodeRecord(journal.subarray(this.#journalAt), this.#sequence + 1, this.#map.length);
      if (record === undefined) return;
      const next = decodeRecord(
        journal.subarray(this.#journalAt + record.length),
        this.#sequence + 2,
        this.#map.length,
      );
      if (next === undefined && !record.entries.every((entry) => this.#isWhole(entry))) return;
      for (const { cluster, word } of record.entries) this.#map[cluster] = word;
      this.#journalAt += record.length;
      this.#sequence++;
    }
  }

  #isWhole({ word, checksum }: Entry): boolean {
    if (word < FIRST_SLOT) return true;
    const bytes = new Uint8Array(CLUSTER_BYTES);
    readFully(this.#file, bytes, this.#addressOf(word));
    return crc32c(bytes) === checksum;
  }

  #readMap(area: number): { readonly sequence: number; readonly map: Uint32Array } | undefined {
    const bytes = new Uint8Array(MAP_HEADER_BYTES + 4 * this.#map.length);
    readFully(this.#file, bytes, PAGE + area * this.#mapBytes);
    const view = new DataView(bytes.buffer);
    if (view.getUint32(4, true) !== this.#map.length || view.getUint32(8, true) !== checksumOf(bytes)) return undefined;
    const map = this.#map.map((_, cluster) => view.getUint32(MAP_HEADER_BYTES + 4 * cluster, true));
    return { sequence: view.getUint32(0, true), map };
  }

  get #journalBase(): number {
    return PAGE + 2 * this.#mapBytes;
  }

  #addressOf(word: number): number {
    return this.#journalBase + JOURNAL_BYTES + (word - FIRST_SLOT) * CLUSTER_BYTES;
  }

  #takeSlot(): number {
    return this.#free.pop() ?? this.#slots++;
  }

  #release(word: number, to = this.#free): void {
    if (word >= FIRST_SLOT) to.push(word - FIRST_SLOT);
  }
}

/** Whole pages. */
const mapBytesOf = (clusters: number): number => Math.ceil((MAP_HEADER_BYTES + 4 * clusters) / PAGE) * PAGE;

/** Of a map or a record: all but the word of the checksum itself, which both have in their first 16 bytes. */
function checksumOf(bytes: Uint8Array, at = 8): number {
  return crc32c(bytes.subarray(at + 4), crc32c(bytes.subarray(0, at)));
}

function encodeMap(sequence: number, map: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(MAP_HEADER_BYTES + 4 * map.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sequence, true);
  view.setUint32(4, map.length, true);
  map.forEach((word, cluster) => view.setUint32(MAP_HEADER_BYTES + 4 * cluster, word, true));
  view.setUint32(8, checksumOf(bytes), true);
  return bytes;
}

function encodeRecord(sequence: number, entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + ENTRY_BYTES * entries.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint32(4, sequence, true);
  view.setUint32(8, entries.length, true);
  entries.forEach(({ cluster, word, checksum }, index) => {
    const at = RECORD_HEADER_BYTES + ENTRY_BYTES * index;
    view.setUint32(at, cluster, true);
    view.setUint32(at + 4, word, true);
    view.setUint32(at + 8, checksum, true);
  });
  view.setUint32(12, checksumOf(bytes, 12), true);
  return bytes;
}

/** The record that begins here, if it is whole and has this sequence number. */
function decodeRecord(
  bytes: Uint8Array,
  sequence: number,
  clusters: number,
): { readonly length: number; readonly entries: readonly Entry[] } | undefined {
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== RECORD_MAGIC || view.getUint32(4, true) !== sequence) return undefined;
  const count = view.getUint32(8, true);
  const length = RECORD_HEADER_BYTES + ENTRY_BYTES * count;
  if (length > bytes.length || view.getUint32(12, true) !== checksumOf(bytes.subarray(0, length), 12)) return undefined;
  const entries = Array.from({ length: count }, (_, index) => {
    const at = RECORD_HEADER_BYTES + ENTRY_BYTES * index;
    return {
      cluster: view.getUint32(at, true),
      word: view.getUint32(at + 4, true),
      checksum: view.getUint32(at + 8, true),
    };
  });
  return entries.every(({ cluster }) => cluster < clusters) ? { length, entries } : undefined;
}
