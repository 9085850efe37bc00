// Writing to a stream at the pace of whoever reads it.

import type { Writable } from 'node:stream';

/** Writes, and comes back when there is room for more, or when the stream has been closed. */
export async function writeAndWait(stream: Writable, data: Uint8Array | string): Promise<void> {
  if (stream.destroyed || stream.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      for (const event of EVENTS) stream.off(event, done);
      resolve();
    };
    for (const event of EVENTS) stream.on(event, done);
  });
}

const EVENTS = ['drain', 'close', 'error'] as const;
