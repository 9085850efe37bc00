// Where frames are given out: the same places as a plain search from either end finds, whatever was given and taken back before.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RAM_BASE } from '../../machine/layout.ts';
import { TestMachine } from '../../machine/test-machine.test-support.ts';
import { HostFrames } from './host-frames.ts';

const FRAMES = 64;

/** Frames 0 … 63 by a search that tries every place in turn. */
class PlainFrames {
  readonly owners: (number | undefined)[] = [0, ...Array.from({ length: FRAMES - 1 }, () => undefined)];

  find(count: number, alignment: number, fromAbove: boolean): number | undefined {
    const places = Array.from({ length: FRAMES - count + 1 }, (_, first) => first).filter(
      (first) =>
        first % alignment === 0 && this.owners.slice(first, first + count).every((owner) => owner === undefined),
    );
    return fromAbove ? places.at(-1) : places[0];
  }
}

test('tables from the low end, RAM from the high end, the nearest that is free', () => {
  const vm = fc.integer({ min: 1, max: 3 });
  const anyStep = fc.oneof(
    fc.record({ kind: fc.constant('table' as const), vm, count: fc.constantFrom(1, 1, 1, 4) }),
    fc.record({ kind: fc.constant('ram' as const), vm, count: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: fc.constant('free' as const), index: fc.nat(20) }),
    fc.record({ kind: fc.constant('free all' as const), vm }),
  );
  const { ram } = new TestMachine({ ramBytes: FRAMES * 4096 });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const frames = new HostFrames(ram);
      const plain = new PlainFrames();
      let given: { vm: number; address: number; count: number }[] = [];
      for (const step of steps) {
        if (step.kind === 'free all') {
          frames.freeAll(step.vm);
          plain.owners.forEach((owner, frame) => owner === step.vm && (plain.owners[frame] = undefined));
          given = given.filter((each) => each.vm !== step.vm);
        } else if (step.kind === 'free') {
          const [taken] = given.splice(step.index, 1);
          if (taken === undefined) continue;
          frames.free(taken.address, taken.count);
          plain.owners.fill(
            undefined,
            (taken.address - RAM_BASE) / 4096,
            (taken.address - RAM_BASE) / 4096 + taken.count,
          );
        } else {
          const { vm: owner, count } = step;
          const isTable = step.kind === 'table';
          const alignment = isTable ? count : 1;
          if (isTable && !frames.promise(owner, count)) continue;
          const address = frames.allocate(count, { vm: owner, use: isTable ? 'shadow tables' : 'ram' }, alignment);
          if (address === undefined) continue; // others may have been promised what is left
          const expected = plain.find(count, alignment, !isTable);
          expect((address - RAM_BASE) / 4096).toBe(expected);
          if (isTable) given.push({ vm: owner, address, count });
          plain.owners.fill(owner, expected, (expected ?? 0) + count);
        }
      }
      expect(frames.usedBytes).toBe(plain.owners.filter((owner) => owner !== undefined).length * 4096);
    }),
  );
});
