// The walker against a plain model of the manual's algorithm ("Virtual Address Translation Process" of Sv32, "Two-Stage
// Address Translation"), and the sad paths one by one.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Access,
  NO_ENTRY,
  Pte,
  untranslated,
  Walker,
  type FaultKind,
  type TableMemory,
  type WalkContext,
} from './walker.ts';

/** Words at 34-bit physical addresses; all else is not there. */
class Tables implements TableMemory {
  readonly words = new Map<number, number>();
  readonly readOnly = new Set<number>();

  constructor(words: readonly (readonly [number, number])[] = []) {
    for (const [address, value] of words) this.words.set(address, value >>> 0);
  }
  readEntry(address: number): number {
    return this.words.get(address) ?? NO_ENTRY;
  }
  updateEntry(address: number, value: number): boolean {
    if (this.readOnly.has(address)) return false;
    this.words.set(address, value >>> 0);
    return true;
  }
}

const base = untranslated();

interface Outcome {
  readonly fault: FaultKind;
  readonly physical?: number;
  readonly guestPhysical?: number;
  readonly pseudoInstruction?: number;
}

/** One stage of the manual's algorithm. `read` reaches an entry: it may itself be translated, and fault. */
interface Stage {
  readonly root: bigint;
  readonly topBits: number;
  readonly read: (address: bigint) => number | Outcome;
  readonly write: (address: bigint, value: number) => Outcome | undefined;
  readonly failure: Outcome;
  readonly user: boolean;
  readonly sum: boolean;
  readonly readThroughExecute: boolean;
  readonly needsExecute: boolean;
  readonly updates: boolean;
}

const has = (entry: number, bit: number) => (entry & bit) !== 0;

/** Steps 1 to 10 for Sv32, with a wider root index for Sv32x4. @returns the physical address, or how it failed */
function plainWalk(stage: Stage, va: bigint, access: Access): bigint | Outcome {
  const vpn = [(va >> 12n) & 0x3ffn, (va >> 22n) & ((1n << BigInt(stage.topBits)) - 1n)];
  let a = stage.root; // 1
  for (let i = 1; i >= 0; i--) {
    const address = a + (vpn[i] ?? 0n) * 4n; // 2
    const pte = stage.read(address);
    if (typeof pte !== 'number') return pte;
    if (!has(pte, Pte.V) || (!has(pte, Pte.R) && has(pte, Pte.W))) return stage.failure; // 3
    const ppn = BigInt(pte >>> 10);
    if (!has(pte, Pte.R) && !has(pte, Pte.X)) {
      if (i === 0 || has(pte, Pte.A) || has(pte, Pte.D) || has(pte, Pte.U)) return stage.failure; // 4, and reserved bits
      a = ppn * 4096n;
      continue;
    }
    const u = has(pte, Pte.U); // 5, 6
    if (stage.user ? !u : u && (access === Access.fetch || !stage.sum)) return stage.failure;
    const allowed =
      access === Access.fetch || stage.needsExecute
        ? has(pte, Pte.X)
        : access === Access.store
          ? has(pte, Pte.W)
          : has(pte, Pte.R) || (stage.readThroughExecute && has(pte, Pte.X));
    if (!allowed) return stage.failure;
    if (i === 1 && (ppn & 0x3ffn) !== 0n) return stage.failure; // 7
    if (!has(pte, Pte.A) || (access === Access.store && !has(pte, Pte.D))) {
      if (!stage.updates) return stage.failure; // 9, Svade
      const failed = stage.write(address, (pte | Pte.A | (access === Access.store ? Pte.D : 0)) >>> 0);
      if (failed) return failed;
    }
    return i === 1 ? ((ppn >> 10n) << 22n) | (va & 0x3f_ffffn) : (ppn << 12n) | (va & 0xfffn); // 10
  }
  return stage.failure;
}

/** The whole translation, on a copy of the tables which it may update. */
function model(tables: Tables, context: WalkContext, va: number, access: Access): Outcome {
  const accessFault: Outcome = { fault: 'access' };
  const readWord = (address: bigint) => {
    const value = tables.readEntry(Number(address));
    return value === NO_ENTRY ? accessFault : value;
  };
  const writeWord = (address: bigint, value: number) =>
    tables.updateEntry(Number(address), value) ? undefined : accessFault;
  const second = (gpa: bigint, kind: Access, pseudo: number): bigint | Outcome => {
    if (context.hgatp >>> 31 === 0) return gpa;
    const implicit = pseudo !== 0;
    return plainWalk(
      {
        root: BigInt(context.hgatp & 0x3f_fffc) * 4096n,
        topBits: 12,
        read: readWord,
        write: writeWord,
        failure: { fault: 'guest-page', guestPhysical: Number(gpa), pseudoInstruction: pseudo },
        user: true,
        sum: false,
        readThroughExecute: context.mxrStage2 && !implicit,
        needsExecute: context.executableOnly && !implicit,
        updates: context.updateStage2,
      },
      gpa,
      kind,
    );
  };
  const finish = (result: bigint | Outcome): Outcome =>
    typeof result === 'bigint' ? { fault: 'none', physical: Number(result) } : result;

  if (context.satp >>> 31 === 0) return finish(context.twoStage ? second(BigInt(va), access, 0) : BigInt(va));
  const through = (address: bigint, kind: Access, pseudo: number) =>
    context.twoStage ? second(address, kind, pseudo) : address;
  const first = plainWalk(
    {
      root: BigInt(context.satp & 0x3f_ffff) * 4096n,
      topBits: 10,
      read: (address) => {
        const at = through(address, Access.load, 0x2000);
        return typeof at === 'bigint' ? readWord(at) : at;
      },
      write: (address, value) => {
        const at = through(address, Access.store, 0x2020);
        return typeof at === 'bigint' ? writeWord(at, value) : at;
      },
      failure: { fault: 'page' },
      user: context.user,
      sum: context.sum,
      readThroughExecute: context.mxr,
      needsExecute: context.executableOnly,
      updates: context.updateStage1,
    },
    BigInt(va),
    access,
  );
  if (typeof first !== 'bigint') return first;
  return finish(context.twoStage ? second(first, access, 0) : first);
}

const ROOT = 0x8000_0000;
const LEAVES = 0x8000_1000;
const GUEST_ROOT = 0x8000_4000;
const GUEST_LEAVES = 0x8000_8000;
const GUEST_LEAVES_LOW = 0x8000_9000;

/** An entry that is nearly right: the flags mostly good, the page one of a few, now and then anything. */
const entry = (pages: readonly number[]) =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constantFrom(...pages), flags()).map(([page, bits]) => ((page << 10) | bits) >>> 0),
    },
    { weight: 1, arbitrary: fc.integer().map((value) => value >>> 0) },
  );
const flags = () =>
  fc
    .tuple(
      fc.constantFrom(0xdf, 0xcf, 0xdb, 0x5b, 0x57, 0x43, 0x49, 0x59, 0x1f, 0x97, 0x01),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 1 }),
    )
    .map(([bits, flipped]) => flipped.reduce((value, bit) => value ^ (1 << bit), bits));

const scene = fc.record({
  root: entry([LEAVES >>> 12, 0x80000, 0x80400, 0x80001]),
  leaf: entry([0x80003, 0x80400, 0x10_0003, 0x3f_ffff]),
  guestTop: entry([GUEST_LEAVES >>> 12, 0x80000, 0x80400]),
  guestTopLow: entry([GUEST_LEAVES_LOW >>> 12, 0x80000]),
  guestEntries: fc.array(entry([0x80000, 0x80001, 0x80003, 0x80400]), { minLength: 4, maxLength: 4 }),
  low: fc.integer({ min: 0, max: 0xfff }),
  access: fc.constantFrom<Access>(Access.load, Access.store, Access.fetch),
  context: fc.record({
    satp: fc.constantFrom(0, (0x8000_0000 | (ROOT >>> 12)) >>> 0),
    hgatp: fc.constantFrom(0, (0x8000_0000 | (GUEST_ROOT >>> 12)) >>> 0),
    twoStage: fc.boolean(),
    user: fc.boolean(),
    sum: fc.boolean(),
    mxr: fc.boolean(),
    mxrStage2: fc.boolean(),
    executableOnly: fc.boolean(),
    updateStage1: fc.boolean(),
    updateStage2: fc.boolean(),
  }),
});

test('random tables, one stage and two: the walker does what the algorithm says, and updates what it updates', () => {
  let succeeded = 0;
  const faults = new Map<string, number>();
  fc.assert(
    fc.property(scene, ({ root, leaf, guestTop, guestTopLow, guestEntries, low, access, context: chosen }) => {
      const context = { ...base, ...chosen, executableOnly: chosen.executableOnly && access === Access.load };
      if (context.mxrStage2) context.mxr = true;
      const va = 0x8000_3000 + low;
      const words: (readonly [number, number])[] = [
        [ROOT + 4 * (va >>> 22), root],
        [LEAVES + 4 * ((va >>> 12) & 0x3ff), leaf],
        [GUEST_ROOT + 4 * 0x200, guestTop],
        [GUEST_ROOT + 4 * 0x400, guestTopLow], // GPA 4 GiB and up
        ...guestEntries.map((value, page) => [GUEST_LEAVES + 4 * page, value] as const),
        ...guestEntries.map((value, page) => [GUEST_LEAVES_LOW + 4 * page, value] as const),
      ];
      const real = new Tables(words);
      const plain = new Tables(words);
      const walker = new Walker(real);
      const found = walker.walk(context, va, access);
      const expected = model(plain, context, va, access);
      expect([found, walker.fault]).toEqual([expected.fault === 'none', expected.fault]);
      if (expected.fault === 'none') expect(walker.physical).toBe(expected.physical);
      if (expected.fault === 'guest-page') {
        expect([walker.guestPhysical, walker.pseudoInstruction]).toEqual([
          expected.guestPhysical,
          expected.pseudoInstruction,
        ]);
      }
      expect(real.words).toEqual(plain.words);
      if (expected.fault === 'none') succeeded++;
      faults.set(expected.fault, (faults.get(expected.fault) ?? 0) + 1);
    }),
    { numRuns: 4000 },
  );
  // The generator must not miss the point: every ending occurs often.
  expect(succeeded).toBeGreaterThan(200);
  for (const kind of ['page', 'guest-page', 'access']) expect(faults.get(kind) ?? 0).toBeGreaterThan(20);
});

test('what a walk says of later reads and writes is what they would find', () => {
  fc.assert(
    fc.property(scene, ({ root, leaf, guestTop, guestEntries, low, access, context: chosen }) => {
      const context = { ...base, ...chosen, executableOnly: false };
      const va = 0x8000_3000 + low;
      const tables = new Tables([
        [ROOT + 4 * (va >>> 22), root],
        [LEAVES + 4 * ((va >>> 12) & 0x3ff), leaf],
        [GUEST_ROOT + 4 * 0x200, guestTop],
        ...guestEntries.map((value, page) => [GUEST_LEAVES + 4 * page, value] as const),
      ]);
      const walker = new Walker(tables);
      if (!walker.walk(context, va, access)) return;
      const { readable, writable } = walker;
      const frozen = { ...context, updateStage1: false, updateStage2: false };
      // Never more than is allowed; less is only slower.
      if (readable) expect(model(tables, frozen, va, Access.load).fault).toBe('none');
      if (writable) expect(model(tables, frozen, va, Access.store).fault).toBe('none');
      if (access === Access.load && !context.executableOnly) expect(readable).toBe(true);
      if (access === Access.store) expect(writable).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

const good = Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D;
const VA = 0x4000_1234;
const SATP = (0x8000_0000 | (ROOT >>> 12)) >>> 0;

function walkOne(rootEntry: number, leafEntry: number, access: Access, context: Partial<WalkContext> = {}) {
  const tables = new Tables([
    [ROOT + 4 * (VA >>> 22), rootEntry],
    [LEAVES + 4 * ((VA >>> 12) & 0x3ff), leafEntry],
  ]);
  const walker = new Walker(tables);
  const done = walker.walk({ ...base, satp: SATP, ...context }, VA, access);
  return { done, fault: walker.fault, physical: walker.physical, tables };
}
const pointer = ((LEAVES >>> 12) << 10) | Pte.V;
const leafOf = (bits: number, page = 0x80003) => ((page << 10) | bits) >>> 0;

describe('Sv32, case by case', () => {
  test.each([
    ['V = 0', pointer, leafOf(good & ~Pte.V), Access.load],
    ['W without R', pointer, leafOf(good & ~Pte.R), Access.store],
    ['W without R, also with X and for a fetch', pointer, leafOf(good & ~Pte.R), Access.fetch],
    ['a pointer in the last level', pointer, leafOf(Pte.V), Access.load],
    ['a pointer with A', pointer | Pte.A, leafOf(good), Access.load],
    ['a pointer with D', pointer | Pte.D, leafOf(good), Access.load],
    ['a pointer with U', pointer | Pte.U, leafOf(good), Access.load],
    ['a misaligned megapage', leafOf(good, 0x80001), 0, Access.load],
    ['a user page from S-mode without SUM', pointer, leafOf(good | Pte.U), Access.load],
    ['a load of an execute-only page without MXR', pointer, leafOf(good & ~Pte.R & ~Pte.W), Access.load],
    ['a store to a read-only page', pointer, leafOf(good & ~Pte.W), Access.store],
    ['a fetch from a page without X', pointer, leafOf(good & ~Pte.X), Access.fetch],
    ['A = 0 (Svade)', pointer, leafOf(good & ~Pte.A), Access.load],
    ['a store with D = 0 (Svade)', pointer, leafOf(good & ~Pte.D), Access.store],
  ])('%s: page fault', (_, rootEntry, leafEntry, access) => {
    expect(walkOne(rootEntry, leafEntry, access).fault).toBe('page');
  });

  test('S-mode never executes user pages, SUM or not', () => {
    expect(walkOne(pointer, leafOf(good | Pte.U), Access.fetch, { sum: true }).fault).toBe('page');
    expect(walkOne(pointer, leafOf(good | Pte.U), Access.load, { sum: true }).fault).toBe('none');
  });

  test('user mode reaches user pages only', () => {
    expect(walkOne(pointer, leafOf(good), Access.load, { user: true }).fault).toBe('page');
    expect(walkOne(pointer, leafOf(good | Pte.U), Access.load, { user: true }).fault).toBe('none');
  });

  test('MXR lets loads, not stores, use X', () => {
    const executeOnly = leafOf(good & ~Pte.R & ~Pte.W);
    expect(walkOne(pointer, executeOnly, Access.load, { mxr: true }).fault).toBe('none');
    expect(walkOne(pointer, executeOnly, Access.store, { mxr: true }).fault).toBe('page');
  });

  test('a store with D = 1 and A = 0 still faults; Svadu sets what is missing, in memory', () => {
    expect(walkOne(pointer, leafOf(good & ~Pte.A), Access.store).fault).toBe('page');
    const { fault, tables } = walkOne(pointer, leafOf(good & ~Pte.A & ~Pte.D), Access.store, { updateStage1: true });
    expect(fault).toBe('none');
    expect(tables.readEntry(LEAVES + 4)).toBe(leafOf(good));
    const read = walkOne(pointer, leafOf(good & ~Pte.A & ~Pte.D), Access.load, { updateStage1: true });
    expect(read.tables.readEntry(LEAVES + 4)).toBe(leafOf(good & ~Pte.D));
  });

  test('permission comes before A and D: a refused access updates nothing', () => {
    const { fault, tables } = walkOne(pointer, leafOf(Pte.V | Pte.R), Access.store, { updateStage1: true });
    expect(fault).toBe('page');
    expect(tables.readEntry(LEAVES + 4)).toBe(leafOf(Pte.V | Pte.R));
  });

  test('a table where nothing is: access fault', () => {
    expect(walkOne((0x7_0000 << 10) | Pte.V, 0, Access.load).fault).toBe('access');
    expect(new Walker(new Tables()).walk({ ...base, satp: SATP }, VA, Access.load)).toBe(false);
  });

  test('pages above 4 GiB are not those 4 GiB below ("PPN 22 bits": 34-bit physical addresses)', () => {
    expect(walkOne(pointer, leafOf(good, 0x18_0003), Access.load).physical).toBe(0x1_8000_3234);
    expect(walkOne(leafOf(good, 0x3f_fc00), 0, Access.load).physical).toBe(0x3_ffc0_1234);
    expect(walkOne((0x18_0001 << 10) | Pte.V, leafOf(good), Access.load).fault).toBe('access');
  });

  test('a megapage keeps 22 bits of the address', () => {
    expect(walkOne(leafOf(good, 0x80400), 0, Access.load).physical).toBe(0x8040_1234);
  });
});
