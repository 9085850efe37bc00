// The memory of one guest, page by page: a map that can be zoomed until a cell is one frame, with a cursor that keys and fingers
// move, and beside it everything that is known of the page under the cursor.

import { useMemo, type KeyboardEvent, type MouseEvent } from 'react';
import type { GuestPageDetail, GuestPagesAnswer, PageMapping } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { formatBytes, formatCount, formatHex } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { useSize } from '../use-size.ts';
import { FRAME_BYTES } from './frame-map.ts';
import styles from './guest-pages.module.css';
import { DirtyLog } from './memory-use.tsx';
import {
  bitsOf,
  CELL,
  cellStates,
  columnsFor,
  movedPage,
  pageAt,
  pathsOf,
  scaleFor,
  wholeScale,
} from './page-cells.ts';

const MOST_PIXELS = 16;

export function GuestPages({ frame, vm, choice, choose, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const answer = frame?.answers.guestPages;
  const [map, { width }] = useSize({ width: 640, height: 0 });
  if (vm === undefined || answer?.vm !== vm.vm) {
    return (
      <EmptyState title="Here each page of a guest’s memory is shown.">
        {vm === undefined ? 'Add a virtual machine in the bar above first.' : 'The map is on its way.'}
      </EmptyState>
    );
  }
  const { pages, pagesPerCell, page } = answer;
  // Keys may come faster than answers: each goes on from what was chosen last.
  const here = choice.frames.page ?? page.page;
  const scale = scaleFor(pages, choice.frames.pagesPerCell);
  const columns = columnsFor(width);
  const go = (to: number) => choose({ frames: { ...choice.frames, page: to } });
  const zoom = (by: number) =>
    choose({ frames: { ...choice.frames, pagesPerCell: Math.min(wholeScale(pages), Math.max(1, scale * by)) } });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const to = movedPage(here, event.key, columns, { pages, pagesPerCell: scale });
    if (to !== undefined) go(to);
    else if (event.key === '+' || event.key === 'Enter') zoom(1 / 4);
    else if (event.key === '-') zoom(4);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className={styles['tools']}>
        <button type="button" className="button outlined" disabled={scale >= wholeScale(pages)} onClick={() => zoom(4)}>
          − Zoom out
        </button>
        <button type="button" className="button outlined" disabled={scale === 1} onClick={() => zoom(1 / 4)}>
          + Zoom in
        </button>
        <AddressForm
          key={page.gpa}
          label="Page at the guest physical address, hexadecimal"
          address={page.gpa}
          limit={answer.baseGpa + pages * FRAME_BYTES}
          onAddress={(gpa) => go(Math.max(0, Math.floor((gpa - answer.baseGpa) / FRAME_BYTES)))}
        />
        {vm.technique !== 'bare' && (
          <label className={styles['log']}>
            Dirty log <DirtyLog use={answer} title={vm.title} attempt={attempt} command={command} />
          </label>
        )}
        {failure !== undefined && (
          <span role="alert" className={shared['error']}>
            {failure}
          </span>
        )}
      </div>
      <Cursor answer={answer} onStep={(by) => go(Math.min(pages - 1, Math.max(0, here + by)))} />
      <p className={shared['quiet']}>
        {vm.title} (VM {vm.vm}): {formatBytes(pages * FRAME_BYTES)} from{' '}
        <Address space="gpa" address={answer.baseGpa} />. A cell is{' '}
        {pagesPerCell === 1 ? 'one page of 4 KiB' : `${pagesPerCell} pages, ${formatBytes(pagesPerCell * FRAME_BYTES)}`}
        , a row {formatBytes(columns * pagesPerCell * FRAME_BYTES)}; the map begins at{' '}
        <Address space="gpa" address={answer.baseGpa + answer.first * FRAME_BYTES} />.
      </p>
      <div ref={map}>
        <div
          className={styles['map']}
          tabIndex={0}
          role="slider"
          aria-label={`Page of ${vm.title}; arrows, Page Up and Page Down move, plus and minus zoom`}
          aria-orientation="horizontal"
          aria-valuemin={0}
          aria-valuemax={pages - 1}
          aria-valuenow={page.page}
          aria-valuetext={spoken(answer)}
          onKeyDown={onKeyDown}
        >
          <Cells answer={answer} columns={columns} width={width} onPage={go} onZoom={() => zoom(1 / 4)} />
        </div>
      </div>
      <Legend />
      <Detail answer={answer} />
    </>
  );
}

interface CellsProps {
  readonly answer: GuestPagesAnswer;
  readonly columns: number;
  /** Pixels there are. */
  readonly width: number;
  readonly onPage: (page: number) => void;
  readonly onZoom: () => void;
}

function Cells({ answer, columns, width, onPage, onZoom }: CellsProps) {
  const { cells, first, pagesPerCell, page } = answer;
  // Most frames bring the same cells: their paths are not made anew.
  const key = cells.join();
  const paths = useMemo(() => pathsOf(key.split(',').map(Number), columns), [key, columns]);
  const rows = Math.ceil(cells.length / columns);
  const pixels = Math.max(4, Math.min(MOST_PIXELS, Math.floor(width / columns)));
  const cursor = Math.floor((page.page - first) / pagesPerCell);
  const onClick = (event: MouseEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const unit = (columns * CELL) / box.width;
    const hit = pageAt((event.clientX - box.left) * unit, (event.clientY - box.top) * unit, columns, answer);
    if (hit !== undefined) onPage(hit);
  };
  return (
    <svg
      viewBox={`0 0 ${columns * CELL} ${rows * CELL}`}
      width={columns * pixels}
      height={rows * pixels}
      aria-hidden="true"
      onClick={onClick}
      onDoubleClick={onZoom}
    >
      <path className={styles['ground']} d={groundOf(cells.length, columns)} />
      {cellStates.map(({ state, fill }) => state !== 'untouched' && <path key={state} d={paths[state]} fill={fill} />)}
      <path d={paths.dirty} fill="var(--host-interrupt)" />
      <CursorBox x={(cursor % columns) * CELL} y={Math.floor(cursor / columns) * CELL} />
    </svg>
  );
}

/** All the cells that there are: the last row may not be whole. */
function groundOf(cells: number, columns: number): string {
  const whole = Math.floor(cells / columns);
  const rest = cells % columns;
  const rows = whole === 0 ? '' : `M0 0h${columns * CELL}v${whole * CELL}h${-columns * CELL}z`;
  return rest === 0 ? rows : `${rows}M0 ${whole * CELL}h${rest * CELL}v${CELL}h${-rest * CELL}z`;
}

const CursorBox = ({ x, y }: { readonly x: number; readonly y: number }) => (
  <g fill="none">
    <rect x={x - 1.25} y={y - 1.25} width={CELL + 2.5} height={CELL + 2.5} stroke="var(--panel)" strokeWidth="2.5" />
    <rect x={x - 0.75} y={y - 0.75} width={CELL + 1.5} height={CELL + 1.5} stroke="var(--ink)" strokeWidth="1.5" />
  </g>
);

function Legend() {
  const marks = [
    ...cellStates.map(({ state, name, sentence, fill }) => ({
      ...{ key: state, name, sentence, fill },
      bits: state === 'untouched' ? 0 : bitsOf('resident', state),
    })),
    {
      ...{ key: 'dirty', name: 'dirty', fill: 'var(--guest-kernel)', bits: bitsOf('resident', 'dirty') },
      sentence: 'Written to since the dirty log was collected; only while it is on.',
    },
    {
      ...{ key: 'huge', name: '4 MiB in one entry', fill: 'var(--guest-kernel)', bits: bitsOf('resident', 'huge') },
      sentence: 'One entry of the second stage maps it and its neighbours: drawn without joints.',
    },
  ];
  return (
    <ul className={styles['legend']} aria-label="What the cells mean">
      {marks.map(({ key, name, sentence, fill, bits }) => {
        const { resident, ballooned, swapped, dirty, ...paths } = pathsOf(key === 'huge' ? [bits, bits] : [bits], 2);
        const width = key === 'huge' ? 2 * CELL : CELL;
        return (
          <li key={key} title={sentence}>
            <svg viewBox={`0 0 ${width} ${CELL}`} width={width * 1.75} height={CELL * 1.75} aria-hidden="true">
              <rect className={styles['ground']} width={width} height={CELL} />
              <path d={resident + ballooned + paths.shared + swapped} fill={fill} />
              <path d={dirty} fill="var(--host-interrupt)" />
            </svg>
            {name}
          </li>
        );
      })}
    </ul>
  );
}

interface CursorProps {
  readonly answer: GuestPagesAnswer;
  readonly onStep: (pages: number) => void;
}

/** Where the cursor is, and what is there in a few words. */
function Cursor({ answer: { page, pages }, onStep }: CursorProps) {
  return (
    <div className={styles['title']}>
      <span className={styles['place']}>
        Page {formatCount(page.page)} of {formatCount(pages)}
      </span>
      <button type="button" className="button outlined" disabled={page.page === 0} onClick={() => onStep(-1)}>
        Previous
      </button>
      <button type="button" className="button outlined" disabled={page.page === pages - 1} onClick={() => onStep(1)}>
        Next
      </button>
      <span>
        <Address space="gpa" address={page.gpa} /> → <HostPlace page={page} />, {stateWords(page).join(', ')}
      </span>
    </div>
  );
}

function Detail({ answer }: { readonly answer: GuestPagesAnswer }) {
  const { page, pagesPerCell, cell, dirty } = answer;
  return (
    <section aria-label="The page under the cursor" className={styles['detail']}>
      <dl>
        <dt>Guest physical</dt>
        <dd>
          <Address space="gpa" address={page.gpa} />
        </dd>
        <dt>Host physical</dt>
        <dd>
          <HostPlace page={page} />
        </dd>
        <dt>Mapped</dt>
        <dd>
          {mappingText(page.mapping)}
          {page.inBlock && ' Its frame is one of a block of 4 MiB that was given out at once.'}
        </dd>
        <dt>Sharers</dt>
        <dd>{sharersText(page)}</dd>
        <dt>Dirty</dt>
        <dd>
          {dirty === undefined
            ? 'not known: the dirty log of this VM is off'
            : page.marks.includes('dirty')
              ? 'yes: written to since the log was collected'
              : 'no: not written to since the log was collected'}
        </dd>
        <dt>Balloon</dt>
        <dd>{page.marks.includes('ballooned') ? 'given up by the guest’s kernel' : 'not in it'}</dd>
        <dt>Touched</dt>
        <dd>{touchedText(page)}</dd>
        {page.pinned && (
          <>
            <dt>Pinned</dt>
            <dd>its frame must stay where it is: a device or the hypervisor knows its address</dd>
          </>
        )}
      </dl>
      {pagesPerCell > 1 && (
        <p className={shared['quiet']}>
          Of the {formatCount(cell.pages)} pages in this cell: {cellText(answer)}. Zoom in to see them one by one.
        </p>
      )}
    </section>
  );
}

function HostPlace({ page: { hpa, slot } }: { readonly page: GuestPageDetail }) {
  if (hpa !== undefined) return <Address space="hpa" address={hpa} />;
  return (
    <>{slot === undefined ? 'none: no frame is behind it' : `none: in the hypervisor’s swap store, slot ${slot}`}</>
  );
}

function mappingText(mapping: PageMapping): string {
  switch (mapping.kind) {
    case 'none':
      return 'by nothing now: the next access to it exits.';
    case 'bare':
      return 'directly: the guest has the machine to itself.';
    case 'stage-2': {
      const size = mapping.bytes > FRAME_BYTES ? 'a block of 4 MiB, by one entry' : 'a page of 4 KiB, by an entry';
      return `as ${size} of the second stage; ${mapping.store ? 'stores need no exit' : 'the first store to it exits'}.`;
    }
    case 'shadow': {
      const { entries, stores, atLeast } = mapping;
      const count = `${atLeast ? 'at least ' : ''}${entries} ${entries === 1 && !atLeast ? 'entry' : 'entries'}`;
      return `as a page of 4 KiB, by ${count} of shadow tables, ${stores} of them for stores: one for each address at which an address space of the guest has used it.`;
    }
  }
}

function sharersText({ sharers }: GuestPageDetail): string {
  if (sharers === 0) return 'none';
  return sharers === 1
    ? 'this page alone lies in its frame'
    : `${formatCount(sharers)} pages lie in its frame, this one among them; the first store to it makes a copy`;
}

function touchedText({ marks, pinned }: GuestPageDetail): string {
  if (marks.includes('resident') || marks.includes('swapped') || pinned) return 'yes';
  if (marks.includes('ballooned')) return 'given up: what it held is gone';
  return 'never, or not since the guest took it back: it reads as zeros';
}

function cellText({ cell: { pages, counts } }: GuestPagesAnswer): string {
  const { resident, ballooned, swapped } = counts;
  const named = [
    ['resident', resident],
    ['shared', counts.shared],
    ['dirty', counts.dirty],
    ['in a 4 MiB entry', counts.huge],
    ['ballooned', ballooned],
    ['swapped out', swapped],
    ['never touched', pages - resident - ballooned - swapped],
  ] as const;
  return named
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ');
}

const markWords = {
  resident: 'resident',
  ballooned: 'ballooned',
  shared: 'shared',
  dirty: 'dirty',
  swapped: 'swapped out',
  huge: 'in a 4 MiB entry',
} as const;

const stateWords = ({ marks }: GuestPageDetail): readonly string[] =>
  marks.length === 0 ? ['never touched'] : marks.map((mark) => markWords[mark]);

function spoken(answer: GuestPagesAnswer): string {
  const { page, pagesPerCell } = answer;
  const cell = pagesPerCell > 1 ? `; the cell: ${cellText(answer)}` : '';
  return `GPA ${formatHex(page.gpa, false)}, ${stateWords(page).join(', ')}${cell}`;
}
