// Source and disassembly in one panel: the guest's assembly source where there is one, the instructions in memory always.
// Both show pc and breakpoints. A source can be edited, assembled and run.

import { useState } from 'react';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { DisassemblyView } from './disassembly-view.tsx';
import { SourceSide, type Drafts } from './source-side.tsx';
import { useMedia } from './use-media.ts';
import { useSource } from './use-source.ts';

type Mode = 'source' | 'disassembly';
const modes = [
  { value: 'source', label: 'Source' },
  { value: 'disassembly', label: 'Disassembly' },
] as const satisfies readonly { value: Mode; label: string }[];

export function SourcePanel(props: PanelProps) {
  const { vm, catalog, choice, choose } = props;
  const state = useSource(vm, choice, catalog);
  const phone = useMedia('(max-width: 640px)');
  const [wish, setWish] = useState<Mode>('source');
  const [drafts, setDrafts] = useState<Drafts>({});
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
  const bar = (
    <>
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
      {mode === 'source' && state.kind === 'loading' && <span className={shared['quiet']}>Loading {state.title}…</span>}
    </>
  );
  if (mode === 'source' && source !== undefined) {
    return (
      <div className={shared['panel']}>
        <SourceSide
          {...props}
          vm={vm}
          source={source}
          readOnly={phone}
          bar={bar}
          drafts={drafts}
          onDrafts={setDrafts}
        />
      </div>
    );
  }
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>{bar}</div>
      {state.kind === 'failed' && mode === 'source' ? (
        <FailureParagraph>{state.message} Reload the page, or use the disassembly.</FailureParagraph>
      ) : mode === 'disassembly' ? (
        <DisassemblyView {...props} />
      ) : undefined}
    </div>
  );
}
