// What ends a run from outside: a signal, the keys at the terminal, a reader of stdout that has gone. The run ends between
// two slices, and what was asked for (statistics, trace) is still written.

export interface Interruption {
  readonly status: number;
  /** One sentence for a person; nothing where it would only be noise. */
  readonly message?: string;
}

/** Exit statuses are those of a shell: 128 and the signal's number. */
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof signals;

/** As a program has that is killed by SIGPIPE. */
export const OUTPUT_CLOSED: Interruption = { status: 141 };
export const QUIT: Interruption = { status: 0, message: 'Quit from the terminal.' };

export class Interruptions {
  #first: Interruption | undefined;
  #listener: (() => void) | undefined;
  readonly #handlers = new Map<Signal, () => void>();

  /** The first that came. */
  get first(): Interruption | undefined {
    return this.#first;
  }

  readonly interrupt = (interruption: Interruption): void => {
    this.#first ??= interruption;
    this.#listener?.();
  };

  /** Called, once, when one comes. */
  onArrival(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }

  /** From now on signals end the run; a second one of the same kind ends the process at once. */
  listen(): void {
    for (const signal of Object.keys(signals) as Signal[]) {
      const handler = () => this.interrupt({ status: signals[signal], message: `Stopped by ${signal}.` });
      this.#handlers.set(signal, handler);
      process.once(signal, handler);
    }
  }

  stopListening(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#handlers.clear();
  }
}
