// A command row as a button: its label or sign, its full words and keys on hover or focus, and why it is unavailable.
// Unavailable buttons stay focusable (aria-disabled), so that the reason can be read and focus is not lost under the thumb.

import { shownKey } from '../commands/keys.ts';
import type { CommandRow, Situation } from '../commands/command-row.ts';
import { usePopover } from '../components/Popover.tsx';
import styles from './CommandButton.module.css';
import { StepIcon } from './StepIcon.tsx';

interface CommandButtonProps {
  readonly row: CommandRow;
  readonly situation: Situation;
  /** Sign only, words only, or both. */
  readonly look: 'sign' | 'words' | 'both';
  readonly primary?: boolean;
}

export function CommandButton({ row, situation, look, primary = false }: CommandButtonProps) {
  const reason = row.unavailable(situation);
  const { trigger, bubble } = usePopover(
    <span className={styles['hint']}>
      <span>
        {row.title} {row.keys.length > 0 && <Keys keys={row.keys} />}
      </span>
      {reason !== undefined && <span className={styles['reason']}>{reason}</span>}
    </span>,
  );
  return (
    <>
      <button
        type="button"
        className={primary ? 'button primary' : 'button'}
        data-command={row.id}
        aria-label={row.label ?? row.title}
        aria-disabled={reason !== undefined}
        aria-keyshortcuts={row.keys.map((key) => key.replace('Ctrl', 'Control')).join(' ')}
        {...trigger}
        onClick={() => reason === undefined && row.run(situation)}
      >
        {look !== 'words' && <StepIcon command={row.id} />}
        {look !== 'sign' && (row.label ?? row.title)}
        {primary && row.keys[0] !== undefined && <kbd className={styles['key']}>{shownKey(row.keys[0])}</kbd>}
      </button>
      {bubble}
    </>
  );
}

/** Keys as key caps. */
export function Keys({ keys }: { readonly keys: readonly string[] }) {
  return (
    <span className={styles['keys']}>
      {keys.map((key) => (
        <kbd key={key} className={styles['cap']}>
          {shownKey(key)}
        </kbd>
      ))}
    </span>
  );
}
