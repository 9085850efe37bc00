// The levels of a machine that belongs to one guest: every trap a move to a level with more rights, every SRET or MRET a move
// back. A guest that is a hypervisor shows here what it does for its own guest; an ordinary one, its kernel and the firmware.

import { useState } from 'react';
import type { CrossingKind, LevelsAnswer } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Failure } from '../../components/Failure.tsx';
import { formatCount, formatLarge } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useAttempt } from '../use-attempt.ts';
import { CrossingList } from './crossing-list.tsx';
import { lanesOf, type Lane } from './lanes.ts';
import styles from './levels.module.css';

const views = [
  { value: 'lanes', label: 'Lanes' },
  { value: 'counts', label: 'Counts' },
] as const;

export function Levels({ frame, vm, choice, choose, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const [view, setView] = useState<'lanes' | 'counts'>('lanes');
  const answer = frame?.answers.levels;
  if (vm === undefined || answer === undefined) {
    return (
      <EmptyState title="Here every trap is a move from one level to another.">
        {vm === undefined
          ? 'Add a virtual machine in the bar above, with the technique “bare”.'
          : 'This VM runs under the hypervisor, where crossings are exits: see the Exits panel. Add one that is bare; “A hypervisor in a guest” has four levels.'}
      </EmptyState>
    );
  }
  const { recording } = answer;
  const lanes = lanesOf(answer);
  const only = choice.crossings;
  const ended = vm.state === 'ended';
  const again = async () => {
    await command('resetVm', { vm: vm.vm });
    await command('recordLevels', { vm: vm.vm, on: true });
    await command('startVm', { vm: vm.vm });
  };
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments label="View" options={views} value={view} onChange={setView} />
        <button
          type="button"
          className="button"
          disabled={ended}
          title={ended ? 'The guest has ended: run it again' : 'Run until a trap or a return changes the level'}
          onClick={() => void attempt(() => command('step', { vm: vm.vm, kind: 'crossing' }))}
        >
          Next crossing
        </button>
        <label className={styles['record']}>
          <input
            type="checkbox"
            checked={recording}
            onChange={(event) => {
              const on = event.target.checked;
              void attempt(() => command('recordLevels', { vm: vm.vm, on }));
            }}
          />
          Record
        </label>
        {only !== undefined && (
          <button type="button" className="button outlined" onClick={() => choose({ crossings: undefined })}>
            only {modeIn(lanes, only.from)} → {modeIn(lanes, only.to)} <span aria-hidden="true">×</span>
            <span className="visually-hidden">: show all crossings</span>
          </button>
        )}
        <span className={shared['spring']} />
        <Failure>{failure}</Failure>
        <span
          className={classNames(shared['quiet'], 'tabular')}
          title={`${formatCount(answer.total)} were recorded; the last ${formatCount(answer.kept)} are kept`}
        >
          {formatLarge(answer.total)} crossings
        </span>
      </div>
      {answer.total === 0 ? (
        <EmptyState title="No crossing yet.">
          {ended ? (
            <button type="button" className="button outlined" onClick={() => void attempt(again)}>
              Run it again and record
            </button>
          ) : recording ? (
            'Let the guest run: it traps when it needs what its level may not do.'
          ) : (
            'Check “Record”, then let the guest run.'
          )}
        </EmptyState>
      ) : (
        <div className={shared['body']}>
          {view === 'lanes' ? (
            <CrossingList answer={answer} lanes={lanes} />
          ) : (
            <Counts
              answer={answer}
              lanes={lanes}
              onPick={(kind) => {
                choose({ crossings: kind });
                setView('lanes');
              }}
            />
          )}
        </div>
      )}
    </div>
  );
}

const modeIn = (lanes: readonly Lane[], level: string): string =>
  lanes.find((lane) => lane.level === level)?.mode ?? level;

interface CountsProps {
  readonly answer: LevelsAnswer;
  readonly lanes: readonly Lane[];
  readonly onPick: (kind: CrossingKind) => void;
}

/** How many of which kind; one that is pressed is then the only one in the drawing. */
function Counts({ answer, lanes, onPick }: CountsProps) {
  return (
    <table className={classNames('table', styles['counts'])}>
      <caption className="visually-hidden">Crossings by cause and level; press one to see only those</caption>
      <thead>
        <tr>
          <th scope="col">From → to</th>
          <th scope="col" className={styles['wide']}>
            Cause
          </th>
          <th scope="col" className="number">
            Count
          </th>
        </tr>
      </thead>
      <tbody>
        {answer.counts.map(({ kind, from, to, cause, count, name }) => (
          <tr key={`${kind} ${from} ${to} ${cause}`}>
            <td className={styles['ends']}>
              {modeIn(lanes, from)} → {modeIn(lanes, to)}
            </td>
            <td>
              <button type="button" className={styles['kind']} onClick={() => onPick({ kind, from, to, cause })}>
                {name}
              </button>
            </td>
            <td className="number">{formatCount(count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
