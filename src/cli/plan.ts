// What is to become of a VM in the middle of a run, at an instruction that is said beforehand: so every run is the same.

/** Looked at between slices, and at the instructions at which it wants to be. */
export interface Plan {
  /** Instructions of the VM at which `look` has something to do; Infinity: at none. */
  readonly due: number;
  /** @returns what to say where the run is over by it @throws UsageError where it cannot be done */
  look(): string | undefined;
  /** The run is over: says what did not come about. */
  end(): void;
}
