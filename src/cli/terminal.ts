// A person's terminal while it is the guest's console: keys go to the guest as they are typed, Ctrl-C included, and
// Ctrl-A begins what is meant for the host, as in QEMU.

import type { ReadStream } from 'node:tty';

const CONTROL_A = 0x01;
const QUIT = 0x78;

/** Said when the guest starts. */
export const TERMINAL_NOTICE = 'the terminal is the guest’s console; Ctrl-A x quits, Ctrl-A Ctrl-A sends Ctrl-A';

/** Takes the host's keys out of what is typed. */
export class EscapeKeys {
  readonly #quit: () => void;
  #escaped = false;

  /** @param quit called for Ctrl-A x */
  constructor(quit: () => void) {
    this.#quit = quit;
  }

  /** @returns the bytes meant for the guest */
  readonly translate = (typed: Uint8Array): Uint8Array => {
    const kept: number[] = [];
    for (const byte of typed) {
      if (!this.#escaped && byte === CONTROL_A) {
        this.#escaped = true;
        continue;
      }
      if (this.#escaped && (byte | 0x20) === QUIT) this.#quit();
      else if (!this.#escaped || byte === CONTROL_A) kept.push(byte);
      this.#escaped = false;
    }
    return Uint8Array.from(kept);
  };
}

/** Raw mode. @returns what puts the terminal back; it is also put back when the process exits */
export function takeTerminal(stream: ReadStream): () => void {
  const restore = () => void stream.setRawMode(false);
  stream.setRawMode(true);
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}
