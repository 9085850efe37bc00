// Who ran where, and when: a ring of the last intervals during which a vCPU was on a physical hart. For drawing.
// One interval: from, to (instructions of virtual time; to is −1 while it lasts), hart, VM, vCPU.

const FIELDS = 5;
const KEPT = 4096;

export interface RunInterval {
  /** Instructions of virtual time. */
  readonly from: number;
  /** Undefined while it lasts. */
  readonly to: number | undefined;
  /** The physical hart. */
  readonly hart: number;
  readonly vm: number;
  readonly vcpu: number;
}

export class RunIntervals {
  readonly #fields = new Float64Array(KEPT * FIELDS);
  #count = 0;
  /** For each hart, the number of the interval that lasts, or was the last one. */
  readonly #latest: number[];

  constructor(harts: number) {
    this.#latest = new Array<number>(harts).fill(-1);
  }

  /** A vCPU comes onto a hart. Where it has just left that hart, and no time has passed, it never left. */
  begin(hart: number, vm: number, vcpu: number, at: number): void {
    const latest = this.#latest[hart] ?? -1;
    if (latest >= this.#count - KEPT && latest >= 0) {
      const base = (latest % KEPT) * FIELDS;
      const fields = this.#fields;
      if (fields[base + 1] === at && fields[base + 3] === vm && fields[base + 4] === vcpu) {
        fields[base + 1] = -1;
        return;
      }
    }
    this.#latest[hart] = this.#count;
    this.#fields.set([at, -1, hart, vm, vcpu], (this.#count++ % KEPT) * FIELDS);
  }

  /** The vCPU leaves the hart. */
  end(hart: number, at: number): void {
    const latest = this.#latest[hart] ?? -1;
    if (latest < 0 || latest < this.#count - KEPT) return;
    this.#fields[(latest % KEPT) * FIELDS + 1] = at;
  }

  /** The intervals kept that reach beyond `since`, oldest first. */
  from(since: number): readonly RunInterval[] {
    const intervals: RunInterval[] = [];
    for (let number = Math.max(0, this.#count - KEPT); number < this.#count; number++) {
      const base = (number % KEPT) * FIELDS;
      const field = (index: number) => this.#fields[base + index] ?? 0;
      const to = field(1) === -1 ? undefined : field(1);
      if (to !== undefined && to <= since) continue;
      intervals.push({ from: field(0), to, hart: field(2), vm: field(3), vcpu: field(4) });
    }
    return intervals;
  }
}
