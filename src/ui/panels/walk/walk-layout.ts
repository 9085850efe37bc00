// Where everything stands in the drawing of a walk. Pure: rows in, boxes and arrows in pixels out.
//
//   ┌ address ┐   ┌ stage 2 L1 ┐   ┌ stage 2 L0 ┐   ┌ entry found ┐   one row for each address that had to be found
//   └─────────┘ → └────────────┘ → └────────────┘ → └─────────────┘
//        ↑ ┌────────────────────────────────────────────────┘           the entry gives the next address
//   ┌ address ┐ → …

import type { PteFetch } from '../../../protocol/frame.ts';
import type { WalkBand, WalkRow } from './walk-rows.ts';

export interface Box {
  readonly kind: 'address' | 'stage-2' | 'found';
  readonly row: WalkRow;
  readonly rowIndex: number;
  /** The second-stage entry of a `stage-2` box. */
  readonly fetch: PteFetch | undefined;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface BandLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  /** SVG paths, each with an arrow at its end. */
  readonly arrows: readonly string[];
  /** What stands in each column, and where it begins. */
  readonly columns: readonly { readonly x: number; readonly title: string }[];
}

const ADDRESS_WIDTH = 102;
const ENTRY_WIDTH = 78;
/** Where there is room: without a second stage. */
const WIDE_ENTRY = 150;
const ROW_GAP = 20;
const LEAST_GAP = 10;
const MOST_GAP = 40;
const LINE = 18;
const PADDING = 8;

/** Lays one band out for the width there is; it grows wider than that rather than squeeze its boxes. */
export function layoutBand(band: WalkBand, available: number): BandLayout {
  const middle = Math.max(0, ...band.rows.map(({ stage2 }) => stage2.length));
  const foundWidth = middle === 0 ? WIDE_ENTRY : ADDRESS_WIDTH;
  const boxesWidth = ADDRESS_WIDTH + middle * ENTRY_WIDTH + foundWidth;
  const gap = Math.min(MOST_GAP, Math.max(LEAST_GAP, Math.floor((available - boxesWidth) / (middle + 1))));
  const lastX = ADDRESS_WIDTH + gap + middle * (ENTRY_WIDTH + gap);
  const height = (band.rows.some(showsHost) ? 4 : 3) * LINE + PADDING;
  const boxes: Box[] = [];
  const arrows: string[] = [];
  band.rows.forEach((row, rowIndex) => {
    const y = rowIndex * (height + ROW_GAP);
    const centre = y + height / 2;
    const place = (kind: Box['kind'], x: number, width: number, fetch: PteFetch | undefined): void => {
      const before = boxes.at(-1);
      if (before !== undefined && before.rowIndex === rowIndex) {
        arrows.push(`M${before.x + before.width} ${centre}H${x - 1}`);
      }
      boxes.push({ kind, row, rowIndex, fetch, x, y, width, height });
    };
    if (rowIndex > 0) arrows.push(turn(lastX + foundWidth / 2, ADDRESS_WIDTH / 2, y));
    place('address', 0, ADDRESS_WIDTH, undefined);
    row.stage2.forEach((fetch, index) =>
      place('stage-2', ADDRESS_WIDTH + gap + index * (ENTRY_WIDTH + gap), ENTRY_WIDTH, fetch),
    );
    if (row.pte !== undefined || row.hpa !== undefined) place('found', lastX, foundWidth, undefined);
  });
  const rows = band.rows.length;
  const columns =
    middle === 0
      ? []
      : [
          { x: 0, title: 'wanted' },
          ...[1, 0].map((level, index) => ({
            x: ADDRESS_WIDTH + gap + index * (ENTRY_WIDTH + gap),
            title: `stage 2, L${level}`,
          })),
          { x: lastX, title: 'found at' },
        ];
  return { width: lastX + foundWidth, height: rows * height + Math.max(0, rows - 1) * ROW_GAP, boxes, arrows, columns };
}

/** From the bottom of the entry found, half the gap down, left, and down into the address of the next row. */
const turn = (fromX: number, toX: number, y: number): string =>
  `M${fromX} ${y - ROW_GAP}V${y - ROW_GAP / 2}H${toX}V${y - 1}`;

/** Whether the found box names a host address beside the guest physical one: on a bare machine they are the same. */
export const showsHost = ({ gpa, hpa }: WalkRow): boolean => gpa !== undefined && hpa !== undefined && gpa !== hpa;
