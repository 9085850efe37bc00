// One generated program: page tables, CSRs, registers and up to four pieces of code, each for one mode, entered one from
// the other by MRET and SRET. The same seed always gives the same program.
//
// Its record in memory, in words:
//   bytes of the record | 1: print every word | seed of the data | number of pokes | (address, value) … |
//   where each piece ends: 4 | initial CSRs | x1 … x31

import { encodeFields } from '../../isa/pattern.ts';
import { findRowByMnemonic } from '../../isa/form.ts';
import { initialCsrs, Place, type InitialCsr } from './harness.test-support.ts';
import type { Mode, PieceContext } from './piece-context.test-support.ts';
import { writePiece } from './piece.test-support.ts';
import { Random } from './random.test-support.ts';
import { aliasOf, firstStage, secondStage, type Poke } from './tables.test-support.ts';

export interface GeneratedProgram {
  readonly seed: number;
  readonly modes: readonly Mode[];
  readonly pokes: readonly Poke[];
  readonly csrs: Readonly<Record<InitialCsr, number>>;
  readonly record: (verbose: boolean) => Uint32Array;
}

const codePageOf: Readonly<Record<Mode, number>> = { M: 0, HS: 1, VS: 2, U: 3, VU: 3 };

/** The instruction word of a mnemonic with the given fields. */
export function word(mnemonic: string, fields: Readonly<Record<string, number>> = {}): number {
  const row = findRowByMnemonic(mnemonic);
  if (row === undefined) throw new Error(`no instruction ${mnemonic}`);
  return encodeFields(row.pattern, fields);
}

function chooseModes(random: Random): readonly Mode[] {
  const virtual = random.chance(0.4);
  const all: readonly Mode[] = virtual ? ['M', 'HS', 'VS', 'VU'] : ['M', 'HS', 'U'];
  const chosen = all.filter((mode) => (mode === 'VS' ? random.chance(0.8) : random.chance(0.6)));
  return chosen.length > 0 ? chosen : [random.pick(all)];
}

const EXCEPTIONS = 0xb15b; // see csr-items.test-support.ts
const GUEST_EXCEPTIONS = 0xb11b;
const ACCESS_FAULTS = 0xa0;
const REFUSALS = 0x40_0004;
/** QEMU 7.2 takes the interrupt with the lowest code first, so only those are enabled together where that is right. */
const INTERRUPT_PAIRS = [0x22, 0x44, 0x600, 0x42, 0x420, 0x400, 0x200];

/** Makes the program of a seed. */
export function generateProgram(seed: number): GeneratedProgram {
  const random = new Random(seed);
  const modes = chooseModes(random);
  const virtual = modes.includes('VS') || modes.includes('VU');
  const stage2 = virtual && random.chance(0.7);
  const userCodePage = codePageOf.U;
  // What misaligned accesses across a page do where one half is outside RAM is free, so a program has one or the other.
  const outside = random.chance(0.5);
  const sum = virtual || random.chance(0.6);
  const options = { updated: stage2, outside, userCode: !sum, stage2: false };
  const tables = firstStage(random, options, userCodePage);
  const root = (0x8000_0000 | random.bits(0x7fc0_0000, 0.2) | (Place.root / 4096)) >>> 0;
  const vsatp = virtual && random.chance(0.7) ? root : 0;
  // With satp Bare, QEMU 7.2 makes access faults of the page faults of HLV and HSV.
  const satp = vsatp !== 0 || random.chance(0.6) ? root : 0;
  const hgatp = stage2 ? (0x8000_0000 | (Place.guestRoot / 4096)) >>> 0 : 0;

  const writable = modes.find((mode) => mode === 'VS' || mode === 'HS') ?? 'HS';
  const pokes: Poke[] = [...tables.pokes, aliasOf(codePageOf[writable])];
  if (stage2) pokes.push(...secondStage(random, outside));

  const trapsFences = !virtual && random.chance(0.3);
  const interrupts = random.pick(INTERRUPT_PAIRS);
  const ends = [1, 1, 1, 1];
  const starts = modes.map((mode) => Place.code + 4096 * codePageOf[mode]);
  modes.forEach((mode, index) => {
    const next = modes[index + 1];
    const nextStart = starts[index + 1];
    const start = starts[index] ?? 0;
    const context: PieceContext = {
      random,
      mode,
      start,
      next: next === undefined || nextStart === undefined ? undefined : { mode: next, start: nextStart },
      virtual,
      root,
      satp,
      vsatp,
      hgatp,
      unsafePages: tables.unsafe,
      aliasWritable: mode === writable,
      stage2,
      interrupts,
      outside,
      trapsFences,
      sum,
    };
    const words = writePiece(context);
    words.forEach((value, at) => pokes.push([start + 4 * at, value]));
    ends[index] = start + 4 * (words.length - 1);
  });

  const [firstMode = 'M'] = modes;
  const privilege = firstMode === 'M' ? 3 : firstMode === 'HS' || firstMode === 'VS' ? 1 : 0;
  const stub = () => Place.stub | random.bits(1);
  const csrs: Record<InitialCsr, number> = {
    medeleg:
      random.bits(EXCEPTIONS | (virtual ? 0xb0_0000 : 0)) |
      (random.chance(0.5) ? ACCESS_FAULTS : 0) |
      (random.chance(0.5) ? REFUSALS : 0),
    mideleg: random.bits(0x222),
    mie: random.bits(interrupts),
    mip: random.chance(0.2) ? random.bits(0x222) : 0,
    mcounteren: random.bits(7),
    satp,
    stvec: stub(),
    scounteren: random.bits(7),
    sepc: 0x8f00_0000 + 4 * random.below(0x4000),
    scause: random.word(),
    stval: random.word(),
    sscratch: random.word(),
    hstatus: virtual ? random.bits(0x60_0300, 0.2) : 0,
    hedeleg: virtual ? random.bits(GUEST_EXCEPTIONS) | (random.chance(0.5) ? ACCESS_FAULTS : 0) : 0,
    hideleg: virtual ? random.bits(0x444) : 0,
    hvip: virtual && random.chance(0.2) ? random.bits(0x444) : 0,
    hgatp,
    hcounteren: random.bits(7),
    htval: random.word(),
    htinst: 0,
    vsstatus: random.bits(virtual ? 0x122 : 0xc_0122) | (virtual ? 0x4_0000 : 0), // QEMU 7.2 takes SUM for set in HLV and HSV
    vstvec: stub(),
    vsepc: 0x8f00_0000 + 4 * random.below(0x4000),
    vscause: random.word(),
    vstval: random.word(),
    vsscratch: random.word(),
    vsatp,
    mstatush: firstMode === 'VS' || firstMode === 'VU' ? 0x80 : 0,
    mstatus:
      (random.bits(0x1a2 | (virtual ? 0x4_0000 : sum ? 0xc_0000 : 0x8_0000)) |
        random.bits(virtual ? 0x20_0000 : trapsFences ? 0x70_0000 : 0x60_0000, 0.15) |
        (privilege << 11)) >>>
      0,
    mepc: starts[0] ?? Place.code,
  };
  const registers = [...Array.from({ length: 28 }, () => cornerOf(random)), 0, Place.data, 1];
  const dataSeed = random.word();

  return {
    seed,
    modes,
    pokes,
    csrs,
    record: (verbose) => {
      const body = [
        verbose ? 1 : 0,
        dataSeed,
        pokes.length,
        ...pokes.flat(),
        ...ends,
        ...initialCsrs.map((name) => csrs[name]),
        ...registers,
      ];
      return Uint32Array.from([4 * (body.length + 1), ...body].map((value) => value >>> 0));
    },
  };
}

const CORNERS = [0, 1, -1, 2, 0x7fff_ffff, -0x8000_0000, 0x8000, 0xffff, -2048, 31, 32];

/** A word at which arithmetic changes its behaviour, or any. */
export const cornerOf = (random: Random): number => (random.chance(0.6) ? random.pick(CORNERS) >>> 0 : random.word());
