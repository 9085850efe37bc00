// What the benchmark's page asks its worker, and what comes back.

import type { Figure } from '../figure.ts';
import type { KernelRun } from '../peers/peer.ts';
import type { PlainPeer } from '../workbench.ts';

export type WorkRequest =
  | { readonly work: 'open'; readonly peer: PlainPeer }
  | { readonly work: 'run'; readonly kernel: number; readonly rounds: number }
  | { readonly work: 'row'; readonly name: string; readonly quick: boolean };

export type WorkReply =
  | { readonly ok: true; readonly result: undefined | KernelRun | readonly Figure[] }
  | { readonly ok: false; readonly message: string };
