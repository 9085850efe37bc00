// The ledger of exits: the live list, newest first, and the summary with the columns of `perf kvm stat`.
// Both are filtered by VM and by reason; the list is a window of the ring, so its length does not matter.

import { useState } from 'react';
import { EmptyState } from '../../components/EmptyState.tsx';
import { formatCount, formatLarge } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { ExitList } from './exit-list.tsx';
import { ExitSummary } from './exit-summary.tsx';
import { ExportButtons } from './export-buttons.tsx';
import { findReason } from './exit-reasons.ts';

const views = [
  { value: 'list', label: 'List' },
  { value: 'summary', label: 'Summary' },
] as const;
const scopes = [
  { value: 'selected', label: 'This VM' },
  { value: 'all', label: 'All' },
] as const;

export function Exits(props: PanelProps) {
  const { frame, vm, catalog, choice, choose } = props;
  const [view, setView] = useState<'list' | 'summary'>('list');
  const answer = frame?.answers.exits;
  if (vm === undefined || answer === undefined) {
    return (
      <EmptyState title="Here every exit of the guest is written down.">
        Add a virtual machine in the bar above: its exits appear as soon as it runs under a hypervisor.
      </EmptyState>
    );
  }
  const filter = choice.exits;
  const change = (next: Partial<typeof filter>) => choose({ exits: { ...filter, skip: 0, ...next } });
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments label="View" options={views} value={view} onChange={setView} />
        <Segments label="Whose exits" options={scopes} value={filter.vm} onChange={(scope) => change({ vm: scope })} />
        {filter.reasons.length > 0 && (
          <button type="button" className="button outlined" onClick={() => change({ reasons: [] })}>
            only{' '}
            {filter.reasons.length === 1
              ? findReason(catalog, filter.reasons[0] ?? '').reason
              : `${filter.reasons.length} reasons`}{' '}
            <span aria-hidden="true">×</span>
            <span className="visually-hidden">: show all reasons</span>
          </button>
        )}
        <span className={shared['spring']} />
        <span
          className={classNames(shared['quiet'], 'tabular')}
          title={`${formatCount(answer.matching)} match and are kept; ${formatCount(answer.total)} happened in all`}
        >
          {formatLarge(answer.matching)}
          <span className="visually-hidden"> exits</span>
        </span>
        <ExportButtons {...props} />
      </div>
      {view === 'summary' ? (
        <ExitSummary {...props} />
      ) : answer.total === 0 ? (
        <NoExits {...props} />
      ) : (
        <ExitList {...props} answer={answer} />
      )}
    </div>
  );
}

function NoExits({ vm }: PanelProps) {
  return (
    <EmptyState title={vm?.technique === 'bare' ? 'A bare machine has no exits.' : 'No exit yet.'}>
      {vm?.technique === 'bare'
        ? 'There is no hypervisor under it. Choose another technique in the bar above, and the same guest exits.'
        : 'Let the guest run: it exits when it does what it may not do itself.'}
    </EmptyState>
  );
}
