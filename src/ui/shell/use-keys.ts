// The key map: listens once for the whole page and runs the command row that has the key.
// Letters, digits and signs are left alone where a person writes; in the console and the editor so are Ctrl combinations.

import { useEffect } from 'react';
import { isWriting, keyOf, textPlaceOf } from '../commands/keys.ts';
import type { CommandRow } from '../commands/command-row.ts';
import { rowOfKey } from '../commands/rows.ts';
import type { Lab } from '../lab.ts';
import { announce, openOverlay, searchFor, useShell } from '../shell-state.ts';
import { situationNow } from './use-situation.ts';

/** Ctrl combinations that no shell or editor needs, so that they work there too. */
const EVERYWHERE: readonly string[] = ['Ctrl+Shift+P', 'Ctrl+Shift+F5'];

export function useKeys(lab: Lab, rows: readonly CommandRow[]): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const key = keyOf(event);
      if (key === undefined || event.isComposing) return;
      const { overlay, search } = useShell.getState();
      if (overlay !== undefined && document.querySelector('dialog') === null) {
        // It was asked for and is not drawn yet: no key may act on what is still behind it.
        event.preventDefault();
        event.stopPropagation();
        if (overlay === 'palette' && event.key.length === 1 && !/^(Ctrl|Alt)/.test(key)) searchFor(search + event.key);
        return;
      }
      const situation = situationNow(lab);
      const place = textPlaceOf(event.target);
      if (isWriting(key) && (place !== undefined || !situation.choice.letterKeys)) return;
      const inProgram = place === 'console' || place === 'editor';
      if (inProgram && key.startsWith('Ctrl+') && !EVERYWHERE.includes(key)) return;
      const row = rowOfKey(rows, key, situation);
      if (row === undefined) return;
      // A key of ours never does what the browser would do with it: F5 must not reload the machine away.
      event.preventDefault();
      event.stopPropagation();
      if (event.repeat && row.group !== 'Step') return;
      if (overlay !== undefined) {
        if (row.id === 'palette' && overlay === 'palette') openOverlay(undefined);
        return;
      }
      const reason = row.unavailable(situation);
      if (reason === undefined) row.run(situation);
      else announce(reason);
    };
    window.addEventListener('keydown', onKeyDown, true);
    return () => window.removeEventListener('keydown', onKeyDown, true);
  }, [lab, rows]);
}
