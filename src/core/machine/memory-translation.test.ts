// Loads and stores of a running hart through its cache of translations, against a walk made anew each time: random tables,
// random changes with their fences, every mode and status bit that translation depends on.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Privilege } from './hart-state.ts';
import { RAM_BASE } from './layout.ts';
import { TestMachine } from './test-machine.test-support.ts';
import { Access, Pte, untranslated, Walker } from './walker.ts';

const CODE = RAM_BASE + 0x1000;
const HANDLER = RAM_BASE;
const ROOT = RAM_BASE + 0x2000;
const LEAVES = RAM_BASE + 0x3000;
const DATA = RAM_BASE + 0x10000; // eight pages
const WINDOW = 0x4000_0000;
const MEGAPAGE = RAM_BASE; // aligned to 4 MiB, so a megapage may lead here
const RAM_BYTES = 1 << 22;

const machine = new TestMachine({ ramBytes: RAM_BYTES, svadu: true });
const CSRS_MENVCFGH = 0x31a3_2073; // csrs menvcfgh, x6
const [LW, SW, SFENCE, SFENCE_ALL] = [0x0003_2283, 0x0073_2023, 0x1203_0073, 0x1200_0073]; // lw x5,0(x6); sw x7,0(x6); sfence.vma x6

const leafFlags = fc.constantFrom(0xcf, 0xdf, 0xd7, 0x57, 0xc3, 0xd3, 0x4b, 0x59, 0x49, 0x17, 0x00, 0xc5);
const page = fc.integer({ min: 0, max: 7 });

type Step =
  | {
      readonly kind: 'map';
      readonly page: number;
      readonly target: number;
      readonly flags: number;
      readonly all: boolean;
    }
  | { readonly kind: 'root'; readonly mega: boolean; readonly flags: number }
  | {
      readonly kind: 'access';
      readonly page: number;
      readonly offset: number;
      readonly store: boolean;
      readonly user: boolean;
      readonly sum: boolean;
      readonly mxr: boolean;
      readonly asid: number;
      readonly bare: boolean;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('map' as const),
      page,
      target: page,
      flags: leafFlags,
      all: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('root' as const), mega: fc.boolean(), flags: leafFlags }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('access' as const),
      page,
      offset: fc.constantFrom(0, 4, 0xffc, 0x800),
      store: fc.boolean(),
      user: fc.boolean(),
      sum: fc.boolean(),
      mxr: fc.boolean(),
      asid: fc.integer({ min: 0, max: 2 }),
      bare: fc.boolean(),
    }),
  },
);

function execute(word: number, address: number, value = 0): number {
  const { state } = machine;
  machine.poke(CODE, 0x13, word);
  state.setX(6, address | 0);
  state.setX(7, value);
  state.set('mcause', 0xff);
  state.privilege = Privilege.machine;
  state.pc = CODE;
  machine.run(2); // a NOP first, so that the access itself is executed fast
  return state.pc === CODE + 8 ? 0 : state.get('mcause');
}

function setUp(svadu: boolean): void {
  machine.clear();
  machine.setCsrs({ mtvec: HANDLER, satp: 0, menvcfgh: svadu ? 0x2000_0000 : 0 });
  machine.poke(HANDLER, 0x13);
  machine.poke(ROOT + 4 * (WINDOW >>> 22), ((LEAVES >>> 12) << 10) | Pte.V);
}

describe.each([false, true])('with Svadu: %s', (svadu) => {
  test('a load or store does what a walk at this moment says', () => {
    let reached = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        setUp(svadu);
        let value = 1;
        for (const each of steps) {
          if (each.kind === 'map') {
            machine.poke(LEAVES + 4 * each.page, ((DATA >>> 12) + each.target) * 1024 + each.flags);
            execute(each.all ? SFENCE_ALL : SFENCE, WINDOW + 4096 * each.page + 12);
          } else if (each.kind === 'root') {
            const before = machine.peek(ROOT + 4 * (WINDOW >>> 22));
            const entry = each.mega ? ((MEGAPAGE >>> 12) * 1024 + each.flags) >>> 0 : (LEAVES >>> 12) * 1024 + Pte.V;
            machine.poke(ROOT + 4 * (WINDOW >>> 22), entry);
            // One address is enough to fence a leaf, however large; a pointer needs all.
            const wasLeaf = (before & (Pte.R | Pte.X)) !== 0;
            execute(wasLeaf ? SFENCE : SFENCE_ALL, WINDOW + 4096 * 5);
            execute(SFENCE_ALL, 0);
          } else {
            const satp = each.bare && each.page === 7 ? 0 : (0x8000_0000 | (each.asid << 22) | (ROOT >>> 12)) >>> 0;
            const status =
              (1 << 17) | ((each.user ? 0 : 1) << 11) | (each.sum ? 1 << 18 : 0) | (each.mxr ? 1 << 19 : 0); // MPRV, MPP
            machine.state.set('satp', satp);
            machine.state.set('mstatus', status);
            machine.hart.changed('translation');
            const address = satp === 0 ? DATA + each.offset : WINDOW + 4096 * each.page + each.offset;
            const { user, sum, mxr } = each;
            const context = { ...untranslated(), satp, user, sum, mxr, updateStage1: svadu };
            const access = each.store ? Access.store : Access.load;
            const walker = new Walker({
              readEntry: (at) => machine.ram.readEntry(at),
              updateEntry: () => true, // what the hart itself must write is checked below
            });
            const succeeds = walker.walk(context, address, access);
            const physical = walker.physical;
            value++;
            const cause = execute(each.store ? SW : LW, address, value);
            if (succeeds) {
              reached++;
              expect(cause).toBe(0);
              if (each.store) expect(machine.peek(physical)).toBe(value);
              else expect(machine.state.x(5) >>> 0).toBe(machine.peek(physical));
              const again = new Walker(machine.ram);
              expect(again.walk({ ...context, updateStage1: false }, address, access)).toBe(true);
            } else {
              expect(cause).toBe(each.store ? 15 : 13);
              expect(machine.state.get('mtval')).toBe(address);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
    expect(reached).toBeGreaterThan(100);
  });
});

test('a store into a page table is seen by the next access after its fence, also through Svadu’s own store', () => {
  setUp(true);
  const leafAddress = LEAVES;
  machine.poke(leafAddress, (DATA >>> 12) * 1024 + 0x07); // V R W, neither A nor D
  machine.setCsrs({ satp: (0x8000_0000 | (ROOT >>> 12)) >>> 0, mstatus: (1 << 17) | (1 << 11) });
  expect(execute(LW, WINDOW)).toBe(0);
  expect(machine.peek(leafAddress) & 0xff).toBe(0x47);
  expect(execute(SW, WINDOW, 5)).toBe(0);
  expect(machine.peek(leafAddress) & 0xff).toBe(0xc7);
});

test('a change of ADUE takes effect at once', () => {
  setUp(true);
  machine.poke(LEAVES, (DATA >>> 12) * 1024 + 0x07);
  machine.setCsrs({ satp: (0x8000_0000 | (ROOT >>> 12)) >>> 0, mstatus: (1 << 17) | (1 << 11), menvcfgh: 0 });
  expect(execute(LW, WINDOW)).toBe(13);
  machine.setCsrs({ mstatus: (1 << 17) | (1 << 11) }); // the trap has changed MPP
  expect(execute(CSRS_MENVCFGH, 0x2000_0000)).toBe(0);
  expect(execute(LW, WINDOW)).toBe(0);
  expect(machine.peek(LEAVES) & 0xff).toBe(0x47);
});
