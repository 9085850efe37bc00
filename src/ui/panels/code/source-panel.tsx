// Source and disassembly in one panel: the guest's assembly source where there is one, the instructions in memory always.
// Both show pc and breakpoints. A source can be edited, assembled and run.

import { lazy, useState, useSyncExternalStore } from 'react';
import type { AssemblyMessage } from '../../../core/isa/assembly/assemble.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { toggledBreakpoint, type Choice } from '../../choice.ts';
import type { Panel, PanelProps } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { assembleAndRun } from './assemble-and-run.ts';
import styles from './code.module.css';
import { DisassemblyView, ROWS_AFTER, ROWS_BEFORE } from './disassembly-view.tsx';
import type { Place } from './source-view.tsx';
import { useSource, type Source } from './use-source.ts';

const LazySourceView = lazy(() => import('./source-view.tsx').then(({ SourceView }) => ({ default: SourceView })));

type Mode = 'source' | 'disassembly';
const modes = [
  { value: 'source', label: 'Source' },
  { value: 'disassembly', label: 'Disassembly' },
] as const satisfies readonly { value: Mode; label: string }[];

function SourcePanel(props: PanelProps) {
  const { vm, catalog, choice, choose } = props;
  const state = useSource(vm, choice, catalog);
  const phone = useMedia('(max-width: 640px)');
  const [wish, setWish] = useState<Mode>('source');
  if (vm === undefined) {
    return (
      <EmptyState title="Here runs the guest’s program, instruction by instruction.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const source = state.kind === 'ready' ? state.source : undefined;
  const inSource = choice.disassembly === 'pc' || source?.lines?.lineAt(choice.disassembly) !== undefined;
  const hasSource = state.kind !== 'none';
  const mode: Mode = hasSource && wish === 'source' && inSource ? 'source' : 'disassembly';
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        {hasSource && (
          <Segments
            label="View"
            options={modes}
            value={mode}
            onChange={(next) => {
              setWish(next);
              if (next === 'source' && !inSource) choose({ disassembly: 'pc' });
            }}
          />
        )}
        {mode === 'disassembly' && (
          <AddressForm
            label="Address to disassemble, guest virtual, hexadecimal"
            address={choice.disassembly === 'pc' ? vm.pc : choice.disassembly}
            onAddress={(address) => choose({ disassembly: (address & ~3) >>> 0, cursor: (address & ~3) >>> 0 })}
          />
        )}
        <button
          type="button"
          className="button"
          aria-pressed={choice.disassembly === 'pc'}
          title="Follow the program counter"
          onClick={() => choose({ disassembly: choice.disassembly === 'pc' ? vm.pc : 'pc' })}
        >
          Follow pc
        </button>
        {mode === 'source' && state.kind === 'loading' && (
          <span className={shared['quiet']}>Loading {state.title}…</span>
        )}
      </div>
      {state.kind === 'failed' && mode === 'source' ? (
        <p role="alert" className={classNames(shared['padded'], shared['error'])}>
          {state.message} Reload the page, or use the disassembly.
        </p>
      ) : mode === 'source' && source !== undefined ? (
        <SourceSide key={vm.vm} {...props} source={source} readOnly={phone} />
      ) : mode === 'disassembly' ? (
        <DisassemblyView {...props} />
      ) : undefined}
    </div>
  );
}

interface Findings {
  readonly errors: readonly AssemblyMessage[];
  readonly warnings: readonly AssemblyMessage[];
}
const nothingFound: Findings = { errors: [], warnings: [] };

function SourceSide(props: PanelProps & { readonly source: Source; readonly readOnly: boolean }) {
  const { frame, vm, choice, choose, source, readOnly } = props;
  const [draft, setDraft] = useState(source.text);
  const [findings, setFindings] = useState(nothingFound);
  const [failure, setFailure] = useState<string | undefined>(undefined);
  const [place, setPlace] = useState<Place | undefined>(undefined);
  const [restored, setRestored] = useState(0);
  const dark = useDark(choice);
  if (vm === undefined) return null;
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
    setFindings(outcome);
    setFailure(outcome.failure);
  };
  return (
    <>
      <LazySourceView
        vmKey={String(vm.vm)}
        text={source.text}
        pcLine={pcLine}
        breakpointLines={breakpointLines}
        errors={findings.errors}
        warnings={findings.warnings}
        revealed={lookedAt}
        place={place}
        readOnly={readOnly}
        dark={dark}
        restored={restored}
        onChange={setDraft}
        onGutter={toggle}
        onCursor={(line) => {
          const cursor = lines?.addressOf(line);
          if (cursor !== undefined && cursor !== choice.cursor) choose({ cursor });
        }}
        onRun={() => void run()}
      />
      <Findings findings={findings} onGo={setPlace} />
      {failure !== undefined && (
        <p role="alert" className={classNames(shared['padded'], shared['error'])}>
          {failure}
        </p>
      )}
      <div className={classNames(shared['toolbar'], styles['foot'])}>
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
        <span className={shared['spring']} />
        {edited && (
          <button
            type="button"
            className="button"
            onClick={() => {
              setRestored(restored + 1);
              setFindings(nothingFound);
            }}
          >
            Discard edits
          </button>
        )}
        {!readOnly && (
          <button type="button" className="button outlined" title="Ctrl+Enter in the editor" onClick={() => void run()}>
            Assemble and run
          </button>
        )}
      </div>
    </>
  );
}

function Findings({ findings, onGo }: { readonly findings: Findings; readonly onGo: (place: Place) => void }) {
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

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query);
      list.addEventListener('change', changed);
      return () => list.removeEventListener('change', changed);
    },
    () => matchMedia(query).matches,
  );
}

function useDark({ theme }: Choice): boolean {
  const system = useMedia('(prefers-color-scheme: dark)');
  return theme === 'system' ? system : theme === 'dark';
}

export const sourcePanel: Panel = {
  id: 'source',
  title: 'Source and disassembly',
  key: '2',
  place: 'centre',
  queries: ({ disassembly }, vm) =>
    vm === undefined ? {} : { disassembly: { around: disassembly, before: ROWS_BEFORE, after: ROWS_AFTER } },
  Component: SourcePanel,
};
