// What Node gives the core: memory, a compiler for the modules the core writes, and a clock to look at.

import type { Host, SharedLinearMemory } from '../core/machine/linear-memory.ts';
import { UsageError } from './options.ts';

const WASM_PAGE = 65536;

export const nodeHost: Host = {
  allocate(bytes: number): SharedLinearMemory {
    const pages = Math.ceil(bytes / WASM_PAGE);
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch {
      throw new UsageError(
        `${Math.ceil(bytes / 2 ** 20)} MiB of memory for the machine`,
        'less',
        'give the guest less memory or fewer harts',
      );
    }
  },
  compile(module: Uint8Array, memory: SharedLinearMemory): Readonly<Record<string, () => number>> {
    const compiled = new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
    const instance = new WebAssembly.Instance(compiled, { machine: { memory: memory as WebAssembly.Memory } });
    return instance.exports as Readonly<Record<string, () => number>>;
  },
  nanoseconds: () => Number(process.hrtime.bigint()),
};
