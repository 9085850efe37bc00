// What the scheduler knows of one vCPU: what it is entitled to (weight, cap, pinning), what it has had, and how its time has
// gone. All times are instructions of virtual time.
//
//   run    it was on a hart            steal  it could have executed, but had no hart
//   wait   it waited for an interrupt  swap   it waited for a page that its hypervisor had swapped out
//   off    not started, held by a person, or ended: counts as nothing

const DEFAULT_WEIGHT = 100;
export const MAXIMUM_WEIGHT = 10_000;
/** A vCPU with a cap gets its share of every such span: 10 ms of the board's clock. */
const CAP_PERIOD = 1_000_000;

export type Doing = 'run' | 'wait' | 'steal' | 'swap' | 'off';

export interface VcpuTimes {
  readonly run: number;
  readonly wait: number;
  readonly steal: number;
  readonly swap: number;
}

export interface Entitlement {
  /** Its share against others that want the same hart; 100 is usual. */
  readonly weight: number;
  /** Percent of a hart that it gets at most; 100: no cap. */
  readonly cap: number;
  /** Physical harts it may run on, a bit each. */
  readonly pin: number;
}

export const ANY_HART = 0xff;

export class VcpuSchedule {
  /** Run time divided by weight: who has least is next. */
  virtualRuntime = 0;
  /** It has slept since it last ran: what it did not use then is not owed to it. */
  slept = true;
  #entitlement: Entitlement = { weight: DEFAULT_WEIGHT, cap: 100, pin: ANY_HART };
  #doing: Doing = 'off';
  #since = 0;
  #run = 0;
  #wait = 0;
  #steal = 0;
  #swap = 0;
  /** When the page comes that it waits for. */
  #pageAt = 0;
  /** The span of `CAP_PERIOD` that `used` is about. */
  #period = 0;
  #used = 0;

  get entitlement(): Entitlement {
    return this.#entitlement;
  }
  get doing(): Doing {
    return this.#doing;
  }
  /** Since when it has been doing that. */
  get since(): number {
    return this.#since;
  }

  /**
   * @param now when it changes: what it has run until then counts by its old weight
   * @throws Error in one line where a value is out of range
   */
  entitle(change: Partial<Entitlement>, now: number): void {
    const { weight, cap, pin } = { ...this.#entitlement, ...change };
    if (!Number.isInteger(weight) || weight < 1 || weight > MAXIMUM_WEIGHT) {
      throw new Error(`expected a weight from 1 to ${MAXIMUM_WEIGHT}, found ${weight}: 100 is usual`);
    }
    if (!Number.isInteger(cap) || cap < 1 || cap > 100) {
      throw new Error(`expected a cap from 1 to 100 percent of a hart, found ${cap}: 100 means no cap`);
    }
    if (!Number.isInteger(pin) || pin < 1 || pin > ANY_HART) {
      throw new Error(`expected at least one hart to run on, found none: choose one`);
    }
    this.begin(this.#doing, now);
    this.#entitlement = { weight, cap, pin };
  }

  /** From `at` on it does something else; what it did until then is counted. */
  begin(doing: Doing, at: number): void {
    const passed = at - this.#since;
    if (this.#doing === 'run') {
      this.#run += passed;
      this.virtualRuntime += (passed * DEFAULT_WEIGHT) / this.#entitlement.weight;
      this.#used = this.#usedAt(at);
      this.#period = periodOf(at);
    } else if (this.#doing === 'wait') this.#wait += passed;
    else if (this.#doing === 'steal') this.#steal += passed;
    else if (this.#doing === 'swap') {
      const fetching = this.#fetchingUntil(at);
      this.#swap += fetching;
      this.#steal += passed - fetching;
    }
    if (doing === 'wait' || doing === 'swap' || doing === 'off') this.slept = true;
    if (doing === 'run') this.slept = false;
    this.#doing = doing;
    this.#since = at;
  }

  /** `virtualRuntime` as it stands now, also while it runs. */
  virtualRuntimeAt(now: number): number {
    if (this.#doing !== 'run') return this.virtualRuntime;
    return this.virtualRuntime + ((now - this.#since) * DEFAULT_WEIGHT) / this.#entitlement.weight;
  }

  timesAt(now: number): VcpuTimes {
    const passed = now - this.#since;
    const fetching = this.#doing === 'swap' ? this.#fetchingUntil(now) : 0;
    return {
      run: this.#run + (this.#doing === 'run' ? passed : 0),
      wait: this.#wait + (this.#doing === 'wait' ? passed : 0),
      steal: this.#steal + (this.#doing === 'steal' ? passed : 0) + (this.#doing === 'swap' ? passed - fetching : 0),
      swap: this.#swap + fetching,
    };
  }

  /** It needs a page from the swap store, or one more: it cannot run for so long, from `from` on. */
  waitForPage(time: number, from: number): void {
    this.#pageAt = Math.max(this.#pageAt, from) + time;
  }

  /** Whether it waits for a page. */
  fetching(now: number): boolean {
    return this.#pageAt > now;
  }

  /** Of the time since it began to wait for a page, what it had to: from then on it waits for a hart. */
  #fetchingUntil(now: number): number {
    return Math.max(0, Math.min(now, this.#pageAt) - this.#since);
  }

  /** When it must leave its hart because of its cap, if it stays on it; Infinity: never. */
  capReachedAt(now: number): number {
    const { cap } = this.#entitlement;
    if (cap === 100) return Infinity;
    const budget = (CAP_PERIOD * cap) / 100;
    const at = now + Math.max(0, budget - this.#usedAt(now));
    const next = (periodOf(now) + 1) * CAP_PERIOD;
    return at < next ? at : next + budget;
  }

  /** When it may run (again) as far as its cap goes and the page it waits for: now, when that comes, or when the next period begins. */
  allowedFrom(now: number): number {
    const { cap } = this.#entitlement;
    const from = Math.max(now, this.#pageAt);
    if (cap === 100 || this.#usedAt(now) < (CAP_PERIOD * cap) / 100) return from;
    return Math.max(from, (periodOf(now) + 1) * CAP_PERIOD);
  }

  /** Run time in the period of `now`. */
  #usedAt(now: number): number {
    const period = periodOf(now);
    const before = this.#period === period ? this.#used : 0;
    return before + (this.#doing === 'run' ? now - Math.max(this.#since, period * CAP_PERIOD) : 0);
  }
}

const periodOf = (at: number): number => Math.floor(at / CAP_PERIOD);
