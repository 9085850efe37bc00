// What a panel shows when it has nothing: what will appear here, and how to make it appear.

import type { ReactNode } from 'react';
import styles from './EmptyState.module.css';

interface EmptyStateProps {
  /** What will appear, as a short sentence. */
  readonly title: string;
  /** How to make it appear. */
  readonly children?: ReactNode;
  /** The one button that does it, where there is one. */
  readonly action?: ReactNode;
}

export function EmptyState({ title, children, action }: EmptyStateProps) {
  return (
    <div className={styles['empty']}>
      <p className={styles['title']}>{title}</p>
      {children !== undefined && <p>{children}</p>}
      {action}
    </div>
  );
}
