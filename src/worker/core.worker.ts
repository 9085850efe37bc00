// The Web Worker that hosts the core: messages in, answers out, slices in between.

import type { Request, Response } from '../protocol/commands.ts';
import { messageOf } from '../protocol/message-of.ts';
import { browserHost } from './browser-host.ts';
import { OriginFolder } from './disks/origin-folder.ts';
import { Pacer } from './pacer.ts';
import { Session } from './session.ts';

declare const self: DedicatedWorkerGlobalScope;

/** A message to oneself is served after the messages that wait already: unlike a timer it is never delayed. */
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

const session = new Session(
  browserHost,
  (lab) =>
    new Pacer({
      lab,
      now: () => performance.now(),
      soon: (callback) => {
        waiting.push(callback);
        channel.port2.postMessage(undefined);
      },
      later: (callback, milliseconds) => {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
    }),
  new OriginFolder(),
);

self.onmessage = ({ data }: MessageEvent<Request>) => {
  const { id, command, request } = data;
  session.answer(command, request).then(
    (reply) => self.postMessage({ id, ok: true, reply } satisfies Response),
    (error: unknown) => self.postMessage({ id, ok: false, failure: { message: messageOf(error) } } satisfies Response),
  );
};
