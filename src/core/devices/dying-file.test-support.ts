// A file of a host that may die, as hard as the interfaces allow: of what was written since the last flush any part may be
// there afterwards, in any order, torn anywhere. And one that runs out of room.

import type { ByteFile } from './byte-file.ts';

/** Thrown by every call from the moment of death on. */
export class HostDied extends Error {}

interface Pending {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Bytes that grow. */
class Growing {
  #bytes: Uint8Array<ArrayBuffer>;
  length: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(bytes);
    this.length = bytes.length;
  }

  put(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, at);
    this.length = Math.max(this.length, end);
  }

  get view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }
}

export class DyingFile implements ByteFile {
  /** What is safe, and what a host that lives sees. */
  readonly #safe: Growing;
  readonly #seen: Growing;
  #pending: Pending[] = [];
  /** Writes and flushes until death. */
  readonly #lifetime: number;
  /** Bytes the file may have. */
  room = Infinity;
  calls = 0;
  dead = false;

  constructor(durable: Uint8Array, lifetime = Infinity) {
    this.#safe = new Growing(durable);
    this.#seen = new Growing(durable);
    this.#lifetime = lifetime;
  }

  get durable(): Uint8Array<ArrayBuffer> {
    return this.#safe.view;
  }

  read(into: Uint8Array, { at }: { readonly at: number }): number {
    if (this.dead) throw new HostDied();
    const part = this.#seen.view.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }

  write(from: Uint8Array, { at }: { readonly at: number }): number {
    if (at + from.length > this.room) throw new Error('QuotaExceededError');
    this.#pending.push({ at, bytes: from.slice() });
    this.#seen.put(at, from);
    if (this.#dies()) throw new HostDied();
    return from.length;
  }

  flush(): void {
    if (this.#dies()) throw new HostDied();
    for (const { at, bytes } of this.#pending.splice(0)) this.#safe.put(at, bytes);
  }

  getSize(): number {
    return this.#seen.length;
  }

  close(): void {
    // Nothing is held.
  }

  /**
   * What a host that died now finds when it is there again.
   * @param random 0 to 1, decides what of each write since the last flush has arrived, and in which order
   */
  remains(random: () => number): Uint8Array<ArrayBuffer> {
    const found = new Growing(this.#safe.view);
    const order = this.#pending.map((write) => ({ write, key: random() })).sort((a, b) => a.key - b.key);
    for (const { write } of order) {
      const kind = random();
      if (kind < 0.3) continue;
      const { length } = write.bytes;
      const from = kind < 0.7 ? 0 : Math.floor(random() * length);
      const to = kind < 0.7 ? length : from + Math.ceil(random() * (length - from));
      found.put(write.at + from, write.bytes.subarray(from, to));
    }
    return found.view;
  }

  #dies(): boolean {
    if (this.dead) throw new HostDied();
    this.calls++;
    this.dead = this.calls > this.#lifetime;
    return this.dead;
  }
}
