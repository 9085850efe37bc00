// Octets in the order they came, taken off at the front: a ring that grows up to a fixed capacity.

export class ByteQueue {
  readonly capacity: number;
  #ring = new Uint8Array(0);
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get free(): number {
    return this.capacity - this.#length;
  }

  /** @returns how many octets found room */
  append(octets: Uint8Array): number {
    const accepted = octets.subarray(0, this.free);
    this.#reserve(this.#length + accepted.length);
    const size = this.#ring.length;
    if (accepted.length > 0) {
      const end = (this.#start + this.#length) % size;
      const first = accepted.subarray(0, size - end);
      this.#ring.set(first, end);
      this.#ring.set(accepted.subarray(first.length), 0);
    }
    this.#length += accepted.length;
    return accepted.length;
  }

  /** A copy of up to `count` octets from `offset` behind the front. */
  peek(offset: number, count: number): Uint8Array {
    const wanted = Math.max(0, Math.min(count, this.#length - offset));
    const copy = new Uint8Array(wanted);
    if (wanted === 0) return copy;
    const size = this.#ring.length;
    const from = (this.#start + offset) % size;
    const first = this.#ring.subarray(from, Math.min(size, from + wanted));
    copy.set(first, 0);
    copy.set(this.#ring.subarray(0, wanted - first.length), first.length);
    return copy;
  }

  discard(count: number): void {
    const gone = Math.min(count, this.#length);
    this.#length -= gone;
    this.#start = this.#length === 0 ? 0 : (this.#start + gone) % this.#ring.length;
  }

  /** Takes off up to `count` octets. */
  take(count: number): Uint8Array {
    const octets = this.peek(0, count);
    this.discard(octets.length);
    return octets;
  }

  #reserve(length: number): void {
    if (length <= this.#ring.length) return;
    let size = 2048;
    while (size < length) size *= 2;
    const ring = new Uint8Array(Math.min(size, this.capacity));
    ring.set(this.peek(0, this.#length), 0);
    this.#ring = ring;
    this.#start = 0;
  }
}
