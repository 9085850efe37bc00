// The baseline: the same kernels compiled straight to WebAssembly and run by the engine itself.

import { images, type Surroundings } from '../surroundings.ts';
import type { Peer } from './peer.ts';

interface Exports {
  readonly prepare: (kernel: number) => void;
  readonly run: (kernel: number, rounds: number) => number;
}

export async function openDirectWasm({ load, clock }: Pick<Surroundings, 'load' | 'clock'>): Promise<Peer> {
  const { instance } = await WebAssembly.instantiate(await load(images.wasm), {});
  const { prepare, run } = instance.exports as unknown as Exports;
  let prepared: number | undefined;
  return {
    run: (kernel, rounds) => {
      const started = clock();
      if (prepared !== kernel) prepare(kernel);
      prepared = kernel;
      const checksum = run(kernel, rounds) >>> 0;
      return Promise.resolve({ checksum, milliseconds: clock() - started });
    },
    close: () => Promise.resolve(),
  };
}
