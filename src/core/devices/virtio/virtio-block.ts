// A disk (virtio 1.2, section 5.2). A request is a header, data, and a status byte that the device writes last:
//
//   device reads: 0 type (32)   4 reserved   8 sector (64)   then data to store   |   device writes: data read …, status

import type { DeviceState } from '../device.ts';
import { onDisk, SECTOR_BYTES, type BlockStore } from '../block-store.ts';
import type { Chain } from './descriptor-chain.ts';
import { addressOf } from './dma-memory.ts';
import type { FeatureRow, QueueRole, Served, VirtioFactory, VirtioFunction, VirtioLink } from './virtio-function.ts';

const BlockFeature = {
  segments: 2,
  geometry: 4,
  readOnly: 5,
  blockSize: 6,
  flush: 9,
  discard: 13,
  writeZeroes: 14,
} as const;

const OFFERED: readonly FeatureRow[] = [
  {
    bit: BlockFeature.segments,
    name: 'VIRTIO_BLK_F_SEG_MAX',
    meaning: 'A request may have at most seg_max buffers of data.',
  },
  {
    bit: BlockFeature.geometry,
    name: 'VIRTIO_BLK_F_GEOMETRY',
    meaning: 'The disk has cylinders, heads and sectors, as disks once had.',
  },
  {
    bit: BlockFeature.blockSize,
    name: 'VIRTIO_BLK_F_BLK_SIZE',
    meaning: 'The disk is best used in blocks of blk_size bytes.',
  },
  {
    bit: BlockFeature.flush,
    name: 'VIRTIO_BLK_F_FLUSH',
    meaning: 'The driver can ask that what it wrote be kept for good.',
  },
  {
    bit: BlockFeature.discard,
    name: 'VIRTIO_BLK_F_DISCARD',
    meaning: 'The driver can say which sectors it no longer needs.',
  },
  {
    bit: BlockFeature.writeZeroes,
    name: 'VIRTIO_BLK_F_WRITE_ZEROES',
    meaning: 'The driver can have sectors zeroed without sending zeros.',
  },
];

const READ_ONLY: FeatureRow = {
  bit: BlockFeature.readOnly,
  name: 'VIRTIO_BLK_F_RO',
  meaning: 'The disk cannot be written.',
};

/** Request types (section 5.2.6). */
const Type = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;

const OPERATIONS: Readonly<Record<number, string>> = {
  [Type.in]: 'IN',
  [Type.out]: 'OUT',
  [Type.flush]: 'FLUSH',
  [Type.getId]: 'GET_ID',
  [Type.discard]: 'DISCARD',
  [Type.writeZeroes]: 'WRITE_ZEROES',
};

const Status = { ok: 0, ioError: 1, unsupported: 2 } as const;
type Status = (typeof Status)[keyof typeof Status];
const STATUSES = ['OK', 'IOERR', 'UNSUPP'] as const;

const HEADER_BYTES = 16;
const ID_BYTES = 20;
/** One range of DISCARD and WRITE_ZEROES: sector (64), count (32), flags (32). */
const RANGE_BYTES = 16;
const CONFIGURATION_BYTES = 60;
/** Data buffers in a request: header and status take two of a chain's 128 descriptors on small queues. */
const MOST_SEGMENTS = 126;
/** Sectors that one DISCARD or WRITE_ZEROES may name: 16 MiB. */
const MOST_ZEROED = 2 ** 15;
/** Bytes copied at a time. */
const PIECE = 64 * 1024;

export interface VirtioBlockPorts {
  readonly store: BlockStore;
  /** Up to 20 letters that GET_ID answers, as `/sys/block/vda/serial` shows them. */
  readonly serial?: string;
}

/** @returns a disk, to be put into a slot */
export const virtioBlock =
  (ports: VirtioBlockPorts): VirtioFactory =>
  (link) =>
    new VirtioBlock(ports, link);

export class VirtioBlock implements VirtioFunction {
  readonly deviceId = 2;
  readonly title = 'block device';
  readonly features: readonly FeatureRow[];
  readonly queues: readonly QueueRole[];
  readonly #store: BlockStore;
  readonly #serial: string;
  readonly #link: VirtioLink;
  readonly #configuration: Uint8Array;
  readonly #piece = new Uint8Array(PIECE);

  constructor({ store, serial = 'ringside' }: VirtioBlockPorts, link: VirtioLink) {
    this.#store = store;
    this.#serial = serial;
    this.#link = link;
    this.features = store.readOnly ? [...OFFERED, READ_ONLY] : OFFERED;
    this.queues = [{ name: 'requestq', serve: (chain) => this.#serve(chain) }];
    this.#configuration = configurationOf(store);
  }

  configuration(): Uint8Array {
    return this.#configuration;
  }

  reset(): void {
    // Holds nothing; what was written stays written.
  }

  /** The disk's contents are the store's, and are kept with it. */
  snapshot(): DeviceState {
    return {};
  }

  restore(_state: DeviceState): void {
    // Holds nothing.
  }

  fork(): VirtioFactory | undefined {
    const store = this.#store.readOnly ? this.#store : this.#store.fork?.();
    return store && virtioBlock({ store, serial: this.#serial });
  }

  #serve(chain: Chain): Served {
    const header = chain.take(0, HEADER_BYTES);
    if (header === undefined || chain.writableBytes < 1) {
      this.#link.fail(
        `The block device stopped: a request of a ${HEADER_BYTES}-byte header and a status byte expected, found ${chain.readableBytes} bytes to read and ${chain.writableBytes} to write.`,
      );
      return { written: 0, operation: 'malformed', argument: 0, status: 'none' };
    }
    const view = new DataView(header.buffer);
    const type = view.getUint32(0, true);
    const sector = addressOf(view.getUint32(12, true), view.getUint32(8, true));
    const outcome = this.#perform(type, sector, chain);
    chain.write(chain.writableBytes - 1, Uint8Array.of(outcome.status));
    return {
      // What was not read is not vouched for: only the status byte counts then.
      written: outcome.read ? chain.writableBytes : 1,
      operation: OPERATIONS[type] ?? `type ${type}`,
      argument: sector,
      status: STATUSES[outcome.status],
      ...(outcome.extra !== undefined && { extra: outcome.extra }),
    };
  }

  #perform(type: number, sector: number, chain: Chain): Outcome {
    const data = chain.readableBytes - HEADER_BYTES;
    switch (type) {
      case Type.in:
        return this.#read(sector, chain, chain.writableBytes - 1);
      case Type.out:
        return this.#write(sector, chain, data);
      case Type.flush:
        return { status: this.#store.flush() ? Status.ok : Status.ioError };
      case Type.getId:
        return this.#identify(chain);
      case Type.discard:
      case Type.writeZeroes:
        return this.#zero(type, chain, data);
      default:
        return { status: Status.unsupported };
    }
  }

  #read(sector: number, chain: Chain, length: number): Outcome {
    if (length % SECTOR_BYTES !== 0 || !onDisk(this.#store, sector, length / SECTOR_BYTES)) return IO_ERROR;
    for (let done = 0; done < length; done += PIECE) {
      const piece = this.#piece.subarray(0, Math.min(PIECE, length - done));
      if (!this.#store.read(sector + done / SECTOR_BYTES, piece)) return IO_ERROR;
      chain.write(done, piece);
    }
    return { status: Status.ok, read: true };
  }

  #write(sector: number, chain: Chain, length: number): Outcome {
    if (this.#store.readOnly) return IO_ERROR;
    if (length % SECTOR_BYTES !== 0 || !onDisk(this.#store, sector, length / SECTOR_BYTES)) return IO_ERROR;
    for (let done = 0; done < length; done += PIECE) {
      const piece = this.#piece.subarray(0, Math.min(PIECE, length - done));
      chain.read(HEADER_BYTES + done, piece);
      if (!this.#store.write(sector + done / SECTOR_BYTES, piece)) return IO_ERROR;
    }
    // A driver that cannot flush may rely on what it was told is written (section 5.2.6.2).
    if (!this.#link.has(BlockFeature.flush) && !this.#store.flush()) return IO_ERROR;
    return { status: Status.ok };
  }

  #identify(chain: Chain): Outcome {
    const id = new Uint8Array(ID_BYTES);
    for (let index = 0; index < Math.min(ID_BYTES, this.#serial.length); index++) {
      id[index] = this.#serial.charCodeAt(index) & 0x7f;
    }
    chain.write(0, id.subarray(0, Math.min(ID_BYTES, chain.writableBytes - 1)));
    return { status: Status.ok, read: true };
  }

  /** DISCARD and WRITE_ZEROES: both leave zeros here, so that what a discarded sector holds is the same in every run. */
  #zero(type: number, chain: Chain, length: number): Outcome {
    if (this.#store.readOnly) return IO_ERROR;
    const range = length === RANGE_BYTES ? chain.take(HEADER_BYTES, RANGE_BYTES) : undefined;
    if (range === undefined) return IO_ERROR;
    const view = new DataView(range.buffer);
    const sector = addressOf(view.getUint32(4, true), view.getUint32(0, true));
    const count = view.getUint32(8, true);
    const flags = view.getUint32(12, true);
    // Bit 0 is unmap, of WRITE_ZEROES alone; the rest is reserved (section 5.2.6.2).
    if ((flags & (type === Type.writeZeroes ? ~1 : ~0)) !== 0) return { status: Status.unsupported };
    if (count > MOST_ZEROED || !onDisk(this.#store, sector, count)) return IO_ERROR;
    const done = this.#store.zero ? this.#store.zero(sector, count) : this.#writeZeros(sector, count);
    return { status: done ? Status.ok : Status.ioError, extra: count * SECTOR_BYTES };
  }

  #writeZeros(sector: number, count: number): boolean {
    this.#piece.fill(0);
    const step = PIECE / SECTOR_BYTES;
    for (let done = 0; done < count; done += step) {
      const sectors = Math.min(step, count - done);
      if (!this.#store.write(sector + done, this.#piece.subarray(0, sectors * SECTOR_BYTES))) return false;
    }
    return true;
  }
}

interface Outcome {
  readonly status: Status;
  /** The buffers in front of the status byte were filled. */
  readonly read?: true;
  readonly extra?: number;
}

const IO_ERROR: Outcome = { status: Status.ioError };

/** Section 5.2.4. */
function configurationOf({ sectors }: BlockStore): Uint8Array {
  const bytes = new Uint8Array(CONFIGURATION_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sectors), true); // capacity
  view.setUint32(12, MOST_SEGMENTS, true); // seg_max
  // The geometry every BIOS has made up since disks stopped having one.
  const [heads, perTrack] = [16, 63];
  view.setUint16(16, Math.min(0xffff, Math.floor(sectors / (heads * perTrack))), true);
  view.setUint8(18, heads);
  view.setUint8(19, perTrack);
  view.setUint32(20, SECTOR_BYTES, true); // blk_size
  view.setUint16(34, 1, true); // num_queues
  view.setUint32(36, MOST_ZEROED, true); // max_discard_sectors
  view.setUint32(40, 1, true); // max_discard_seg
  view.setUint32(44, 8, true); // discard_sector_alignment: 4 KiB
  view.setUint32(48, MOST_ZEROED, true); // max_write_zeroes_sectors
  view.setUint32(52, 1, true); // max_write_zeroes_seg
  view.setUint8(56, 1); // write_zeroes_may_unmap
  return bytes;
}
