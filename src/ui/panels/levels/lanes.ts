// Which lanes the drawing has, and where a crossing goes in it. A level has one place in every row, the most powerful first.

import type { LevelName, LevelsAnswer } from '../../../protocol/frame.ts';

export interface Lane {
  readonly level: LevelName;
  /** As the manual calls the mode: S is HS where there is a V = 1 above it. */
  readonly mode: string;
  /** Who is there: L0 is the machine's firmware, L1 what stands on it, L2 what stands on that. */
  readonly who: string;
}

const ORDER: readonly LevelName[] = ['M', 'S', 'U', 'VS', 'VU'];

/** The lanes that have been entered, and the one where the hart is. */
export function lanesOf({ counts, now }: Pick<LevelsAnswer, 'counts' | 'now'>): readonly Lane[] {
  const seen = new Set<LevelName>([now]);
  for (const { from, to } of counts) seen.add(from).add(to);
  const nested = seen.has('VS') || seen.has('VU');
  const names: Readonly<Record<LevelName, Lane>> = {
    M: { level: 'M', mode: 'M', who: 'L0 firmware' },
    S: nested ? { level: 'S', mode: 'HS', who: 'L1 hypervisor' } : { level: 'S', mode: 'S', who: 'L1 kernel' },
    U: { level: 'U', mode: 'U', who: 'L1 user' },
    VS: { level: 'VS', mode: 'VS', who: 'L2 kernel' },
    VU: { level: 'VU', mode: 'VU', who: 'L2 user' },
  };
  return ORDER.filter((level) => seen.has(level)).map((level) => names[level]);
}

/** Width of a lane in the drawing, in pixels. */
export const LANE = 36;
export const ROW = 24;

/** The x of a lane's middle. */
export const middleOf = (lanes: readonly Lane[], level: LevelName): number =>
  (Math.max(
    0,
    lanes.findIndex((lane) => lane.level === level),
  ) +
    0.5) *
  LANE;

/**
 * The way of one crossing through its row, the newer one above: up out of the lane it left, across, and on up in the lane it
 * went to. With the arrow's head, as two SVG paths.
 */
export function wayOf(
  lanes: readonly Lane[],
  from: LevelName,
  to: LevelName,
): { readonly line: string; readonly head: string } {
  const start = middleOf(lanes, from);
  const end = middleOf(lanes, to);
  const middle = ROW / 2;
  if (start === end) {
    // A trap that stays at its level: a small loop.
    return {
      line: `M${start} ${ROW}V${middle + 4}h10v-8H${start}V0`,
      head: `M${start + 4} ${middle - 7}l-4 3l4 3`,
    };
  }
  const back = end > start ? -5 : 5;
  return {
    line: `M${start} ${ROW}V${middle}H${end}V0`,
    head: `M${end + back * 1.2} ${middle - 4}L${end + back * 0.2} ${middle}l${back} 4`,
  };
}
