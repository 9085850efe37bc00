// Every command, by its words: the palette. Rows come from the same list as buttons and keys.

import { Command } from 'cmdk';
import { useState } from 'react';
import { situationRows, type CommandGroup, type CommandRow, type Situation } from '../commands/rows.ts';
import { useLab } from '../lab.ts';
import { openOverlay, useShell } from '../shell-state.ts';
import { Keys } from './CommandButton.tsx';
import { Dialog } from './Dialog.tsx';
import styles from './Palette.module.css';

const GROUPS: readonly CommandGroup[] = ['Run', 'Step', 'VMs', 'Panels', 'Look', 'Help'];

interface PaletteProps {
  readonly rows: readonly CommandRow[];
  readonly situation: Situation;
}

export function Palette({ rows, situation }: PaletteProps) {
  const lab = useLab();
  const [search, setSearch] = useState(() => useShell.getState().typedAhead);
  const all = [...rows, ...situationRows(lab, situation)].filter(
    ({ id, searchedOnly }) => id !== 'palette' && (search !== '' || searchedOnly !== true),
  );
  const close = () => openOverlay(undefined);
  const run = (row: CommandRow) => {
    close();
    // After the dialog has given the focus back, so that a command may move it.
    requestAnimationFrame(() => row.run(situation));
  };
  return (
    <Dialog label="Commands" look="palette" onClose={close}>
      <Command className={styles['palette']} label="Commands" loop>
        <Command.Input
          className={styles['input']}
          placeholder="Find a command, a guest, a panel"
          value={search}
          onValueChange={setSearch}
          data-autofocus
        />
        <Command.List className={styles['list']} label="Commands">
          <Command.Empty className={styles['empty']}>
            No command has these words. Try “step”, “add”, “show” or “theme”.
          </Command.Empty>
          {GROUPS.map((group) => {
            const members = all.filter((row) => row.group === group);
            return (
              members.length > 0 && (
                <Command.Group key={group} heading={group} className={styles['group']}>
                  {members.map((row) => {
                    const reason = row.unavailable(situation);
                    return (
                      <Command.Item
                        key={row.id}
                        value={`${row.title} ${row.id}`}
                        keywords={[row.group, row.label ?? '']}
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
              )
            );
          })}
        </Command.List>
      </Command>
    </Dialog>
  );
}
