// A word of the field that explains itself on hover or focus: one sentence, the manual's section, the Intel and Arm names.
//
//   <Term name="satp" />                       the glossary's own title
//   <Term name="stage-2">second stage</Term>   other words for it
//   <Term explain={{ title, sentence, section }}>SPP</Term>   anything that is not in the glossary (CSR fields, exit reasons)

import type { ReactNode } from 'react';
import { glossary, type GlossaryName, type GlossaryRow } from '../glossary.ts';
import { Popover } from './Popover.tsx';
import styles from './Term.module.css';

type TermProps = { readonly children?: ReactNode; readonly tabIndex?: number } & (
  { readonly name: GlossaryName; readonly explain?: never } | { readonly name?: never; readonly explain: GlossaryRow }
);

export function Term({ name, explain, children, tabIndex }: TermProps) {
  const row: GlossaryRow = explain ?? glossary[name];
  return (
    <Popover className={styles['term']} content={<Explanation row={row} />} tabIndex={tabIndex}>
      {children ?? row.title}
    </Popover>
  );
}

/** The content of a Term's bubble, for places that show it in full (help, exit summary). */
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
