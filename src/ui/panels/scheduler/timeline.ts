// The timeline of the scheduler as shapes: for each physical hart a row, in it for each vCPU one path of all its intervals.

import type { SchedulerAnswer } from '../../../protocol/frame.ts';

export const ROW = 18;
export const BAR = 14;
/** Colours of the page that tell VMs apart, in turn; the pattern of a vCPU says which one of its VM it is. */
export const COLOURS = ['--guest-kernel', '--guest-user', '--hypervisor', '--device', '--host-interrupt'] as const;

export interface Bar {
  readonly vm: number;
  readonly vcpu: number;
  /** SVG path data: x from 0 to 1000, y in pixels. */
  readonly path: string;
}

export const WIDTH = 1000;

/** All bars of a timeline; the earliest interval may begin before it. */
export function barsOf({ intervals, since, now }: SchedulerAnswer): readonly Bar[] {
  const bars = new Map<string, { vm: number; vcpu: number; path: string[] }>();
  const scale = WIDTH / Math.max(1, now - since);
  for (const { from, to, hart, vm, vcpu } of intervals) {
    const left = (Math.max(from, since) - since) * scale;
    const right = ((to ?? now) - since) * scale;
    const width = Math.max(right - left, 0.2); // a glance is seen, too
    const key = `${vm}/${vcpu}`;
    const bar = bars.get(key) ?? { vm, vcpu, path: [] };
    bars.set(key, bar);
    // vCPUs of one VM differ by height, so that they differ without colour.
    const height = BAR - 2 * (vcpu % 4);
    bar.path.push(
      `M${left.toFixed(2)} ${hart * ROW + BAR - height}h${width.toFixed(2)}v${height}h-${width.toFixed(2)}z`,
    );
  }
  return [...bars.values()]
    .map(({ vm, vcpu, path }) => ({ vm, vcpu, path: path.join('') }))
    .toSorted((one, other) => one.vm - other.vm || one.vcpu - other.vcpu);
}

export const colourOf = (vm: number): string => `var(${COLOURS[(vm - 1) % COLOURS.length] ?? '--nobody'})`;
