// The crossings, newest first, each a move between lanes; one that is opened shows the registers the hart wrote for it.

import { memo, useState } from 'react';
import { findCsrByName } from '../../../core/isa/csrs.ts';
import type { CrossingRow, LevelName, LevelsAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { FieldBits } from '../../components/FieldBits.tsx';
import { Hex } from '../../components/Hex.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount } from '../../format.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { LANE, middleOf, ROW, wayOf, type Lane } from './lanes.ts';
import styles from './levels.module.css';

interface CrossingListProps {
  readonly answer: LevelsAnswer;
  readonly lanes: readonly Lane[];
}

/** A lane has the colour of who is there. */
const actorOf: Readonly<Record<LevelName, string>> = {
  M: 'firmware',
  S: 'hypervisor',
  U: 'user',
  VS: 'kernel',
  VU: 'user',
};

export function CrossingList({ answer, lanes }: CrossingListProps) {
  return (
    <>
      <div className={styles['head']} aria-hidden="true">
        <span className={styles['lanes']} style={{ width: lanes.length * LANE }}>
          {lanes.map(({ level, mode, who }) => (
            <span key={level} className={styles[actorOf[level]]} title={who}>
              {mode}
            </span>
          ))}
        </span>
        <span className={shared['quiet']}>{lanes.map(({ mode, who }) => `${mode}: ${who}`).join(' · ')}</span>
      </div>
      <ol className={styles['list']} aria-label="Crossings between levels, newest first">
        {answer.rows.map((row) => (
          <CrossingItem key={row.sequence} row={row} lanes={lanes} />
        ))}
      </ol>
    </>
  );
}

interface CrossingItemProps {
  readonly row: CrossingRow;
  readonly lanes: readonly Lane[];
}

const CrossingItem = memo(
  function CrossingItem({ row, lanes }: CrossingItemProps) {
    const [open, setOpen] = useState(false);
    const modeOf = (level: LevelName) => lanes.find((lane) => lane.level === level)?.mode ?? level;
    const { line, head } = wayOf(lanes, row.from, row.to);
    return (
      <li>
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary className={styles['crossing']}>
            <svg width={lanes.length * LANE} height={ROW} aria-hidden="true" className={styles[actorOf[row.to]]}>
              {lanes.map(({ level }) => (
                <path key={level} className={styles['lane']} d={`M${middleOf(lanes, level)} 0V${ROW}`} />
              ))}
              <path className={classNames(styles['way'], row.kind === 'return' && styles['back'])} d={line} />
              <path className={styles['way']} d={head} />
            </svg>
            <span className={styles['what']}>
              <span className="visually-hidden">
                {modeOf(row.from)} to {modeOf(row.to)}:{' '}
              </span>
              {row.kind === 'return' ? row.text || 'the firmware returns' : row.name}
            </span>
            <span className={styles['instruction']}>{row.kind === 'trap' ? row.text : ''}</span>
            <span className={styles['pc']}>
              <Hex value={row.pc} />
            </span>
          </summary>
          {open && <Details row={row} modes={[modeOf(row.from), modeOf(row.to)]} />}
        </details>
      </li>
    );
  },
  (one, other) => one.row.sequence === other.row.sequence && one.row.at === other.row.at && sameLanes(one, other),
);

const sameLanes = (one: CrossingItemProps, other: CrossingItemProps): boolean =>
  one.lanes.length === other.lanes.length && one.lanes.every(({ mode }, index) => mode === other.lanes[index]?.mode);

/** The trap's value is an address for most causes; its name depends on the level that takes it. */
function valueName(row: CrossingRow): string {
  return row.to === 'M' ? 'mtval' : row.to === 'VS' ? 'vstval' : 'stval';
}

function Details({ row, modes: [from, to] }: { readonly row: CrossingRow; readonly modes: readonly [string, string] }) {
  const trap = row.kind === 'trap';
  return (
    <div className={styles['details']}>
      <p>
        {trap ? `${from} trapped to ${to}: ${row.name}.` : `${from} returned to ${to}.`} Instruction{' '}
        {formatCount(row.at)}, hart {row.hart}.
      </p>
      <dl className={styles['values']}>
        <dt>from pc</dt>
        <dd>
          <Address space="gva" address={row.pc} to="instruction" /> {row.text}
        </dd>
        <dt>to pc</dt>
        <dd>
          <Address space="gva" address={row.target} to="instruction" />
        </dd>
        {trap && (
          <>
            <dt>{valueName(row)}</dt>
            <dd>
              <Hex value={row.value} />
            </dd>
          </>
        )}
        {row.htval !== 0 && (
          <>
            <dt>
              <Term
                explain={{
                  title: row.to === 'M' ? 'mtval2' : 'htval',
                  sentence: 'The guest physical address of a guest-page fault, divided by 4: it may have 34 bits.',
                  section: 'Privileged ISA, Hypervisor Extension, htval',
                }}
              >
                {row.to === 'M' ? 'mtval2' : 'htval'}
              </Term>
            </dt>
            <dd>
              <Hex value={row.htval} /> = GPA <Hex value={row.htval * 4} />
            </dd>
          </>
        )}
        {row.htinst !== 0 && (
          <>
            <dt>
              <Term
                explain={{
                  title: row.to === 'M' ? 'mtinst' : 'htinst',
                  sentence:
                    'The trapped load or store with its address taken out; 0x2000 and 0x2020 mean that the hart itself was reading or writing a page table of the guest.',
                  section: 'Privileged ISA, Hypervisor Extension, Transformed Instruction',
                }}
              >
                {row.to === 'M' ? 'mtinst' : 'htinst'}
              </Term>
            </dt>
            <dd>
              <Hex value={row.htinst} />
            </dd>
          </>
        )}
        <Status name={row.to === 'M' ? 'mstatus' : 'sstatus'} value={row.to.startsWith('V') ? undefined : row.status} />
        <Status name="hstatus" value={row.hstatus === 0 ? undefined : row.hstatus} />
        <Status name="vsstatus" value={row.vsstatus === 0 ? undefined : row.vsstatus} />
      </dl>
    </div>
  );
}

function Status({ name, value }: { readonly name: string; readonly value: number | undefined }) {
  if (value === undefined) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <Hex value={value} />
        <FieldBits value={value} fields={findCsrByName(name)?.row.fields ?? []} onlySet />
      </dd>
    </>
  );
}
