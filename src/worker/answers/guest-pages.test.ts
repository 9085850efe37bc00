// The map of a guest's pages, held against what was done to them: touched, shared, swapped out, given up, written to; what maps
// them is read from the tables, and looking changes nothing. A question that is none gets a map all the same.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../cli/node-host.ts';
import { drive, hashOf, hosted, MIB, newLab, sourceGuest } from '../../core/hypervisor/guest-rig.test-support.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import { Lab } from '../../core/hypervisor/lab.ts';
import type { MemoryOptions } from '../../core/hypervisor/memory/host-memory.ts';
import type { Technique } from '../../core/hypervisor/virtual-machine.ts';
import { MOST_CELLS, pageMarks } from '../../protocol/frame.ts';
import { guestPagesAnswer } from './guest-pages.ts';

const RAM = 0x8000_0000;
const PAGE = 4096;
/** Stores to the first word of each of eight pages from 8 MiB on, then loops. */
const WRITER = `
        .globl  _start
_start: li      s1, 0x80800000
        li      s2, 0x80808000
1:      sw      s1, 0(s1)
        li      t1, 4096
        add     s1, s1, t1
        bltu    s1, s2, 1b
2:      j       2b
`;
const WRITTEN = 2048;

function running(technique: Technique, memory: MemoryOptions = {}) {
  const lab = new Lab({ host: nodeHost, memoryBytes: 64 * MIB, epochNanoseconds: { high: 0, low: 0 }, memory });
  const vm = lab.addVm({ technique, guest: sourceGuest(WRITER, { memoryBytes: 16 * MIB }) });
  if (!(vm instanceof HostedVm)) throw new Error('a VM of the hypervisor');
  lab.start(vm.id);
  drive(lab.computerOf(vm), { limit: 20_000, slice: 10_000 });
  lab.pause(vm.id);
  return { lab, vm };
}

const at = (vm: HostedVm, page: number) => guestPagesAnswer(vm, { page, pagesPerCell: 1 }).page;

describe.each(hosted)('%s', (technique) => {
  test('a page that was stored to has a frame, one that was not has none', () => {
    const { vm } = running(technique);
    const written = at(vm, WRITTEN + 7);
    expect(written).toMatchObject({
      ...{ gpa: RAM + (WRITTEN + 7) * PAGE, marks: ['resident'], sharers: 1, slot: undefined, pinned: false },
      mapping:
        technique === 'hardware-assisted'
          ? { kind: 'stage-2', bytes: PAGE, store: true }
          : { kind: 'shadow', entries: 1, stores: 1, atLeast: false },
    });
    // Where the machine has it, the machine has the word that the guest wrote.
    expect(vm.physical.ram.readEntry(written.hpa ?? 0) >>> 0).toBe(RAM + (WRITTEN + 7) * PAGE);
    expect(at(vm, WRITTEN + 8)).toMatchObject({ hpa: undefined, marks: [], sharers: 0, mapping: { kind: 'none' } });
  });

  test('the dirty log, the swap store and the balloon are told page by page', () => {
    const { lab, vm } = running(technique);
    vm.memory.dirtyLog.start();
    expect(guestPagesAnswer(vm, { page: 0, pagesPerCell: 1 }).dirty).toBe(0);
    expect(at(vm, WRITTEN).mapping).toMatchObject(
      technique === 'hardware-assisted' ? { store: false } : { entries: 1, stores: 0 },
    );
    vm.memory.write(RAM + WRITTEN * PAGE, Uint8Array.of(1));
    expect(at(vm, WRITTEN).marks).toEqual(['resident', 'dirty']);
    expect(at(vm, WRITTEN + 1).marks).toEqual(['resident']);
    vm.memory.dirtyLog.stop();
    expect(guestPagesAnswer(vm, { page: 0, pagesPerCell: 1 }).dirty).toBeUndefined();

    expect(vm.memory.pages.swapOut(WRITTEN + 2)).toBe(true);
    const swapped = at(vm, WRITTEN + 2);
    expect(swapped).toMatchObject({ marks: ['swapped'], hpa: undefined, mapping: { kind: 'none' } });
    const bytes = new Uint8Array(PAGE);
    lab.hypervisor?.memory.swap.read(swapped.slot ?? 0, bytes);
    expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(RAM + (WRITTEN + 2) * PAGE);

    expect(vm.memory.giveUp(RAM + (WRITTEN + 3) * PAGE)).toBe(true);
    expect(at(vm, WRITTEN + 3)).toMatchObject({ marks: ['ballooned'], hpa: undefined, slot: undefined });

    const cell = guestPagesAnswer(vm, { page: WRITTEN + 5, pagesPerCell: 8 }).cell;
    expect(cell).toMatchObject({ pages: 8, counts: { resident: 6, swapped: 1, ballooned: 1, shared: 0, dirty: 0 } });
  });

  test('a clone shares every frame until one of the two stores to it', () => {
    const { lab, vm } = running(technique);
    const clone = lab.cloneVm(vm.id) as HostedVm;
    expect(at(clone, WRITTEN)).toMatchObject({ marks: ['resident', 'shared'], sharers: 2, hpa: at(vm, WRITTEN).hpa });
    clone.memory.write(RAM + WRITTEN * PAGE, Uint8Array.of(1));
    expect(at(clone, WRITTEN).sharers).toBe(1);
    expect(at(vm, WRITTEN).marks).toEqual(['resident']);
  });

  test('looking changes nothing', () => {
    const { lab, vm } = running(technique);
    const before = [hashOf(vm), vm.memory.use, lab.hypervisor?.frames.usedBytes];
    for (const page of [0, WRITTEN, WRITTEN + 8]) guestPagesAnswer(vm, { page, pagesPerCell: 16 });
    expect([hashOf(vm), vm.memory.use, lab.hypervisor?.frames.usedBytes]).toEqual(before);
  });
});

test('a block of 4 MiB that one entry maps is told as such, and no longer once it is split', () => {
  const { vm } = running('hardware-assisted', { hugePages: true });
  expect(at(vm, WRITTEN + 1023)).toMatchObject({
    ...{ marks: ['resident', 'huge'], inBlock: true },
    mapping: { kind: 'stage-2', bytes: 4 * MIB, store: true },
  });
  vm.memory.dirtyLog.start();
  expect(at(vm, WRITTEN)).toMatchObject({
    ...{ marks: ['resident'], inBlock: true },
    mapping: { kind: 'stage-2', bytes: PAGE, store: false },
  });
});

test('a guest on the bare machine has every page, where it believes it to be', () => {
  const vm = newLab().addVm({ technique: 'bare', guest: sourceGuest(WRITER, { memoryBytes: 16 * MIB }) });
  const { page, cells } = guestPagesAnswer(vm, { page: 5, pagesPerCell: 4 });
  expect(page).toMatchObject({ gpa: RAM + 5 * PAGE, hpa: RAM + 5 * PAGE, sharers: 1, mapping: { kind: 'bare' } });
  expect(new Set(cells)).toEqual(new Set([1]));
});

test('whatever is asked, the map has at most so many cells, all of the guest’s memory, and the page is in it', () => {
  const { vm } = running('hardware-assisted');
  const number = fc.oneof(fc.double(), fc.integer({ min: -10, max: 10_000 }), fc.constant(NaN), fc.constant(Infinity));
  fc.assert(
    fc.property(number, number, (page, pagesPerCell) => {
      const answer = guestPagesAnswer(vm, { page, pagesPerCell });
      expect(answer.cells.length).toBeGreaterThan(0);
      expect(answer.cells.length).toBeLessThanOrEqual(MOST_CELLS);
      expect(Math.log2(answer.pagesPerCell) % 1).toBe(0);
      expect(answer.page.page).toBeGreaterThanOrEqual(answer.first);
      expect(answer.page.page).toBeLessThan(Math.min(answer.pages, answer.first + MOST_CELLS * answer.pagesPerCell));
      expect(answer.cells.every((bits) => bits >= 0 && bits < 1 << pageMarks.length)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
