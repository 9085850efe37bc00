// The record of crossings between levels: what it says must follow from the manual (where a trap of a cause goes under the
// delegation that is set), and one crossing must begin where the one before it ended.

import { describe, expect, test } from 'vitest';
import { BareMachine } from '../techniques/bare-machine.ts';
import { drive, newLab, hashOf, shippedGuest, sourceGuest, type RigOptions } from '../guest-rig.test-support.ts';
import type { Crossing, LevelTrace } from './level-trace.ts';

const all = (levels: LevelTrace): readonly Crossing[] =>
  Array.from({ length: levels.total - levels.oldest }, (_, index) => levels.read(levels.oldest + index)).filter(
    (crossing) => crossing !== undefined,
  );

function start(name: string, recording = true, options: RigOptions = {}) {
  const lab = newLab(options);
  const vm = lab.addVm({ technique: 'bare', guest: shippedGuest(name) });
  if (!(vm instanceof BareMachine)) throw new Error('a guest of the bare machine');
  vm.levels.recording = recording;
  return { lab, vm, levels: vm.levels };
}

function run(name: string, recording = true, options: Parameters<typeof start>[2] = {}) {
  const started = start(name, recording, options);
  started.lab.start(started.vm.id);
  drive(started.vm, { until: () => started.vm.ending !== undefined });
  return started;
}

describe('the nested guest', () => {
  const { levels } = run('nested');
  const crossings = all(levels);

  test('each crossing begins at the level where the one before it ended', () => {
    expect(crossings.length).toBe(levels.total);
    expect(crossings[0]).toMatchObject({ kind: 'return', from: 'M', to: 'S', instruction: 0x3020_0073 });
    crossings.slice(1).forEach((crossing, index) => expect(crossing.from).toBe(crossings[index]?.to));
  });

  test('traps go where the delegation says, and never up', () => {
    const rank = { M: 4, S: 3, U: 2, VS: 1, VU: 0 };
    const traps = crossings.filter(({ kind }) => kind === 'trap');
    for (const { from, to } of traps) expect(rank[to], `${from} to ${to}`).toBeGreaterThanOrEqual(rank[from]);
    const destinations = (cause: number) => [
      ...new Set(traps.filter((trap) => trap.cause === cause).map(({ from, to }) => `${from}>${to}`)),
    ];
    // Table "Synchronous exception causes" and the hedeleg, hideleg and medeleg that the guest has written.
    expect(destinations(8)).toEqual(['VU>VS']);
    expect(destinations(9)).toEqual(['S>M']);
    expect(destinations(10)).toEqual(['VS>S']);
    expect(destinations(15)).toEqual(['VU>VS']);
    expect(destinations(20)).toEqual(['VS>S', 'VU>S']);
    expect(destinations(22)).toEqual(['VU>S', 'VS>S']);
    expect(destinations(0x8000_0005)).toContain('VU>VS');
    expect(destinations(0x8000_0007).length).toBeGreaterThan(0);
  });

  test('has the values of the H extension: SPV, htval as GPA / 4, htinst of an access and of a walk', () => {
    const [fetch] = crossings.filter(({ cause }) => cause === 20);
    expect(fetch).toMatchObject({ from: 'VS', value: 0x8001_0000, htval: 0x8001_0000 / 4, htinst: 0 });
    expect((fetch?.hstatus ?? 0) & 0x180).toBe(0x180);
    const stores = crossings.filter(({ cause }) => cause === 23);
    expect(stores.some(({ htinst }) => htinst === 0x2000)).toBe(true);
    // Transformed instruction: a store's rs1 and immediate are 0.
    expect(stores.some(({ htval, htinst }) => htval === 0x1000_0000 / 4 && (htinst & 0xfe0f_ffff) === 0x23)).toBe(true);
  });

  test('counts what it records, by cause and level', () => {
    const counts = levels.counts();
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(levels.total);
    const [first] = counts.filter(({ kind, cause }) => kind === 'trap' && cause === 10);
    expect(first).toMatchObject({ from: 'VS', to: 'S', count: crossings.filter(({ cause }) => cause === 10).length });
    // A hypervisor's guest calls it 0x4c times, by its own account; the call that ends it all is not answered.
    expect(first?.count).toBe(0x4c + 1);
  });
});

describe('firmware outside the machine', () => {
  test('answers as M-mode: U, S and M of an ordinary guest', () => {
    const { levels } = run('trap');
    const crossings = all(levels);
    crossings.slice(1).forEach((crossing, index) => expect(crossing.from).toBe(crossings[index]?.to));
    expect(crossings.some(({ from, to, cause }) => from === 'U' && to === 'S' && cause === 8)).toBe(true);
    expect(crossings.some(({ from, to, cause }) => from === 'S' && to === 'M' && cause === 9)).toBe(true);
    const back = crossings.find(({ kind, from }) => kind === 'return' && from === 'M');
    expect(back).toMatchObject({ to: 'S', instruction: 0 });
  });
});

describe('the record', () => {
  test('is not kept unless somebody asks, and the guest cannot tell', () => {
    const off = run('nested', false);
    expect(off.levels.total).toBe(0);
    expect(off.levels.counts()).toEqual([]);
    const on = run('nested');
    expect(hashOf(on.vm)).toBe(hashOf(off.vm));
    expect(on.vm.instructions).toBe(off.vm.instructions);
  });

  test('is bounded: the oldest crossings go, the counts stay', () => {
    const whole = run('nested').levels;
    const { levels } = run('nested', true, { levelTraceCapacity: 16 });
    expect(levels.total).toBe(whole.total);
    expect(levels.oldest).toBe(whole.total - 16);
    expect(levels.read(levels.oldest - 1)).toBeUndefined();
    expect(levels.read(levels.total)).toBeUndefined();
    expect(levels.read(NaN)).toBeUndefined();
    expect(all(levels)).toEqual(all(whole).slice(-16));
    expect(levels.counts()).toEqual(whole.counts());
  });

  test('is the same, translated or not', () => {
    expect(all(run('nested', true, { translator: false }).levels)).toEqual(all(run('nested').levels));
  });

  test('begins anew with the guest', () => {
    const { lab, vm, levels } = run('nested');
    lab.reset(vm.id);
    expect(levels.total).toBe(0);
    expect(levels.counts()).toEqual([]);
  });
});

describe('a step to the next crossing', () => {
  test('stops at the new level, crossing by crossing, whether it is recorded or not', () => {
    const whole = all(run('nested').levels);
    const { lab, vm } = start('nested', false);
    for (const { to, target } of whole.slice(0, 12)) {
      lab.step(vm.id, 'crossing');
      drive(vm, { until: () => !vm.control.running });
      expect(vm.control.stop).toMatchObject({
        kind: 'step',
        sentence: expect.stringContaining(`${to}-mode`) as string,
      });
      expect(vm.look().pc).toBe(target);
    }
  });

  test('is refused for a guest of the hypervisor, in plain words', () => {
    const lab = newLab();
    const vm = lab.addVm({ technique: 'hardware-assisted', guest: sourceGuest('_start: j _start\n') });
    expect(() => lab.step(vm.id, 'crossing')).toThrow(
      /expected a guest on the bare machine, found one of the hypervisor/,
    );
  });
});
