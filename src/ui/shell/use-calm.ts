// Holds a value still while its source changes faster than a person reads.

import { useEffect, useRef, useState } from 'react';

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
