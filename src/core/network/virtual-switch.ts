// A learning Ethernet switch (IEEE 802.1Q, 8.6 to 8.8, without VLANs and spanning tree) with a cable to each station, in virtual time.
//
//   station ──send──▶ to-switch half ──▶ learn, decide ──▶ to-station half of one port, or of all others ──▶ station.deliver
//
// Everything happens in elapse(), in the order of virtual time, however late or seldom that is called: each event sees the time
// it was due at. The board calls elapse() when deadline() has come.

import { BROADCAST_MAC, isGroupMac } from './address.ts';
import type { MacAddress } from './address.ts';
import { ETHERNET_HEADER_BYTES, LONGEST_FRAME_BYTES } from './ethernet.ts';
import type { DropReason, FrameObserver, LinkHalf } from './frame-event.ts';
import { checkLinkSettings, DEFAULT_LINK } from './link.ts';
import type { FrameInFlight, LinkSettings } from './link.ts';
import { MacTable } from './mac-table.ts';
import type { MacEntry } from './mac-table.ts';
import { readMac } from './octets.ts';
import type { PlainState } from './plain-state.ts';
import { StateReader } from './plain-state.ts';
import { PortSide } from './port-side.ts';
import type { PortCounters } from './port-side.ts';
import type { Station } from './station.ts';

const PORT_LIMIT = 64;
const NAME_LENGTH = 64;
const SNAPSHOT_VERSION = 1;
/** 01:80:c2:00:00:00 … 0f without its last hexadecimal digit. */
const RESERVED_GROUP = 0x0180_c200_0000 / 16;

/** A station's end of its cable. */
export interface SwitchPort {
  readonly id: number;
  readonly name: string;
  /** Hands a frame (a copy is made) to the cable. @returns its id, also when it is dropped at once */
  send(frame: Uint8Array): number;
  readonly settings: LinkSettings;
  /** Changes settings for frames sent from now on. @throws RangeError for a value out of range */
  configure(settings: Partial<LinkSettings>): void;
  /** Looking changes nothing. */
  readonly counters: PortCounters;
  /** Takes the cable away with all that is on it. */
  detach(): void;
}

export interface SwitchPorts {
  /** Virtual time in ticks; never goes back. */
  readonly now: () => number;
  readonly observe?: FrameObserver;
}

export interface SwitchSettings {
  readonly ticksPerSecond: number;
  /** Decides which frames a lossy wire loses. */
  readonly seed: number;
  /** How long an address is remembered after its last frame (IEEE 802.1Q, 8.8.3 recommends 300 s). */
  readonly ageingSeconds: number;
  readonly addressesPerPort: number;
}

export const DEFAULT_SWITCH: SwitchSettings = {
  ticksPerSecond: 10_000_000,
  seed: 1,
  ageingSeconds: 300,
  addressesPerPort: 64,
};

export class VirtualSwitch {
  readonly #ports: SwitchPorts;
  readonly #settings: SwitchSettings;
  readonly #table: MacTable;
  /** In the order of their numbers. */
  #sides: PortSide[] = [];
  /** Virtual time of the event being handled; never goes back. */
  #time = 0;
  #nextFrame = 1;
  #nextOrder = 0;
  #elapsing = false;

  constructor(ports: SwitchPorts, settings: Partial<SwitchSettings> = {}) {
    this.#ports = ports;
    this.#settings = { ...DEFAULT_SWITCH, ...settings };
    this.#table = new MacTable(
      this.#settings.ageingSeconds * this.#settings.ticksPerSecond,
      this.#settings.addressesPerPort,
    );
  }

  /** @throws Error when the name is taken or all 64 ports are; RangeError for a setting out of range */
  attach(station: Station, settings: Partial<LinkSettings> = {}): SwitchPort {
    if (station.name.length > NAME_LENGTH || this.#sides.some((side) => side.station.name === station.name)) {
      throw new Error(
        `Expected a name of at most ${NAME_LENGTH} characters that no other port has, found "${station.name}". Choose another name.`,
      );
    }
    let id = 0;
    while (this.#sides.some((side) => side.id === id)) id += 1;
    if (id >= PORT_LIMIT) {
      throw new Error(`Expected one of ${PORT_LIMIT} ports to be free, found all in use. Detach a station.`);
    }
    const link = { ...DEFAULT_LINK, ...settings };
    checkLinkSettings(link);
    const side = new PortSide(id, station, link, this.#settings.ticksPerSecond, this.#settings.seed);
    this.#sides = [...this.#sides, side].sort((a, b) => a.id - b.id);
    return {
      id,
      name: station.name,
      send: (frame) => this.#send(side, frame),
      get settings() {
        return side.settings;
      },
      configure: (changed) => {
        const all = { ...side.settings, ...changed };
        checkLinkSettings(all);
        side.settings = all;
      },
      get counters() {
        return side.copyCounters();
      },
      detach: () => this.#detach(side),
    };
  }

  /** Ticks at which something will happen by itself; Infinity if nothing will. Ask again after each send. */
  deadline(): number {
    return this.#sides.reduce((earliest, side) => Math.min(earliest, side.deadline()), Infinity);
  }

  /** Virtual time has moved on (read from the `now` port): everything due happens, in the order of virtual time. */
  elapse(): void {
    // A station that calls this while it is being called has its wish fulfilled by the loop below.
    if (this.#elapsing) return;
    this.#elapsing = true;
    try {
      const now = this.#ports.now();
      while (this.#next(now));
      this.#time = Math.max(this.#time, now);
    } finally {
      this.#elapsing = false;
    }
  }

  /** The addresses known now, in the order of learning. Looking changes nothing. */
  get addresses(): readonly (MacEntry & { readonly address: MacAddress })[] {
    return this.#table.entries(this.#currentTime());
  }

  /** The ports in use. Looking changes nothing. */
  get ports(): readonly {
    readonly id: number;
    readonly name: string;
    readonly settings: LinkSettings;
    readonly counters: PortCounters;
  }[] {
    return this.#sides.map((side) => ({
      id: side.id,
      name: side.station.name,
      settings: side.settings,
      counters: side.copyCounters(),
    }));
  }

  /** The switch, its cables and what is on them, as plain data. The stations keep their own state. */
  snapshot(): PlainState {
    return {
      version: SNAPSHOT_VERSION,
      time: this.#time,
      nextFrame: this.#nextFrame,
      nextOrder: this.#nextOrder,
      addresses: this.#table.snapshot(),
      ports: this.#sides.map((side) => side.snapshot()),
    };
  }

  /**
   * Takes back what `snapshot` gave, on a switch with stations of the same names at the same ports.
   * @throws Error naming the first field that does not fit; the switch may then be partly restored and is not to be used
   */
  restore(snapshot: PlainState): void {
    const state = new StateReader('switch', snapshot);
    state.integer('version', SNAPSHOT_VERSION, SNAPSHOT_VERSION);
    const time = state.number('time', 0, Number.MAX_SAFE_INTEGER);
    const nextFrame = state.integer('nextFrame', 1, Number.MAX_SAFE_INTEGER);
    const nextOrder = state.integer('nextOrder', 0, Number.MAX_SAFE_INTEGER);
    const ports = state.groups('ports', PORT_LIMIT);
    if (ports.length !== this.#sides.length) state.fail('ports', `${this.#sides.length} ports`);
    for (const [index, side] of this.#sides.entries()) {
      const port = ports[index];
      if (port === undefined) return state.fail('ports', `port ${index}`);
      side.restore(port);
    }
    this.#table.restore(
      state,
      'addresses',
      this.#sides.map((side) => side.id),
    );
    this.#time = time;
    this.#nextFrame = nextFrame;
    this.#nextOrder = nextOrder;
  }

  /** While events are handled, the time of the event: so answers do not depend on when elapse() was called. */
  #currentTime(): number {
    return this.#elapsing ? this.#time : Math.max(this.#time, this.#ports.now());
  }

  #send(side: PortSide, octets: Uint8Array): number {
    const time = this.#currentTime();
    const id = this.#nextFrame;
    this.#nextFrame += 1;
    const frame = octets.slice(0, LONGEST_FRAME_BYTES + 1);
    this.#ports.observe?.({ kind: 'sent', frame: id, time, port: side.id, octets: frame });
    side.count('fromStation', octets.length);
    if (!this.#sides.includes(side)) this.#drop(side, id, 'to-switch', 'port-gone');
    else if (octets.length < ETHERNET_HEADER_BYTES) this.#drop(side, id, 'to-switch', 'runt');
    else if (octets.length > LONGEST_FRAME_BYTES) this.#drop(side, id, 'to-switch', 'too-long');
    else this.#offer(side, 'to-switch', id, frame, time);
    return id;
  }

  /** Handles the earliest event that is due at `now`. @returns false when there is none */
  #next(now: number): boolean {
    const time = this.deadline();
    if (time > now) return false;
    this.#time = Math.max(this.#time, time);
    let earliest: { side: PortSide; half: LinkHalf; frame: FrameInFlight } | undefined;
    for (const side of this.#sides) {
      for (const half of ['to-switch', 'to-station'] as const) {
        const frame = side.link(half).head;
        if (frame === undefined || frame.arrival > time) continue;
        if (earliest === undefined || frame.order < earliest.frame.order) earliest = { side, half, frame };
      }
    }
    // At the same tick, frames arrive before a station's timer runs out.
    if (earliest === undefined) this.#sides.find((side) => side.deadline() <= time)?.elapseStation(this.#time);
    else this.#arrive(earliest.side, earliest.half, earliest.frame);
    return true;
  }

  #arrive(side: PortSide, half: LinkHalf, frame: FrameInFlight): void {
    side.link(half).take();
    if (frame.lost) return this.#drop(side, frame.id, half, 'lost');
    if (half === 'to-switch') return this.#forward(side, frame);
    side.count('toStation', frame.octets.length);
    this.#ports.observe?.({
      kind: 'delivered',
      frame: frame.id,
      time: this.#time,
      port: side.id,
      octets: frame.octets,
    });
    side.station.deliver(frame.octets, this.#time, frame.id);
  }

  #forward(from: PortSide, { id, octets }: FrameInFlight): void {
    const time = this.#time;
    this.#ports.observe?.({ kind: 'entered', frame: id, time, port: from.id });
    const destination = readMac(octets, 0);
    const source = readMac(octets, 6);
    if (isGroupMac(source)) return this.#drop(from, id, 'to-switch', 'group-source');
    const how = this.#table.learn(source, from.id, time);
    if (how !== 'known') {
      this.#ports.observe?.({ kind: 'learned', frame: id, time, port: from.id, address: source, how });
    }
    if (Math.floor(destination / 16) === RESERVED_GROUP) {
      return this.#drop(from, id, 'to-switch', 'reserved-destination');
    }
    const group = isGroupMac(destination);
    const port = group ? undefined : this.#table.lookup(destination, time);
    if (port === from.id) return this.#drop(from, id, 'to-switch', 'same-port');
    const to = this.#sides.filter((side) => (port === undefined ? side !== from : side.id === port));
    const flooded = destination === BROADCAST_MAC ? 'broadcast' : group ? 'multicast' : 'unknown-unicast';
    this.#ports.observe?.({
      kind: 'forwarded',
      frame: id,
      time,
      port: from.id,
      to: to.map((side) => side.id),
      why: port === undefined ? flooded : 'learned',
    });
    for (const side of to) this.#offer(side, 'to-station', id, octets, time);
  }

  #offer(side: PortSide, half: LinkHalf, id: number, octets: Uint8Array, time: number): void {
    const order = this.#nextOrder;
    this.#nextOrder += 1;
    const drop = side.link(half).offer(id, octets, order, time, side.settings);
    if (drop !== undefined) this.#drop(side, id, half, drop);
  }

  #drop(side: PortSide, frame: number, half: LinkHalf, reason: DropReason): void {
    side.countDrop(reason);
    this.#ports.observe?.({ kind: 'dropped', frame, time: this.#currentTime(), port: side.id, half, reason });
  }

  #detach(side: PortSide): void {
    if (!this.#sides.includes(side)) return;
    this.#sides = this.#sides.filter((each) => each !== side);
    this.#table.forgetPort(side.id);
    for (const half of ['to-switch', 'to-station'] as const) {
      for (let frame = side.link(half).head; frame !== undefined; frame = side.link(half).head) {
        side.link(half).take();
        this.#drop(side, frame.id, half, 'port-gone');
      }
    }
  }
}
