// A sentence of the core's with its `code words` set as code.

import { Fragment } from 'react';

export function Sentence({ children }: { readonly children: string }) {
  return children
    .split('`')
    .map((part, index) =>
      index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>,
    );
}
