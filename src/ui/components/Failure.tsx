// Why what the person asked for was not done, said aloud at once. Draws nothing while there is nothing to say.

import type { ReactNode } from 'react';
import styles from './Failure.module.css';

interface FailureProps {
  /** What was expected, what was found, what to do; undefined where nothing failed. */
  readonly children: ReactNode;
}

/** The core's messages begin in lower case, as a command line prints them behind its name; here one stands alone. */
const asSentence = (children: ReactNode): ReactNode =>
  typeof children === 'string' ? children.replace(/^expected /, 'Expected ') : children;

/** In a line, beside the button that was pressed. */
export function Failure({ children }: FailureProps) {
  if (children === undefined) return null;
  return (
    <span role="alert" className={styles['failure']}>
      {asSentence(children)}
    </span>
  );
}

/** Above what would have been shown. */
export function FailureParagraph({ children }: FailureProps) {
  if (children === undefined) return null;
  return (
    <p role="alert" className={styles['failure']}>
      {asSentence(children)}
    </p>
  );
}
