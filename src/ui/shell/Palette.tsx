// Every command, by its words: the palette. Rows come from the same list as buttons and keys.

import { Command, defaultFilter } from 'cmdk';
import { useState } from 'react';
import type { CommandGroup, CommandRow, Situation } from '../commands/command-row.ts';
import { situationRows } from '../commands/situation-rows.ts';
import { useLab } from '../lab.ts';
import { openOverlay, searchFor, useShell } from '../shell-state.ts';
import { Keys } from './CommandButton.tsx';
import { Dialog } from './Dialog.tsx';
import styles from './Palette.module.css';

const GROUPS: readonly CommandGroup[] = ['Run', 'Step', 'VMs', 'Panels', 'Look', 'Help'];

type Matches = readonly (readonly [CommandGroup, readonly CommandRow[]])[];

/** The rows that fit what was typed, best first, groups by their best row; everything in its usual order for an empty search. */
function matching(all: readonly CommandRow[], search: string): Matches {
  const scored = all
    .filter(({ id, searchedOnly }) => id !== 'palette' && (search !== '' || searchedOnly !== true))
    .map((row) => ({ row, score: search === '' ? 1 : defaultFilter(row.title, search, [row.group, row.label ?? '']) }))
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score);
  const best = (group: CommandGroup) => scored.find(({ row }) => row.group === group)?.score ?? 0;
  return GROUPS.filter((group) => best(group) > 0)
    .toSorted((one, other) => best(other) - best(one))
    .map((group) => [group, scored.flatMap(({ row }) => (row.group === group ? [row] : []))]);
}

interface PaletteProps {
  readonly rows: readonly CommandRow[];
  readonly situation: Situation;
}

export function Palette({ rows, situation }: PaletteProps) {
  const lab = useLab();
  // Shared with the key map, which writes it until the palette is drawn and has the focus.
  const search = useShell((state) => state.search);
  const [picked, setPicked] = useState<string>();
  const groups = matching([...rows, ...situationRows(lab, situation)], search);
  // Which row Enter means is decided here and not by cmdk's own filter, which lags behind the keys on a busy machine:
  // a fast typist must never run the row that stood there a moment ago.
  const possible = groups.flatMap(([, members]) => members).filter((row) => row.unavailable(situation) === undefined);
  const selected = possible.find(({ id }) => id === picked) ?? possible[0];
  const close = () => openOverlay(undefined);
  const run = (row: CommandRow) => {
    close();
    // After the dialog has given the focus back, so that a command may move it.
    requestAnimationFrame(() => row.run(situation));
  };
  return (
    <Dialog label="Commands" look="palette" onClose={close}>
      <Command
        label="Commands"
        loop
        shouldFilter={false}
        value={selected?.id ?? ''}
        onValueChange={setPicked}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
          event.preventDefault();
          if (selected !== undefined) run(selected);
        }}
      >
        <Command.Input
          className={styles['input']}
          placeholder="Find a command, a guest, a panel"
          value={search}
          onValueChange={(text) => {
            searchFor(text);
            setPicked(undefined);
          }}
          data-autofocus
        />
        <Command.List className={styles['list']} label="Commands">
          <Command.Empty className={styles['empty']}>
            No command has these words. Try “step”, “add”, “show” or “theme”.
          </Command.Empty>
          {groups.map(([group, members]) => (
            <Command.Group key={group} heading={group} className={styles['group']}>
              {members.map((row) => {
                const reason = row.unavailable(situation);
                return (
                  <Command.Item
                    key={row.id}
                    value={row.id}
                    disabled={reason !== undefined}
                    onSelect={() => run(row)}
                    className={styles['item']}
                  >
                    <span className={styles['title']}>{row.title}</span>
                    {reason !== undefined ? (
                      <span className={styles['reason']}>{reason}</span>
                    ) : (
                      <Keys keys={row.keys.slice(0, 2)} />
                    )}
                  </Command.Item>
                );
              })}
            </Command.Group>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
