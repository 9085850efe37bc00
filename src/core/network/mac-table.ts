// What a switch has learned: behind which port each address was last heard (the filtering database of IEEE 802.1Q, 8.8).

import type { MacAddress } from './address.ts';
import { isGroupMac } from './address.ts';
import type { PlainState, StateReader } from './plain-state.ts';

export interface MacEntry {
  readonly port: number;
  /** Ticks at which a frame from this address was last seen. */
  readonly seen: number;
}

/** How learning went; `table-full` leaves the address unknown, so that frames for it are flooded. */
export type Learned = 'new' | 'moved' | 'known' | 'table-full';

export class MacTable {
  readonly #ageingTicks: number;
  readonly #addressesPerPort: number;
  readonly #entries = new Map<MacAddress, MacEntry>();

  /** @param addressesPerPort a cap for each port, so that one station inventing addresses cannot push out the others' */
  constructor(ageingTicks: number, addressesPerPort: number) {
    this.#ageingTicks = ageingTicks;
    this.#addressesPerPort = addressesPerPort;
  }

  learn(address: MacAddress, port: number, time: number): Learned {
    const before = this.#live(address, time);
    if (before?.port === port) {
      this.#entries.set(address, { port, seen: time });
      return 'known';
    }
    if (this.#countBehind(port, time) >= this.#addressesPerPort) return 'table-full';
    this.#entries.set(address, { port, seen: time });
    return before === undefined ? 'new' : 'moved';
  }

  /** The port behind which `address` is, or undefined where it is not known (any more). */
  lookup(address: MacAddress, time: number): number | undefined {
    return this.#live(address, time)?.port;
  }

  /** Forgets what was heard from `port`. */
  forgetPort(port: number): void {
    for (const [address, entry] of this.#entries) if (entry.port === port) this.#entries.delete(address);
  }

  /** What is known at `time`, in the order of learning. Looking changes nothing. */
  entries(time: number): readonly (MacEntry & { readonly address: MacAddress })[] {
    return [...this.#entries]
      .filter(([, entry]) => !this.#aged(entry, time))
      .map(([address, entry]) => ({ address, ...entry }));
  }

  snapshot(): readonly PlainState[] {
    return [...this.#entries].map(([address, entry]) => ({ address, ...entry }));
  }

  /** @param ports the ports there are */
  restore(state: StateReader, key: string, ports: readonly number[]): void {
    const entries = state.groups(key, this.#addressesPerPort * ports.length).map((entry) => ({
      address: entry.integer('address', 0, 2 ** 48 - 1),
      port: entry.integer('port', 0, Number.MAX_SAFE_INTEGER),
      seen: entry.number('seen', 0, Number.MAX_SAFE_INTEGER),
    }));
    for (const { address, port } of entries) {
      const count = entries.filter((entry) => entry.port === port).length;
      if (!ports.includes(port) || count > this.#addressesPerPort || isGroupMac(address)) {
        state.fail(key, `at most ${this.#addressesPerPort} addresses of stations behind each port there is`);
      }
    }
    this.#entries.clear();
    for (const { address, port, seen } of entries) this.#entries.set(address, { port, seen });
  }

  #live(address: MacAddress, time: number): MacEntry | undefined {
    const entry = this.#entries.get(address);
    return entry === undefined || this.#aged(entry, time) ? undefined : entry;
  }

  #aged(entry: MacEntry, time: number): boolean {
    return time - entry.seen >= this.#ageingTicks;
  }

  /** Addresses behind `port`; the aged ones among all go on the way. */
  #countBehind(port: number, time: number): number {
    let count = 0;
    for (const [address, entry] of this.#entries) {
      if (this.#aged(entry, time)) this.#entries.delete(address);
      else if (entry.port === port) count += 1;
    }
    return count;
  }
}
