// An interrupt file of an IMSIC: which message-signaled interrupts are pending, which are enabled, and whether that is worth a
// signal to the hart (RISC-V Advanced Interrupt Architecture 1.0, chapter 3). A page in memory leads messages to it, CSRs of its
// hart everything else; the file knows neither.
//
//   message (identity) ─▶ eip ∧ eie, identity < eithreshold ─▶ top ∧ eidelivery ─▶ signal

import { adoptState, BITS, copyState, count, list, type FieldsOf } from './device-state.ts';
import type { DeviceState } from './device.ts';

/** Identities of QEMU's `virt` board, 1 to 255: one less than a multiple of 64 (section 3.1). */
export const IDENTITIES = 255;
const WORDS = (IDENTITIES + 1) / 32;
/** *iselect: numbers of the registers (section 3.7). */
const Register = { eidelivery: 0x70, eithreshold: 0x72, eip: 0x80, eie: 0xc0, last: 0xff } as const;
const REGISTERS_IN_ARRAY = 64;

type FileState = {
  eidelivery: number;
  eithreshold: number;
  eip: number[];
  eie: number[];
};

const FIELDS: FieldsOf<FileState> = {
  eidelivery: count(1),
  eithreshold: count(IDENTITIES),
  eip: list(BITS, WORDS),
  eie: list(BITS, WORDS),
};

export interface InterruptFileOptions {
  /** The wire to the hart; called when its level changes, on reset and on restore. */
  readonly signal: (level: boolean) => void;
  readonly claimed?: (identity: number) => void;
}

export class InterruptFile {
  readonly #options: InterruptFileOptions;
  #state = newState();
  #level = false;

  constructor(options: InterruptFileOptions) {
    this.#options = options;
  }

  /** The level of its wire. */
  get signals(): boolean {
    return this.#level;
  }

  /** A message has arrived; one with a number that is no identity is ignored (section 3.5). */
  receive(identity: number): void {
    if (identity < 1 || identity > IDENTITIES) return;
    const { eip } = this.#state;
    eip[identity >>> 5] = (eip[identity >>> 5] ?? 0) | (1 << (identity & 31));
    this.#update();
  }

  /** A register by its number in *iselect; reserved ones and those without identities are zero. */
  read(select: number): number {
    const { eidelivery, eithreshold, eip, eie } = this.#state;
    if (select === Register.eidelivery) return eidelivery;
    if (select === Register.eithreshold) return eithreshold;
    if (select >= Register.eie && select <= Register.last) return (eie[select - Register.eie] ?? 0) >>> 0;
    return select >= Register.eip ? (eip[select - Register.eip] ?? 0) >>> 0 : 0;
  }

  write(select: number, value: number): void {
    const state = this.#state;
    // Of eidelivery two values are legal here (WARL): nobody delivers past the file.
    if (select === Register.eidelivery) state.eidelivery = value & 1;
    else if (select === Register.eithreshold) state.eithreshold = value & IDENTITIES;
    else if (select >= Register.eip && select <= Register.last) {
      const array = select >= Register.eie ? state.eie : state.eip;
      const word = (select - Register.eip) % REGISTERS_IN_ARRAY;
      // There is no identity 0.
      if (word < WORDS) array[word] = word === 0 ? value & ~1 : value | 0;
    }
    this.#update();
  }

  /** *topei (section 3.9). */
  get top(): number {
    const identity = this.#top();
    return (identity << 16) | identity;
  }

  /** A write to *topei. */
  claim(): void {
    const identity = this.#top();
    if (identity === 0) return;
    const { eip } = this.#state;
    eip[identity >>> 5] = (eip[identity >>> 5] ?? 0) & ~(1 << (identity & 31));
    this.#options.claimed?.(identity);
    this.#update();
  }

  reset(): void {
    this.#state = newState();
    this.#level = false;
    this.#options.signal(false);
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  /** @throws Error where the state is no interrupt file's */
  restore(state: DeviceState): void {
    this.#state = adoptState<FileState>('interrupt file', FIELDS, state);
    this.#level = this.#worthASignal;
    this.#options.signal(this.#level);
  }

  /** The lowest number is the most urgent; from eithreshold on they do not count. */
  #top(): number {
    const { eithreshold, eip, eie } = this.#state;
    for (let word = 0; word < WORDS; word++) {
      const ready = (eip[word] ?? 0) & (eie[word] ?? 0);
      if (ready === 0) continue;
      const identity = 32 * word + 31 - Math.clz32(ready & -ready);
      return eithreshold === 0 || identity < eithreshold ? identity : 0;
    }
    return 0;
  }

  get #worthASignal(): boolean {
    return this.#state.eidelivery === 1 && this.#top() !== 0;
  }

  #update(): void {
    const level = this.#worthASignal;
    if (level === this.#level) return;
    this.#level = level;
    this.#options.signal(level);
  }
}

const newState = (): FileState => ({
  eidelivery: 0,
  eithreshold: 0,
  eip: new Array<number>(WORDS).fill(0),
  eie: new Array<number>(WORDS).fill(0),
});
