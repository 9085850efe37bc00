// The benchmark's Web Worker: one peer, or one row. Requests come one at a time.

import { browserHost } from '../../worker/browser-host.ts';
import type { Peer } from '../peers/peer.ts';
import type { Surroundings } from '../surroundings.ts';
import { measureRow, openPlainPeer } from '../workbench.ts';
import type { WorkReply, WorkRequest } from './requests.ts';

declare const self: DedicatedWorkerGlobalScope;

/** A message to oneself is served after what waits already, and unlike a timer it is never delayed. */
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

const surroundings: Surroundings = {
  host: browserHost,
  clock: () => performance.now(),
  turn: () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(undefined);
    }),
  load: async (path) => {
    const response = await fetch(`/${path}`);
    if (!response.ok) throw new Error(`expected ${path} of the benchmark's server, found status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },
};

const peers: Peer[] = [];

async function answer(request: WorkRequest) {
  switch (request.work) {
    case 'open':
      peers.push(await openPlainPeer(request.peer, surroundings));
      return undefined;
    case 'run': {
      const [peer] = peers;
      if (peer === undefined) throw new Error('expected an open peer, found none');
      return peer.run(request.kernel, request.rounds);
    }
    case 'row':
      return measureRow(request.name, request.quick, surroundings);
  }
}

self.onmessage = ({ data }: MessageEvent<WorkRequest>) => {
  answer(data).then(
    (result) => self.postMessage({ ok: true, result } satisfies WorkReply),
    (error: unknown) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      self.postMessage({ ok: false, message } satisfies WorkReply);
    },
  );
};
