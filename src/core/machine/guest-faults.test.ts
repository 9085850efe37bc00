// Faults under two-stage translation and what they tell: htval, htinst, GVA; HLV, HLVX, HSV; MPRV with MPV.
// Privileged manual, chapter "Hypervisor Extension": "Two-Stage Address Translation", "Trap Cause Codes", "Transformed
// Instruction or Pseudoinstruction for mtinst or htinst", "Hypervisor Virtual-Machine Load and Store Instructions".

import { beforeEach, describe, expect, test } from 'vitest';
import type { StoredCsrName } from '../isa/csr-stored.ts';
import { Privilege } from './hart-state.ts';
import { RAM_BASE } from './layout.ts';
import { TestMachine } from './test-machine.test-support.ts';
import { Pte } from './walker.ts';

const VECTOR = RAM_BASE;
const CODE = RAM_BASE + 0x1000;
const GUEST_ROOT = RAM_BASE + 0x4000; // 16 KiB, aligned to it
const GUEST_LEAVES = RAM_BASE + 0x8000;
const ROOT = RAM_BASE + 0x9000;
const LEAVES = RAM_BASE + 0xa000;
const DATA = RAM_BASE + 0xb000;
const FREE = RAM_BASE + 0xc000; // guest physical: not mapped unless a test does
const RAM_BYTES = 1 << 20;
/** Guest virtual pages. */
const GVA_DATA = 0x4004_0000;
const GVA_FREE = 0x4004_1000; // leads to guest physical FREE

const machine = new TestMachine({ ramBytes: RAM_BYTES, svadu: true });
const { state } = machine;
const all = Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D;
const leaf = (physical: number, flags: number) => Math.floor(physical / 4096) * 1024 + flags;
const pageIndex = (address: number) => (address >>> 12) & 0x3ff;

const mapGuestPage = (guestPhysical: number, physical: number, flags = all | Pte.U) =>
  machine.poke(GUEST_LEAVES + 4 * pageIndex(guestPhysical), leaf(physical, flags));
const mapPage = (virtual: number, guestPhysical: number, flags = all) =>
  machine.poke(LEAVES + 4 * pageIndex(virtual), leaf(guestPhysical, flags));

const SATP = (0x8000_0000 | (ROOT >>> 12)) >>> 0;
const HGATP = (0x8000_0000 | (GUEST_ROOT >>> 12)) >>> 0;

beforeEach(() => {
  machine.clear();
  // Second stage: identity for code, tables and data.
  machine.poke(GUEST_ROOT + 4 * (RAM_BASE >>> 22), leaf(GUEST_LEAVES, Pte.V));
  for (const page of [CODE, ROOT, LEAVES, DATA]) mapGuestPage(page, page);
  // First stage: identity for code, and the window.
  machine.poke(ROOT + 4 * (RAM_BASE >>> 22), leaf(LEAVES, Pte.V));
  machine.poke(ROOT + 4 * (GVA_DATA >>> 22), leaf(LEAVES, Pte.V));
  machine.poke(LEAVES + 4 * pageIndex(CODE), leaf(CODE, all));
  mapPage(GVA_DATA, DATA);
  mapPage(GVA_FREE, FREE);
  machine.setCsrs({ mtvec: VECTOR, vsatp: SATP, hgatp: HGATP, satp: 0, mstatus: 0, hstatus: 0, vsstatus: 0 });
});

interface Trapped {
  readonly cause: number;
  readonly tval: number;
  readonly tval2: number;
  readonly tinst: number;
  readonly gva: boolean;
  readonly mpv: boolean;
}

/** Executes words in a mode until a trap, x6 holding an address and x7 a value. */
function run(
  words: readonly number[],
  address: number,
  options: {
    readonly mode?: 'VS' | 'VU' | 'HS' | 'M' | 'U';
    readonly csrs?: Partial<Readonly<Record<StoredCsrName, number>>>;
  } = {},
): Trapped | undefined {
  const { mode = 'VS', csrs = {} } = options;
  machine.poke(CODE, ...words);
  machine.setCsrs({ mcause: 0, ...csrs });
  state.setX(6, address | 0);
  state.setX(7, 0x1122_3344);
  const privilege = mode === 'M' ? Privilege.machine : mode.endsWith('S') ? Privilege.supervisor : Privilege.user;
  machine.enter(privilege, mode.startsWith('V'), CODE);
  machine.run(words.length);
  if (state.get('mcause') === 0) return undefined;
  return {
    cause: state.get('mcause'),
    tval: state.get('mtval'),
    tval2: state.get('mtval2'),
    tinst: state.get('mtinst'),
    gva: (state.get('mstatush') & 0x40) !== 0,
    mpv: (state.get('mstatush') & 0x80) !== 0,
  };
}

const LW = 0x0003_2283; // lw x5, 0(x6)
const SW = 0x0073_2023; // sw x7, 0(x6)
const LH = 0x0043_1283; // lh x5, 4(x6)
const AMOADD = 0x0073_22af; // amoadd.w x5, x7, (x6)
const LR = 0x1003_22af;
const HLV_W = 0x6803_42f3;
const HLV_BU = 0x6013_42f3;
const HLVX_WU = 0x6833_42f3;
const HSV_W = 0x6a73_4073;
const JALR = 0x0003_0067; // jalr x0, 0(x6)

/** The instruction with its address operand replaced, and immediates 0. */
const transformed = {
  [LW]: 0x0000_2283,
  [SW]: 0x0070_2023,
  [LH]: 0x0000_1283,
  [AMOADD]: 0x0070_22af,
  [LR]: 0x1000_22af,
} as const;

describe('a guest-page fault', () => {
  test.each([
    ['a load', LW, 21],
    ['a store', SW, 23],
    ['an AMO', AMOADD, 23],
    ['an LR', LR, 21],
  ] as const)('of %s: cause, address, htval = GPA >> 2, the transformed instruction, GVA', (_, word, cause) => {
    expect(run([word], GVA_FREE + 0x124)).toEqual({
      cause,
      tval: GVA_FREE + 0x124,
      tval2: (FREE + 0x124) / 4,
      tinst: transformed[word],
      gva: true,
      mpv: true,
    });
  });

  test('of a fetch: cause 20, htinst 0', () => {
    expect(run([JALR, 0x13], GVA_FREE + 0x10)).toEqual({
      cause: 20, tval: GVA_FREE + 0x10, tval2: (FREE + 0x10) / 4, tinst: 0, gva: true, mpv: true,
    }); // prettier-ignore
  });

  test('of the second half of a misaligned access: the fault’s own address, its distance in the rs1 field', () => {
    const found = run([LW], GVA_FREE - 2);
    expect(found).toEqual({
      cause: 21,
      tval: GVA_FREE,
      tval2: FREE / 4,
      tinst: transformed[LW] | (2 << 15),
      gva: true,
      mpv: true,
    });
  });

  test('of a misaligned store stores nothing', () => {
    machine.poke(DATA + 0xffc, 0x5555_5555);
    expect(run([SW], GVA_FREE - 2)?.cause).toBe(23);
    expect(machine.peek(DATA + 0xffc)).toBe(0x5555_5555);
  });

  test('keeps the two low bits in the trap value', () => {
    const found = run([LH], GVA_FREE + 0x121 - 4);
    expect([found?.tval, found?.tval2]).toEqual([GVA_FREE + 0x121, Math.floor((FREE + 0x121) / 4)]);
  });

  test('goes to HS-mode with htval, htinst and hstatus.GVA where it is delegated, never to VS-mode', () => {
    run([LW], GVA_FREE, { csrs: { medeleg: 1 << 21, hedeleg: 0xb1ff, stvec: VECTOR + 0x100 } });
    expect([state.get('scause'), state.get('stval'), state.get('htval'), state.get('htinst')]).toEqual([
      21, GVA_FREE, FREE / 4, transformed[LW],
    ]); // prettier-ignore
    expect(state.get('hstatus') & 0x1c0).toBe(0x1c0); // GVA, SPV, SPVP
  });

  test('of the guest’s own table: the access’s cause, the entry’s address in htval, the pseudo-instruction 0x2000', () => {
    mapGuestPage(LEAVES, 0, 0);
    const entry = LEAVES + 4 * pageIndex(GVA_DATA);
    // The code page is walked through the same table, so it is executed with the first stage off for fetches: from M, by MPRV.
    const csrs = { mstatus: (1 << 17) | (1 << 11), mstatush: 0x80 };
    for (const [word, cause] of [
      [LW, 21],
      [SW, 23],
    ] as const) {
      expect(run([word], GVA_DATA, { mode: 'M', csrs })).toEqual({
        cause, tval: GVA_DATA, tval2: entry / 4, tinst: 0x2000, gva: true, mpv: false,
      }); // prettier-ignore
    }
  });

  test('of updating A or D in the guest’s table: the pseudo-instruction 0x2020 (norm:H_trap_xtinst_guestpage)', () => {
    mapGuestPage(LEAVES, LEAVES, (all | Pte.U) & ~Pte.W);
    mapPage(GVA_DATA, DATA, all & ~Pte.A);
    const csrs = {
      mstatus: (1 << 17) | (1 << 11),
      mstatush: 0x80,
      menvcfgh: 0x2000_0000,
      henvcfghWritten: 0x2000_0000,
    };
    expect(run([LW], GVA_DATA, { mode: 'M', csrs })).toEqual({
      cause: 21, tval: GVA_DATA, tval2: (LEAVES + 4 * pageIndex(GVA_DATA)) / 4, tinst: 0x2020, gva: true, mpv: false,
    }); // prettier-ignore
  });

  test('with vsatp Bare: the guest virtual address is the guest physical one', () => {
    expect(run([LW], FREE + 8, { csrs: { vsatp: 0 } })).toEqual({
      cause: 21, tval: FREE + 8, tval2: (FREE + 8) / 4, tinst: transformed[LW], gva: true, mpv: true,
    }); // prettier-ignore
  });

  test('of an address above 4 GiB has all 34 bits in htval', () => {
    mapPage(GVA_DATA, 0x2_8000_0000);
    expect(run([LW], GVA_DATA + 4)?.tval2).toBe(0xa000_0001);
  });

  test('above 4 GiB is found through entries 1024 and up of the root, and is not the address 4 GiB below', () => {
    mapPage(GVA_DATA, 0x1_0000_0000 + DATA);
    machine.poke(GUEST_ROOT + 4 * (1024 + (DATA >>> 22)), leaf(GUEST_LEAVES, Pte.V));
    mapGuestPage(DATA, DATA + 0x2000);
    machine.poke(DATA + 0x2000, 77);
    expect(run([LW], GVA_DATA)).toBeUndefined();
    expect(state.x(5)).toBe(77);
  });
});

describe('other faults of a guest', () => {
  test('in the first stage are page faults, with htval 0 and GVA', () => {
    mapPage(GVA_DATA, DATA, all & ~Pte.V);
    const found = run([LW], GVA_DATA);
    expect(found).toMatchObject({ cause: 13, tval: GVA_DATA, tval2: 0, gva: true });
  });

  test('where a stage leads out of RAM are access faults', () => {
    mapGuestPage(DATA, 0x2_0000_0000);
    expect(run([LW], GVA_DATA)).toMatchObject({ cause: 5, tval2: 0, gva: true });
    machine.poke(GUEST_ROOT + 4 * (RAM_BASE >>> 22), leaf(0x7000_0000, Pte.V));
    machine.hart.access.translations.flush();
    const csrs = { mstatus: (1 << 17) | (1 << 11), mstatush: 0x80 };
    expect(run([SW], GVA_DATA, { mode: 'M', csrs })).toMatchObject({ cause: 7, tval2: 0 });
  });

  test('of the second stage: U is needed, whatever the guest’s mode (norm:H_vm_gpapriv)', () => {
    mapGuestPage(DATA, DATA, all);
    expect(run([LW], GVA_DATA)?.cause).toBe(21);
  });
});

describe('MXR ("the vsstatus field MXR … VS-stage only; HS-level MXR both stages")', () => {
  const executeOnly = Pte.V | Pte.X | Pte.A | Pte.D;
  const MXR = 1 << 19;

  test.each([
    ['VS-stage, vsstatus.MXR', true, false, { vsstatus: MXR }, undefined],
    ['VS-stage, mstatus.MXR', true, false, { mstatus: MXR }, undefined],
    ['VS-stage, none', true, false, {}, 13],
    ['G-stage, vsstatus.MXR', false, true, { vsstatus: MXR }, 21],
    ['G-stage, mstatus.MXR', false, true, { mstatus: MXR }, undefined],
  ] as const)('%s', (_, first, second, csrs, cause) => {
    if (first) mapPage(GVA_DATA, DATA, executeOnly);
    if (second) mapGuestPage(DATA, DATA, executeOnly | Pte.U);
    expect(run([LW], GVA_DATA, { csrs })?.cause).toBe(cause);
  });
});

describe('HLV, HLVX, HSV', () => {
  test('load and store as the guest would, from HS, M and (with HU) U', () => {
    for (const mode of ['HS', 'M', 'U'] as const) {
      machine.poke(DATA, 0x8899_aabb);
      const csrs = { hstatus: 0x300 }; // HU, SPVP
      expect(run([HLV_W], GVA_DATA, { mode, csrs })).toBeUndefined();
      expect(state.x(5) >>> 0).toBe(0x8899_aabb);
      expect(run([HLV_BU], GVA_DATA + 1, { mode, csrs })).toBeUndefined();
      expect(state.x(5)).toBe(0xaa);
      expect(run([HSV_W], GVA_DATA, { mode, csrs })).toBeUndefined();
      expect(machine.peek(DATA)).toBe(0x1122_3344);
    }
  });

  test('have the privilege in SPVP, not in SPP or MPRV', () => {
    mapPage(GVA_DATA, DATA, all | Pte.U);
    expect(run([HLV_W], GVA_DATA, { mode: 'HS', csrs: { hstatus: 0 } })).toBeUndefined();
    expect(run([HLV_W], GVA_DATA, { mode: 'HS', csrs: { hstatus: 0x100 } })?.cause).toBe(13);
    expect(run([HLV_W], GVA_DATA, { mode: 'HS', csrs: { hstatus: 0x100, vsstatus: 1 << 18 } })).toBeUndefined();
    expect(run([HLV_W], GVA_DATA, { mode: 'HS', csrs: { hstatus: 0x100, vsstatus: 0, mstatus: 1 << 18 } })?.cause).toBe(
      13,
    );
    expect(run([HLV_W], GVA_DATA, { mode: 'M', csrs: { hstatus: 0, mstatus: 1 << 17 } })).toBeUndefined();
  });

  test('fault with GVA = 1 though no guest ran, and with themselves as transformed instruction', () => {
    expect(run([HLV_W], GVA_FREE, { mode: 'HS', csrs: { hstatus: 0x100 } })).toEqual({
      cause: 21, tval: GVA_FREE, tval2: FREE / 4, tinst: HLV_W & ~(31 << 15), gva: true, mpv: false,
    }); // prettier-ignore
    expect(run([HSV_W], GVA_FREE, { mode: 'HS', csrs: { hstatus: 0x100 } })).toMatchObject({
      cause: 23,
      tinst: HSV_W & ~(31 << 15),
    });
  });

  test('HLVX asks for X in both stages instead of R, and faults as a load', () => {
    const executeOnly = Pte.V | Pte.X | Pte.A | Pte.D;
    const csrs = { hstatus: 0x100 };
    mapPage(GVA_DATA, DATA, executeOnly);
    mapGuestPage(DATA, DATA, executeOnly | Pte.U);
    expect(run([HLVX_WU], GVA_DATA, { mode: 'HS', csrs })).toBeUndefined();
    mapPage(GVA_DATA, DATA, all & ~Pte.X);
    expect(run([HLVX_WU], GVA_DATA, { mode: 'HS', csrs })?.cause).toBe(13);
    mapPage(GVA_DATA, DATA, all);
    mapGuestPage(DATA, DATA, (all & ~Pte.X) | Pte.U);
    expect(run([HLVX_WU], GVA_DATA, { mode: 'HS', csrs })?.cause).toBe(21);
  });

  test('follow changed tables without a fence of their own: they are not cached', () => {
    const csrs = { hstatus: 0x100 };
    machine.poke(DATA + 0x3000, 42);
    run([HLV_W], GVA_DATA, { mode: 'HS', csrs });
    mapPage(GVA_DATA, DATA + 0x3000);
    mapGuestPage(DATA + 0x3000, DATA + 0x3000);
    run([HLV_W], GVA_DATA, { mode: 'HS', csrs });
    expect(state.x(5)).toBe(42);
  });
});

describe('MPRV with MPV ("Memory Privilege in mstatus Register", "Machine Status Registers")', () => {
  test('accesses memory as the guest; with MPP = M, MPV says nothing', () => {
    machine.poke(DATA, 99);
    const csrs = { mstatus: (1 << 17) | (1 << 11), mstatush: 0x80 };
    expect(run([LW], GVA_DATA, { mode: 'M', csrs })).toBeUndefined();
    expect(state.x(5)).toBe(99);
    const asMachine = { mstatus: (1 << 17) | (3 << 11), mstatush: 0x80 };
    expect(run([LW], GVA_DATA, { mode: 'M', csrs: asMachine })).toMatchObject({ cause: 5, gva: false });
  });
});

describe('fences ("Hypervisor Memory-Management Fence Instructions")', () => {
  const HFENCE_VVMA = 0x2203_0073; // x6
  const HFENCE_GVMA = 0x6203_0073;
  const SFENCE = 0x1203_0073;

  test.each([
    ['HFENCE.VVMA after a change of the first stage', 'HS', HFENCE_VVMA, GVA_DATA, false],
    ['SFENCE.VMA in VS-mode', 'VS', SFENCE, GVA_DATA, false],
    ['HFENCE.GVMA with a GPA >> 2 after a change of the second', 'HS', HFENCE_GVMA, DATA / 4, true],
  ] as const)('%s: the next access sees it', (_, mode, fence, operand, second) => {
    machine.poke(DATA, 1);
    machine.poke(DATA + 0x3000, 2);
    mapGuestPage(DATA + 0x3000, DATA + 0x3000);
    const csrs = {};
    run([LW], GVA_DATA, { csrs });
    run([LW], GVA_DATA, { csrs });
    if (second) mapGuestPage(DATA, DATA + 0x3000);
    else mapPage(GVA_DATA, DATA + 0x3000);
    // The fence alone: `run` must not flush on its way, so CSRs are left as they are.
    machine.poke(CODE, fence);
    state.setX(6, operand | 0);
    machine.enter(Privilege.supervisor, mode === 'VS', CODE);
    machine.run(1);
    machine.poke(CODE, LW);
    state.setX(6, GVA_DATA);
    machine.enter(Privilege.supervisor, true, CODE);
    machine.run(1);
    expect(state.x(5)).toBe(2);
  });
});
