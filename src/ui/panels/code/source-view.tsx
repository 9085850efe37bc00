// The assembly source of the VM being looked at, in the editor: the line of pc, breakpoints, errors in their place.
// Loaded when first shown (it brings the editor with it).

import { useEffect, useRef, useState } from 'react';
import type { AssemblyMessage } from '../../../core/isa/assembly/assemble.ts';
import styles from './code.module.css';
import { createSourceEditor, type SourceEditor, type SourceEditorEvents } from './source-editor.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

interface SourceViewProps extends SourceEditorEvents {
  /** Keeps what was typed for one VM apart from the others. */
  readonly vmKey: string;
  /** What the editor begins with: what was typed before, or what runs. */
  readonly text: string;
  /** What runs. */
  readonly original: string;
  readonly pcLine: number | undefined;
  readonly breakpointLines: readonly number[];
  readonly errors: readonly AssemblyMessage[];
  readonly warnings: readonly AssemblyMessage[];
  /** Scrolled into sight when it changes. */
  readonly revealed: number | undefined;
  /** The cursor goes there when it changes. */
  readonly place: Place | undefined;
  readonly readOnly: boolean;
  readonly dark: boolean;
  /** Rises when what was typed is to be thrown away. */
  readonly restored: number;
}

export function SourceView(props: SourceViewProps) {
  const {
    vmKey,
    text,
    original,
    pcLine,
    breakpointLines,
    errors,
    warnings,
    revealed,
    place,
    readOnly,
    dark,
    restored,
  } = props;
  const host = useRef<HTMLDivElement>(null);
  const events = useRef<SourceEditorEvents>(props);
  const [editor, setEditor] = useState<SourceEditor | undefined>(undefined);
  useEffect(() => {
    events.current = props;
  });
  useEffect(() => {
    if (host.current === null) return;
    const made = createSourceEditor(host.current, () => events.current);
    setEditor(made);
    return () => {
      setEditor(undefined);
      made.dispose();
    };
  }, []);
  useEffect(() => editor?.show(vmKey, text), [editor, vmKey, text]);
  useEffect(() => {
    if (restored > 0) editor?.restore(original);
    // Only a new request restores; another original belongs to another VM.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [editor, restored]);
  const breakpointKey = breakpointLines.join(' ');
  useEffect(
    () => editor?.mark({ pcLine, breakpointLines }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the lines
    [editor, vmKey, pcLine, breakpointKey],
  );
  useEffect(() => editor?.markErrors(errors, warnings), [editor, vmKey, errors, warnings]);
  useEffect(() => {
    if (revealed !== undefined) editor?.reveal(revealed);
  }, [editor, vmKey, revealed]);
  useEffect(() => {
    if (place !== undefined) editor?.goTo(place.line, place.column, true);
  }, [editor, place]);
  useEffect(() => editor?.setReadOnly(readOnly), [editor, readOnly]);
  useEffect(() => editor?.setDark(dark), [editor, dark]);
  return <div ref={host} className={styles['editor']} />;
}
