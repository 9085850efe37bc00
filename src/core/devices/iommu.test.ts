// The IOMMU against its specification (RISC-V IOMMU 1.0): who reaches what, and what is recorded of who does not. Its walker is
// the hart's, tested elsewhere; here it is a plain map, so that the IOMMU stands alone.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { BUS_ERROR, type AccessWidth } from './device.ts';
import { Iommu, WalkFailure } from './iommu.ts';
import type { DmaMemory } from './virtio/dma-memory.ts';

const BASE = 0x8000_0000;
const SIZE = 64 * 1024;
const DIRECTORY = BASE;
const FAULTS = BASE + 0x1000;
const COMMANDS = BASE + 0x2000;
/** Root of the guest's second stage: 16 KiB aligned. */
const ROOT = BASE + 0x4000;
const bytes = new Uint8Array(SIZE);
const view = new DataView(bytes.buffer);
const holds = (address: number, length: number) => address >= BASE && address + length <= BASE + SIZE;

const memory: DmaMemory = {
  holds,
  read: (address, into) => {
    if (!holds(address, into.length)) return false;
    into.set(bytes.subarray(address - BASE, address - BASE + into.length));
    return true;
  },
  write: (address, from) => {
    if (!holds(address, from.length)) return false;
    bytes.set(from, address - BASE);
    return true;
  },
  load: (address, width) => {
    if (!holds(address, width)) return BUS_ERROR;
    return width === 4 ? view.getUint32(address - BASE, true) : (bytes[address - BASE] ?? 0);
  },
  store: () => false,
};

/** Guest page → physical page, and whether stores may pass. */
const guestPages = new Map<number, { readonly page: number; readonly store: boolean }>();
/** Made anew for each test. */
const rig = { roots: [] as number[], line: false, iommu: undefined as unknown as Iommu };

const put = (offset: number, value: number) => expect(rig.iommu.write(offset, 4, value)).toBe(true);
const get = (offset: number) => rig.iommu.read(offset, 4);
const ppn = (address: number) => (address / 4096) * 2 ** 10;

function context(device: number, { control = 1, mode = 8, root = ROOT, first = 0 } = {}): void {
  const at = DIRECTORY - BASE + 32 * device;
  view.setUint32(at, control, true);
  view.setUint32(at + 8, root / 4096, true);
  view.setUint32(at + 12, (mode << 28) >>> 0, true);
  view.setUint32(at + 28, (first << 28) >>> 0, true);
}

interface FaultRecord {
  readonly cause: number;
  readonly type: number;
  readonly device: number;
  readonly address: number;
}

function faults(): readonly FaultRecord[] {
  return Array.from({ length: get(0x34) }, (_, index) => {
    const at = FAULTS - BASE + 32 * index;
    const high = view.getUint32(at + 4, true);
    return {
      cause: view.getUint32(at, true) & 0xfff,
      type: (high >>> 2) & 0x3f,
      device: high >>> 8,
      address: view.getUint32(at + 16, true),
    };
  });
}

beforeEach(() => {
  bytes.fill(0);
  guestPages.clear();
  rig.roots = [];
  rig.line = false;
  rig.iommu = new Iommu({
    memory,
    interrupt: (level) => (rig.line = level),
    walk: (hgatp, address, store) => {
      rig.roots.push(hgatp);
      const found = guestPages.get(Math.floor(address / 4096));
      if (found === undefined || (store && !found.store)) return WalkFailure.page;
      return found.page * 4096 + (address % 4096);
    },
  });
  put(0x28, ppn(FAULTS) + 1); // four records
  put(0x4c, 3);
  put(0x10, ppn(DIRECTORY) + 2);
});

test('says what it is: version 1.0, Sv32x4, AMO_HWAD, interrupts by wire, 34 address bits', () => {
  expect(get(0) & 0xff).toBe(0x10);
  expect((get(0) >>> 16) & 1).toBe(1);
  expect((get(0) >>> 24) & 1).toBe(1);
  expect((get(0) >>> 28) & 3).toBe(1);
  expect(get(4)).toBe(34);
  expect(get(8)).toBe(6);
  for (const { row, value } of rig.iommu.inspect()) expect(get(row.offset)).toBe(value);
});

describe('a device', () => {
  test('reaches what its own second stage maps, page by page, and nothing is contiguous that is not', () => {
    context(3);
    guestPages.set(0x80000, { page: BASE / 4096 + 9, store: true });
    guestPages.set(0x80001, { page: BASE / 4096 + 7, store: true });
    const port = rig.iommu.port(3);
    expect(port.write(0x8000_0ffe, Uint8Array.of(1, 2, 3, 4))).toBe(true);
    expect([...bytes.subarray(0x9ffe, 0xa000), ...bytes.subarray(0x7000, 0x7002)]).toEqual([1, 2, 3, 4]);
    expect(port.load(0x8000_0ffe, 4)).toBe(0x0403_0201);
    expect(port.store(0x8000_1000, 2, 0xabcd)).toBe(true);
    expect([...bytes.subarray(0x7000, 0x7002)]).toEqual([0xcd, 0xab]);
    expect(new Set(rig.roots)).toEqual(new Set([0x8000_0000 + ROOT / 4096]));
    expect(rig.line).toBe(false);
  });

  test('writes nothing at all where one page of a range is missing or may not be stored to; the fault is recorded', () => {
    context(3);
    guestPages.set(0x80000, { page: BASE / 4096 + 9, store: true });
    guestPages.set(0x80001, { page: BASE / 4096 + 7, store: false });
    const port = rig.iommu.port(3);
    expect(port.write(0x8000_0ffe, Uint8Array.of(1, 2, 3, 4))).toBe(false);
    expect(bytes.subarray(0x7000).every((byte) => byte === 0)).toBe(true);
    expect(faults()).toEqual([{ cause: 23, type: 3, device: 3, address: 0x8000_1000 }]);
    expect(rig.line).toBe(true);
    put(0x54, 2);
    expect(rig.line).toBe(false);
    expect(port.load(0x9000_0000, 4)).toBe(BUS_ERROR);
    expect(faults()[1]).toEqual({ cause: 21, type: 2, device: 3, address: 0x9000_0000 });
    expect(port.holds(2 ** 40, 4)).toBe(false);
  });

  test.each([
    ['with the IOMMU off', () => put(0x10, 0), 256],
    ['without a context', () => undefined, 258],
    ['with a first stage, which there is none of', () => context(5, { first: 8 }), 259],
    ['with reserved control bits', () => context(5, { control: 0x1001 }), 259],
    ['with a mode of guests of 64 bits', () => context(5, { mode: 9 }), 259],
    ['with a root that is not aligned to 16 KiB', () => context(5, { root: ROOT + 4096 }), 259],
    ['with a directory outside memory', () => put(0x14, 1), 257],
  ])('%s reaches nothing', (_, prepare, cause) => {
    guestPages.set(0x80000, { page: BASE / 4096 + 9, store: true });
    prepare();
    expect(rig.iommu.port(5).read(0x8000_0000, new Uint8Array(8))).toBe(false);
    expect(faults().map((fault) => fault.cause)).toEqual([cause]);
    expect(rig.roots).toEqual([]);
  });

  test('that a second stage leads outside memory gets an access fault', () => {
    context(5);
    guestPages.set(0x80000, { page: 0x1000, store: true });
    expect(rig.iommu.port(5).write(0x8000_0000, Uint8Array.of(1))).toBe(false);
    expect(faults().map(({ cause }) => cause)).toEqual([7]);
  });

  test('under a bare directory, or a bare context, reaches physical addresses', () => {
    context(5, { mode: 0 });
    expect(rig.iommu.port(5).write(BASE + 0x9000, Uint8Array.of(7))).toBe(true);
    put(0x10, 1);
    expect(rig.iommu.port(6).write(BASE + 0x9001, Uint8Array.of(8))).toBe(true);
    expect([...bytes.subarray(0x9000, 0x9002)]).toEqual([7, 8]);
  });
});

test('a full fault queue says that it lost some, and takes more when it was read', () => {
  for (let count = 0; count < 6; count++) rig.iommu.port(9).load(0x8000_0000, 4);
  expect(faults()).toHaveLength(3);
  expect(get(0x4c) & (1 << 9)).not.toBe(0);
  put(0x30, get(0x34));
  put(0x4c, get(0x4c));
  expect(get(0x4c) & (1 << 9)).toBe(0);
  rig.iommu.port(9).load(0x8000_0000, 4);
  expect(get(0x34)).toBe(0);
});

test('commands that invalidate are done at once; another one stops the queue', () => {
  view.setUint32(COMMANDS - BASE, 1, true);
  view.setUint32(COMMANDS - BASE + 16, 2, true);
  view.setUint32(COMMANDS - BASE + 32, 99, true);
  put(0x18, ppn(COMMANDS) + 2);
  put(0x48, 3);
  put(0x24, 4);
  expect(get(0x20)).toBe(2);
  expect(get(0x48) & (1 << 10)).not.toBe(0);
  expect(rig.line).toBe(true);
});

test('any access to any register, and any DMA meanwhile: an answer or an error, never an exception or a hang', () => {
  const step = fc.record({
    offset: fc.oneof(fc.integer({ min: -4, max: 0x60 }), fc.nat(0x1100)),
    width: fc.constantFrom<AccessWidth>(1, 2, 4),
    value: fc.oneof(fc.nat(3), fc.nat(0xffff_ffff), fc.constantFrom(ppn(DIRECTORY) + 2, ppn(COMMANDS) + 31)),
    kind: fc.constantFrom('read', 'write', 'dma'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      for (const { offset, width, value, kind } of steps) {
        if (kind === 'write') rig.iommu.write(offset, width, value);
        else if (kind === 'dma') rig.iommu.port(value % 200).write(value * 4, new Uint8Array(offset > 0 ? offset : 0));
        else expect(rig.iommu.read(offset, width)).toBeGreaterThanOrEqual(BUS_ERROR);
      }
      const state = rig.iommu.snapshot();
      rig.iommu.restore(state);
      expect(rig.iommu.snapshot()).toEqual(state);
    }),
    { numRuns: 100 },
  );
});
