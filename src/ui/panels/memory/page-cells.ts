// Lays a guest's pages out as cells of a map, and says where the cursor goes. Pure: units are those of the drawing, a cell is CELL wide.
// Each state has a shape of its own, so that none is told by colour alone.

import { MOST_CELLS, pageMarks, type GuestPagesAnswer, type PageMark } from '../../../protocol/frame.ts';

export const CELL = 8;

/** The states that a map distinguishes, the one that matters least first; a cell shows the last that is so. */
export const cellStates = [
  {
    state: 'untouched',
    name: 'never touched',
    sentence: 'No frame is behind it: it reads as zeros, and the first access gets it one.',
    fill: 'none',
  },
  {
    state: 'resident',
    name: 'resident',
    sentence: 'A frame of the machine is behind it.',
    fill: 'var(--guest-kernel)',
  },
  {
    state: 'ballooned',
    name: 'ballooned',
    sentence: 'The guest’s own kernel has given it up.',
    fill: 'var(--device)',
  },
  {
    state: 'shared',
    name: 'shared',
    sentence: 'Other pages lie in the same frame (merged, or a clone’s); the first store makes a copy.',
    fill: 'var(--guest-user)',
  },
  {
    state: 'swapped',
    name: 'swapped out',
    sentence: 'Its contents lie in the hypervisor’s swap store.',
    fill: 'var(--hypervisor)',
  },
] as const;
export type CellState = (typeof cellStates)[number]['state'];

/** The number in which the marks are so. */
export const bitsOf = (...marks: readonly PageMark[]): number =>
  marks.reduce((bits, mark) => bits | (1 << pageMarks.indexOf(mark)), 0);
const has = (bits: number, mark: PageMark): boolean => (bits & bitsOf(mark)) !== 0;

export function stateOfCell(bits: number): CellState {
  const [last] = cellStates.filter(({ state }) => state !== 'untouched' && has(bits, state)).slice(-1);
  return last?.state ?? 'untouched';
}

/** Pages in a cell so that all of a guest's pages are on one map: the fewest, a power of two. */
export function wholeScale(pages: number): number {
  let scale = 1;
  while (pages > scale * MOST_CELLS) scale *= 2;
  return scale;
}

/** The scale in use: what was chosen, if the guest is so large, else all of it. */
export const scaleFor = (pages: number, chosen: number | undefined): number =>
  Math.min(chosen ?? Infinity, wholeScale(pages));

/** Cells in a row: a power of two, so that rows begin at round addresses. @param width pixels */
export const columnsFor = (width: number): number => (width >= 560 ? 64 : width >= 288 ? 32 : 16);

type Window = Pick<GuestPagesAnswer, 'pages' | 'first' | 'pagesPerCell'>;

/** The page at a place of the drawing; undefined where there is none. Units of the drawing. */
export function pageAt(
  x: number,
  y: number,
  columns: number,
  { pages, first, pagesPerCell }: Window,
): number | undefined {
  const column = Math.floor(x / CELL);
  const cell = Math.floor(y / CELL) * columns + column;
  const page = first + cell * pagesPerCell;
  return column >= 0 && column < columns && cell >= 0 && cell < MOST_CELLS && page < pages ? page : undefined;
}

/** Where a key takes the cursor; undefined for a key that is not one of the map's. It stays within the guest's pages. */
export function movedPage(
  page: number,
  key: string,
  columns: number,
  { pages, pagesPerCell }: Pick<Window, 'pages' | 'pagesPerCell'>,
): number | undefined {
  const by: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -MOST_CELLS,
    PageDown: MOST_CELLS,
  };
  const here = page - (page % pagesPerCell);
  const last = pages - 1 - ((pages - 1) % pagesPerCell);
  if (key === 'Home') return 0;
  if (key === 'End') return last;
  const cells = by[key];
  return cells === undefined ? undefined : Math.min(last, Math.max(0, here + cells * pagesPerCell));
}

/** What a cell looks like at (x, y), as SVG path data. Cells that one entry maps are drawn without joints. */
function shapeOf(state: CellState, bits: number, x: number, y: number): string {
  if (state === 'untouched') return '';
  const at = (left: number, top: number, width: number, height: number) =>
    `M${x + left} ${y + top}h${width}v${height}h${-width}z`;
  if (state === 'shared') return at(0.5, 0.5, 2.75, 7) + at(4.75, 0.5, 2.75, 7);
  if (state === 'swapped') return at(0.5, 5, 7, 2.5);
  // The inner square goes the other way round, so that it is a hole.
  if (state === 'ballooned') return `${at(0.5, 0.5, 7, 7)}M${x + 2.25} ${y + 2.25}v3.5h3.5v-3.5z`;
  if (has(bits, 'dirty')) return `M${x + 0.5} ${y + 0.5}h1.75L${x + 7.5} ${y + 5.75}v1.75h-7z`;
  return has(bits, 'huge') ? at(0, 0, 8, 8) : at(0.5, 0.5, 7, 7);
}

const dirtyCorner = (x: number, y: number): string => `M${x + 4} ${y + 0.5}h3.5v3.5z`;

/** What is drawn of each state, all its cells in one path; and the corners of the dirty ones. */
export function pathsOf(
  cells: readonly number[],
  columns: number,
): Readonly<Record<Exclude<CellState, 'untouched'> | 'dirty', string>> {
  const paths = { resident: '', ballooned: '', shared: '', swapped: '', dirty: '' };
  cells.forEach((bits, cell) => {
    const x = (cell % columns) * CELL;
    const y = Math.floor(cell / columns) * CELL;
    const state = stateOfCell(bits);
    if (state !== 'untouched') paths[state] += shapeOf(state, bits, x, y);
    if (has(bits, 'dirty')) paths.dirty += dirtyCorner(x, y);
  });
  return paths;
}
