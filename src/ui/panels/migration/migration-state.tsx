// A migration as it stands or ended: what moves where, the time the VM stood still, whether what arrived is what was sent.

import type { Frame, MigrationAnswer } from '../../../protocol/frame.ts';
import { Term } from '../../components/Term.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { speedName } from './cable.ts';
import { MigrationRounds } from './migration-rounds.tsx';
import styles from './migration.module.css';
import { formatTicks } from './ticks.ts';

export function MigrationState({ answer, frame }: { readonly answer: MigrationAnswer; readonly frame: Frame }) {
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
      {(active || answer.rounds.length > 0) && <MigrationRounds answer={answer} />}
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
