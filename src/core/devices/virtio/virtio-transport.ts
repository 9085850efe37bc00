// What stands behind the registers of a virtio slot: status and features as driver and device negotiate them, the queues, and
// the way of a request. Knows no register offsets.
//
//   notify → take chains from the available ring → (latency) → function.serve → used ring → interrupt, if wanted

import type { Clock, DeviceState, InterruptLine } from '../device.ts';
import { adoptState, copyState, count, FLAG, group, HALF, upTo, type FieldsOf } from '../device-state.ts';
import { isFault, type Chain, type QueueFault } from './descriptor-chain.ts';
import type { DmaMemory } from './dma-memory.ts';
import { isQueueSize, newQueueState, QUEUE_FIELDS, SplitQueue, type QueueState } from './split-queue.ts';
import {
  DEFAULT_CHAIN_BYTES,
  Feature,
  type Returned,
  type Served,
  type VirtioFactory,
  type VirtioFunction,
  type VirtioLink,
  type VirtioObserver,
  type VirtioTraffic,
} from './virtio-function.ts';
import {
  MAXIMUM_QUEUE_SIZE,
  newTransportState,
  TRANSPORT_FIELDS,
  type TransportFace,
  type TransportState,
  type VirtioVersion,
} from './virtio-mmio-registers.ts';
import { ALLOWANCE_FIELDS, allowedFrom, newAllowance, spend, type AllowanceState } from './work-allowance.ts';

/** Section 2.1. */
const Status = { driverOk: 4, featuresOk: 8, needsReset: 64 } as const;
/** Bits of InterruptStatus. */
const Interrupt = { usedBuffer: 1, configurationChange: 2 } as const;

export interface VirtioPorts {
  readonly version: VirtioVersion;
  readonly memory: DmaMemory;
  readonly interrupt: InterruptLine;
  readonly clock: Clock;
  /** The device that is in the slot, if one is. */
  readonly device?: VirtioFactory;
  /** Board time in ticks from when a request is taken to when it is served. Default 0: served in the same instant. */
  readonly latency?: number;
  /** `deadline()` may have come nearer. */
  readonly rescheduled?: () => void;
  readonly observer?: VirtioObserver;
}

/** A request that was taken and not yet served. */
interface InFlight {
  readonly queue: number;
  readonly head: number;
  /** Board time in ticks. */
  readonly takenAt: number;
}

export class VirtioTransport implements TransportFace, VirtioLink {
  readonly version: VirtioVersion;
  /** The device in the slot. */
  readonly function: VirtioFunction | undefined;
  readonly #ports: VirtioPorts;
  readonly #latency: number;
  /** Feature bits 0 to 31, and 32 to 63. */
  readonly #offered: readonly [number, number];
  #state = newTransportState();
  #queueStates: readonly QueueState[] = [];
  /** Those in use. */
  #queues: (SplitQueue | undefined)[] = [];
  /** Oldest first. */
  #inFlight: InFlight[] = [];
  /** Board time in ticks at which the memory of the oldest request is there; 0: nobody has looked yet. */
  #fetchedAt = 0;
  #allowance = newAllowance();
  #failed = false;
  #interrupts = 0;
  /** One of each queue. */
  readonly #tallies: readonly { notifications: number; requests: number; readable: number; written: number }[];

  constructor(ports: VirtioPorts) {
    this.#ports = ports;
    this.version = ports.version;
    this.#latency = ports.latency ?? 0;
    this.function = ports.device?.(this);
    this.#tallies = (this.function?.queues ?? []).map(() => newTally());
    this.#offered = offeredFeatures(this.function, ports.version);
    this.#powerOn();
  }

  get state(): TransportState {
    return this.#state;
  }
  get deviceId(): number {
    return this.function?.deviceId ?? 0;
  }
  get selected(): QueueState | undefined {
    return this.#queueStates[this.#state.queueSelect];
  }
  get configurable(): QueueState | undefined {
    const { selected } = this;
    return selected?.ready === true ? undefined : selected;
  }
  /** The driver broke a rule: nothing more is served until it resets the device. */
  get failed(): boolean {
    return this.#failed;
  }
  /**
   * What has happened since the slot was made. The driver's resets do not begin it anew, and it is no part of the state: a
   * snapshot does not have it.
   */
  get traffic(): VirtioTraffic {
    return {
      interrupts: this.#interrupts,
      queues: this.#tallies.map((tally, index) => ({ name: this.#queueName(index), ...tally })),
    };
  }
  /** Requests taken and not yet given back. */
  get requestsInFlight(): number {
    return this.#inFlight.length;
  }

  offered(word: number): number {
    return this.#offered[word] ?? 0;
  }

  has(bit: number): boolean {
    const state = this.#state;
    if (this.version === 'modern' && (state.status & Status.featuresOk) === 0) return false;
    const word = bit < 32 ? state.driverFeaturesLow : state.driverFeaturesHigh;
    return ((word >>> (bit & 31)) & 1) !== 0;
  }

  /** What the driver chose; a feature that was not offered is noticed when it says FEATURES_OK (legacy: left out). */
  chooseFeatures(bits: number): void {
    const state = this.#state;
    if ((state.status & Status.featuresOk) !== 0) return;
    const chosen = this.version === 'legacy' ? bits & this.offered(state.driverFeaturesSelect) : bits;
    if (state.driverFeaturesSelect === 0) state.driverFeaturesLow = chosen >>> 0;
    else if (state.driverFeaturesSelect === 1) state.driverFeaturesHigh = chosen >>> 0;
  }

  setStatus(value: number): void {
    const state = this.#state;
    if ((value & 0xff) === 0) {
      this.reset();
      // Linux says it once, before it resets the device; QEMU keeps it too.
      this.#state.guestPageSize = state.guestPageSize;
      return;
    }
    let next = (value & 0xff) | (state.status & Status.needsReset);
    const asksForFeatures = (next & Status.featuresOk) !== 0 && (state.status & Status.featuresOk) === 0;
    if (this.version === 'modern' && asksForFeatures && !this.#acceptsFeatures()) next &= ~Status.featuresOk;
    const starts = (next & Status.driverOk) !== 0 && (state.status & Status.driverOk) === 0;
    state.status = next;
    if (!starts) return;
    this.function?.started?.();
    // Buffers may have been made available before: a modern device must not have looked at them yet.
    this.#queues.forEach((_, index) => this.#attend(index));
  }

  notify(value: number): void {
    const index = value & 0xffff;
    const tally = this.#tallies[index];
    if (tally === undefined || this.#queues[index] === undefined || !this.#running) return;
    tally.notifications++;
    this.#ports.observer?.notified?.(index);
    this.#attend(index);
  }

  /** Looks for what is available in a queue. */
  #attend(index: number): void {
    const queue = this.#queues[index];
    const role = this.function?.queues[index];
    if (queue === undefined || role === undefined || !this.#running) return;
    if (role.serve === undefined) {
      role.stocked?.();
      return;
    }
    this.#takeRequests(index, queue);
    this.#serveDue();
    if (this.#inFlight.length > 0) this.#ports.rescheduled?.();
  }

  acknowledge(bits: number): void {
    this.#state.interruptStatus &= ~bits;
    this.#driveInterrupt();
  }

  /** Modern: QueueReady. */
  setReady(value: number): void {
    const { selected, state } = this;
    if (selected === undefined || selected.ready === (value & 1) > 0) return;
    if (value & 1) this.#enable(state.queueSelect, selected);
    else this.#disable(state.queueSelect, selected);
  }

  /** Legacy: QueuePFN. Descriptor table, available ring and, behind it at QueueAlign, the used ring (section 2.7.2). */
  setPageFrame(value: number): void {
    const { selected, state } = this;
    if (selected === undefined) return;
    if (value === 0) {
      this.#disable(state.queueSelect, selected);
      return;
    }
    if (selected.ready) return;
    const { size, align } = selected;
    // Kernels written for QEMU leave GuestPageSize out and write an address into QueuePFN: then its pages are bytes, as there.
    const guestPageSize = 2 ** trailingZeros(state.guestPageSize);
    if (!isPowerOfTwo(align)) return this.fail(`a power of two in QueueAlign expected, found ${align}`);
    if (!isQueueSize(size, MAXIMUM_QUEUE_SIZE)) return this.fail(queueSizeMessage(size));
    const descriptors = value * guestPageSize;
    const available = descriptors + 16 * size;
    const used = Math.ceil((available + 6 + 2 * size) / align) * align;
    const split = (address: number) => ({ high: Math.floor(address / 2 ** 32), low: address % 2 ** 32 });
    ({ high: selected.descriptorHigh, low: selected.descriptorLow } = split(descriptors));
    ({ high: selected.driverHigh, low: selected.driverLow } = split(available));
    ({ high: selected.deviceHigh, low: selected.deviceLow } = split(used));
    selected.pageFrame = value;
    this.#enable(state.queueSelect, selected);
  }

  take(queue: number): Chain | undefined {
    const rings = this.#queues[queue];
    if (rings === undefined || !this.#running) return undefined;
    const waiting = rings.available();
    if (isFault(waiting)) return this.#faulty(queue, waiting);
    if (waiting === 0) {
      const fault = rings.wantNotifications(true);
      return fault && this.#faulty(queue, fault);
    }
    const head = rings.next();
    if (isFault(head)) return this.#faulty(queue, head);
    const chain = rings.chain(head);
    if (isFault(chain)) return this.#faulty(queue, chain);
    // While there are more, the device need not hear of every new one.
    const fault = rings.wantNotifications(waiting === 1);
    return fault ? this.#faulty(queue, fault) : chain;
  }

  putBack(queue: number, count: number): void {
    if (count > 0) this.#queues[queue]?.putBack(count);
  }

  give(queue: number, chain: Returned, served: Served): void {
    const rings = this.#queues[queue];
    if (rings === undefined || !this.#running) return;
    const now = this.#ports.clock();
    spend(this.#allowance, now, served.written, chain.descriptors);
    this.#use(queue, rings, chain, served, now);
    this.#signal(queue, rings);
  }

  configurationChanged(): void {
    const state = this.#state;
    state.generation = (state.generation + 1) >>> 0;
    if ((state.status & Status.driverOk) !== 0) this.#interrupt(Interrupt.configurationChange);
  }

  fail(message: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#inFlight = [];
    this.#ports.observer?.failed?.(message);
    if (this.version === 'legacy') return; // which has no way to say so
    const state = this.#state;
    state.status |= Status.needsReset;
    if ((state.status & Status.driverOk) !== 0) this.#interrupt(Interrupt.configurationChange);
  }

  reset(): void {
    this.#powerOn();
    this.function?.reset();
    this.#driveInterrupt();
  }

  /** Board time in ticks at which the next request is served. */
  deadline(): number {
    const [first] = this.#inFlight;
    if (first === undefined) return Infinity;
    return Math.max(first.takenAt + this.#latency, this.#fetchedAt, allowedFrom(this.#allowance, this.#ports.clock()));
  }

  elapse(): void {
    if (this.#inFlight.length > 0) this.#serveDue();
  }

  snapshot(): DeviceState {
    return {
      ...this.#identity,
      transport: copyState(this.#state),
      queues: Object.fromEntries(this.#queueStates.map((state, index) => [index, { ...state }])),
      inFlight: this.#inFlight.flatMap(({ queue, head, takenAt }) => [queue, head, takenAt]),
      fetchedAt: this.#fetchedAt,
      allowance: copyState(this.#allowance),
      failed: this.#failed,
      function: this.function?.snapshot() ?? {},
    };
  }

  /** The device in the slot once more, for a copy of its VM; undefined where there is none, or it cannot be in two VMs. */
  fork(): { readonly device: VirtioFactory; readonly latency: number; readonly observer?: VirtioObserver } | undefined {
    const device = this.function?.fork?.();
    const { observer } = this.#ports;
    return device && { device, latency: this.#latency, ...(observer && { observer }) };
  }

  /** @throws Error where the state does not fit this slot */
  restore(state: DeviceState): void {
    const adopted = adoptState('virtio device', this.#fields, state) as unknown as TransportSnapshot;
    const ofFunction = state['function'];
    const queues = Object.values(adopted.queues);
    const inFlight = Array.from({ length: adopted.inFlight.length / 3 }, (_, index) => {
      const [queue = 0, head = 0, takenAt = 0] = adopted.inFlight.slice(3 * index);
      return { queue, head, takenAt };
    });
    const { version, deviceId } = this.#identity;
    const fits =
      adopted.version === version &&
      adopted.deviceId === deviceId &&
      isGroup(ofFunction) &&
      adopted.inFlight.length % 3 === 0 &&
      queues.every(({ ready, size }) => !ready || isQueueSize(size, MAXIMUM_QUEUE_SIZE)) &&
      inFlight.every(({ queue, head }) => queues[queue]?.ready === true && head < (queues[queue]?.size ?? 0));
    if (!fits) {
      throw new Error(
        'The snapshot does not fit this virtio slot: expected one of the same device and transport version. Take it from a board of the same shape.',
      );
    }
    this.function?.restore(ofFunction);
    this.#state = adopted.transport;
    this.#queueStates = queues;
    this.#queues = queues.map((each, index) => (each.ready ? this.#makeQueue(index, each) : undefined));
    this.#inFlight = inFlight;
    this.#fetchedAt = adopted.fetchedAt;
    this.#allowance = adopted.allowance;
    this.#failed = adopted.failed;
    this.#driveInterrupt();
    this.#ports.rescheduled?.();
  }

  get #fields(): FieldsOf<DeviceState> {
    const queues = this.#queueStates.map((_, index) => [index, group(QUEUE_FIELDS)] as const);
    return {
      version: HALF,
      deviceId: HALF,
      transport: group(TRANSPORT_FIELDS),
      queues: group(Object.fromEntries(queues)),
      inFlight: upTo(3 * MAXIMUM_QUEUE_SIZE * queues.length, count()),
      fetchedAt: count(),
      allowance: group(ALLOWANCE_FIELDS),
      failed: FLAG,
    } as unknown as FieldsOf<DeviceState>;
  }

  get #identity() {
    return { version: this.version === 'legacy' ? 1 : 2, deviceId: this.deviceId };
  }

  /** A legacy driver may use a device before it says DRIVER_OK (section 3.1.2). */
  get #running(): boolean {
    return !this.#failed && (this.version === 'legacy' || (this.#state.status & Status.driverOk) !== 0);
  }

  #powerOn(): void {
    this.#state = newTransportState();
    this.#queueStates = (this.function?.queues ?? []).map(() => newQueueState(MAXIMUM_QUEUE_SIZE));
    this.#queues = this.#queueStates.map(() => undefined);
    this.#inFlight = [];
    this.#fetchedAt = 0;
    this.#failed = false;
    // The allowance stays: a driver that resets its device does not get more of the host that way.
  }

  #acceptsFeatures(): boolean {
    const { driverFeaturesLow, driverFeaturesHigh } = this.#state;
    // A device may go on without VERSION_1 (section 6.2). xv6 and others never set it, and QEMU lets them.
    return ((driverFeaturesLow & ~this.offered(0)) | (driverFeaturesHigh & ~this.offered(1))) === 0;
  }

  #makeQueue(index: number, state: QueueState): SplitQueue {
    return new SplitQueue(
      this.#ports.memory,
      state,
      { eventIndex: () => this.has(Feature.eventIndex), indirect: () => this.has(Feature.indirectDescriptors) },
      this.function?.queues[index]?.mostBytes ?? DEFAULT_CHAIN_BYTES,
    );
  }

  #enable(index: number, state: QueueState): void {
    if (!isQueueSize(state.size, MAXIMUM_QUEUE_SIZE)) return this.fail(queueSizeMessage(state.size));
    const queue = this.#makeQueue(index, state);
    const fault = queue.check();
    if (fault) {
      this.#faulty(index, fault);
      return;
    }
    Object.assign(state, { ready: true, nextAvailable: 0, nextUsed: 0, signalled: -1 });
    this.#queues[index] = queue;
  }

  #disable(index: number, state: QueueState): void {
    state.ready = false;
    state.pageFrame = 0;
    this.#queues[index] = undefined;
    this.#inFlight = this.#inFlight.filter(({ queue }) => queue !== index);
    this.#fetchedAt = 0;
  }

  #takeRequests(index: number, queue: SplitQueue): void {
    const waiting = queue.available();
    if (isFault(waiting)) return this.#faulty(index, waiting);
    const size = this.#queueStates[index]?.size ?? 0;
    const taken = this.#inFlight.reduce((count, each) => count + (each.queue === index ? 1 : 0), 0);
    if (taken + waiting > size) {
      return this.#faulty(index, { fault: `at most ${size} requests at once expected, found ${taken + waiting}` });
    }
    const takenAt = this.#ports.clock();
    for (let left = waiting; left > 0; left--) {
      const head = queue.next();
      if (isFault(head)) return this.#faulty(index, head);
      this.#inFlight.push({ queue: index, head, takenAt });
    }
    const fault = queue.wantNotifications(true);
    if (fault) this.#faulty(index, fault);
  }

  /** Serves what is due, as far as the allowance goes. */
  #serveDue(): void {
    const now = this.#ports.clock();
    const touched = new Set<number>();
    for (let [first] = this.#inFlight; first !== undefined; [first] = this.#inFlight) {
      if (Math.max(first.takenAt + this.#latency, this.#fetchedAt) > now || allowedFrom(this.#allowance, now) > now)
        break;
      const { queue: index, head, takenAt } = first;
      const queue = this.#queues[index];
      if (queue !== undefined && this.#mustFetch(queue, head, now)) break;
      this.#inFlight.shift();
      this.#fetchedAt = 0;
      const chain = queue?.chain(head);
      const serve = this.function?.queues[index]?.serve;
      if (queue === undefined || chain === undefined || serve === undefined) continue;
      if (isFault(chain)) return this.#faulty(index, chain);
      const served = serve(chain);
      if (this.#failed) return;
      spend(this.#allowance, now, chain.readableBytes + served.written + (served.extra ?? 0), chain.descriptors);
      this.#use(index, queue, chain, served, takenAt);
      touched.add(index);
    }
    for (const index of touched) {
      const queue = this.#queues[index];
      if (queue && !this.#failed) this.#signal(index, queue);
    }
  }

  /** Whether the device has to wait for memory that a request needs; once it has, it is served, whatever has gone again. */
  #mustFetch(queue: SplitQueue, head: number, now: number): boolean {
    const { memory } = this.#ports;
    if (memory.fetch === undefined || this.#fetchedAt > 0) return false;
    const ticks = memory.fetch((reach) => queue.reach(head, reach));
    if (ticks === 0) return false;
    this.#fetchedAt = now + ticks;
    return true;
  }

  #use(index: number, queue: SplitQueue, chain: Returned, served: Served, takenAt: number): void {
    const fault = queue.use(chain.head, served.written);
    if (fault) return this.#faulty(index, fault);
    const { written, operation, argument, status } = served;
    const tally = this.#tallies[index];
    if (tally) {
      tally.requests++;
      tally.readable += chain.readableBytes;
      tally.written += written;
    }
    this.#ports.observer?.served?.({
      queue: index,
      queueName: this.#queueName(index),
      head: chain.head,
      descriptors: chain.descriptors,
      readable: chain.readableBytes,
      written,
      operation,
      argument,
      status,
      takenAt,
      usedAt: this.#ports.clock(),
    });
  }

  #signal(index: number, queue: SplitQueue): void {
    const wanted = queue.wantsInterrupt();
    if (isFault(wanted)) this.#faulty(index, wanted);
    else if (wanted) this.#interrupt(Interrupt.usedBuffer);
  }

  #interrupt(reason: number): void {
    this.#state.interruptStatus |= reason;
    this.#interrupts++;
    this.#ports.observer?.interrupted?.(reason === Interrupt.usedBuffer ? 'used buffer' : 'configuration change');
    this.#driveInterrupt();
  }

  #driveInterrupt(): void {
    this.#ports.interrupt(this.#state.interruptStatus !== 0);
  }

  #faulty(index: number, { fault }: QueueFault): undefined {
    this.fail(`The ${this.function?.title ?? 'device'} stopped: in its queue ${this.#queueName(index)}, ${fault}.`);
  }

  #queueName(index: number): string {
    return this.function?.queues[index]?.name ?? `${index}`;
  }
}

const newTally = () => ({ notifications: 0, requests: 0, readable: 0, written: 0 });

/** What `snapshot` writes, as far as `adoptState` has checked it. */
interface TransportSnapshot {
  readonly version: number;
  readonly deviceId: number;
  readonly transport: TransportState;
  readonly queues: Readonly<Record<string, QueueState>>;
  readonly inFlight: readonly number[];
  readonly fetchedAt: number;
  readonly allowance: AllowanceState;
  readonly failed: boolean;
}

const isGroup = (value: DeviceState[string] | undefined): value is DeviceState =>
  typeof value === 'object' && !Array.isArray(value);

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** 0 where there is no one. */
const trailingZeros = (word: number): number => (word === 0 ? 0 : 31 - Math.clz32(word & -word));

const queueSizeMessage = (size: number): string =>
  `The device stopped: a power of two up to ${MAXIMUM_QUEUE_SIZE} in QueueNum expected, found ${size}.`;

function offeredFeatures(device: VirtioFunction | undefined, version: VirtioVersion): readonly [number, number] {
  if (device === undefined) return [0, 0];
  const bits = [
    ...device.features.map(({ bit }) => bit),
    Feature.indirectDescriptors,
    Feature.eventIndex,
    ...(version === 'modern' ? [Feature.version1] : []),
  ];
  const word = (from: number) =>
    bits.reduce((all, bit) => (bit >= from && bit < from + 32 ? all | (1 << (bit - from)) : all), 0) >>> 0;
  return [word(0), word(32)];
}
