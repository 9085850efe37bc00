// Live migration as a person sees it: what to move over which cable, the rounds as bars of pages sent and pages written
// meanwhile, the time the VM stood still, and whether what arrived is what was sent.

import { useState } from 'react';
import type { Divergence } from '../../../protocol/commands.ts';
import type { Frame, MigrationAnswer, MigrationRound, VmSummary } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureParagraph } from '../../components/Failure.tsx';
import { Term } from '../../components/Term.tsx';
import { formatBytes, formatCount } from '../../format.ts';
import type { PanelProps, SendCommand } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import styles from './migration.module.css';

const TICKS_PER_MILLISECOND = 10_000;
/** Of the simulated cable: bytes of virtual time's second. */
const bandwidths = [
  { bytesPerSecond: 1_250_000, name: '10 Mbit/s' },
  { bytesPerSecond: 12_500_000, name: '100 Mbit/s' },
  { bytesPerSecond: 125_000_000, name: '1 Gbit/s' },
  { bytesPerSecond: 1_250_000_000, name: '10 Gbit/s' },
] as const;
const downtimes = [3, 10, 30, 100, 300, 1000, 3000] as const;
const policies: readonly { readonly value: Divergence; readonly name: string }[] = [
  { value: 'report', name: 'only say so' },
  { value: 'throttle', name: 'slow the VM down' },
  { value: 'force', name: 'stop the VM anyway' },
  { value: 'cancel', name: 'give up' },
];

type Attempt = (what: () => Promise<unknown>) => Promise<void>;

export function MigrationPanel({ frame, vm, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const [chosen, setChosen] = useState<Chosen>({
    bytesPerSecond: 125_000_000,
    milliseconds: 300,
    divergence: 'report',
  });
  const answer = frame?.answers.migration;
  const movable = vm !== undefined && vm.machine !== undefined;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        {answer?.active === true ? (
          <Controls attempt={attempt} command={command} />
        ) : (
          <Settings
            vm={movable ? vm : undefined}
            chosen={chosen}
            choose={setChosen}
            attempt={attempt}
            command={command}
          />
        )}
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {answer !== undefined && frame !== undefined ? (
          <Migration answer={answer} frame={frame} />
        ) : (
          <EmptyState title="Here a VM moves to another machine while it runs.">
            {movable
              ? 'Press “Move to machine B”: its memory travels while it runs, and what it writes meanwhile travels again, until the rest is small enough to stop it for a moment.'
              : 'Add a VM under trap-and-emulate or hardware-assisted first: on the bare machine nobody is below the guest who could move it.'}
          </EmptyState>
        )}
      </div>
    </div>
  );
}

interface Chosen {
  readonly bytesPerSecond: number;
  /** The downtime limit. */
  readonly milliseconds: number;
  readonly divergence: Divergence;
}

interface SettingsProps {
  /** Undefined where the one that is looked at cannot move. */
  readonly vm: VmSummary | undefined;
  readonly chosen: Chosen;
  readonly choose: (chosen: Chosen) => void;
  readonly attempt: Attempt;
  readonly command: SendCommand;
}

function Settings({ vm, chosen, choose, attempt, command }: SettingsProps) {
  const { bytesPerSecond, milliseconds, divergence } = chosen;
  const start = () =>
    vm === undefined
      ? undefined
      : attempt(() =>
          command('migrate', {
            vm: vm.vm,
            bytesPerSecond,
            downtimeLimitTicks: milliseconds * TICKS_PER_MILLISECOND,
            divergence,
          }),
        );
  return (
    <>
      <label>
        Bandwidth{' '}
        <select
          className={classNames('field', styles['field'])}
          value={bytesPerSecond}
          onChange={(event) => choose({ ...chosen, bytesPerSecond: Number(event.target.value) })}
        >
          {bandwidths.map((each) => (
            <option key={each.name} value={each.bytesPerSecond}>
              {each.name}
            </option>
          ))}
        </select>
      </label>
      <label title="How long the VM may stand still at the switch">
        Downtime limit{' '}
        <select
          className={classNames('field', styles['field'])}
          value={milliseconds}
          onChange={(event) => choose({ ...chosen, milliseconds: Number(event.target.value) })}
        >
          {downtimes.map((each) => (
            <option key={each} value={each}>
              {each} ms
            </option>
          ))}
        </select>
      </label>
      <label title="What to do if the VM writes faster than the cable carries">
        No convergence{' '}
        <select
          className={classNames('field', styles['field'])}
          value={divergence}
          onChange={(event) =>
            choose({
              ...chosen,
              divergence: policies.find(({ value }) => value === event.target.value)?.value ?? divergence,
            })
          }
        >
          {policies.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" className="button primary" disabled={vm === undefined} onClick={() => void start()}>
        {vm?.machine === 'B' ? 'Move back to machine A' : 'Move to machine B'}
      </button>
    </>
  );
}

function Controls({ attempt, command }: Pick<SettingsProps, 'attempt' | 'command'>) {
  return (
    <>
      <button
        type="button"
        className="button"
        title="The VM runs on where it is"
        onClick={() => void attempt(() => command('cancelMigration', {}))}
      >
        Cancel
      </button>
      <button
        type="button"
        className="button"
        title="Pulls the cable out: what is under way is lost"
        onClick={() => void attempt(() => command('cutMigrationLink', {}))}
      >
        Cut the link
      </button>
      <button
        type="button"
        className="button"
        title="Stops the VM and sends the rest, however long that takes"
        onClick={() => void attempt(() => command('forceMigration', {}))}
      >
        Force the switch
      </button>
    </>
  );
}

function Migration({ answer, frame }: { readonly answer: MigrationAnswer; readonly frame: Frame }) {
  const { vm, state, from, to, active, message, throttle, converging, downtimeTicks, downtimeLimitTicks } = answer;
  const title = frame.vms.find((summary) => summary.vm === vm)?.title;
  const named = title === undefined ? `VM ${vm}, removed since` : `${title} (VM ${vm})`;
  const wentWrong = state === 'failed' || (active && !converging);
  return (
    <section aria-label="The migration" className={shared['padded']}>
      <p>
        <strong>{named}</strong>
        {from !== undefined && to !== undefined && `, machine ${from} → machine ${to}`}
        {`, at ${speedName(answer.bytesPerSecond)}: `}
        <span className={classNames(wentWrong && shared['error'])}>{stateNames[state]}.</span>
      </p>
      <p role="status" className={classNames(wentWrong ? shared['error'] : shared['quiet'])}>
        {message}
      </p>
      <dl className={styles['facts']}>
        <div>
          <dt>
            <Term
              explain={{
                title: 'Downtime',
                sentence: 'Virtual time from the VM’s last instruction here until it may execute its next one there.',
              }}
            />
          </dt>
          <dd>
            {downtimeTicks === undefined ? (active ? 'none so far' : 'none') : formatTicks(downtimeTicks)}, limit{' '}
            {formatTicks(downtimeLimitTicks)}
          </dd>
        </div>
        {active && (
          <div>
            <dt>Throttle</dt>
            <dd>{throttle === 0 ? 'the VM is not slowed down' : `the VM may not run ${throttle} % of its time`}</dd>
          </div>
        )}
        <Hashes hashes={answer.hashes} />
      </dl>
      {(active || answer.rounds.length > 0) && <Rounds answer={answer} />}
    </section>
  );
}

const stateNames: { readonly [State in MigrationAnswer['state']]: string } = {
  copying: 'copying while it runs',
  stopped: 'stopped for the switch',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

const speedName = (bytesPerSecond: number): string =>
  bandwidths.find((each) => each.bytesPerSecond === bytesPerSecond)?.name ?? `${formatBytes(bytesPerSecond)}/s`;

/** `0.42 ms`, `12.3 ms`, `1.20 s`. */
function formatTicks(ticks: number): string {
  const milliseconds = ticks / TICKS_PER_MILLISECOND;
  return milliseconds < 1000
    ? `${Number(milliseconds.toPrecision(3))} ms`
    : `${Number((milliseconds / 1000).toPrecision(3))} s`;
}

function Hashes({ hashes: { source, destination } }: Pick<MigrationAnswer, 'hashes'>) {
  if (source === undefined) return null;
  const verdict =
    destination === undefined
      ? 'The other machine has not everything yet.'
      : source === destination
        ? 'They are equal: nothing was lost.'
        : 'They differ: what arrived is not what was sent.';
  return (
    <div>
      <dt>
        <Term
          explain={{
            title: 'State hashes',
            sentence:
              'Of memory, registers and devices: taken here when the VM was stopped, and there when everything had arrived.',
          }}
        />
      </dt>
      <dd>
        here <code className={styles['hash']}>{source}</code>, there{' '}
        <code className={styles['hash']}>{destination ?? '–'}</code>.{' '}
        <span className={classNames(destination !== undefined && source !== destination && shared['error'])}>
          {verdict}
        </span>
      </dd>
    </div>
  );
}

function Rounds({ answer: { rounds, progress, active } }: { readonly answer: MigrationAnswer }) {
  const most = Math.max(1, progress.pages, ...rounds.flatMap(({ pages, dirtyPages }) => [pages, dirtyPages]));
  return (
    <div className={shared['scroller']} role="region" aria-label="Rounds" tabIndex={0}>
      <table className={classNames('table', styles['rounds'])}>
        <caption className="visually-hidden">Rounds of the migration</caption>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">Pages sent</th>
            <th scope="col">Written meanwhile</th>
            {['On the cable', 'Took', 'If stopped now', 'Throttle'].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <Round key={round.number} round={round} most={most} />
          ))}
          {active && (
            <tr>
              <th scope="row">{progress.round}</th>
              <td>
                <Bar pages={progress.sent} most={most} fill="var(--guest-kernel)" />
                {formatCount(progress.sent)} of {formatCount(progress.pages)}
              </td>
              <td className={shared['quiet']} colSpan={5}>
                under way
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Round({ round, most }: { readonly round: MigrationRound; readonly most: number }) {
  const { startedAt, endedAt, pages, zeroPages, dirtyPages, bytes, expectedDowntime, throttle } = round;
  return (
    <tr>
      <th scope="row">{round.number}</th>
      <td>
        <Bar pages={pages} most={most} fill="var(--guest-kernel)" />
        {formatCount(pages)}
        {zeroPages > 0 && <span className={shared['quiet']}> ({formatCount(zeroPages)} zeros)</span>}
      </td>
      <td>
        <Bar pages={dirtyPages} most={most} fill="var(--host-interrupt)" />
        {formatCount(dirtyPages)}
      </td>
      <td className="number">{formatBytes(bytes)}</td>
      <td className="number">{formatTicks(endedAt - startedAt)}</td>
      <td className="number">{expectedDowntime === 0 ? '–' : formatTicks(expectedDowntime)}</td>
      <td className="number">{throttle === 0 ? '–' : `${throttle} %`}</td>
    </tr>
  );
}

const BAR = 72;

/** The number stands beside it. */
function Bar({ pages, most, fill }: { readonly pages: number; readonly most: number; readonly fill: string }) {
  return (
    <svg className={styles['bar']} width={BAR} height="10" aria-hidden="true">
      <rect width={BAR} height="10" fill="var(--sunken)" />
      <rect width={pages === 0 ? 0 : Math.max(1, (pages / most) * BAR)} height="10" fill={fill} />
    </svg>
  );
}
