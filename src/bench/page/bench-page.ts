// The benchmark's page: a worker for each peer, and v86, which runs in the page itself. The command drives it from outside
// through `window.bench`.

import { V86 } from 'v86';
import type { EnginePeer } from '../engine.ts';
import type { Figure } from '../figure.ts';
import type { KernelRun, Peer } from '../peers/peer.ts';
import { openV86 } from '../peers/v86.ts';
import type { WorkReply, WorkRequest } from '../worker/requests.ts';

export interface BenchPage {
  /** @returns the peer's number */
  readonly open: (peer: EnginePeer) => Promise<number>;
  readonly run: (peer: number, kernel: number, rounds: number) => Promise<KernelRun>;
  readonly row: (name: string, quick: boolean) => Promise<readonly Figure[]>;
}

declare global {
  interface Window {
    bench: BenchPage;
  }
}

const newWorker = () => new Worker('/bundles/worker.js', { type: 'module' });

function ask(worker: Worker, request: WorkRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkReply>) => {
      if (data.ok) resolve(data.result);
      else reject(new Error(data.message));
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(request);
  });
}

const load = async (path: string) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer());

async function openPeer(peer: EnginePeer): Promise<Peer> {
  if (peer.kind === 'v86') {
    return openV86({ load, clock: () => performance.now(), Emulator: V86, wasmPath: '/v86/v86.wasm' });
  }
  const worker = newWorker();
  await ask(worker, { work: 'open', peer });
  return {
    run: async (kernel, rounds) => (await ask(worker, { work: 'run', kernel, rounds })) as KernelRun,
    close: () => Promise.resolve(worker.terminate()),
  };
}

const peers: Peer[] = [];

window.bench = {
  open: async (kind) => peers.push(await openPeer(kind)) - 1,
  run: (number, kernel, rounds) => {
    const peer = peers[number];
    if (peer === undefined) throw new Error(`expected the number of a peer, found ${number}`);
    return peer.run(kernel, rounds);
  },
  row: async (name, quick) => {
    const worker = newWorker();
    try {
      return (await ask(worker, { work: 'row', name, quick })) as readonly Figure[];
    } finally {
      worker.terminate();
    }
  },
};
