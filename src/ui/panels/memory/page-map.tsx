// The map of a guest's pages, drawn: a path for each state of a cell, the box of the cursor, and what the marks mean.

import { useMemo, type MouseEvent } from 'react';
import type { GuestPagesAnswer } from '../../../protocol/frame.ts';
import styles from './guest-pages.module.css';
import { bitsOf, CELL, cellStates, pageAt, pathsOf } from './page-cells.ts';

/** A cell is drawn no larger, however few there are. */
const MOST_PIXELS = 16;

interface PageMapProps {
  readonly answer: GuestPagesAnswer;
  readonly columns: number;
  /** Pixels there are. */
  readonly width: number;
  readonly onPage: (page: number) => void;
  readonly onZoom: () => void;
}

export function PageMap({ answer, columns, width, onPage, onZoom }: PageMapProps) {
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

export function PageLegend() {
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
