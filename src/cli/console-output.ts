// The guest's serial port on its way to stdout, byte for byte: collected while the guest runs, written between two slices.
// A reader that is slow slows the guest down; nothing piles up.

import type { Writable } from 'node:stream';
import { writeAndWait } from './write-and-wait.ts';

const FIRST_CAPACITY = 1 << 16;

export class ConsoleOutput {
  readonly #stream: Writable;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;
  #last = 0x0a;
  #closed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', () => {
      this.#closed = true;
    });
  }

  /** Nobody reads any more: the pipe was closed at its other end. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the last line is still without its end. */
  get midLine(): boolean {
    return this.#last !== 0x0a;
  }

  readonly write = (byte: number): void => {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = byte;
    this.#last = byte;
  };

  /** Hands on what was collected, and waits until the reader keeps up. */
  async flush(): Promise<void> {
    if (this.#length === 0 || this.#closed) {
      this.#length = 0;
      return;
    }
    // The stream may hold on to what it is given, so it gets a copy.
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    await writeAndWait(this.#stream, bytes);
  }
}
