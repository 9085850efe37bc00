// Console traffic of every VM, apart from how it is drawn: what was read so far, what waits to be typed.
// A flood is held back at the source: while the terminal has more than a quarter of a megabyte undrawn, nothing more is asked.

import type { ConsoleAnswer, Queries } from '../../protocol/frame.ts';
import type { CoreClient } from '../core-client.ts';

/** Where a VM's output is drawn. */
export interface ConsoleSink {
  /** `drawn` is called when these bytes are on the screen. */
  readonly write: (bytes: Uint8Array, drawn: () => void) => void;
  /** A line of the page's own, not the guest's. */
  readonly notice: (text: string) => void;
}

export interface Consoles {
  /** The console query of the next frame: every VM with a sink that is not behind. */
  readonly questions: () => Queries['console']['question'];
  /** Takes the answers to what `questions` asked; an answer to a question from before a restart is dropped. */
  readonly deliver: (asked: Queries['console']['question'], answers: readonly ConsoleAnswer[]) => void;
  /** Output or input is in flow: ask as often as the screen draws. */
  readonly busy: () => boolean;
  readonly attach: (vm: number, sink: ConsoleSink) => void;
  readonly detach: (vm: number) => void;
  /** Sends what a person typed; what the guest does not take yet is kept and sent later. */
  readonly type: (vm: number, bytes: Uint8Array) => void;
  /** The VM begins from the start: says so between its old output and its new. */
  readonly restarted: (vm: number) => void;
}

interface Channel {
  sink: ConsoleSink;
  /** Running count of the next byte to ask for. */
  since: number;
  undrawnBytes: number;
  more: boolean;
  typed: Uint8Array;
  sending: boolean;
}

const UNDRAWN_LIMIT = 256 * 1024;
const TYPED_LIMIT = 64 * 1024;
const RETRY_MS = 30;
/** After a key, output is expected for this long. */
const ECHO_MS = 1000;

export function createConsoles(core: CoreClient): Consoles {
  const channels = new Map<number, Channel>();
  let typedAt = -Infinity;

  async function flush(vm: number, channel: Channel): Promise<void> {
    if (channel.sending) return;
    channel.sending = true;
    try {
      while (channel.typed.length > 0) {
        const { accepted } = await core.send('consoleInput', { vm, bytes: channel.typed });
        channel.typed = channel.typed.subarray(accepted);
        if (accepted === 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        if (channels.get(vm) !== channel) return;
      }
    } catch {
      // The VM is gone, or the core: the page says so elsewhere, and what was typed has no reader.
      channel.typed = new Uint8Array(0);
    } finally {
      channel.sending = false;
    }
  }

  return {
    questions: () =>
      [...channels]
        .filter(([, { undrawnBytes }]) => undrawnBytes < UNDRAWN_LIMIT)
        .map(([vm, { since }]) => ({ vm, since })),
    deliver: (asked, answers) => {
      for (const { vm, from, bytes, more } of answers) {
        const channel = channels.get(vm);
        if (channel === undefined || asked.find((question) => question.vm === vm)?.since !== channel.since) continue;
        channel.more = more;
        if (from < channel.since) {
          // The count began anew with the VM: ask again from its beginning.
          channel.since = 0;
          channel.more = true;
          continue;
        }
        if (from > channel.since) channel.sink.notice(`${from - channel.since} bytes of older output were dropped`);
        channel.since = from + bytes.length;
        if (bytes.length === 0) continue;
        channel.undrawnBytes += bytes.length;
        channel.sink.write(bytes, () => (channel.undrawnBytes -= bytes.length));
      }
    },
    busy: () => performance.now() - typedAt < ECHO_MS || [...channels.values()].some(({ more }) => more),
    attach: (vm, sink) => {
      // What the guest wrote before it had a sink is still to be asked for.
      channels.set(vm, { sink, since: 0, undrawnBytes: 0, more: true, typed: new Uint8Array(0), sending: false });
    },
    detach: (vm) => void channels.delete(vm),
    type: (vm, bytes) => {
      const channel = channels.get(vm);
      if (channel === undefined) return;
      if (channel.typed.length + bytes.length > TYPED_LIMIT) {
        channel.sink.notice('the guest does not read its serial port; what was typed last was not sent');
        return;
      }
      const typed = new Uint8Array(channel.typed.length + bytes.length);
      typed.set(channel.typed);
      typed.set(bytes, channel.typed.length);
      channel.typed = typed;
      typedAt = performance.now();
      void flush(vm, channel);
    },
    restarted: (vm) => {
      const channel = channels.get(vm);
      if (channel === undefined) return;
      channel.typed = new Uint8Array(0);
      channel.sink.notice('reset: the guest begins from its first instruction');
    },
  };
}
