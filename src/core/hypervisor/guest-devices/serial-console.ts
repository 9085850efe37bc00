// What a guest's serial port has sent: the last bytes, and a running count so that a reader who was away knows how much it
// missed. A flood costs no more than its last quarter megabyte.

const CAPACITY = 1 << 18;

export class SerialConsole {
  readonly #ring = new Uint8Array(CAPACITY);
  #count = 0;
  #sink: ((byte: number) => void) | undefined;

  /** Bytes sent since the VM was made. */
  get count(): number {
    return this.#count;
  }

  /** Also passes every byte on as it comes: for a host whose console is a pipe. */
  set sink(sink: (byte: number) => void) {
    this.#sink = sink;
  }

  write(byte: number): void {
    this.#ring[this.#count % CAPACITY] = byte;
    this.#count++;
    this.#sink?.(byte);
  }

  /**
   * Bytes from running count `since` on, at most `limit`; older ones that are gone are skipped.
   * @returns the bytes and the running count of the first
   */
  read(since: number, limit: number): { readonly from: number; readonly bytes: Uint8Array } {
    const from = Math.min(this.#count, Math.max(since, this.#count - CAPACITY, 0));
    const bytes = new Uint8Array(Math.min(limit, this.#count - from));
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.#ring[(from + index) % CAPACITY] ?? 0;
    return { from, bytes };
  }
}
