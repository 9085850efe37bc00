// Keys for a list or table whose rows carry the focus: one Tab stop, arrows inside (ARIA practices: roving focus by
// aria-activedescendant, which also works when rows are virtualised and most do not exist).
//
//   const rows = useRovingRows({ count, active, onActive: select, onOpen: open, idOf: (row) => `exit-${row}` });
//   <div {...rows.container} role="grid" aria-label="Exits"> … <div {...rows.row(index)} role="row"> …

import type { KeyboardEvent } from 'react';

interface RovingRows {
  readonly count: number;
  /** Index of the row with the cursor; -1 for none. */
  readonly active: number;
  readonly onActive: (index: number) => void;
  /** Enter. */
  readonly onOpen?: (index: number) => void;
  /** Rows a page is long. */
  readonly page?: number;
  readonly idOf: (index: number) => string;
}

export function useRovingRows({ count, active, onActive, onOpen, page = 10, idOf }: RovingRows) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || count === 0) return;
    const goals: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: count - 1,
    };
    const goal = goals[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onActive(Math.max(0, Math.min(count - 1, goal)));
    } else if (event.key === 'Enter' && active >= 0) {
      event.preventDefault();
      onOpen?.(active);
    }
  };
  return {
    container: { tabIndex: 0, onKeyDown, 'aria-activedescendant': active >= 0 ? idOf(active) : undefined },
    row: (index: number) => ({
      id: idOf(index),
      'aria-selected': index === active,
      onClick: () => onActive(index),
      onDoubleClick: () => onOpen?.(index),
    }),
  };
}
