// The source side of the panel: the editor, what the assembler found, and the buttons that assemble, run and discard.

import { lazy, Suspense, useState, type ReactNode } from 'react';
import type { AssemblyMessage } from '../../../core/isa/assembly/assemble.ts';
import type { RegistersAnswer, VmSummary } from '../../../protocol/frame.ts';
import { toggledBreakpoint, type Choice } from '../../choice.ts';
import { FailureParagraph } from '../../components/Failure.tsx';
import { formatHex } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import shared from '../panel.module.css';
import { assembleAndRun } from './assemble-and-run.ts';
import styles from './code.module.css';
import { findRegisterNumber } from './riscv-language.ts';
import { SourcePreview } from './source-preview.tsx';
import type { Place } from './source-view.tsx';
import { useMedia } from './use-media.ts';
import type { Source } from './use-source.ts';

const LazySourceView = lazy(() => import('./source-view.tsx').then(({ SourceView }) => ({ default: SourceView })));

/** What a general register or a CSR of the guest holds now. */
function valueOfWord(word: string, registers: RegistersAnswer | undefined): number | undefined {
  const number = findRegisterNumber(word);
  if (number !== undefined) return registers?.x[number];
  return registers?.guestCsrs.find(({ name }) => name === word)?.value;
}

interface Findings {
  readonly errors: readonly AssemblyMessage[];
  readonly warnings: readonly AssemblyMessage[];
}
const nothingFound: Findings = { errors: [], warnings: [] };

/** What the person typed and did not run, by VM. */
export type Drafts = Readonly<Record<number, string>>;

interface SourceSideProps extends PanelProps {
  readonly vm: VmSummary;
  readonly source: Source;
  readonly readOnly: boolean;
  /** What stands at the left of the toolbar. */
  readonly bar: ReactNode;
  readonly drafts: Drafts;
  readonly onDrafts: (change: (drafts: Drafts) => Drafts) => void;
}

export function SourceSide(props: SourceSideProps) {
  const { frame, vm, choice, choose, source, readOnly, bar, drafts, onDrafts } = props;
  const draft = drafts[vm.vm] ?? source.text;
  const [found, setFound] = useState<{ readonly vm: number; readonly findings: Findings }>();
  const findings = found?.vm === vm.vm ? found.findings : nothingFound;
  const [failure, setFailure] = useState<string | undefined>(undefined);
  const [place, setPlace] = useState<Place | undefined>(undefined);
  const [restored, setRestored] = useState(0);
  const [editorWanted, setEditorWanted] = useState(false);
  const dark = useDark(choice);
  const edited = draft !== source.text;
  const lines = edited ? undefined : source.lines;
  const pc = frame?.answers.disassembly?.pc ?? vm.pc;
  const pcLine = lines?.lineAt(pc);
  const lookedAt = choice.disassembly === 'pc' ? pcLine : lines?.lineAt(choice.disassembly);
  const breakpointLines = (choice.breakpoints[vm.vm] ?? []).flatMap((gva) => lines?.lineAt(gva) ?? []);
  const toggle = (line: number) => {
    const gva = lines?.addressOf(line);
    if (gva !== undefined) choose({ cursor: gva, ...toggledBreakpoint(choice, vm.vm, gva) });
  };
  const run = async () => {
    setFailure(undefined);
    const outcome = await assembleAndRun(draft, source.title, props, vm);
    setFound({ vm: vm.vm, findings: outcome });
    setFailure(outcome.failure);
    const [first] = outcome.errors;
    if (first !== undefined) setPlace({ line: first.line, column: first.column });
  };
  return (
    <>
      <div className={shared['toolbar']}>
        {bar}
        <span className={shared['spring']} />
        {edited && (
          <button
            type="button"
            className="button"
            onClick={() => {
              setRestored(restored + 1);
              setFound(undefined);
            }}
          >
            Discard
          </button>
        )}
        {!readOnly && (
          <button type="button" className="button outlined" title="Ctrl+Enter in the editor" onClick={() => void run()}>
            Assemble and run
          </button>
        )}
      </div>
      {editorWanted || found !== undefined ? (
        <Suspense fallback={<SourcePreview text={draft} pcLine={pcLine} revealed={lookedAt} />}>
          <LazySourceView
            vmKey={String(vm.vm)}
            text={draft}
            original={source.text}
            pcLine={pcLine}
            breakpointLines={breakpointLines}
            errors={findings.errors}
            warnings={findings.warnings}
            revealed={lookedAt}
            place={place}
            readOnly={readOnly}
            dark={dark}
            restored={restored}
            onChange={(text) => onDrafts((before) => ({ ...before, [vm.vm]: text }))}
            onGutter={toggle}
            onCursor={(line) => {
              const cursor = lines?.addressOf(line);
              if (cursor !== undefined && cursor !== choice.cursor) choose({ cursor });
            }}
            onRun={() => void run()}
            valueOf={(word) => {
              const value = valueOfWord(word, frame?.answers.registers);
              return value === undefined ? undefined : formatHex(value, choice.grouping);
            }}
          />
        </Suspense>
      ) : (
        <SourcePreview text={draft} pcLine={pcLine} revealed={lookedAt} onWanted={() => setEditorWanted(true)} />
      )}
      <FindingsList findings={findings} onGo={setPlace} />
      <FailureParagraph>{failure}</FailureParagraph>
      <p className={styles['foot']}>
        <span>
          {edited
            ? 'Edited; what runs is the text before. '
            : pcLine === undefined
              ? 'pc is outside this source. '
              : ''}
          {!readOnly && (
            <>
              <kbd>Ctrl+M</kbd>, then Tab leaves the editor.
            </>
          )}
        </span>
      </p>
    </>
  );
}

function FindingsList({ findings, onGo }: { readonly findings: Findings; readonly onGo: (place: Place) => void }) {
  const { errors, warnings } = findings;
  if (errors.length + warnings.length === 0) return null;
  const row = (kind: string) => (found: AssemblyMessage, index: number) => (
    <li key={`${kind} ${index}`}>
      <button type="button" onClick={() => onGo({ line: found.line, column: found.column })}>
        <span className={styles['place']}>
          {kind} {found.line}:{found.column}
        </span>{' '}
        {found.message}
      </button>
    </li>
  );
  return (
    <>
      <p role="status" className="visually-hidden">
        {errors.length} errors, {warnings.length} warnings
      </p>
      <ul className={styles['errors']} aria-label="What the assembler found">
        {errors.map(row('error'))}
        {warnings.map(row('warning'))}
      </ul>
    </>
  );
}

function useDark({ theme }: Choice): boolean {
  const system = useMedia('(prefers-color-scheme: dark)');
  return theme === 'system' ? system : theme === 'dark';
}
