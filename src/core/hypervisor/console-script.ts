// What is typed into a VM without a person: steps, one after the other, each once the console has printed something or the
// guest has executed so many instructions. Whoever drives the computer looks at it between slices.

import type { VirtualMachine } from './virtual-machine.ts';

export interface ConsoleStep {
  /** When the console has printed this, behind what the step before waited for. */
  readonly after?: string;
  /** When the guest has executed so many instructions. */
  readonly at?: number;
  readonly text: string;
}

/** Console bytes looked at in one go. */
const PIECE = 1 << 15;

/** Bytes as a text of one character a byte, which is quickly searched. */
export const byteText = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

export class ConsoleScript {
  readonly #vm: Pick<VirtualMachine, 'console' | 'receive' | 'instructions'>;
  readonly #steps: readonly ConsoleStep[];
  readonly #encode: (text: string) => Uint8Array;
  #next = 0;
  #since: number;
  /** What the console has printed since the last match. */
  #printed = '';
  #typing: Uint8Array = new Uint8Array(0);

  /** @param encode a text as the bytes a terminal sends: UTF-8, which the core has no encoder for */
  constructor(
    vm: Pick<VirtualMachine, 'console' | 'receive' | 'instructions'>,
    steps: readonly ConsoleStep[],
    encode: (text: string) => Uint8Array,
  ) {
    this.#vm = vm;
    this.#steps = steps;
    this.#encode = encode;
    this.#since = vm.console.count;
  }

  /** Everything has been typed. */
  get done(): boolean {
    return this.#next >= this.#steps.length && this.#typing.length === 0;
  }

  /** Instructions of the guest at which the next step is due; Infinity where it waits for something else. */
  get due(): number {
    return this.#typing.length > 0 ? Infinity : (this.#steps[this.#next]?.at ?? Infinity);
  }

  /**
   * Types what is due.
   * @param asleep the guest executes no more by itself: a step that waits for a number of instructions is due now
   * @returns whether the guest has received anything
   */
  look(asleep = false): boolean {
    let received = false;
    for (;;) {
      if (this.#typing.length > 0) {
        const taken = this.#vm.receive(this.#typing);
        this.#typing = this.#typing.slice(taken);
        received ||= taken > 0;
        if (this.#typing.length > 0) return received;
      }
      const step = this.#steps[this.#next];
      if (step === undefined || !this.#isDue(step, asleep)) return received;
      this.#next++;
      this.#typing = this.#encode(step.text);
    }
  }

  #isDue({ after, at }: ConsoleStep, asleep: boolean): boolean {
    if (at !== undefined) return asleep || this.#vm.instructions >= at;
    if (after === undefined) return true;
    const wanted = byteText(this.#encode(after));
    for (;;) {
      const found = this.#printed.indexOf(wanted);
      if (found >= 0) {
        this.#printed = this.#printed.slice(found + wanted.length);
        return true;
      }
      this.#printed = this.#printed.slice(Math.max(0, this.#printed.length - wanted.length + 1));
      const { from, bytes } = this.#vm.console.read(this.#since, PIECE);
      if (bytes.length === 0) return false;
      this.#since = from + bytes.length;
      this.#printed += byteText(bytes);
    }
  }
}
