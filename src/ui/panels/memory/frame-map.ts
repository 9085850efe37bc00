// Lays the physical frames out as rows of a bar, in address order, and sums them by owner and use. Pure.

import type { FrameRun } from '../../../protocol/frame.ts';

export const FRAME_BYTES = 4096;

/** A piece of one run on one row of the drawing. Positions are in frames from the row's start. */
export interface MapPiece {
  readonly run: FrameRun;
  readonly row: number;
  readonly start: number;
  readonly frames: number;
}

export interface FrameMap {
  readonly firstHpa: number;
  readonly frames: number;
  readonly framesPerRow: number;
  readonly rows: number;
  readonly pieces: readonly MapPiece[];
}

/** Cuts the runs at row ends. Runs must be in address order without gaps, as the answer has them. */
export function layoutFrameMap(runs: readonly FrameRun[], wantedRows: number): FrameMap {
  const frames = runs.reduce((sum, run) => sum + run.frames, 0);
  const framesPerRow = Math.max(1, Math.ceil(frames / Math.max(1, wantedRows)));
  const pieces: MapPiece[] = [];
  let position = 0;
  for (const run of runs) {
    let left = run.frames;
    while (left > 0) {
      const start = position % framesPerRow;
      const count = Math.min(left, framesPerRow - start);
      pieces.push({ run, row: Math.floor(position / framesPerRow), start, frames: count });
      position += count;
      left -= count;
    }
  }
  return { firstHpa: runs[0]?.hpa ?? 0, frames, framesPerRow, rows: Math.ceil(frames / framesPerRow), pieces };
}

/** Names an owner, so that runs of the same owner can be found: `hypervisor`, `free`, `vm 2`. */
export const ownerKey = (owner: FrameRun['owner']): string => (owner.kind === 'vm' ? `vm ${owner.vm}` : owner.kind);

export interface OwnerTotal {
  readonly owner: FrameRun['owner'];
  readonly use: FrameRun['use'];
  readonly bytes: number;
  readonly runs: number;
  /** First frame, to go there. */
  readonly hpa: number;
}

/** Bytes by owner and use, in the order of first appearance. */
export function sumByOwner(runs: readonly FrameRun[]): readonly OwnerTotal[] {
  const totals = new Map<string, OwnerTotal>();
  for (const { owner, use, frames, hpa } of runs) {
    const key = `${ownerKey(owner)} ${use}`;
    const total = totals.get(key) ?? { owner, use, bytes: 0, runs: 0, hpa };
    totals.set(key, { ...total, bytes: total.bytes + frames * FRAME_BYTES, runs: total.runs + 1 });
  }
  return [...totals.values()];
}
