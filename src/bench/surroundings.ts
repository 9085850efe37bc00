// What the benchmark needs of the place it runs in, be it a Web Worker, a page or Node. There is one of these for each.

import type { Host } from '../core/machine/linear-memory.ts';

export interface Surroundings {
  readonly host: Host;
  /** Milliseconds of whatever is measured here: wall time in a browser, processor time in Node. */
  readonly clock: () => number;
  /** Lets the event loop turn once: modules that were compiled meanwhile, and messages, get their chance. */
  readonly turn: () => Promise<void>;
  /** The bytes of a file, by its path below the benchmark's or the page's public folder. @throws Error where there is none */
  readonly load: (path: string) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Paths of the kernels' images, which src/bench/kernels/build.sh makes. */
export const images = {
  wasm: 'images/kernels.wasm',
  rv32: 'images/kernels-rv32.elf',
  i386: 'images/kernels-i386.elf',
} as const;
