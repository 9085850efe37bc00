// What a migration is begun with, and what can be done to one that is under way.

import type { Divergence } from '../../../protocol/commands.ts';
import type { VmSummary } from '../../../protocol/frame.ts';
import { TICKS_PER_MILLISECOND } from '../../../protocol/virtual-time.ts';
import type { SendCommand } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import { bandwidths } from './cable.ts';
import styles from './migration.module.css';

const downtimes = [3, 10, 30, 100, 300, 1000, 3000] as const;
const policies: readonly { readonly value: Divergence; readonly name: string }[] = [
  { value: 'report', name: 'only say so' },
  { value: 'throttle', name: 'slow the VM down' },
  { value: 'force', name: 'stop the VM anyway' },
  { value: 'cancel', name: 'give up' },
];

type Attempt = (what: () => Promise<unknown>) => Promise<void>;

export interface ChosenMigration {
  readonly bytesPerSecond: number;
  /** The downtime limit. */
  readonly milliseconds: number;
  readonly divergence: Divergence;
}

interface SettingsProps {
  /** Undefined where the one that is looked at cannot move. */
  readonly vm: VmSummary | undefined;
  readonly chosen: ChosenMigration;
  readonly choose: (chosen: ChosenMigration) => void;
  readonly attempt: Attempt;
  readonly command: SendCommand;
}

export function MigrationSettings({ vm, chosen, choose, attempt, command }: SettingsProps) {
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

export function MigrationControls({ attempt, command }: Pick<SettingsProps, 'attempt' | 'command'>) {
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
