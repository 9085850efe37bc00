// What runs in the benchmark's Web Worker, or in Node: one peer that runs kernels, or a row measured on labs.

import type { Figure } from './figure.ts';
import { openDirectWasm } from './peers/direct-wasm.ts';
import { openLabGuest } from './peers/lab-guest.ts';
import type { Peer, PeerKind } from './peers/peer.ts';
import { labRows } from './rows/row-list.ts';
import type { Surroundings } from './surroundings.ts';

/** Peers that need nothing but the language and WebAssembly. */
export type PlainPeer = Extract<PeerKind, { kind: 'wasm' | 'lab' }>;

export const openPlainPeer = (peer: PlainPeer, surroundings: Surroundings): Promise<Peer> =>
  peer.kind === 'wasm' ? openDirectWasm(surroundings) : openLabGuest(peer, surroundings);

export function measureRow(name: string, quick: boolean, surroundings: Surroundings): Promise<readonly Figure[]> {
  const row = labRows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`expected a row of the benchmark, found “${name}”`);
  return row.measure(surroundings, quick);
}
