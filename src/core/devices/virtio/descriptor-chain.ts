// A chain of descriptors: the buffers of one request, as the driver linked them in guest memory (virtio 1.2, section 2.7.5).
// Everything a driver could get wrong or forge is refused here, before a device sees it.
//
//   descriptor, 16 bytes:   0 addr (64)   8 len (32)   12 flags (16)   14 next (16)

import { addressOf, type DmaMemory } from './dma-memory.ts';

const DESCRIPTOR_BYTES = 16;

/** Descriptors that a chain may have, its indirect ones counted; as many as QEMU takes. */
const LONGEST_CHAIN = 1024;

const DescriptorFlag = { next: 1, write: 2, indirect: 4 } as const;

/** One buffer in guest physical memory. */
export interface Segment {
  readonly address: number;
  readonly length: number;
}

/** What makes a queue unusable, in a sentence: the driver broke a rule of the specification. */
export interface QueueFault {
  readonly fault: string;
}

export const isFault = (value: object | number | boolean | undefined): value is QueueFault =>
  typeof value === 'object' && 'fault' in value;

export interface ChainLimits {
  /** Entries of the descriptor table. */
  readonly queueSize: number;
  /** VIRTIO_F_INDIRECT_DESC was negotiated. */
  readonly indirect: boolean;
  /** Bytes that a chain may have in all. */
  readonly mostBytes: number;
}

/** The buffers of one request: first what the device reads, then what it writes. */
export class Chain {
  readonly head: number;
  readonly descriptors: number;
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
  readonly readableBytes: number;
  readonly writableBytes: number;
  readonly #memory: DmaMemory;

  constructor(
    memory: DmaMemory,
    head: number,
    descriptors: number,
    readable: readonly Segment[],
    writable: readonly Segment[],
  ) {
    this.#memory = memory;
    this.head = head;
    this.descriptors = descriptors;
    this.readable = readable;
    this.writable = writable;
    this.readableBytes = bytesOf(readable);
    this.writableBytes = bytesOf(writable);
  }

  /**
   * Copies what the driver supplied, from byte `offset` of all device-readable buffers taken together.
   * @returns bytes copied: fewer than asked for where the buffers end
   */
  read(offset: number, into: Uint8Array): number {
    return visit(this.readable, offset, into.length, (address, from, to) =>
      this.#memory.read(address, into.subarray(from, to)),
    );
  }

  /** Fills the device-writable buffers from byte `offset` on. @returns bytes copied: fewer where the buffers end */
  write(offset: number, from: Uint8Array): number {
    return visit(this.writable, offset, from.length, (address, start, end) =>
      this.#memory.write(address, from.subarray(start, end)),
    );
  }

  /** A copy of `length` device-readable bytes, or undefined where the driver supplied fewer. */
  take(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > this.readableBytes) return undefined;
    const bytes = new Uint8Array(length);
    return this.read(offset, bytes) === length ? bytes : undefined;
  }
}

const bytesOf = (segments: readonly Segment[]): number => segments.reduce((sum, { length }) => sum + length, 0);

/** Walks `length` bytes of scattered buffers in contiguous pieces, until one is refused. @returns bytes walked */
function visit(
  segments: readonly Segment[],
  offset: number,
  length: number,
  copy: (address: number, from: number, to: number) => boolean,
): number {
  let done = 0;
  let start = 0;
  for (const segment of segments) {
    if (done === length) break;
    const skip = offset + done - start;
    if (skip < segment.length) {
      const piece = Math.min(length - done, segment.length - skip);
      if (!copy(segment.address + skip, done, done + piece)) break;
      done += piece;
    }
    start += segment.length;
  }
  return done;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/**
 * Follows a chain from its first descriptor.
 * @param table guest physical address of the descriptor table
 * @returns the buffers, or what is wrong with them (sections 2.7.4, 2.7.5.3)
 */
export function walkChain(memory: DmaMemory, table: number, head: number, limits: ChainLimits): Chain | QueueFault {
  const { queueSize, mostBytes } = limits;
  const readable: Segment[] = [];
  const writable: Segment[] = [];
  const bytes = new Uint8Array(DESCRIPTOR_BYTES);
  const view = new DataView(bytes.buffer);
  let base = table;
  let entries = queueSize;
  let inIndirect = false;
  let index = head;
  let followed = 0;
  let descriptors = 0;
  let total = 0;
  for (;;) {
    if (index >= entries) return { fault: `a descriptor number below ${entries} expected, found ${index}` };
    if (++followed > entries) return { fault: `a chain from descriptor ${head} that ends expected, found a loop` };
    if (!memory.read(base + index * DESCRIPTOR_BYTES, bytes)) {
      return { fault: `a descriptor table in the guest’s RAM expected, found one at ${hex(base)}` };
    }
    const address = addressOf(view.getUint32(4, true), view.getUint32(0, true));
    const length = view.getUint32(8, true);
    const flags = view.getUint16(12, true);
    if (flags & DescriptorFlag.indirect) {
      if (!limits.indirect)
        return { fault: 'direct descriptors expected, found an indirect one that was not negotiated' };
      if (inIndirect) return { fault: 'direct descriptors in an indirect table expected, found an indirect one' };
      if (flags & DescriptorFlag.next) return { fault: 'an indirect descriptor at the end of its chain expected' };
      if (length === 0 || length % DESCRIPTOR_BYTES !== 0) {
        return { fault: `an indirect table of whole descriptors expected, found ${length} bytes` };
      }
      if (!memory.holds(address, length)) {
        return { fault: `an indirect table in the guest’s RAM expected, found ${length} bytes at ${hex(address)}` };
      }
      inIndirect = true;
      base = address;
      entries = length / DESCRIPTOR_BYTES;
      index = 0;
      followed = 0;
      continue;
    }
    if (++descriptors > LONGEST_CHAIN) return { fault: `a chain of at most ${LONGEST_CHAIN} descriptors expected` };
    total += length;
    if (total > mostBytes) return { fault: `a chain of at most ${mostBytes} bytes expected, found more` };
    if (length > 0 && !memory.holds(address, length)) {
      return { fault: `a buffer in the guest’s RAM expected, found ${length} bytes at ${hex(address)}` };
    }
    if (flags & DescriptorFlag.write) writable.push({ address, length });
    else if (writable.length > 0) {
      return { fault: 'buffers that the device reads before those that it writes expected, found one behind' };
    } else readable.push({ address, length });
    if ((flags & DescriptorFlag.next) === 0) return new Chain(memory, head, descriptors, readable, writable);
    index = view.getUint16(14, true);
  }
}
