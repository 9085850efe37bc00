// A word of the field, explained by the glossary.
//
//   <Term name="satp" />                       the glossary's own title
//   <Term name="stage-2">second stage</Term>   other words for it
//   <Term explain={{ title, sentence, section }}>SPP</Term>   anything that is not in the glossary (CSR fields, exit reasons)

import type { ReactNode } from 'react';
import { glossary, type GlossaryName, type GlossaryRow } from '../glossary.ts';
import { Explained } from './Explained.tsx';

type TermProps = { readonly children?: ReactNode; readonly tabIndex?: number } & (
  { readonly name: GlossaryName; readonly explain?: never } | { readonly name?: never; readonly explain: GlossaryRow }
);

export function Term({ name, explain, children, tabIndex }: TermProps) {
  return (
    <Explained row={explain ?? glossary[name]} tabIndex={tabIndex}>
      {children}
    </Explained>
  );
}
