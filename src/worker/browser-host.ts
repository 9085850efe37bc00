// What a browser's worker gives the core: memory, a compiler, and a clock to look at.

import type { Host, SharedLinearMemory } from '../core/machine/linear-memory.ts';

const WASM_PAGE = 65536;

export const browserHost: Host = {
  allocate(bytes: number): SharedLinearMemory {
    const pages = Math.ceil(bytes / WASM_PAGE);
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch {
      throw new Error(
        `Expected ${Math.ceil(bytes / 2 ** 20)} MiB of memory for the machine; this browser gives less. Close other tabs, or give the guest less memory.`,
      );
    }
  },
  compile(module: Uint8Array, memory: SharedLinearMemory): Readonly<Record<string, () => number>> {
    const compiled = new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
    const instance = new WebAssembly.Instance(compiled, { machine: { memory: memory as WebAssembly.Memory } });
    return instance.exports as Readonly<Record<string, () => number>>;
  },
  nanoseconds: () => performance.now() * 1e6,
};
