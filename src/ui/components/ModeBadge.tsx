// Who holds the hart, as one colour and one shape: ○ guest user, ◐ guest kernel, ● hypervisor, ◇ device, ⚡ host interrupt.
// Drawn, not typed: fonts disagree about these glyphs, and some make them emoji.

import type { ModeName, Runner } from '../../protocol/frame.ts';
import { Popover } from './Popover.tsx';
import styles from './ModeBadge.module.css';

export type Actor = Runner | 'device' | 'host-interrupt';

interface ActorRow {
  readonly name: string;
  readonly sentence: string;
}

export const actors: { readonly [Key in Actor]: ActorRow } = {
  'guest-user': { name: 'Guest user', sentence: 'A program inside the guest has the hart.' },
  'guest-kernel': { name: 'Guest kernel', sentence: 'The guest’s kernel has the hart.' },
  hypervisor: { name: 'Hypervisor', sentence: 'The guest is held while the hypervisor acts for it.' },
  device: { name: 'Device', sentence: 'A device model does its work.' },
  'host-interrupt': { name: 'Host interrupt', sentence: 'The machine interrupts whoever runs.' },
  nobody: { name: 'Nobody', sentence: 'No guest has the hart: all wait, are paused or have ended.' },
};

/** The shape alone, `size` pixels high, in its colour. */
export function ActorShape({ actor, size = 10 }: { readonly actor: Actor; readonly size?: number }) {
  return (
    <svg className={styles[actor]} width={size} height={size} viewBox="0 0 10 10" aria-hidden="true">
      {actor === 'guest-user' && <circle cx="5" cy="5" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.6" />}
      {actor === 'guest-kernel' && (
        <>
          <circle cx="5" cy="5" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M5 1.1a3.9 3.9 0 0 0 0 7.8z" fill="currentColor" />
        </>
      )}
      {actor === 'hypervisor' && <circle cx="5" cy="5" r="4.7" fill="currentColor" />}
      {actor === 'device' && <path d="M5 .9 9.1 5 5 9.1.9 5z" fill="none" stroke="currentColor" strokeWidth="1.5" />}
      {actor === 'host-interrupt' && <path d="M6.2 0 1.6 5.8h2.8L3.6 10l4.8-6H5.5z" fill="currentColor" />}
      {actor === 'nobody' && <path d="M1.5 5h7" stroke="currentColor" strokeWidth="1.6" />}
    </svg>
  );
}

interface ModeBadgeProps {
  readonly actor: Actor;
  /** The privilege mode behind it, in the manual's letters. */
  readonly mode?: ModeName | undefined;
  /** Shape only; the name is then in the hover text and for screen readers. */
  readonly compact?: boolean;
  readonly tabIndex?: number;
}

export function ModeBadge({ actor, mode, compact = false, tabIndex }: ModeBadgeProps) {
  const { name, sentence } = actors[actor];
  return (
    <Popover
      className={styles['badge']}
      tabIndex={tabIndex}
      content={
        <>
          <strong>{name}</strong>
          {mode !== undefined && ` (mode ${mode})`}. {sentence}
        </>
      }
    >
      <ActorShape actor={actor} />
      <span className={compact ? 'visually-hidden' : styles[actor]}>{name}</span>
      {mode !== undefined && !compact && <span className={styles['mode']}>{mode}</span>}
    </Popover>
  );
}
