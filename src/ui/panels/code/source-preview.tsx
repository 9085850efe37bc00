// The source as plain text, in the editor's place and size until it is there: the editor is 0.8 MB and a long task to start,
// which must not fall into the seconds in which the page opens. It is asked for by a touch, or when the page has come to rest.

import { useEffect, useRef } from 'react';
import { classNames } from '../class-names.ts';
import styles from './code.module.css';

/** As the editor has it. */
const LINE_HEIGHT = 19;
const AT_REST_MS = 1500;

interface SourcePreviewProps {
  readonly text: string;
  readonly pcLine: number | undefined;
  /** Scrolled into sight when it first appears. */
  readonly revealed: number | undefined;
  /** The editor is wanted. */
  readonly onWanted?: () => void;
}

export function SourcePreview({ text, pcLine, revealed, onWanted }: SourcePreviewProps) {
  const box = useRef<HTMLDivElement>(null);
  const wanted = useRef(onWanted);
  useEffect(() => {
    wanted.current = onWanted;
  });
  useEffect(() => {
    let idle = 0;
    const timer = window.setTimeout(() => {
      idle = requestIdleCallback(() => wanted.current?.(), { timeout: 5000 });
    }, AT_REST_MS);
    return () => {
      window.clearTimeout(timer);
      cancelIdleCallback(idle);
    };
  }, []);
  const shown = revealed !== undefined;
  useEffect(() => {
    const element = box.current;
    if (element !== null && revealed !== undefined) {
      element.scrollTop = revealed * LINE_HEIGHT - element.clientHeight / 2;
    }
    // Only when there is first a line to show: then the person scrolls.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shown]);
  return (
    <div
      ref={box}
      tabIndex={0}
      role="group"
      aria-label="Assembly source"
      className={styles['preview']}
      onPointerDown={() => onWanted?.()}
      onFocus={() => onWanted?.()}
    >
      {text.split('\n').map((line, index) => (
        <div key={index} className={classNames(styles['previewLine'], index + 1 === pcLine && styles['current'])}>
          <span aria-hidden="true">{index + 1}</span>
          {line}
        </div>
      ))}
    </div>
  );
}
