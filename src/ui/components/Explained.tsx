// A word that explains itself on hover or focus: one sentence, the manual's section, the Intel and Arm names. It knows no
// glossary; `Term` does.

import type { ReactNode } from 'react';
import type { GlossaryRow } from '../glossary-row.ts';
import styles from './Explained.module.css';
import { Popover } from './Popover.tsx';

interface ExplainedProps {
  readonly row: GlossaryRow;
  /** Other words for it. */
  readonly children?: ReactNode;
  readonly tabIndex?: number | undefined;
}

export function Explained({ row, children, tabIndex }: ExplainedProps) {
  return (
    <Popover className={styles['term']} content={<Explanation row={row} />} tabIndex={tabIndex}>
      {children ?? row.title}
    </Popover>
  );
}

/** The content of its bubble, for places that show it in full (help, exit summary). */
export function Explanation({ row }: { readonly row: GlossaryRow }) {
  return (
    <span className={styles['explanation']}>
      <strong>{row.title}</strong>
      <span>{row.sentence}</span>
      {row.section !== undefined && <cite>{row.section}</cite>}
      {(row.intel !== undefined || row.arm !== undefined) && (
        <span className={styles['elsewhere']}>
          {row.intel !== undefined && <span>Intel: {row.intel}</span>}
          {row.arm !== undefined && <span>Arm: {row.arm}</span>}
        </span>
      )}
    </span>
  );
}
