// Taking traps and coming back: delegation, what is written where, vectors, priorities, the checks of xRET, WFI and fences.
// Section names are the privileged manual's; norm ids are those of its hypervisor chapter.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { StoredCsrName } from '../isa/csr-stored.ts';
import { Privilege } from './hart-state.ts';
import { RAM_BASE } from './layout.ts';
import { TestMachine } from './test-machine.test-support.ts';

const CODE = RAM_BASE + 0x8000;
const M_VECTOR = RAM_BASE + 0x1000;
const S_VECTOR = RAM_BASE + 0x2000;
const VS_VECTOR = RAM_BASE + 0x3000;
const NOP = 0x13;
const WORDS = {
  ecall: 0x0000_0073, ebreak: 0x0010_0073, sret: 0x1020_0073, mret: 0x3020_0073, wfi: 0x1050_0073, 'sfence.vma': 0x1200_0073,
  'hfence.vvma': 0x2200_0073, 'hfence.gvma': 0x6200_0073, 'hlv.w': 0x6803_42f3, 'hsv.w': 0x6a73_4073, illegal: 0xffff_ffff,
} as const; // prettier-ignore

const modes = {
  M: [Privilege.machine, false],
  HS: [Privilege.supervisor, false],
  U: [Privilege.user, false],
  VS: [Privilege.supervisor, true],
  VU: [Privilege.user, true],
} as const;
type Mode = keyof typeof modes;
const modeNames = Object.keys(modes) as Mode[];

const machine = new TestMachine({ ramBytes: 1 << 16 });
const { state } = machine;

beforeEach(() => {
  machine.clear();
  for (const vector of [M_VECTOR, S_VECTOR, VS_VECTOR]) machine.poke(vector, ...Array<number>(64).fill(NOP));
  machine.setCsrs({ mtvec: M_VECTOR, stvec: S_VECTOR, vstvec: VS_VECTOR });
});

/** Executes one instruction in a mode. */
function execute(word: number, mode: Mode, csrs: Partial<Readonly<Record<StoredCsrName, number>>> = {}): void {
  machine.poke(CODE, word);
  machine.setCsrs(csrs);
  const [privilege, virtual] = modes[mode];
  machine.enter(privilege, virtual, CODE);
  machine.run(1);
}

const modeNow = (): Mode | undefined =>
  modeNames.find((name) => modes[name][0] === state.privilege && modes[name][1] === state.virtual);

/** What a refused instruction raised, 0 if it was not refused. */
const raised = (): number => (state.get('mcause') !== 0 && state.pc === M_VECTOR ? state.get('mcause') : 0);

describe('ECALL', () => {
  test.each([
    ['M', 11],
    ['HS', 9],
    ['U', 8],
    ['VS', 10],
    ['VU', 8],
  ] as const)('from %s has cause %i and leaves mtval 0', (mode, cause) => {
    execute(WORDS.ecall, mode);
    expect([state.get('mcause'), state.get('mepc'), state.get('mtval'), modeNow()]).toEqual([cause, CODE, 0, 'M']);
  });
});

describe('delegation (medeleg, hedeleg: "Machine Trap Delegation", "Hypervisor Trap Delegation")', () => {
  test.each([
    ['U', 0, 0, 'M'],
    ['U', 8, 0, 'HS'],
    ['VU', 8, 0, 'HS'],
    ['VU', 8, 8, 'VS'],
    ['VU', 0, 8, 'M'],
    ['HS', 8, 8, 'HS'],
    ['M', 8, 8, 'M'],
  ] as const)('a breakpoint in %s with medeleg %i, hedeleg %i goes to %s', (mode, medeleg, hedeleg, target) => {
    execute(WORDS.ebreak, mode, { medeleg, hedeleg });
    expect(modeNow()).toBe(target);
    const at = { M: M_VECTOR, HS: S_VECTOR, VS: VS_VECTOR };
    expect(state.pc).toBe(at[target]);
  });

  test('a trap into VS-mode touches the guest’s registers only', () => {
    const before = {
      hstatus: 0x340,
      mstatus: 0xc_0022,
      htval: 5,
      htinst: 6,
      sepc: 8,
      scause: 9,
      stval: 10,
      mepc: 12,
      mcause: 13,
    };
    execute(WORDS.ebreak, 'VU', { medeleg: 8, hedeleg: 8, ...before, vsstatus: 2 });
    for (const [name, value] of Object.entries(before))
      expect([name, state.get(name as StoredCsrName)]).toEqual([name, value]);
    expect([state.get('vsepc'), state.get('vscause'), state.get('vstval'), state.get('vsstatus')]).toEqual([
      CODE,
      3,
      CODE,
      0x20,
    ]);
  });

  test('SPV, SPVP and SPP tell where a trap into HS-mode came from; SPVP only changes if V was 1', () => {
    const cases = [
      ['U', 0x100, 0x100, 0], ['HS', 0x100, 0x100, 0x100], ['HS', 0, 0, 0x100], ['VU', 0x100, 0x80, 0], ['VS', 0, 0x180, 0x100],
    ] as const; // prettier-ignore
    for (const [mode, before, hstatus, spp] of cases) {
      execute(WORDS.ebreak, mode, { medeleg: 8, hedeleg: 0, hstatus: before, mstatus: 0 });
      const gva = mode.startsWith('V') ? 0x40 : 0; // stval is an address of the guest
      expect([mode, state.get('hstatus'), state.get('mstatus') & 0x100]).toEqual([mode, hstatus | gva, spp]);
    }
  });

  test('MPV, MPP and GVA tell where a trap into M-mode came from, and are cleared again', () => {
    const expected = { M: [3, 0], HS: [1, 0], U: [0, 0], VS: [1, 0xc0], VU: [0, 0xc0] } as const;
    for (const mode of modeNames) {
      execute(WORDS.ebreak, mode, { medeleg: 0, mstatush: 0xc0, mstatus: 0 });
      expect([mode, (state.get('mstatus') >>> 11) & 3, state.get('mstatush')]).toEqual([mode, ...expected[mode]]);
    }
    execute(WORDS.illegal, 'VS', { mstatush: 0xc0 });
    expect(state.get('mstatush')).toBe(0x80); // an instruction is no guest virtual address
  });

  test('mtval2 and mtinst are written at every trap: 0 where they say nothing', () => {
    execute(WORDS.ebreak, 'U', { mtval2: 5, mtinst: 6 });
    expect([state.get('mtval2'), state.get('mtinst')]).toEqual([0, 0]);
    execute(WORDS.ebreak, 'U', { medeleg: 8, htval: 5, htinst: 6 });
    expect([state.get('htval'), state.get('htinst')]).toEqual([0, 0]);
  });
});

describe('the interrupt-enable stack ("Privilege and Global Interrupt-Enable Stack in mstatus register")', () => {
  test('a trap and its return give back what was, but for xPP and MPRV', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...modeNames),
        fc.integer({ min: 0, max: 0x7f }),
        fc.integer(),
        (mode, traps, bits) => {
          const mstatus = bits & 0x7c_00aa;
          const into = traps & 1 ? 8 : 0;
          const csrs = {
            medeleg: into,
            hedeleg: traps & 2 ? 8 : 0,
            mstatus,
            vsstatus: bits & 0xc_0022,
            hstatus: 0,
            mie: 0,
          };
          execute(WORDS.ebreak, mode, csrs);
          const target = modeNow();
          machine.poke(state.pc, target === 'M' ? WORDS.mret : WORDS.sret);
          if (target === 'HS') state.set('mstatus', state.get('mstatus') & ~0x40_0000); // TSR
          machine.run(1);
          expect([modeNow(), state.pc]).toEqual([mode, CODE]);
          // xIE is back, xPIE is 1, all else as it was.
          const level = target === 'M' ? 8 : 2;
          const name = target === 'VS' ? 'vsstatus' : 'mstatus';
          const ignored = (level << 4) | 0x1900 | 0x40_0000;
          expect(state.get(name) & ~ignored).toBe(csrs[name] & ~ignored);
          expect(state.get(name) & (level << 4)).toBe(level << 4);
          for (const vector of [M_VECTOR, S_VECTOR, VS_VECTOR]) machine.poke(vector, NOP);
        },
      ),
    );
  });

  test('MRET to a lower mode clears MPRV, to M-mode it does not; MPP becomes U, MPV 0', () => {
    execute(WORDS.mret, 'M', { mstatus: (1 << 17) | (1 << 11), mstatush: 0x80, mepc: CODE });
    expect([modeNow(), state.get('mstatus') & 0x2_1800, state.get('mstatush')]).toEqual(['VS', 0, 0]);
    execute(WORDS.mret, 'M', { mstatus: (1 << 17) | (3 << 11), mstatush: 0x80, mepc: CODE });
    expect([modeNow(), state.get('mstatus') & 0x2_1800]).toEqual(['M', 0x2_0000]); // MPV says nothing if MPP is M
  });

  test('SRET with V = 0 takes V from SPV and clears it; with V = 1 it uses vsstatus and vsepc', () => {
    execute(WORDS.sret, 'HS', { hstatus: 0x80, mstatus: 0x100, sepc: CODE + 0x40 });
    expect([modeNow(), state.pc, state.get('hstatus'), state.get('mstatus') & 0x100]).toEqual([
      'VS',
      CODE + 0x40,
      0,
      0,
    ]);
    execute(WORDS.sret, 'VS', { hstatus: 0, vsstatus: 0, vsepc: CODE + 0x44, mstatus: 0x100 });
    expect([modeNow(), state.pc, state.get('mstatus') & 0x100]).toEqual(['VU', CODE + 0x44, 0x100]);
  });
});

describe('vectored traps ("mtvec", "stvec")', () => {
  test('interrupts go to BASE + 4 × code, exceptions to BASE; in VS-mode the code is the supervisor’s', () => {
    execute(WORDS.ebreak, 'U', { mtvec: M_VECTOR + 1 });
    expect(state.pc).toBe(M_VECTOR);
    execute(NOP, 'U', { mtvec: M_VECTOR + 1, mie: 0x20, mipSoftware: 0x20 });
    expect([state.get('mcause'), state.pc]).toEqual([0x8000_0005, M_VECTOR + 4 * 5 + 4]);
    execute(NOP, 'VU', { mipSoftware: 0, mie: 0x40, hvip: 0x40, hideleg: 0x40, vstvec: VS_VECTOR + 1 });
    expect([state.get('vscause'), state.pc, modeNow()]).toEqual([0x8000_0005, VS_VECTOR + 4 * 5 + 4, 'VS']);
  });
});

describe('interrupts', () => {
  /** "Multiple simultaneous interrupts destined for M-mode are handled in the following decreasing priority order". */
  const PRIORITY = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6];
  const maskOf = (codes: readonly number[]) => codes.reduce((mask, code) => mask | (1 << code), 0);

  /** Where an interrupt goes, and whether it is taken there now, by the manual's rules. */
  function expected(pending: number, mode: Mode, mideleg: number, hideleg: number, mstatus: number, vsstatus: number) {
    const levels: readonly (readonly [Mode, number, boolean])[] = [
      ['M', pending & ~mideleg, mode !== 'M' || (mstatus & 8) !== 0],
      ['HS', pending & mideleg & ~hideleg, mode !== 'M' && (mode !== 'HS' || (mstatus & 2) !== 0)],
      ['VS', pending & mideleg & hideleg, mode === 'VU' || (mode === 'VS' && (vsstatus & 2) !== 0)],
    ];
    for (const [target, bits, enabled] of levels) {
      const code = PRIORITY.find((each) => (bits >>> each) & 1);
      if (enabled && code !== undefined) return { target, code };
    }
    return undefined;
  }

  test('the right one is taken, into the right mode, or none', () => {
    let taken = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...modeNames),
        fc.record({
          pending: fc.integer(),
          enabled: fc.integer(),
          mideleg: fc.integer(),
          hideleg: fc.integer(),
          status: fc.integer(),
        }),
        (mode, random) => {
          const mideleg = (random.mideleg & 0x222) | 0x444;
          const hideleg = random.hideleg & 0x444;
          const csrs = {
            mipLines: random.pending & 0xa88, // STIP follows stimecmp
            mipSoftware: (random.pending >>> 12) & 0x222,
            hvip: random.pending & 0x444,
            mie: random.enabled & 0xeee,
            mideleg,
            hideleg,
            mstatus: random.status & 0xa,
            vsstatus: (random.status >>> 4) & 2,
            mcause: 0, scause: 0, vscause: 0,
          }; // prettier-ignore
          const pending = (csrs.mipLines | csrs.mipSoftware | csrs.hvip) & csrs.mie;
          execute(NOP, mode, csrs);
          const wanted = expected(pending, mode, mideleg, hideleg, csrs.mstatus, csrs.vsstatus);
          const causes = { M: state.get('mcause'), HS: state.get('scause'), VS: state.get('vscause') };
          if (wanted === undefined) {
            expect([modeNow(), state.pc]).toEqual([mode, CODE + 4]);
            return;
          }
          taken++;
          const target = wanted.target as 'M' | 'HS' | 'VS';
          const code = target === 'VS' ? wanted.code - 1 : wanted.code; // norm: VS-level causes read as S-level
          expect([modeNow(), causes[target]]).toEqual([target, (0x8000_0000 | code) >>> 0]);
          const epc = { M: 'mepc', HS: 'sepc', VS: 'vsepc' } as const;
          expect(state.get(epc[target])).toBe(CODE);
        },
      ),
      { numRuns: 1500 },
    );
    expect(taken).toBeGreaterThan(200);
    expect(maskOf(PRIORITY) & 0xeee).toBe(0xeee);
  });

  test('one that is enabled by CSRW is taken before the next instruction', () => {
    machine.poke(CODE, 0x3040_b073, 0x0010_0093); // csrw mie, x1 (by CSRRC with x1 = 0 would not); addi x1, x0, 1
    machine.poke(CODE, 0x3040_9073, 0x0010_0113);
    machine.setCsrs({ mstatus: 8, mipSoftware: 2, mideleg: 0x444 });
    state.setX(1, 2);
    machine.enter(Privilege.machine, false, CODE);
    machine.run(1);
    machine.run(1);
    expect([state.get('mcause'), state.get('mepc'), state.x(2)]).toEqual([0x8000_0001, CODE + 4, 0]);
  });
});

describe('instructions that depend on the mode: done, illegal (2) or virtual (22)', () => {
  const TVM = 1 << 20;
  const TW = 1 << 21;
  const TSR = 1 << 22;
  const HU = 1 << 9;
  const outcome = (
    word: keyof typeof WORDS,
    mode: Mode,
    csrs: Partial<Readonly<Record<StoredCsrName, number>>> = {},
  ) => {
    execute(WORDS[word], mode, { mcause: 0, mepc: CODE, sepc: CODE, vsepc: CODE, ...csrs });
    const cause = raised();
    if (cause !== 0) expect(state.get('mtval')).toBe(WORDS[word]);
    return cause;
  };

  // Columns: M, HS, U, VS, VU; then with the trap bit for HS set, then with the one for VS.
  test.each([
    ['mret', {}, [0, 2, 2, 2, 2]],
    ['sret', {}, [0, 0, 2, 0, 22]],
    ['sret', { mstatus: TSR }, [0, 2, 2, 0, 22]], // TSR is for HS alone
    ['sret', { hstatus: TSR }, [0, 0, 2, 22, 22]], // VTSR
    ['sfence.vma', {}, [0, 0, 2, 0, 22]],
    ['sfence.vma', { mstatus: TVM }, [0, 2, 2, 0, 22]],
    ['sfence.vma', { hstatus: TVM }, [0, 0, 2, 22, 22]], // VTVM
    ['hfence.vvma', {}, [0, 0, 2, 22, 22]],
    ['hfence.vvma', { mstatus: TVM }, [0, 0, 2, 22, 22]], // not subject to TVM
    ['hfence.gvma', {}, [0, 0, 2, 22, 22]],
    ['hfence.gvma', { mstatus: TVM }, [0, 2, 2, 22, 22]],
    ['wfi', {}, [0, 0, 2, 0, 22]],
    ['wfi', { mstatus: TW }, [0, 2, 2, 2, 2]],
    ['wfi', { hstatus: TW }, [0, 0, 2, 22, 22]], // VTW
    ['wfi', { mstatus: TW, hstatus: TW }, [0, 2, 2, 2, 2]],
  ] as const)('%s with %o', (word, csrs, expected) => {
    expect(modeNames.map((mode) => outcome(word, mode, { mstatus: 0, hstatus: 0, ...csrs }))).toEqual(expected);
  });

  test.each([
    [0, [0, 0, 2, 22, 22]],
    [HU, [0, 0, 0, 22, 22]],
  ])('HLV and HSV with hstatus %i', (hstatus, expected) => {
    for (const word of ['hlv.w', 'hsv.w'] as const) {
      const found = modeNames.map((mode) => {
        state.setX(6, (RAM_BASE + 0x7000) | 0);
        return outcome(word, mode, { mstatus: 0, hstatus, vsatp: 0, hgatp: 0 });
      });
      expect(found).toEqual(expected);
    }
  });

  test('there are no HLV and HSV of doublewords, and no HLV.WU, on RV32', () => {
    for (const word of [0x6c03_42f3, 0x6e73_4073, 0x6813_42f3]) {
      execute(word, 'HS', { mcause: 0 });
      expect(raised()).toBe(2);
    }
  });
});

describe('WFI', () => {
  test('ends when an enabled interrupt is pending, though it is not taken ("regardless of … global interrupt enable")', () => {
    machine.poke(CODE, WORDS.wfi, 0x0010_0093);
    machine.setCsrs({ mie: 2, mstatus: 0, mideleg: 0x446 });
    machine.enter(Privilege.supervisor, false, CODE);
    expect(machine.run(10).kind).toBe('idle');
    state.set('mipSoftware', 2);
    machine.hart.changed('interrupts');
    machine.run(1);
    expect([state.x(1), modeNow()]).toEqual([1, 'HS']);
  });

  test('is left by an interrupt that is taken, with epc behind it', () => {
    machine.poke(CODE, WORDS.wfi, NOP);
    machine.setCsrs({ mie: 8, mstatus: 8 });
    machine.enter(Privilege.machine, false, CODE);
    machine.run(5);
    machine.board.bus.write(0x0200_0000, 4, 1);
    machine.run(1);
    expect([state.get('mcause'), state.get('mepc')]).toEqual([0x8000_0003, CODE + 4]);
  });

  test('with nothing pending goes on at once where an enabled interrupt already is', () => {
    machine.poke(CODE, WORDS.wfi, 0x0010_0093);
    machine.setCsrs({ mie: 2, mipSoftware: 2, mstatus: 0 });
    machine.enter(Privilege.machine, false, CODE);
    machine.run(2);
    expect(state.x(1)).toBe(1);
  });
});

describe('illegal instructions', () => {
  test('mtval is the instruction: 32 bits, or 16 where it is a 16-bit one', () => {
    execute(0xffff_ffff, 'U');
    expect([state.get('mcause'), state.get('mtval')]).toEqual([2, 0xffff_ffff]);
    execute(0x1234_4501, 'U');
    expect([state.get('mcause'), state.get('mtval')]).toEqual([2, 0x4501]);
  });

  test('do not count as retired, like ECALL and EBREAK; they do take a cycle', () => {
    const count = () => [state.counter('cycle'), state.counter('instret')] as const;
    execute(NOP, 'M');
    const [cycle, retired] = count();
    execute(WORDS.illegal, 'M');
    execute(WORDS.ecall, 'M');
    execute(WORDS.ebreak, 'M');
    expect(count()).toEqual([cycle + 3n, retired]);
    execute(NOP, 'M');
    expect(count()).toEqual([cycle + 4n, retired + 1n]);
  });
});
