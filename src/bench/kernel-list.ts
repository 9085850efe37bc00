// The kernels of the benchmark, in the order of kernels/kernels.c: every peer knows a kernel by its index in this list.

/** How many rounds make one run. The sizes' times are in proportion: a round always does the same work. */
export interface Sizes {
  /** 40 to 150 ms as WebAssembly on this class of machine. */
  readonly large: number;
  /** Half of it, for the quick form. */
  readonly medium: number;
  /** A tenth of it, for peers that interpret. */
  readonly small: number;
}
export type Size = keyof Sizes;

export interface Kernel {
  readonly name: string;
  readonly rounds: Sizes;
}

const kernel = (name: string, small: number): Kernel => ({
  name,
  rounds: { small, medium: 5 * small, large: 10 * small },
});

export const kernels: readonly Kernel[] = [
  kernel('sieve', 3),
  kernel('sha256', 18),
  kernel('matmul', 4),
  kernel('quicksort', 1),
  kernel('chase', 4),
  kernel('copy', 10),
  kernel('bytecode', 5),
  kernel('mix', 300),
];
