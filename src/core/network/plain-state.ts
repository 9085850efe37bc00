// Snapshots of this layer are plain data that survives JSON; what comes back may come from anywhere, so it is read field by field.

export type PlainValue = number | boolean | string | readonly PlainValue[] | PlainState;
export type PlainState = { readonly [key: string]: PlainValue };

/** Reads a snapshot and refuses, with an Error that names the field, whatever does not fit. */
export class StateReader {
  readonly #what: string;
  readonly #state: PlainState;

  /** @param what the thing being restored, for the message, e.g. `switch` */
  constructor(what: string, state: PlainState) {
    this.#what = what;
    this.#state = state;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#state, key);
  }

  /** A number from `minimum` to `maximum`. */
  number(key: string, minimum: number, maximum: number): number {
    const value = this.#field(key);
    if (typeof value === 'number' && value >= minimum && value <= maximum) return value;
    return this.fail(key, `a number from ${minimum} to ${maximum}`);
  }

  /** A whole number from `minimum` to `maximum`. */
  integer(key: string, minimum: number, maximum: number): number {
    const value = this.number(key, minimum, maximum);
    return Number.isSafeInteger(value) ? value : this.fail(key, 'a whole number');
  }

  boolean(key: string): boolean {
    const value = this.#field(key);
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false');
  }

  text(key: string, maximumLength: number): string {
    const value = this.#field(key);
    if (typeof value === 'string' && value.length <= maximumLength) return value;
    return this.fail(key, `text of at most ${maximumLength} characters`);
  }

  /** One of `words`. */
  word<W extends string>(key: string, words: readonly W[]): W {
    const value = this.#field(key);
    return words.find((word) => word === value) ?? this.fail(key, `one of ${words.join(', ')}`);
  }

  octets(key: string, maximumLength: number): Uint8Array {
    const value = this.#field(key);
    if (!isList(value) || value.length > maximumLength) {
      return this.fail(key, `at most ${maximumLength} octets`);
    }
    return Uint8Array.from(value, (octet) =>
      typeof octet === 'number' && Number.isInteger(octet) && octet >= 0 && octet <= 0xff
        ? octet
        : this.fail(key, 'octets'),
    );
  }

  group(key: string): StateReader {
    const value = this.#field(key);
    if (!isGroup(value)) return this.fail(key, 'a group of fields');
    return new StateReader(`${this.#what}, ${key}`, value);
  }

  groups(key: string, maximumLength: number): StateReader[] {
    const value = this.#field(key);
    if (!isList(value) || value.length > maximumLength) {
      return this.fail(key, `a list of at most ${maximumLength} groups`);
    }
    return value.map((each, index) =>
      isGroup(each) ? new StateReader(`${this.#what}, ${key} ${index}`, each) : this.fail(key, 'groups of fields'),
    );
  }

  /** @throws Error always: the snapshot does not fit */
  fail(key: string, expected: string): never {
    throw new Error(
      `The snapshot does not fit this ${this.#what}: expected ${expected} in \`${key}\`. Take the snapshot from a network of the same shape.`,
    );
  }

  #field(key: string): PlainValue | undefined {
    return this.has(key) ? this.#state[key] : undefined;
  }
}

/** `Array.isArray` does not narrow a union that holds a readonly array. */
function isList(value: PlainValue | null | undefined): value is readonly PlainValue[] {
  return Array.isArray(value);
}

/** JSON also knows `null`, which no snapshot holds. */
function isGroup(value: PlainValue | null | undefined): value is PlainState {
  return typeof value === 'object' && value !== null && !isList(value);
}
