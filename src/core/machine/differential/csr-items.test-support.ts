// CSR instructions of generated programs: which CSRs a mode may be told to write, and with what, so that programs still end.

import { findCsrByName } from '../../isa/csrs.ts';
import { findRowByMnemonic } from '../../isa/form.ts';
import { encodeFields } from '../../isa/pattern.ts';
import { Place } from './harness.test-support.ts';
import type { PieceContext } from './piece-context.test-support.ts';
import type { Random } from './random.test-support.ts';

/** How a CSR may be changed: any value, some bits, one of a few whole values, or not at all. */
type Change =
  'any' | 'none' | { readonly bits: number } | { readonly values: (context: PieceContext) => readonly number[] };

const stub = { values: () => [Place.stub, Place.stub + 1, Place.stub + 0x100, Place.stub + 0x101] };
/** Not 5 and 7, nor 2 and 22, which belong together where QEMU takes one for the other (harness.test-support.ts). */
const EXCEPTIONS = 0xb15b;
/** Neither 2 nor 6: QEMU 7.2 takes them for the interrupts with these codes and gives the guest one less. */
const GUEST_EXCEPTIONS = 0xb11b;

const supervisor: readonly (readonly [string, Change])[] = [
  ['sstatus', { bits: 0xc_0122 }],
  ['sie', { bits: 0x222 }],
  ['sip', { bits: 0x222 }],
  ['stvec', stub],
  ['sscratch', 'any'],
  ['sepc', 'any'],
  ['scause', 'any'],
  ['stval', 'any'],
  ['scounteren', { bits: 7 }],
  [
    'satp',
    {
      values: ({ root, mode, stage2, vsatp }) =>
        // See program.test-support.ts: off only where HLV does not use tables.
        mode === 'VS' && stage2 && vsatp === 0 ? [0] : [...(vsatp === 0 ? [0] : []), root, root ^ 0x40_0000],
    },
  ],
];

const hypervisor: readonly (readonly [string, Change])[] = [
  ['hstatus', { bits: 0x60_0300 }], // VTVM: QEMU 7.2 lets satp through; GVA: see harness.test-support.ts
  ['hedeleg', { bits: GUEST_EXCEPTIONS }],
  ['hideleg', { bits: 0x444 }],
  ['hie', { bits: 0x444 }],
  ['hip', { bits: 0x444 }],
  ['hvip', { bits: 0x444 }],
  ['hcounteren', { bits: 7 }],
  ['hgatp', { values: ({ hgatp }) => [hgatp] }],
  ['htval', 'any'],
  ['htinst', 'none'], // QEMU 7.2 ignores writes
  ['hgeie', 'none'],
  ['hgeip', 'none'],
  ['vsstatus', { bits: 0x4_0122 }], // MXR: QEMU 7.2 forgets it in HLV,
  ['vsie', { bits: 0x222 }],
  ['vsip', { bits: 0x222 }],
  ['vstvec', stub],
  ['vsscratch', 'any'],
  ['vsepc', 'any'],
  ['vscause', 'any'],
  ['vstval', 'any'],
  ['vsatp', { values: ({ vsatp }) => [vsatp] }],
];

const machine: readonly (readonly [string, Change])[] = [
  ['mstatus', { bits: 0x7c_19aa }], // MPRV: QEMU 7.2 forgets to flush when a trap or MRET changes MPP; // TVM and TSR are left out under V = 1, where QEMU 7.2 obeys them (manual: HS only)
  ['mstatush', { bits: 0x80 }],
  ['medeleg', { bits: EXCEPTIONS | 0xb0_0000 }],
  ['mideleg', { bits: 0x222 }],
  ['mie', { bits: 0xeee }],
  ['mip', { bits: 0x222 }],
  ['mcounteren', { bits: 7 }],
  ['mepc', 'any'],
  ['mcause', 'any'],
  ['mtval', 'any'],
  ['mtval2', 'any'],
  ['mtinst', 'any'],
  ['mhartid', 'none'],
];

/** CSRs that are only touched, not looked at: their values differ from run to run, or from machine to machine. */
const touched = ['cycle', 'time', 'instret', 'cycleh', 'timeh', 'instreth', 'mvendorid', 'misa', 'menvcfg', 'henvcfg'];

/** CSRs whose read-only bits differ legally: bit 12 of mideleg and hie, hip (see harness.test-support.ts). */
const hidden = new Set(['mideleg', 'vsip', 'htval', 'vscause', 'vstval']);

export function csrNumber(name: string): number {
  const csr = findCsrByName(name);
  if (csr === undefined) throw new Error(`no CSR ${name}`);
  return csr.row.number;
}

const word = (mnemonic: string, fields: Readonly<Record<string, number>>): number => {
  const row = findRowByMnemonic(mnemonic);
  if (row === undefined) throw new Error(`no instruction ${mnemonic}`);
  return encodeFields(row.pattern, fields);
};

const VALUE = 29;
const MPP = 0x1800;
const SUM = 0x4_0000;
const MXR = 0x8_0000;
const TVM = 0x10_0000;
const NOWHERE = 0x8f00_0000;

/** One CSR instruction with what it needs before and after it. */
export function csrItem(
  context: PieceContext,
  destination: number,
  loadConstant: (rd: number, value: number) => readonly number[],
): readonly number[] {
  const { random, mode, virtual } = context;
  const own: readonly (readonly [string, Change])[] =
    mode === 'M' ? [...machine, ...supervisor] : mode === 'HS' || mode === 'VS' ? supervisor : [];
  const allowed = virtual && (mode === 'M' || mode === 'HS') ? [...own, ...hypervisor] : own;
  if (allowed.length === 0 || random.chance(0.15)) return trespass(random, context);
  const [name, change] = random.pick(allowed);
  const number = csrNumber(name);
  const rd = hidden.has(name) || (['sip', 'sie', 'scause', 'stval'].includes(name) && mode === 'VS') ? 0 : destination;
  if (change === 'none' || random.chance(0.2)) return [word('csrrs', { rd, rs1: 0, immediate: number })];
  if (change !== 'any' && 'values' in change) {
    const value = random.pick(change.values(context));
    return [
      ...loadConstant(VALUE, value | 0),
      word('csrrw', { rd, rs1: VALUE, immediate: number }),
      ...fences(context),
    ];
  }
  // QEMU 7.2 lets a write of mip reach VSTIP and VSEIP, which only hvip holds.
  const operations = name.endsWith('epc')
    ? ['csrrw']
    : name === 'mip'
      ? ['csrrs', 'csrrc']
      : ['csrrw', 'csrrs', 'csrrc'];
  const operation = random.pick(operations);
  let value = change === 'any' ? random.word() : random.bits(change.bits);
  if (/^(m|s|h|vs)ie$/.test(name)) value &= name === 'vsie' ? context.interrupts >>> 1 : context.interrupts;
  // Where nothing is on either machine; and QEMU keeps the two low bits, which with IALIGN = 32 are always 0.
  if (name.endsWith('epc')) value = NOWHERE | (value & 0xfffc);
  if (name === 'mstatus' && virtual) value &= ~0x50_0000;
  if ((name === 'mstatus' || name === 'sstatus') && !context.sum) value &= ~SUM;
  if (name === 'mstatus' && !context.trapsFences) value &= ~TVM;
  // MXR of HS-mode counts in both stages; QEMU 7.2 forgets the first.
  if ((name === 'mstatus' || (name === 'sstatus' && mode !== 'VS')) && virtual) value &= ~MXR;
  if (name === 'vsstatus') value = operation === 'csrrc' ? value & ~SUM : value | SUM; // see program.test-support.ts
  // MPP = 2 is reserved: what becomes of it is the hart's own affair.
  if (name === 'mstatus') value = (value & ~MPP) | (operation === 'csrrw' ? random.pick([0, 0x800, 0x1800]) : 0);
  if (change === 'any' && !name.endsWith('epc') && random.chance(0.2)) {
    return [word(`${operation}i`, { rd, rs1: random.below(32), immediate: number })];
  }
  return [...loadConstant(VALUE, value | 0), word(operation, { rd, rs1: VALUE, immediate: number })];
}

/** After a change of translation; a mode that may not fence only traps. */
const fences = ({ mode, virtual }: PieceContext): readonly number[] => [
  word('sfence.vma', { rs1: 0, rs2: 0 }),
  ...(virtual && (mode === 'M' || mode === 'HS')
    ? [word('hfence.vvma', { rs1: 0, rs2: 0 }), word('hfence.gvma', { rs1: 0, rs2: 0 })]
    : []),
];

/** Touches a CSR of any mode without looking at its value: what counts is whether, and how, it traps. */
function trespass(random: Random, { mode, virtual }: PieceContext): readonly number[] {
  // … and 2 to supervisor CSRs in VU-mode (manual: 22).
  const visible = mode === 'VU' ? hypervisor : supervisor;
  const names = [...touched, ...[...machine, ...visible, ...hypervisor].map(([name]) => name)];
  // QEMU 7.2 lets hgatp through under TVM.
  const name = random.pick(names.filter((each) => each !== 'hgatp' || virtual));
  const reads = word('csrrs', { rd: 0, rs1: 0, immediate: csrNumber(name) });
  if (mode === 'M' || random.chance(0.7)) return [reads];
  // From a mode below the CSR's own a write traps; CSRs of the mode itself are written by csrItem only.
  const number = csrNumber(name);
  const level = (number >>> 8) & 3;
  // With V = 1, QEMU 7.2 answers 22 to a write of a read-only counter (manual: illegal, as in HS-mode) …
  if (number >>> 10 === 3 && (mode === 'VS' || mode === 'VU')) return [reads];
  const rank = mode === 'HS' ? 2 : mode === 'VS' ? 1 : 0;
  if (level <= rank && number >>> 10 !== 3) return [reads];
  return [word('csrrw', { rd: 0, rs1: 1, immediate: number })];
}
