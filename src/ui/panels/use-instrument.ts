// Drives an instrument that lives in the core: asks for a little more of it, again and again, until it has an end, is stopped or
// the panel is closed. Between two answers everything else gets its turn.

import { useEffect, useRef, useState } from 'react';
import { messageOf } from '../../protocol/message-of.ts';

export interface Instrument<Reply> {
  /** The latest answer; undefined before the first one. */
  readonly reply: Reply | undefined;
  readonly running: boolean;
  readonly failure: string | undefined;
  /** Begins anew. */
  readonly run: () => void;
  /** Asks no more; what was answered stays. */
  readonly stop: () => void;
}

interface InstrumentOptions {
  /** What the run before answered is gone when the next begins, not when its first answer comes. */
  readonly clears?: boolean;
}

/**
 * @param ask one step; `begin` on the first of a run
 * @param done whether an answer is the last of its run
 */
export function useInstrument<Reply>(
  ask: (begin: boolean) => Promise<Reply>,
  done: (reply: Reply) => boolean,
  { clears = false }: InstrumentOptions = {},
): Instrument<Reply> {
  const [reply, setReply] = useState<Reply | undefined>(undefined);
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<string | undefined>(undefined);
  /** The number of the run whose answers are wanted. */
  const wanted = useRef(0);
  useEffect(
    () => () => {
      wanted.current = -1;
    },
    [],
  );
  const go = async (run: number) => {
    try {
      for (let begin = true; ; begin = false) {
        const next = await ask(begin);
        if (wanted.current !== run) return;
        setReply(next);
        if (done(next)) break;
      }
    } catch (error) {
      if (wanted.current !== run) return;
      setFailure(messageOf(error));
    }
    setRunning(false);
  };
  const stop = () => {
    wanted.current = Math.max(1, wanted.current + 1);
    setRunning(false);
  };
  const run = () => {
    stop();
    setFailure(undefined);
    setRunning(true);
    if (clears) setReply(undefined);
    void go(wanted.current);
  };
  return { reply, running, failure, run, stop };
}
