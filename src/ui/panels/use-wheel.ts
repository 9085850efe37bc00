// The wheel for views that are a window over an address space: they move the window, and the page must not scroll with it.
// React's own wheel listener is passive, so this one is added by hand.

import { useEffect, useState, type RefCallback } from 'react';

/** `onTurn` is called with -1 for up and 1 for down. Give the returned callback to the element as its ref. */
export function useWheel(onTurn: (direction: -1 | 1) => void): RefCallback<HTMLElement> {
  const [element, setElement] = useState<HTMLElement | null>(null);
  useEffect(() => {
    if (element === null) return;
    const listen = (event: WheelEvent) => {
      event.preventDefault();
      if (event.deltaY !== 0) onTurn(event.deltaY < 0 ? -1 : 1);
    };
    element.addEventListener('wheel', listen, { passive: false });
    return () => element.removeEventListener('wheel', listen);
  }, [element, onTurn]);
  return setElement;
}
