// What Node gives the core: memory, a compiler for the modules the core writes, and a clock to look at.

import type { Host, Imports, SharedLinearMemory, SharedTable } from '../core/machine/linear-memory.ts';
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
  table: (slots) => new WebAssembly.Table({ element: 'anyfunc', initial: slots }) as SharedTable,
  compile(module, imports) {
    const compiled = new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
    return new WebAssembly.Instance(compiled, importsOf(imports)).exports as Readonly<Record<string, () => number>>;
  },
  compileInBackground(module, imports, done) {
    void WebAssembly.instantiate(module as Uint8Array<ArrayBuffer>, importsOf(imports)).then(done);
  },
  nanoseconds: () => performance.now() * 1e6,
};

const importsOf = (imports: Imports): WebAssembly.Imports => ({
  machine: imports as unknown as Record<string, WebAssembly.Memory | WebAssembly.Table>,
});
