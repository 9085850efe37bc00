// The exits by reason, with the columns of `perf kvm stat` and the VMX name beside. A row's check box filters the list.

import { useState } from 'react';
import type { ExitSummaryRow } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Term } from '../../components/Term.tsx';
import type { GlossaryName } from '../../glossary.ts';
import { formatCount, formatNanoseconds } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { directSentence } from './direct-sentence.ts';
import { explainReason, findReason } from './exit-reasons.ts';
import styles from './exits.module.css';

type NumberColumn = Exclude<keyof ExitSummaryRow, 'reason'>;
interface Column {
  readonly key: NumberColumn;
  readonly term: GlossaryName;
  readonly title: string;
  readonly format: (value: number) => string;
}
/** What stands where a value is not known. */
const UNKNOWN = '–';
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
const columns: readonly Column[] = [
  { key: 'samples', term: 'samples', title: 'Samples', format: formatCount },
  { key: 'samplesShare', term: 'samples-share', title: 'Samples%', format: percent },
  { key: 'timeShare', term: 'time-share', title: 'Time%', format: percent },
  { key: 'minimumNanoseconds', term: 'exit-time', title: 'Min Time', format: formatNanoseconds },
  { key: 'maximumNanoseconds', term: 'exit-time', title: 'Max Time', format: formatNanoseconds },
  { key: 'meanNanoseconds', term: 'exit-time', title: 'Avg time', format: formatNanoseconds },
];

export function ExitSummary({ frame, vm, catalog, choice, choose }: PanelProps) {
  const [order, setOrder] = useState<NumberColumn>('samples');
  const summary = frame?.answers.exitSummary ?? [];
  if (summary.length === 0) {
    return (
      <EmptyState title="Here the exits are counted by reason.">
        Let the guest run: rows appear with its first exits.
      </EmptyState>
    );
  }
  const { exits } = choice;
  const toggle = (reason: string) => {
    const reasons = exits.reasons.includes(reason)
      ? exits.reasons.filter((other) => other !== reason)
      : [...exits.reasons, reason];
    choose({ exits: { ...exits, reasons, skip: 0 } });
  };
  return (
    <div className={shared['body']}>
      {vm !== undefined && choice.exits.vm === 'selected' && (
        <p className={classNames(shared['quiet'], shared['padded'])}>{directSentence(vm.instructions, summary)}</p>
      )}
      <table className={classNames('table', styles['summary'])}>
        <caption className="visually-hidden">Exits by reason; check reasons to filter the list</caption>
        <thead>
          <tr>
            <th scope="col">
              <Term name="vm-exit-name" />
            </th>
            <th scope="col" className={styles['wide']}>
              VMX
            </th>
            {columns.map(({ key, term, title }) => (
              <th key={key} scope="col" className="number" aria-sort={key === order ? 'descending' : 'none'}>
                <button type="button" className={styles['sort']} onClick={() => setOrder(key)}>
                  <Term name={term} tabIndex={-1}>
                    {title}
                  </Term>
                  <span aria-hidden="true">{key === order ? ' ▾' : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {summary
            .toSorted((one, other) => (other[order] ?? 0) - (one[order] ?? 0))
            .map((row) => {
              const reason = findReason(catalog, row.reason, exits.vm === 'all' ? undefined : vm?.technique);
              return (
                <tr key={row.reason} aria-selected={exits.reasons.includes(row.reason)}>
                  <th scope="row" className={styles['reason']}>
                    <label>
                      <input
                        type="checkbox"
                        checked={exits.reasons.includes(row.reason)}
                        onChange={() => toggle(row.reason)}
                      />
                      <span className={styles['names']}>
                        <Term explain={explainReason(reason)} tabIndex={-1}>
                          {reason.perfName}
                        </Term>
                        <span className={shared['quiet']}>
                          {reason.reason}
                          <span className={styles['narrow']}>, {reason.vmxName}</span>
                        </span>
                      </span>
                    </label>
                  </th>
                  <td className={classNames(shared['quiet'], styles['wide'])}>{reason.vmxName}</td>
                  {columns.map(({ key, format }) => (
                    <td key={key} className="number">
                      {row[key] === undefined ? UNKNOWN : format(row[key])}
                    </td>
                  ))}
                </tr>
              );
            })}
        </tbody>
      </table>
    </div>
  );
}
