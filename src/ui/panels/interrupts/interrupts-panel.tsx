// Where interrupts stand: the pending and enabled bits of every level they pass, and the ways of the last ones from the
// device to the guest's handler. Chains of all VMs, so that the untouched guest is seen to be untouched.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, type RefObject } from 'react';
import type { Frame, InterruptChain, InterruptLevel, InterruptsAnswer } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Popover } from '../../components/Popover.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount, formatLarge } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { useSize } from '../use-size.ts';
import { chainLine, chainStages, type ChainStop } from './chain-line.ts';
import styles from './interrupts.module.css';

/** A level of more bits than this shows only those that are pending or enabled. */
const MOST_BITS = 6;
const ROW_HEIGHT = 35;
/** Of the heading and the column heads above the first chain. */
const HEADS_HEIGHT = 52;

export function Interrupts({ frame, before, vm }: PanelProps) {
  const answer = frame?.answers.interrupts;
  const scroller = useRef<HTMLDivElement>(null);
  const [levels, { height }] = useSize({ width: 0, height: 0 });
  if (vm === undefined || frame === undefined || answer === undefined) {
    return (
      <EmptyState title="Here every interrupt is followed from the device to the guest’s handler.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  return (
    <div className={shared['panel']}>
      <div ref={scroller} className={shared['body']}>
        <div ref={levels}>
          <Levels answer={answer} before={before?.answers.interrupts} />
        </div>
        <Chains answer={answer} frame={frame} scroller={scroller} above={height + HEADS_HEIGHT} />
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

interface ChainsProps {
  readonly answer: InterruptsAnswer;
  readonly frame: Frame;
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Pixels of the scroller above the first chain. */
  readonly above: number;
}

function Chains({ answer, frame, scroller, above }: ChainsProps) {
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler must not memoize what it returns, and does not
  const list = useVirtualizer({
    count: answer.chains.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    scrollMargin: above,
    overscan: 2,
  });
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
          {/* Not a table to the browser: that would measure every column anew for each number that changes. */}
          <div
            role="table"
            aria-label="Each interrupt’s way, newest first; times in instructions since the stage before"
            aria-rowcount={answer.chains.length + 1}
            className={styles['chains']}
          >
            <div role="row" className={classNames(styles['chain'], styles['head'])}>
              <span role="columnheader">VM</span>
              <span role="columnheader">Source</span>
              {chainStages.map((stage) => (
                <span key={stage} role="columnheader" className={styles['clip']}>
                  <Term name={stage}>{stage}</Term>
                </span>
              ))}
            </div>
            {/* Only rows in sight exist, keyed by place: while guests run each row is another chain at each frame. */}
            <div role="rowgroup" style={{ height: list.getTotalSize() }} className={styles['rows']}>
              {list.getVirtualItems().map(({ index, start }) => {
                const chain = answer.chains[index];
                return (
                  chain && (
                    <Chain
                      key={index}
                      chain={chain}
                      title={frame.vms.find(({ vm }) => vm === chain.vm)?.title}
                      index={index}
                      top={start - above}
                    />
                  )
                );
              })}
            </div>
          </div>
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

interface ChainProps {
  readonly chain: InterruptChain;
  readonly title: string | undefined;
  readonly index: number;
  readonly top: number;
}

function Chain({ chain, title, index, top }: ChainProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={styles['chain']}
      style={{ position: 'absolute', insetInline: 0, top }}
    >
      <span role="cell" title={title}>
        {chain.vm}
      </span>
      <span role="rowheader" className={styles['clip']} title={chain.cause}>
        {chain.source}
      </span>
      {chainLine(chain).map((stop) => (
        <span key={stop.stage} role="cell" className={classNames(styles['stop'], styles[stop.state])}>
          <Stop stop={stop} />
        </span>
      ))}
    </div>
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
