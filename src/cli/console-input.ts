// Stdin on its way to the guest's serial port. What is piped in is read before the guest starts, as far as the port's own
// queue takes it, so that the same input gives the same run; a person at a terminal types while it runs.
//
//   stdin → pending (a few KiB more at most, then reading pauses) → receive() → the port's queue → the guest

import { fstatSync, readSync } from 'node:fs';

/** Bytes kept here before reading pauses: what the serial port queues. */
const PENDING_LIMIT = 1 << 16;
/** How long the start waits for a pipe that neither brings bytes nor ends, in milliseconds. */
const GRACE = 100;

/** `process.stdin`, whatever it is. */
export type Stdin = NodeJS.ReadStream & { readonly fd: number };

export interface ConsoleInput {
  /** A person sits at the other end: time that the guest waits is real time. */
  readonly interactive: boolean;
  /** Nothing more will come. */
  readonly ended: boolean;
  /** Bytes that may be offered to the guest. */
  readonly pending: number;
  /** Collects what is there already. */
  start(): Promise<void>;
  /** Gives the guest what it takes. @returns bytes it took */
  offer(receive: (bytes: Uint8Array) => number): number;
  /** Calls back, once, when there is something new: bytes, the end. */
  onNews(listener: () => void): void;
  stop(): void;
}

/** Bytes in order of arrival, taken from the front. */
export class Pending {
  #chunks: Uint8Array[] = [];
  length = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  offer(receive: (bytes: Uint8Array) => number): number {
    let taken = 0;
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const accepted = receive(chunk);
      taken += accepted;
      this.length -= accepted;
      if (accepted < chunk.length) {
        this.#chunks[0] = chunk.subarray(accepted);
        break;
      }
      this.#chunks.shift();
    }
    return taken;
  }
}

/** A file is read when the guest has room: the same bytes come at the same instructions in every run. */
export class FileInput implements ConsoleInput {
  readonly interactive = false;
  readonly #descriptor: number;
  readonly #waiting = new Pending();
  #ended = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  get ended(): boolean {
    return this.#ended;
  }
  get pending(): number {
    return this.#waiting.length;
  }

  start(): Promise<void> {
    this.#fill();
    return Promise.resolve();
  }

  offer(receive: (bytes: Uint8Array) => number): number {
    const taken = this.#waiting.offer(receive);
    this.#fill();
    return taken;
  }

  onNews(listener: () => void): void {
    setImmediate(listener);
  }

  stop(): void {
    this.#ended = true;
  }

  #fill(): void {
    while (!this.#ended && this.#waiting.length < PENDING_LIMIT) {
      const bytes = new Uint8Array(PENDING_LIMIT);
      let count = 0;
      try {
        count = readSync(this.#descriptor, bytes);
      } catch {
        // A file that cannot be read has nothing to say, as with any other command.
      }
      if (count === 0) this.#ended = true;
      this.#waiting.push(bytes.subarray(0, count));
    }
  }
}

/** A pipe, a socket or a terminal: bytes come when they come. */
export class StreamInput implements ConsoleInput {
  readonly interactive: boolean;
  readonly #stream: NodeJS.ReadStream;
  readonly #waiting = new Pending();
  /** Turns what was typed into what the guest receives. */
  readonly #translate: (bytes: Uint8Array) => Uint8Array;
  #ended = false;
  #news: (() => void) | undefined;

  constructor(stream: NodeJS.ReadStream, interactive: boolean, translate = (bytes: Uint8Array) => bytes) {
    this.#stream = stream;
    this.interactive = interactive;
    this.#translate = translate;
  }

  get ended(): boolean {
    return this.#ended;
  }
  get pending(): number {
    return this.#waiting.length;
  }

  async start(): Promise<void> {
    this.#stream.on('data', this.#arrived);
    this.#stream.on('end', this.#finished);
    this.#stream.on('error', this.#finished);
    this.#stream.on('close', this.#finished);
    if (this.interactive) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, GRACE);
      const look = () => {
        if (!this.#ended && this.#waiting.length < PENDING_LIMIT) {
          this.onNews(look);
          return;
        }
        clearTimeout(giveUp);
        resolve();
      };
      look();
    });
    this.#news = undefined;
  }

  offer(receive: (bytes: Uint8Array) => number): number {
    if (this.#waiting.length === 0) return 0;
    const taken = this.#waiting.offer(receive);
    if (this.#waiting.length < PENDING_LIMIT && !this.#ended && this.#stream.isPaused()) this.#stream.resume();
    return taken;
  }

  onNews(listener: () => void): void {
    this.#news = listener;
  }

  stop(): void {
    this.#stream.off('data', this.#arrived);
    this.#stream.pause();
    this.#ended = true;
  }

  readonly #arrived = (chunk: Buffer): void => {
    this.#waiting.push(this.#translate(new Uint8Array(chunk)));
    if (this.#waiting.length >= PENDING_LIMIT) this.#stream.pause();
    this.#tell();
  };

  readonly #finished = (): void => {
    this.#ended = true;
    this.#tell();
  };

  #tell(): void {
    const listener = this.#news;
    this.#news = undefined;
    listener?.();
  }
}

const isFile = (descriptor: number): boolean => {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
};

/** The input that fits what stdin is. A terminal is put into raw mode by whoever made the `translate` for it. */
export function inputFrom(stream: Stdin, translate?: (bytes: Uint8Array) => Uint8Array): ConsoleInput {
  if (stream.isTTY) return new StreamInput(stream, true, translate);
  return isFile(stream.fd) ? new FileInput(stream.fd) : new StreamInput(stream, false);
}
