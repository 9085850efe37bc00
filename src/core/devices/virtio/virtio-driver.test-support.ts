// A driver for tests, written from the driver's side of virtio 1.2: it lays rings into a fake memory, fills descriptors and reads
// what the device did. It shares no code with the device, so a misreading would have to be made twice.

import type { AccessWidth } from '../device.ts';
import type { DmaMemory } from './dma-memory.ts';
import type { VirtioFactory, VirtioRequest } from './virtio-function.ts';
import type { VirtioVersion } from './virtio-mmio-registers.ts';
import { VirtioMmio } from './virtio-mmio.ts';

export const RAM = 0x8000_0000;
export const PAGE = 4096;

/** RAM that remembers whether anything ever reached outside of it. */
export class FakeMemory implements DmaMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Accesses that were refused. */
  refused = 0;

  constructor(size = 64 * PAGE) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  holds(address: number, length: number): boolean {
    return address >= RAM && length >= 0 && address + length <= RAM + this.bytes.length;
  }

  #reach(address: number, length: number): boolean {
    const held = this.holds(address, length);
    if (!held) this.refused++;
    return held;
  }

  read(address: number, into: Uint8Array): boolean {
    if (!this.#reach(address, into.length)) return false;
    into.set(this.bytes.subarray(address - RAM, address - RAM + into.length));
    return true;
  }

  write(address: number, from: Uint8Array): boolean {
    if (!this.#reach(address, from.length)) return false;
    this.bytes.set(from, address - RAM);
    return true;
  }

  load(address: number, width: AccessWidth): number {
    if (!this.#reach(address, width)) return -1;
    const at = address - RAM;
    return width === 4
      ? this.view.getUint32(at, true)
      : width === 2
        ? this.view.getUint16(at, true)
        : this.view.getUint8(at);
  }

  store(address: number, width: AccessWidth, value: number): boolean {
    if (!this.#reach(address, width)) return false;
    const at = address - RAM;
    if (width === 4) this.view.setUint32(at, value, true);
    else if (width === 2) this.view.setUint16(at, value, true);
    else this.view.setUint8(at, value);
    return true;
  }
}

/** Register offsets as the tables of sections 4.2.2 and 4.2.4 print them. */
export const R = {
  magic: 0x000, version: 0x004, deviceId: 0x008, vendor: 0x00c, features: 0x010, featuresSel: 0x014, driverFeatures: 0x020,
  driverFeaturesSel: 0x024, guestPageSize: 0x028, queueSel: 0x030, queueNumMax: 0x034, queueNum: 0x038, queueAlign: 0x03c,
  queuePfn: 0x040, queueReady: 0x044, notify: 0x050, interruptStatus: 0x060, interruptAck: 0x064, status: 0x070,
  descLow: 0x080, descHigh: 0x084, driverLow: 0x090, driverHigh: 0x094, deviceLow: 0x0a0, deviceHigh: 0x0a4,
  generation: 0x0fc, config: 0x100,
} as const; // prettier-ignore

/** Status bits (section 2.1). */
export const S = { acknowledge: 1, driver: 2, driverOk: 4, featuresOk: 8, needsReset: 64, failed: 128 } as const;

export const F = { indirect: 28, eventIndex: 29, version1: 32 } as const;

export interface Buffer {
  readonly address: number;
  readonly length: number;
  /** The device writes it. */
  readonly write?: boolean;
}

export interface Used {
  readonly head: number;
  readonly written: number;
}

/** One queue as the driver keeps it. */
export class DriverQueue {
  readonly size: number;
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
  readonly #rig: Rig;
  readonly #index: number;
  #nextDescriptor = 0;
  #seenUsed = 0;

  constructor(rig: Rig, index: number, size: number, at: number) {
    this.#rig = rig;
    this.#index = index;
    this.size = size;
    this.descriptors = at;
    this.available = at + 16 * size;
    // Legacy layout (section 2.7.2): the used ring is on the next page. A modern device takes it as well.
    this.used = Math.ceil((this.available + 6 + 2 * size) / PAGE) * PAGE;
  }

  describe(index: number, buffer: Buffer, next: number | undefined, table = this.descriptors, flags = 0): void {
    const at = table + 16 * index;
    const { memory } = this.#rig;
    memory.store(at, 4, buffer.address % 2 ** 32);
    memory.store(at + 4, 4, Math.floor(buffer.address / 2 ** 32));
    memory.store(at + 8, 4, buffer.length);
    memory.store(at + 12, 2, flags | (next === undefined ? 0 : 1) | (buffer.write === true ? 2 : 0));
    memory.store(at + 14, 2, next ?? 0);
  }

  /** Writes a chain of direct descriptors. @returns its head */
  chain(buffers: readonly Buffer[]): number {
    const slots = buffers.map((_, index) => (this.#nextDescriptor + index) % this.size);
    this.#nextDescriptor = (this.#nextDescriptor + buffers.length) % this.size;
    buffers.forEach((buffer, index) => this.describe(slots[index] ?? 0, buffer, slots[index + 1]));
    return slots[0] ?? 0;
  }

  /** Writes a chain into a table of its own. @returns the head, one indirect descriptor */
  indirect(table: number, buffers: readonly Buffer[]): number {
    buffers.forEach((buffer, index) =>
      this.describe(index, buffer, index + 1 < buffers.length ? index + 1 : undefined, table),
    );
    const head = this.#nextDescriptor;
    this.#nextDescriptor = (head + 1) % this.size;
    this.describe(head, { address: table, length: 16 * buffers.length }, undefined, this.descriptors, 4);
    return head;
  }

  get availableIndex(): number {
    return this.#rig.memory.load(this.available + 2, 2);
  }

  /** Puts heads on the available ring, without telling the device. */
  offer(...heads: readonly number[]): void {
    for (const head of heads) {
      const index = this.availableIndex;
      this.#rig.memory.store(this.available + 4 + 2 * (index % this.size), 2, head);
      this.#rig.memory.store(this.available + 2, 2, (index + 1) & 0xffff);
    }
  }

  notify(): void {
    this.#rig.write(R.notify, this.#index);
  }

  /** Offers one chain and notifies. @returns its head */
  send(buffers: readonly Buffer[]): number {
    const head = this.chain(buffers);
    this.offer(head);
    this.notify();
    return head;
  }

  /** What the device has used since this was last asked. */
  collect(): readonly Used[] {
    const { memory } = this.#rig;
    const found: Used[] = [];
    for (; this.#seenUsed !== memory.load(this.used + 2, 2); this.#seenUsed = (this.#seenUsed + 1) & 0xffff) {
      const element = this.used + 4 + 8 * (this.#seenUsed % this.size);
      found.push({ head: memory.load(element, 4), written: memory.load(element + 4, 4) });
    }
    return found;
  }

  set availableFlags(flags: number) {
    this.#rig.memory.store(this.available, 2, flags);
  }
  get usedFlags(): number {
    return this.#rig.memory.load(this.used, 2);
  }
  /** Section 2.7.10: behind the available ring. */
  set usedEvent(index: number) {
    this.#rig.memory.store(this.available + 4 + 2 * this.size, 2, index);
  }
  /** Behind the used ring. */
  get availableEvent(): number {
    return this.#rig.memory.load(this.used + 4 + 8 * this.size, 2);
  }
}

export interface RigOptions {
  readonly version?: VirtioVersion;
  readonly device: VirtioFactory;
  /** Feature bits the driver wants besides VERSION_1. */
  readonly features?: readonly number[];
  readonly latency?: number;
  readonly memory?: FakeMemory;
}

/** A slot with a device, and all that happened at it. */
export class Rig {
  readonly memory: FakeMemory;
  readonly slot: VirtioMmio;
  readonly version: VirtioVersion;
  readonly served: VirtioRequest[] = [];
  readonly failures: string[] = [];
  /** Board time in ticks. */
  now = 0;
  line = false;
  interrupts = 0;
  rescheduled = 0;
  readonly #features: readonly number[];
  #nextPage = RAM;

  constructor(options: RigOptions) {
    this.version = options.version ?? 'modern';
    this.memory = options.memory ?? new FakeMemory();
    this.#features = options.features ?? [];
    this.slot = new VirtioMmio({
      version: this.version,
      memory: this.memory,
      interrupt: (level) => (this.line = level),
      clock: () => this.now,
      device: options.device,
      ...(options.latency !== undefined && { latency: options.latency }),
      rescheduled: () => this.rescheduled++,
      observer: {
        served: (request) => this.served.push(request),
        failed: (message) => this.failures.push(message),
        interrupted: () => this.interrupts++,
      },
    });
  }

  read(offset: number): number {
    return this.slot.read(offset, 4);
  }

  write(offset: number, value: number): void {
    this.slot.write(offset, 4, value);
  }

  /** A stretch of fresh RAM, page-aligned. */
  allocate(bytes: number): number {
    const at = this.#nextPage;
    this.#nextPage += Math.ceil(bytes / PAGE) * PAGE;
    return at;
  }

  /** A buffer with these bytes in it. */
  filled(bytes: Uint8Array): Buffer {
    const address = this.allocate(bytes.length);
    this.memory.write(address, bytes);
    return { address, length: bytes.length };
  }

  /** A buffer for the device to write. */
  empty(length: number): Buffer {
    return { address: this.allocate(length), length, write: true };
  }

  bytes({ address, length }: Buffer): Uint8Array {
    const into = new Uint8Array(length);
    this.memory.read(address, into);
    return into;
  }

  /** Sections 3.1.1 and 4.2.3.1, up to but without DRIVER_OK. */
  negotiate(): void {
    this.write(R.status, 0);
    this.write(R.status, S.acknowledge);
    this.write(R.status, S.acknowledge | S.driver);
    const bits = this.version === 'modern' ? [...this.#features, F.version1] : this.#features;
    for (const word of [0, 1]) {
      const chosen = bits.reduce((all, bit) => (bit >> 5 === word ? all | (1 << (bit & 31)) : all), 0);
      this.write(R.driverFeaturesSel, word);
      this.write(R.driverFeatures, chosen);
    }
    if (this.version === 'modern') this.write(R.status, S.acknowledge | S.driver | S.featuresOk);
    else this.write(R.guestPageSize, PAGE);
  }

  queue(index: number, size = 16): DriverQueue {
    const queue = new DriverQueue(this, index, size, this.allocate(16 * size + 6 + 2 * size + PAGE + 6 + 8 * size));
    this.write(R.queueSel, index);
    this.write(R.queueNum, size);
    if (this.version === 'legacy') {
      this.write(R.queueAlign, PAGE);
      this.write(R.queuePfn, queue.descriptors / PAGE);
    } else {
      this.write(R.descLow, queue.descriptors);
      this.write(R.descHigh, 0);
      this.write(R.driverLow, queue.available);
      this.write(R.driverHigh, 0);
      this.write(R.deviceLow, queue.used);
      this.write(R.deviceHigh, 0);
      this.write(R.queueReady, 1);
    }
    return queue;
  }

  ready(): void {
    this.write(R.status, this.read(R.status) | S.driverOk);
  }

  /** Negotiates, sets queues 0 … count−1 up, and goes. */
  start(count = 1, size = 16): readonly DriverQueue[] {
    this.negotiate();
    const queues = Array.from({ length: count }, (_, index) => this.queue(index, size));
    this.ready();
    return queues;
  }

  /** Lets board time pass up to and at every deadline. */
  passTime(until: number): void {
    for (let next = this.slot.deadline(); next <= until; next = this.slot.deadline()) {
      this.now = Math.max(this.now, next);
      this.slot.elapse();
    }
    this.now = until;
  }
}

/** The one queue of a device that has one. */
export function startOne(rig: Rig, size = 16): DriverQueue {
  const [queue] = rig.start(1, size);
  if (queue === undefined) throw new Error('no queue');
  return queue;
}
