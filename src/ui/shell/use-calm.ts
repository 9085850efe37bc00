// Holds a value still while its source changes faster than a person reads.

import { useEffect, useRef, useState } from 'react';
import type { Runner, VmSummary } from '../../protocol/frame.ts';
import { isMoving } from '../frame-store.ts';

/** The value, at most one change every `interval` milliseconds; at once where `calm` is false. */
export function useCalm<Value>(value: Value, interval: number, calm: boolean): Value {
  const [held, setHeld] = useState(value);
  const changedAt = useRef(0);
  useEffect(() => {
    if (!calm) return;
    const wait = Math.max(0, changedAt.current + interval - performance.now());
    const timer = window.setTimeout(() => {
      changedAt.current = performance.now();
      setHeld(value);
    }, wait);
    return () => window.clearTimeout(timer);
  }, [value, interval, calm]);
  return calm ? held : value;
}

const RUNNER_EVERY_MS = 1000;

/** Who runs: at once when the VM stands, once a second while it runs, because frames only sample it then. */
export function useRunner(vm: VmSummary | undefined): Runner {
  const runner = vm === undefined || vm.state === 'ended' ? 'nobody' : vm.runner;
  return useCalm(runner, RUNNER_EVERY_MS, vm !== undefined && isMoving(vm));
}
