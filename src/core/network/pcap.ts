// Frames kept for looking at later: a bounded ring, written as a classic pcap file that Wireshark and tcpdump open
// (draft-ietf-opsawg-pcap; LINKTYPE_ETHERNET). Times are nanoseconds of virtual time, counted from 1970.
//
//   magic | version 2.4 | 0 | 0 | snap length | link type          one header of 24 octets, then for each frame:
//   seconds | nanoseconds | octets kept | octets there were | octets

import type { FrameEvent } from './frame-event.ts';

/** Nanoseconds instead of microseconds; the byte order of the magic is that of the file: little-endian here. */
const MAGIC_NANOSECONDS = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH = 0x4_0000;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** What a record costs beside its octets, so that many short frames count too. */
const RECORD_COST = 64;

export interface CapturedFrame {
  /** Ticks. */
  readonly time: number;
  /** The frame's id on the segment. */
  readonly frame: number;
  readonly octets: Uint8Array;
}

/** The file of `frames`, in their order. */
export function writePcap(frames: readonly CapturedFrame[], ticksPerSecond: number): Uint8Array<ArrayBuffer> {
  const length = frames.reduce((sum, { octets }) => sum + RECORD_HEADER_BYTES + octets.length, FILE_HEADER_BYTES);
  const file = new Uint8Array(length);
  file.set(pcapHeader());
  let offset = FILE_HEADER_BYTES;
  for (const frame of frames) {
    const record = pcapRecord(frame, ticksPerSecond);
    file.set(record, offset);
    offset += record.length;
  }
  return file;
}

/** What such a file begins with. */
export function pcapHeader(): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(FILE_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return header;
}

/** What such a file holds of one frame. */
export function pcapRecord(
  { time, octets }: Omit<CapturedFrame, 'frame'>,
  ticksPerSecond: number,
): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + octets.length);
  const view = new DataView(record.buffer);
  const seconds = Math.floor(time / ticksPerSecond);
  view.setUint32(0, seconds, true);
  view.setUint32(4, Math.floor(((time - seconds * ticksPerSecond) * 1e9) / ticksPerSecond), true);
  view.setUint32(8, octets.length, true);
  view.setUint32(12, octets.length, true);
  record.set(octets, RECORD_HEADER_BYTES);
  return record;
}

/** Where to listen: at every station's sending side (each frame once), or at one port (what its station sends and gets). */
export type CapturePoint = 'every-sender' | { readonly port: number };

/** Keeps the last frames seen, within a budget of memory. */
export class Capture {
  readonly #point: CapturePoint;
  readonly #budget: number;
  #frames: CapturedFrame[] = [];
  #first = 0;
  #used = 0;
  #forgotten = 0;

  /** @param budget octets of memory, about */
  constructor(point: CapturePoint, budget = 4 * 1024 * 1024) {
    this.#point = point;
    this.#budget = budget;
  }

  /** To be told each event of the switch. */
  observe(event: FrameEvent): void {
    if (event.kind !== 'sent' && event.kind !== 'delivered') return;
    if (this.#point === 'every-sender' ? event.kind === 'delivered' : event.port !== this.#point.port) return;
    this.#frames.push({ time: event.time, frame: event.frame, octets: event.octets });
    this.#used += event.octets.length + RECORD_COST;
    while (this.#used > this.#budget) this.#forgetFirst();
  }

  /** The frames kept, oldest first. */
  get frames(): readonly CapturedFrame[] {
    return this.#frames.slice(this.#first);
  }

  /** How many older frames had to make room. */
  get forgotten(): number {
    return this.#forgotten;
  }

  clear(): void {
    this.#frames = [];
    this.#first = 0;
    this.#used = 0;
    this.#forgotten = 0;
  }

  toPcap(ticksPerSecond: number): Uint8Array<ArrayBuffer> {
    return writePcap(this.frames, ticksPerSecond);
  }

  #forgetFirst(): void {
    const first = this.#frames[this.#first];
    this.#first += 1;
    this.#used -= (first?.octets.length ?? 0) + RECORD_COST;
    this.#forgotten += 1;
    if (this.#first < 1024 || this.#first * 2 < this.#frames.length) return;
    this.#frames = this.#frames.slice(this.#first);
    this.#first = 0;
  }
}
