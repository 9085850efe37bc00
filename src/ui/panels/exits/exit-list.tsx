// The exits as a list, newest first. Only the rows in sight exist; the frame brings the window around them.
// Chromium caps an element at 33,554,428 px, so the list offers the newest million and says so.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import type { ExitReasonDescription } from '../../../protocol/commands.ts';
import type { ExitRow, ExitsAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { Term } from '../../components/Term.tsx';
import { useRovingRows } from '../../components/roving-rows.ts';
import { formatCount, formatNanoseconds } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { explainReason, findReason } from './exit-reasons.ts';
import styles from './exits.module.css';
import { windowAround } from './exit-window.ts';

const ROW_HEIGHT = 22;
const OVERSCAN = 4;
const MOST_ROWS = 1_000_000;

export function ExitList({
  answer,
  frame,
  catalog,
  choice,
  choose,
  navigate,
}: PanelProps & { readonly answer: ExitsAnswer }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState(-1);
  const count = Math.min(answer.matching, MOST_ROWS);
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler must not memoize what it returns, and does not
  const list = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
  });
  const items = list.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const { exits } = choice;
  const wanted = windowAround(first, last, exits);
  const rowAt = (index: number): ExitRow | undefined => answer.rows[index - exits.skip];

  const techniqueOf = (vm: number) => frame?.vms.find((summary) => summary.vm === vm)?.technique;

  useEffect(() => {
    if (wanted.skip !== exits.skip || wanted.count !== exits.count) choose({ exits: { ...exits, ...wanted } });
  }, [wanted.skip, wanted.count, exits, choose, wanted]);

  const rows = useRovingRows({
    count,
    active: cursor,
    onActive: (index) => {
      setCursor(index);
      list.scrollToIndex(index);
      const row = rowAt(index);
      if (row !== undefined) choose({ exit: row.sequence });
    },
    onOpen: (index) => {
      const row = rowAt(index);
      if (row !== undefined) navigate.toExit(row.sequence);
    },
    page: Math.max(1, items.length - 2 * OVERSCAN - 2),
    idOf: (index) => `exit-row-${index}`,
  });
  return (
    <div
      {...rows.container}
      ref={scroller}
      role="grid"
      aria-label="Exits, newest first; arrows choose one, Enter shows its stages"
      aria-rowcount={count}
      className={classNames(shared['body'], styles['list'])}
    >
      <div role="row" className={classNames(styles['row'], styles['head'])}>
        <span role="columnheader">Exit</span>
        <span role="columnheader" className={styles['vm']}>
          VM
        </span>
        <span role="columnheader">Instruction</span>
        <span role="columnheader">Reason</span>
        <span role="columnheader" className={styles['wide']}>
          <Term name="vm-exit-name" tabIndex={-1} />
        </span>
        <span role="columnheader" className={styles['wide']}>
          VMX
        </span>
        <span role="columnheader" className={styles['wider']}>
          pc
        </span>
        <span role="columnheader" className={styles['wider']}>
          Address
        </span>
        <span role="columnheader">
          <Term name="verdict" tabIndex={-1} />
        </span>
        <span role="columnheader" className={classNames(styles['wide'], styles['number'])}>
          <Term name="exit-time" tabIndex={-1}>
            Time
          </Term>
        </span>
      </div>
      <div style={{ height: list.getTotalSize(), position: 'relative' }} role="presentation">
        {items.map((item) => {
          const row = rowAt(item.index);
          return (
            <div
              key={item.key}
              {...rows.row(item.index)}
              role="row"
              aria-rowindex={item.index + 1}
              aria-selected={row !== undefined && row.sequence === choice.exit}
              className={styles['row']}
              style={{ position: 'absolute', insetInline: 0, top: item.start }}
            >
              {row === undefined ? (
                <span className={shared['faint']}>…</span>
              ) : (
                <Cells row={row} reason={findReason(catalog, row.reason, techniqueOf(row.vm))} />
              )}
            </div>
          );
        })}
      </div>
      {answer.matching > MOST_ROWS && (
        <p className={classNames(shared['quiet'], shared['padded'])}>
          The list holds the newest {formatCount(MOST_ROWS)} of {formatCount(answer.matching)} exits. Filter by reason
          in the summary to reach older ones.
        </p>
      )}
    </div>
  );
}

function Cells({ row, reason }: { readonly row: ExitRow; readonly reason: ExitReasonDescription }) {
  return (
    <>
      <span role="gridcell" className={classNames(shared['quiet'], 'tabular')}>
        {row.sequence}
      </span>
      <span role="gridcell" className={styles['vm']}>
        {row.vm}
      </span>
      <span role="gridcell" className={classNames('mono', styles['clip'])} title={row.text}>
        {row.text === '' ? <span className={shared['faint']}>none</span> : row.text}
      </span>
      <span role="gridcell" className={styles['clip']}>
        <Term explain={explainReason(reason)} tabIndex={-1}>
          {reason.reason}
        </Term>
      </span>
      <span role="gridcell" className={classNames(styles['wide'], styles['clip'])} title={reason.perfName}>
        {reason.perfName}
      </span>
      <span
        role="gridcell"
        className={classNames(shared['quiet'], styles['wide'], styles['clip'])}
        title={reason.vmxName}
      >
        {reason.vmxName}
      </span>
      <span role="gridcell" className={styles['wider']}>
        <Address space="gva" address={row.pc} to="instruction" tabIndex={-1} />
      </span>
      <span role="gridcell" className={styles['wider']}>
        {row.gpa !== undefined ? (
          <Address space="gpa" address={row.gpa} tabIndex={-1} />
        ) : row.gva !== undefined ? (
          <Address space="gva" address={row.gva} tabIndex={-1} />
        ) : undefined}
      </span>
      <span role="gridcell">{row.verdict}</span>
      <span role="gridcell" className={classNames(styles['wide'], styles['number'], 'tabular')}>
        {row.nanoseconds === undefined ? '–' : formatNanoseconds(row.nanoseconds)}
      </span>
    </>
  );
}
