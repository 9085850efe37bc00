// The form inside a dialog: its groups below one another, and why what was asked for could not be done, said aloud at once.

import type { ReactNode } from 'react';
import styles from './DialogForm.module.css';

/** What was refused is read where it stands, also below the fold of a small screen. */
const intoSight = (node: HTMLElement | null): void => node?.scrollIntoView({ block: 'nearest' });

interface DialogFormProps {
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}

export function DialogForm({ onSubmit, children }: DialogFormProps) {
  return (
    <form
      className={styles['form']}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

/** Above the buttons; draws nothing while there is nothing to say. */
export function DialogProblem({ children }: { readonly children: string | undefined }) {
  if (children === undefined) return null;
  return (
    <p role="alert" ref={intoSight} className={styles['problem']}>
      {children}
    </p>
  );
}
