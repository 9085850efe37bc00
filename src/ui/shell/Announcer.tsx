// The status region: says why the machine stopped and why a key did nothing, politely and not more than once a second.

import { useEffect, useRef, useState } from 'react';
import { useShell } from '../shell-state.ts';

const EVERY_MS = 1000;

export function Announcer() {
  const { text, count } = useShell((state) => state.announcement);
  const [said, setSaid] = useState('');
  const saidAt = useRef(-EVERY_MS);
  useEffect(() => {
    const wait = Math.max(50, saidAt.current + EVERY_MS - performance.now());
    const timer = window.setTimeout(() => {
      saidAt.current = performance.now();
      // An equal sentence is said again because the text differs by a space that nobody hears.
      setSaid(count % 2 === 0 ? text : `${text}\u00a0`);
    }, wait);
    return () => window.clearTimeout(timer);
  }, [text, count]);
  return (
    <div role="status" className="visually-hidden">
      {said}
    </div>
  );
}
