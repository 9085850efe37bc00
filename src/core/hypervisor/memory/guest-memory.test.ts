// Guests' memory against a plain copy of it: whatever is shared, merged, given up, swapped out or logged meanwhile, a guest finds
// what was written last, and nobody else's; and in the end every frame comes back.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import { TestMachine } from '../../machine/test-machine.test-support.ts';
import type { GuestMemory } from './guest-memory.ts';
import { HostMemory, type MemoryOptions } from './host-memory.ts';

const PAGES = 12;
const at = (page: number, offset = 0) => RAM_BASE + page * PAGE_SIZE + offset;

const board = (frames: number) => new TestMachine({ ramBytes: (frames + 1) * PAGE_SIZE, translator: false });

/** A machine with `frames` frames beside the one that is reserved. */
function machine(frames: number, options: MemoryOptions = {}, { ram } = board(frames)) {
  ram.zero(RAM_BASE, ram.size);
  let fences = 0;
  const memory = new HostMemory({ ram, fence: () => fences++, ...options });
  const ended: string[] = [];
  const guest = (vm: number, pages = PAGES) =>
    memory.guest(vm, pages * PAGE_SIZE, (message) => ended.push(`${vm}: ${message}`));
  return { ram, memory, guest, ended };
}

const contentsOf = (memory: GuestMemory): Uint8Array => {
  const all = new Uint8Array(memory.size);
  expect(memory.read(RAM_BASE, all)).toBe(true);
  return all;
};

describe('first touch', () => {
  test('a page has a frame once it was written to; reading and looking give none', () => {
    const { memory, guest } = machine(40);
    const first = guest(1);
    const before = memory.frames.usedBytes;
    expect(contentsOf(first).some((byte) => byte !== 0)).toBe(false);
    expect([...first.views()].length).toBe(PAGES);
    expect(first.readEntry(at(3))).toBe(0);
    expect(first.hostAddress(at(3))).toBeUndefined();
    expect(memory.frames.usedBytes).toBe(before);
    // Across a page's end: two frames, wherever they are.
    expect(first.write(at(4, -3), Uint8Array.of(1, 2, 3, 4, 5, 6))).toBe(true);
    expect(memory.frames.usedBytes - before).toBe(2 * PAGE_SIZE);
    expect([...first.touchedPages()]).toEqual([at(3), at(4)]);
    const back = new Uint8Array(6);
    first.read(at(4, -3), back);
    expect([...back]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(first.use).toMatchObject({ promised: PAGES, resident: 2, swapped: 0 });
  });

  test('nothing outside the guest’s RAM is reached, and a write that is partly outside writes nothing', () => {
    const { guest } = machine(40);
    const first = guest(1);
    for (const gpa of [RAM_BASE - 1, at(PAGES), at(PAGES, -1), 0, 2 ** 33]) {
      expect(first.write(gpa, Uint8Array.of(7, 7))).toBe(false);
      expect(first.read(gpa, new Uint8Array(2))).toBe(false);
    }
    expect(contentsOf(first).some((byte) => byte !== 0)).toBe(false);
    expect(first.touch(at(PAGES), true)).toBeUndefined();
    expect(first.giveUp(at(PAGES))).toBe(false);
    expect(first.takeBack(RAM_BASE - PAGE_SIZE)).toBe(false);
  });

  test('a page of zeros that is installed takes no frame', () => {
    const { guest } = machine(40);
    const first = guest(1);
    expect(first.installPage(at(2), new Uint8Array(PAGE_SIZE))).toBe(true);
    expect(first.use.resident).toBe(0);
    expect(first.installPage(at(2), new Uint8Array(PAGE_SIZE).fill(9))).toBe(true);
    expect(first.installPage(at(2), new Uint8Array(PAGE_SIZE))).toBe(true);
    expect(contentsOf(first).some((byte) => byte !== 0)).toBe(false);
  });
});

describe('where memory is short', () => {
  test('pages go to the swap store and come back with what was in them', () => {
    const { guest, memory, ended } = machine(8);
    const first = guest(1);
    for (let page = 0; page < PAGES; page++) first.write(at(page), Uint8Array.of(page + 1, 2, 3));
    expect(ended).toEqual([]);
    expect(first.use.resident).toBeLessThanOrEqual(8);
    expect(first.use.swapped + first.use.resident).toBe(PAGES);
    const swapIns = first.use.swapIns;
    for (let page = 0; page < PAGES; page++) expect(contentsOf(first)[page * PAGE_SIZE]).toBe(page + 1);
    expect(first.use.swapIns).toBe(swapIns); // looking changes nothing
    first.bringBack(at(0), PAGES * PAGE_SIZE);
    expect(first.use.swapIns).toBeGreaterThan(swapIns);
    memory.remove(1);
    expect(memory.swap.pages).toBe(0);
    expect(memory.frames.usedBytes).toBe(PAGE_SIZE);
  });

  test('what is used again stays: the clock passes it by once', () => {
    const { guest, memory } = machine(8);
    const first = guest(1, 8);
    for (let page = 0; page < 8; page++) first.write(at(page), Uint8Array.of(page + 1));
    memory.reclaim(0); // all have had their first chance, and 8 go
    for (const page of [0, 1, 2]) first.touch(at(page), false);
    expect(first.use.resident).toBe(3);
  });

  test('the VM that asks is ended, in a sentence, and its neighbour keeps all it has', () => {
    const { guest, ended } = machine(8, { swapBytes: 2 * PAGE_SIZE });
    const [first, second] = [guest(1), guest(2)];
    for (let page = 0; page < 4; page++) first.write(at(page), Uint8Array.of(11, page));
    const before = contentsOf(first);
    let written = 0;
    while (second.write(at(written), Uint8Array.of(22, written))) written++;
    expect(written).toBe(6); // 8 frames and 2 slots, less the neighbour's 4
    expect(ended.length).toBe(1);
    expect(ended[0]).toMatch(/^2: The machine has no memory left for this guest: all 36 KiB are in use.*Remove a VM/);
    expect(contentsOf(first)).toEqual(before);
  });
});

describe('the dirty log', () => {
  test('tells each page written to since it was collected, by whomever, and no other', () => {
    const { guest } = machine(40);
    const first = guest(1);
    first.write(at(1), Uint8Array.of(1));
    const log = first.dirtyLog;
    expect(log.collect()).toEqual([]);
    log.start();
    expect(log.collect()).toEqual([]);
    expect(first.isProtected(at(1))).toBe(true);
    first.write(at(7, -1), Uint8Array.of(1, 2)); // a device, across a page's end
    first.touch(at(1), true); // the guest's own store
    first.touch(at(2), false); // the guest's own load
    first.updateEntry(at(9, 8), 0xcf); // A and D bits that the hypervisor sets
    expect(log.count).toBe(4);
    expect(log.peek()).toEqual([at(1), at(6), at(7), at(9)]);
    expect(log.collect()).toEqual([at(1), at(6), at(7), at(9)]);
    expect(log.collect()).toEqual([]);
    first.giveUp(at(6)); // its contents have gone
    expect(log.collect()).toEqual([at(6)]);
    first.pages.clear();
    expect(log.collect()).toEqual([at(1), at(2), at(6), at(7), at(9)]);
    expect(log.total).toBe(10);
    log.stop();
    first.write(at(3), Uint8Array.of(1));
    expect(log.collect()).toEqual([]);
    expect(first.mayStore(at(1))).toBe(true);
  });
});

describe('shared frames', () => {
  test('a clone takes no frame until one of the two stores', () => {
    const { guest, memory } = machine(40);
    const [first, second] = [guest(1), guest(2)];
    for (let page = 0; page < 5; page++) first.write(at(page), Uint8Array.of(page + 1));
    const used = memory.frames.usedBytes;
    expect(second.pages.shareFrom(first.pages)).toBe(true);
    expect(memory.frames.usedBytes).toBe(used);
    expect(contentsOf(second)).toEqual(contentsOf(first));
    expect([first.use.shared, second.use.shared]).toEqual([5, 5]);
    second.write(at(2), Uint8Array.of(77));
    expect(memory.frames.usedBytes).toBe(used + PAGE_SIZE);
    expect(contentsOf(first)[2 * PAGE_SIZE]).toBe(3);
    expect(contentsOf(second)[2 * PAGE_SIZE]).toBe(77);
    // The last one that has a frame need not copy it.
    first.write(at(2), Uint8Array.of(55));
    expect(memory.frames.usedBytes).toBe(used + PAGE_SIZE);
    expect([first.use.copies, second.use.copies]).toEqual([0, 1]);
    memory.remove(1);
    expect(contentsOf(second)[PAGE_SIZE]).toBe(2);
    memory.remove(2);
    expect(memory.frames.usedBytes).toBe(PAGE_SIZE);
  });

  test('pages of equal contents are merged in the second round, volatile ones never', () => {
    const { guest, memory } = machine(40);
    const [first, second] = [guest(1), guest(2)];
    for (const each of [first, second]) {
      each.write(at(0), new Uint8Array(PAGE_SIZE).fill(5));
      each.write(at(1), new Uint8Array(PAGE_SIZE)); // zeros
      each.write(at(2), new Uint8Array(PAGE_SIZE));
      each.write(at(3), Uint8Array.of(each === first ? 1 : 2));
    }
    const used = memory.frames.usedBytes;
    memory.merging.scan(8);
    expect(memory.frames.usedBytes).toBe(used);
    first.write(at(0), Uint8Array.of(6));
    first.write(at(0), Uint8Array.of(5)); // as it was
    memory.merging.scan(16);
    expect(memory.merging.use.merged).toBe(4);
    expect(memory.frames.usedBytes).toBe(used - 4 * PAGE_SIZE);
    expect(memory.frames.sharers(first.hostAddress(at(1)) ?? 0)).toBe(4);
    second.write(at(2), Uint8Array.of(9));
    expect([first, second].map((each) => contentsOf(each)[2 * PAGE_SIZE])).toEqual([0, 9]);
    expect(contentsOf(first)[PAGE_SIZE]).toBe(0);
  });

  test('a frame that is pinned stays where it is', () => {
    const { guest, memory } = machine(40);
    const [first, second] = [guest(1), guest(2)];
    const where = first.pin(at(3));
    first.write(at(3), Uint8Array.of(8));
    memory.reclaim(40);
    second.pages.shareFrom(first.pages);
    first.giveUp(at(3));
    expect(first.hostAddress(at(3))).toBe(where);
    expect(contentsOf(second)[3 * PAGE_SIZE]).toBe(8);
    expect(contentsOf(first)[3 * PAGE_SIZE]).toBe(0);
  });
});

test('whatever happens to frames, each guest has what it wrote', () => {
  const vm = fc.integer({ min: 1, max: 3 });
  const page = fc.nat(PAGES - 1);
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('write' as const), vm, page, value: fc.integer({ min: 0, max: 3 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('across' as const), vm, page: fc.nat(PAGES - 2), value: fc.nat(255) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('touch' as const), vm, page, store: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('give up' as const), vm, page }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('take back' as const), vm, page }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('share' as const), vm, from: vm }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reclaim' as const), count: fc.nat(10) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('merge' as const), count: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('log' as const), vm }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), vm }) },
  );
  const shared = board(18);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { guest, memory, ended, ram } = machine(18, {}, shared);
      const guests = [1, 2, 3].map((number) => guest(number));
      const models = guests.map(() => new Uint8Array(PAGES * PAGE_SIZE));
      const dirty = guests.map(() => new Set<number>());
      const of = <T>(list: readonly T[], number: number): T => {
        const found = list[number - 1];
        if (found === undefined) throw new Error('no such VM');
        return found;
      };
      const changed = (number: number, ...pages: readonly number[]) =>
        pages.forEach((each) => of(dirty, number).add(at(each)));
      for (const each of steps) {
        if (each.kind === 'write') {
          const bytes = new Uint8Array(PAGE_SIZE).fill(each.value);
          expect(of(guests, each.vm).write(at(each.page), bytes)).toBe(true);
          of(models, each.vm).set(bytes, each.page * PAGE_SIZE);
          changed(each.vm, each.page);
        } else if (each.kind === 'across') {
          const bytes = Uint8Array.of(each.value, each.value + 1);
          expect(of(guests, each.vm).write(at(each.page + 1, -1), bytes)).toBe(true);
          of(models, each.vm).set(bytes, (each.page + 1) * PAGE_SIZE - 1);
          changed(each.vm, each.page, each.page + 1);
        } else if (each.kind === 'touch') {
          const host = of(guests, each.vm).touch(at(each.page), each.store);
          expect(host).toBeDefined();
          if (each.store) {
            // As the guest's own store goes, past the hypervisor.
            expect(of(guests, each.vm).mayStore(at(each.page))).toBe(true);
            ram.write(host ?? 0, Uint8Array.of(200));
            of(models, each.vm)[each.page * PAGE_SIZE] = 200;
            changed(each.vm, each.page);
          }
        } else if (each.kind === 'give up') {
          if (of(guests, each.vm).giveUp(at(each.page))) {
            of(models, each.vm).fill(0, each.page * PAGE_SIZE, (each.page + 1) * PAGE_SIZE);
            changed(each.vm, each.page);
          }
        } else if (each.kind === 'take back') of(guests, each.vm).takeBack(at(each.page));
        else if (each.kind === 'share') {
          if (each.vm === each.from) continue;
          of(guests, each.vm).pages.shareFrom(of(guests, each.from).pages);
          of(models, each.vm).set(of(models, each.from));
          of(guests, each.vm).dirtyLog.stop();
        } else if (each.kind === 'reclaim') memory.reclaim(each.count);
        else if (each.kind === 'merge') memory.merging.scan(each.count);
        else if (each.kind === 'log') {
          const log = of(guests, each.vm).dirtyLog;
          if (log.active) expect(new Set(log.collect())).toEqual(of(dirty, each.vm));
          else log.start();
          of(dirty, each.vm).clear();
        } else {
          for (const gpa of of(guests, each.vm).touchedPages()) of(dirty, each.vm).add(gpa);
          of(guests, each.vm).pages.clear();
          of(models, each.vm).fill(0);
        }
        guests.forEach((memory, index) => {
          const log = memory.dirtyLog;
          if (!log.active) dirty[index]?.clear();
        });
      }
      expect(ended).toEqual([]);
      expect(guests.map((each, index) => Buffer.compare(contentsOf(each), models[index] ?? new Uint8Array(0)))).toEqual(
        [0, 0, 0],
      );
      const used = memory.frames.runs().reduce((sum, run) => sum + (run.owner ? run.frames : 0), 0);
      expect(memory.frames.usedBytes).toBe(used * PAGE_SIZE);
      for (const number of [1, 2, 3]) memory.remove(number);
      expect(memory.frames.usedBytes).toBe(PAGE_SIZE);
      expect(memory.swap.pages).toBe(0);
    }),
    { numRuns: 300 },
  );
});
