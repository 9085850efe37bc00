// One line at a time from a guest that runs beside us: who asked waits, and the moment of the last byte is kept.

import { answerIn, LineReader } from './dialogue.ts';

export class AwaitedLine {
  readonly #clock: () => number;
  readonly #reader = new LineReader((line) => this.#arrived(line));
  #waiting: ((line: { readonly text: string; readonly at: number }) => void) | undefined;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  take(byte: number): void {
    this.#reader.take(byte);
  }

  next(): Promise<{ readonly text: string; readonly at: number }> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Waits for the answer to an order. */
  async answer(order: () => void): Promise<{ readonly checksum: number; readonly milliseconds: number }> {
    const next = this.next();
    const started = this.#clock();
    order();
    const { text, at } = await next;
    return { checksum: answerIn(text), milliseconds: at - started };
  }

  #arrived(text: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.({ text, at: this.#clock() });
  }
}
