// A part of the core that a first visit does not need: a chunk of its own, fetched when something first wants it, then kept.

export class Part<Contents> {
  readonly #fetch: () => Promise<Contents>;
  #coming: Promise<Contents> | undefined;
  #here: Contents | undefined;

  constructor(fetch: () => Promise<Contents>) {
    this.#fetch = fetch;
  }

  /** Undefined until somebody has wanted it and it has arrived. */
  get here(): Contents | undefined {
    return this.#here;
  }

  /** What did not arrive is asked for anew the next time. @throws Error with one line for a person */
  get(): Promise<Contents> {
    this.#coming ??= this.#fetch().then(
      (contents) => (this.#here = contents),
      (error: unknown) => {
        this.#coming = undefined;
        throw error instanceof TypeError
          ? new Error(
              'Expected a part of the page that was not needed before, found no connection. Try again when its server answers.',
              { cause: error },
            )
          : error;
      },
    );
    return this.#coming;
  }
}
