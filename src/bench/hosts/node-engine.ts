// This Node as engine: every peer in the one thread, one at a time.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { V86 } from 'v86';
import { nodeHost } from '../../cli/node-host.ts';
import type { Clock, Engine } from '../engine.ts';
import { openV86 } from '../peers/v86.ts';
import type { Surroundings } from '../surroundings.ts';
import { measureRow, openPlainPeer } from '../workbench.ts';
import { fileOf, folders, type Places } from './files.ts';

const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

export const nodeSurroundings = (places: Places, clock: Clock): Surroundings => ({
  host: nodeHost,
  clock: clock === 'cpu' ? processorTime : () => performance.now(),
  turn: () => nextTurn(),
  load: async (path) => {
    const file = fileOf(places, path);
    if (file === undefined) throw new Error(`expected a file of the benchmark, found “${path}”`);
    return Uint8Array.from(await readFile(file));
  },
});

export function openNodeEngine(places: Places, clock: Clock): Engine {
  const surroundings = nodeSurroundings(places, clock);
  const wasmPath = join(folders(places)['v86'] ?? '', 'v86.wasm');
  return {
    name: `Node ${process.versions.node}`,
    clock,
    rowClock: clock,
    open: (kind) =>
      kind.kind === 'v86' ? openV86({ ...surroundings, Emulator: V86, wasmPath }) : openPlainPeer(kind, surroundings),
    measureRow: (name, quick) => measureRow(name, quick, surroundings),
    close: () => Promise.resolve(),
  };
}
