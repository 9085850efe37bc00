// v86, the x86 emulator that runs in browsers, with the same kernels for i386. It lives where its users have it: in the page.
// It runs only while it has work, so that it takes no time from the others.

import type { V86 } from 'v86';
import { images, type Surroundings } from '../surroundings.ts';
import { AwaitedLine } from './awaited-line.ts';
import { kernelOrder } from './dialogue.ts';
import type { Peer } from './peer.ts';

const MEMORY = 64 * 2 ** 20;

export interface V86Ports extends Pick<Surroundings, 'load' | 'clock'> {
  readonly Emulator: typeof V86;
  /** Where its own WebAssembly lies: a path in Node, an address in a page. */
  readonly wasmPath: string;
}

export async function openV86({ load, clock, Emulator, wasmPath }: V86Ports): Promise<Peer> {
  const image = await load(images.i386);
  const lines = new AwaitedLine(clock);
  const ready = lines.next();
  const emulator = new Emulator({
    wasm_path: wasmPath,
    memory_size: MEMORY,
    multiboot: { buffer: image.buffer },
    autostart: true,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  emulator.add_listener('serial0-output-byte', (byte: number) => lines.take(byte));
  await ready;
  await emulator.stop();
  return {
    run: async (kernel, rounds) => {
      await emulator.run();
      const run = await lines.answer(() => emulator.serial0_send(kernelOrder(kernel, rounds)));
      await emulator.stop();
      return run;
    },
    close: async () => {
      await emulator.destroy();
    },
  };
}
