// Where interrupts stand: the pending and enabled bits of every level they pass, and the ways of the last ones from the
// device to the guest's handler. Chains of all VMs, so that the untouched guest is seen to be untouched.

import type { Frame, InterruptChain, InterruptLevel, InterruptsAnswer } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Popover } from '../../components/Popover.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount, formatLarge } from '../../format.ts';
import type { Panel, PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { chainLine, chainStages, type ChainStop } from './chain-line.ts';
import styles from './interrupts.module.css';

const CHAINS = 24;
/** A level of more bits than this shows only those that are pending or enabled. */
const MOST_BITS = 6;

function Interrupts({ frame, before, vm }: PanelProps) {
  const answer = frame?.answers.interrupts;
  if (vm === undefined || frame === undefined || answer === undefined) {
    return (
      <EmptyState title="Here every interrupt is followed from the device to the guest’s handler.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  return (
    <div className={shared['panel']}>
      <div className={shared['body']}>
        <Levels answer={answer} before={before?.answers.interrupts} />
        <Chains answer={answer} frame={frame} />
      </div>
    </div>
  );
}

function Levels({
  answer,
  before,
}: {
  readonly answer: InterruptsAnswer;
  readonly before: InterruptsAnswer | undefined;
}) {
  return (
    <section aria-label="Levels">
      <p className={styles['legend']}>
        <span className={classNames(styles['bit'], styles['pending'])}>
          <Mark pending />
          <Term name="pending">pending</Term>
        </span>
        <span className={styles['bit']}>
          <Mark pending={false} />
          not pending
        </span>
        <span className={classNames(styles['bit'], styles['masked'])}>
          not <Term name="enabled">enabled</Term>
        </span>
      </p>
      <dl className={styles['levels']}>
        {answer.levels.map((level) => (
          <Level key={level.name} level={level} before={before?.levels.find(({ name }) => name === level.name)} />
        ))}
      </dl>
    </section>
  );
}

function Level({ level, before }: { readonly level: InterruptLevel; readonly before: InterruptLevel | undefined }) {
  const quiet = level.bits.length > MOST_BITS ? level.bits.filter(isQuiet) : [];
  const shown = level.bits.filter((bit) => !quiet.includes(bit));
  return (
    <div className={styles['level']}>
      <dt>
        <Term explain={{ title: level.name, sentence: level.meaning }}>{level.name}</Term>
      </dt>
      <dd>
        {level.bits.length === 0 && <span className={shared['quiet']}>no sources</span>}
        {shown.map((bit) => {
          const old = before?.bits.find(({ name }) => name === bit.name);
          const changed = old !== undefined && (old.pending !== bit.pending || old.enabled !== bit.enabled);
          return (
            <span
              key={bit.name}
              className={classNames(
                styles['bit'],
                bit.pending && styles['pending'],
                bit.enabled === false && styles['masked'],
                changed && 'changed',
              )}
              title={`${bit.name}: ${bit.pending ? 'pending' : 'not pending'}${bit.enabled === undefined ? '' : bit.enabled ? ', enabled' : ', not enabled'}`}
            >
              <Mark pending={bit.pending} />
              {bit.name}
              <span className="visually-hidden">
                {bit.pending ? ' pending' : ' not pending'}
                {bit.enabled === false ? ', not enabled' : ''}
                {changed ? ' (changed)' : ''}
              </span>
            </span>
          );
        })}
        {quiet.length > 0 && (
          <span className={shared['quiet']} title={quiet.map(({ name }) => name).join(', ')}>
            {shown.length === 0 ? `${quiet.length} sources` : `${quiet.length} more`}, neither pending nor enabled
          </span>
        )}
      </dd>
    </div>
  );
}

const isQuiet = ({ pending, enabled }: InterruptLevel['bits'][number]): boolean => !pending && enabled === false;

/** A filled square for a set bit, an open one for a clear bit. */
const Mark = ({ pending }: { readonly pending: boolean }) => (
  <svg width="9" height="9" viewBox="0 0 9 9" aria-hidden="true">
    <rect x="1" y="1" width="7" height="7" fill={pending ? 'currentColor' : 'none'} stroke="currentColor" />
  </svg>
);

function Chains({ answer, frame }: { readonly answer: InterruptsAnswer; readonly frame: Frame }) {
  const untouched = frame.vms.filter(({ vm }) => !answer.chains.some((chain) => chain.vm === vm));
  return (
    <section aria-label="The last interrupts">
      <h3 className={shared['heading']}>The last interrupts, of all VMs</h3>
      {answer.chains.length === 0 ? (
        <p className={classNames(shared['quiet'], styles['note'])}>
          None yet. A timer, a key typed in the console, or a disk that is done raises one.
        </p>
      ) : (
        <div className={shared['scroller']}>
          <table className={classNames('table', styles['chains'])}>
            <caption className="visually-hidden">
              Each interrupt’s way, newest first; times in instructions since the stage before
            </caption>
            <thead>
              <tr>
                <th scope="col">VM</th>
                <th scope="col">Source</th>
                {chainStages.map((stage) => (
                  <th key={stage} scope="col">
                    <Term name={stage}>
                      {stage === 'acknowledged' ? <span className={styles['long']}>{stage}</span> : stage}
                    </Term>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {answer.chains.map((chain) => (
                <Chain key={chain.sequence} chain={chain} title={frame.vms.find(({ vm }) => vm === chain.vm)?.title} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {answer.chains.length > 0 && untouched.length > 0 && (
        <p className={classNames(shared['quiet'], styles['note'])}>
          Untouched: {untouched.map(({ vm, title }) => `${title} (VM ${vm})`).join(', ')}.
        </p>
      )}
    </section>
  );
}

function Chain({ chain, title }: { readonly chain: InterruptChain; readonly title: string | undefined }) {
  return (
    <tr>
      <td title={title}>{chain.vm}</td>
      <th scope="row" className={styles['source']} title={chain.cause}>
        {chain.source}
      </th>
      {chainLine(chain).map((stop) => (
        <td key={stop.stage} className={classNames(styles['stop'], styles[stop.state])}>
          <Stop stop={stop} />
        </td>
      ))}
    </tr>
  );
}

/** A dot on the line, and below it how long the way from the last one took. */
function Stop({ stop }: { readonly stop: ChainStop }) {
  if (stop.at === undefined) {
    return (
      <>
        <span className={styles['dot']} aria-hidden="true" />
        <span className={styles['time']} title={stop.state === 'skipped' ? 'not here' : 'not yet'}>
          <span aria-hidden="true">–</span>
          <span className="visually-hidden">{stop.state === 'skipped' ? 'not here' : 'not yet'}</span>
        </span>
      </>
    );
  }
  return (
    <Popover
      tabIndex={-1}
      content={
        <>
          {stop.detail}. At instruction {formatCount(stop.at)}
          {stop.after === undefined ? '' : `, ${formatCount(stop.after)} after the stage before`}.
        </>
      }
    >
      <span className={styles['dot']} aria-hidden="true" />
      <span className={styles['time']}>
        {stop.after === undefined ? formatLarge(stop.at) : `+${formatLarge(stop.after)}`}
      </span>
      <span className="visually-hidden"> {stop.detail}</span>
    </Popover>
  );
}

export const interruptsPanel: Panel = {
  id: 'interrupts',
  title: 'Interrupts',
  key: '6',
  place: 'left-below',
  queries: () => ({ interrupts: { chains: CHAINS } }),
  Component: Interrupts,
};
