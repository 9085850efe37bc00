// The switch's side of one port: the two halves of the cable, their settings and the counters.

import type { DropReason, LinkHalf } from './frame-event.ts';
import { checkLinkSettings, LinkDirection } from './link.ts';
import type { LinkSettings } from './link.ts';
import type { PlainState, StateReader } from './plain-state.ts';
import type { Station } from './station.ts';

export interface PortCounters {
  readonly fromStation: { readonly frames: number; readonly bytes: number };
  readonly toStation: { readonly frames: number; readonly bytes: number };
  /** Frames, or copies of flooded ones, that went no further than this port's cable, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

const NO_DROPS: Readonly<Record<DropReason, number>> = {
  runt: 0,
  'too-long': 0,
  'group-source': 0,
  'reserved-destination': 0,
  'same-port': 0,
  'link-down': 0,
  'queue-full': 0,
  'wire-full': 0,
  lost: 0,
  'port-gone': 0,
};
const DROP_REASONS = Object.keys(NO_DROPS) as readonly DropReason[];

export class PortSide {
  readonly id: number;
  readonly station: Station;
  settings: LinkSettings;
  readonly #toSwitch: LinkDirection;
  readonly #toStation: LinkDirection;
  readonly #counted = { fromStation: { frames: 0, bytes: 0 }, toStation: { frames: 0, bytes: 0 } };
  #dropped: Record<DropReason, number> = { ...NO_DROPS };
  /** Time of the last call of the station's timer: a station that does not move its deadline on is called once a tick. */
  #lastElapse = -1;

  constructor(id: number, station: Station, settings: LinkSettings, ticksPerSecond: number, seed: number) {
    this.id = id;
    this.station = station;
    this.settings = settings;
    // Each half draws its own losses: what one port carries does not change what another loses.
    this.#toSwitch = new LinkDirection(ticksPerSecond, Math.imul(seed, 0x9e37_79b1) ^ (2 * id));
    this.#toStation = new LinkDirection(ticksPerSecond, Math.imul(seed, 0x9e37_79b1) ^ (2 * id + 1));
  }

  link(half: LinkHalf): LinkDirection {
    return half === 'to-switch' ? this.#toSwitch : this.#toStation;
  }

  /** Ticks of the next event of this port or its station. */
  deadline(): number {
    const wish = this.station.deadline?.() ?? Infinity;
    return Math.min(
      this.#toSwitch.head?.arrival ?? Infinity,
      this.#toStation.head?.arrival ?? Infinity,
      wish > this.#lastElapse ? wish : this.#lastElapse + 1,
    );
  }

  elapseStation(time: number): void {
    this.#lastElapse = time;
    this.station.elapse?.(time);
  }

  count(direction: 'fromStation' | 'toStation', bytes: number): void {
    this.#counted[direction].frames += 1;
    this.#counted[direction].bytes += bytes;
  }

  countDrop(reason: DropReason): void {
    this.#dropped[reason] += 1;
  }

  copyCounters(): PortCounters {
    return {
      fromStation: { ...this.#counted.fromStation },
      toStation: { ...this.#counted.toStation },
      dropped: { ...this.#dropped },
    };
  }

  snapshot(): PlainState {
    return {
      id: this.id,
      name: this.station.name,
      settings: { ...this.settings },
      lastElapse: this.#lastElapse,
      fromStation: { ...this.#counted.fromStation },
      toStation: { ...this.#counted.toStation },
      dropped: { ...this.#dropped },
      toSwitchLink: this.#toSwitch.snapshot(),
      toStationLink: this.#toStation.snapshot(),
    };
  }

  restore(state: StateReader): void {
    state.integer('id', this.id, this.id);
    state.word('name', [this.station.name]);
    const link = state.group('settings');
    const settings: LinkSettings = {
      delayTicks: link.number('delayTicks', 0, Number.MAX_SAFE_INTEGER),
      lossProbability: link.number('lossProbability', 0, 1),
      bitsPerSecond: link.number('bitsPerSecond', 0, Number.MAX_SAFE_INTEGER),
      queueBytes: link.number('queueBytes', 0, Number.MAX_SAFE_INTEGER),
      connected: link.boolean('connected'),
    };
    checkLinkSettings(settings);
    this.settings = settings;
    for (const direction of ['fromStation', 'toStation'] as const) {
      const counted = state.group(direction);
      this.#counted[direction].frames = counted.integer('frames', 0, Number.MAX_SAFE_INTEGER);
      this.#counted[direction].bytes = counted.integer('bytes', 0, Number.MAX_SAFE_INTEGER);
    }
    const dropped = state.group('dropped');
    this.#dropped = { ...NO_DROPS };
    for (const reason of DROP_REASONS) this.#dropped[reason] = dropped.integer(reason, 0, Number.MAX_SAFE_INTEGER);
    this.#lastElapse = state.number('lastElapse', -1, Number.MAX_SAFE_INTEGER);
    this.#toSwitch.restore(state.group('toSwitchLink'));
    this.#toStation.restore(state.group('toStationLink'));
  }
}
