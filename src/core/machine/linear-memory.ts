// The machine's linear memory as typed views, and what a host must supply to run generated code on it. The core makes
// bytes; only a host can compile them.

/** What a host gives the core: memory, and a compiler for the modules the core writes. */
export interface Host {
  /** Makes the linear memory, all zero. @throws Error in plain words where it cannot be had */
  allocate(bytes: number): SharedLinearMemory;
  /** Makes a table of functions, all slots empty. */
  table(slots: number): SharedTable;
  /** Compiles a module and returns its exported functions. */
  compile(module: Uint8Array, imports: Imports): Readonly<Record<string, () => number>>;
  /** Compiles a module while the machine goes on, and calls `done` between two runs of it, with its functions in their slots. */
  compileInBackground(module: Uint8Array, imports: Imports, done: () => void): void;
  /** Host time in nanoseconds, for display only: it never feeds back into the machine. */
  nanoseconds(): number;
}

/** The host's handle of a table of functions (a WebAssembly.Table). */
export interface SharedTable {
  get(slot: number): SharedFunction | null;
  set(slot: number, value: SharedFunction | null): void;
}

/** The host's handle of a function in a table. */
export type SharedFunction = object;

/** What the modules of the core import, under the module name `machine`. */
export interface Imports {
  readonly memory: SharedLinearMemory;
  readonly regions?: SharedTable;
}

/** The host's handle of a linear memory (a WebAssembly.Memory); the core only looks at its bytes. */
export interface SharedLinearMemory {
  readonly buffer: ArrayBuffer;
}

/** All views of one linear memory. Addresses are linear (byte offsets), never physical. */
export class LinearMemory {
  readonly handle: SharedLinearMemory;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bigs: BigInt64Array;

  constructor(handle: SharedLinearMemory) {
    this.handle = handle;
    this.bytes = new Uint8Array(handle.buffer);
    this.halves = new Uint16Array(handle.buffer);
    this.words = new Int32Array(handle.buffer);
    this.doubles = new Float64Array(handle.buffer);
    this.bigs = new BigInt64Array(handle.buffer);
  }
}
