// Every instruction row, held against two others: the reference interpreter against the generated one, on the same state,
// and both against formulas over integers of any size, written from the unprivileged manual's text.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../cli/node-host.ts';
import { wordOf } from '../isa/instruction-words.test-support.ts';
import { decode, instructions } from '../isa/instructions.ts';
import { encodeFields } from '../isa/pattern.ts';
import type { InstructionRow } from '../isa/row.ts';
import { HART_BLOCK_WORDS, RAM_BASE, Word } from './layout.ts';
import type { Host } from './linear-memory.ts';
import { operations } from './operations.ts';
import { Privilege } from './hart-state.ts';
import { cornerWord, referenceHost, TestMachine } from './test-machine.test-support.ts';

const CODE = RAM_BASE + 0x2000;
const DATA = RAM_BASE + 0x8000;
const HANDLER = RAM_BASE + 0x1000;
const RUNS = 60;

/** Counts the instructions that the generated interpreter executes. */
function countingHost(count: { fast: number }): Host {
  return {
    ...nodeHost,
    compile(module, imports) {
      const { run } = nodeHost.compile(module, imports);
      const words = new Int32Array(imports.memory.buffer);
      const budget = 1024 + Word.budget; // the block of hart 0 lies at 4096
      return {
        run: () => {
          const before = words[budget] ?? 0;
          const reason = run?.() ?? 0;
          count.fast += before - (words[budget] ?? 0);
          return reason;
        },
      };
    },
  };
}

const count = { fast: 0 };
const RAM_BYTES = 1 << 16;
const fast = new TestMachine({ host: countingHost(count), ramBytes: RAM_BYTES });
const reference = new TestMachine({ host: referenceHost, ramBytes: RAM_BYTES });
const stepping = new TestMachine({ ramBytes: RAM_BYTES });

interface Situation {
  readonly words: readonly number[];
  readonly registers: readonly number[];
  readonly data: readonly number[];
}

/** RAM as a situation wants it; only pages that differ are written, so that decoded code elsewhere stays. */
function fillRam(machine: TestMachine, { words, data }: Situation): void {
  const wanted = new Uint32Array(RAM_BYTES / 4);
  wanted.set(words, (CODE - RAM_BASE) / 4);
  wanted.set(data, (DATA - RAM_BASE) / 4);
  wanted.fill(0x13, (HANDLER - RAM_BASE) / 4, (HANDLER - RAM_BASE) / 4 + 8);
  const bytes = new Uint8Array(wanted.buffer);
  for (let page = 0; page < RAM_BYTES; page += 4096) {
    const now = machine.ram.view(RAM_BASE + page, 4096);
    const next = bytes.subarray(page, page + 4096);
    if (Buffer.compare(now, next) !== 0) machine.ram.write(RAM_BASE + page, next);
  }
}

/** Sets a machine up at the first word. */
function start(machine: TestMachine, situation: Situation): void {
  const { registers } = situation;
  const { state } = machine;
  fillRam(machine, situation);
  registers.forEach((value, index) => state.setX(index, value));
  state.set('mtvec', HANDLER);
  state.set('mstatus', 0x1800);
  for (const name of ['mepc', 'mcause', 'mtval', 'mtinst', 'mtval2'] as const) state.set(name, 0);
  state.reservation = 0;
  machine.enter(Privilege.machine, false, CODE);
}

function outcome(machine: TestMachine) {
  const registers = Array.from({ length: 32 }, (_, index) => machine.state.x(index));
  const data = createHash('sha1').update(machine.ram.view(RAM_BASE, RAM_BYTES)).digest('hex');
  const { pc } = machine.state;
  const csrs = Object.fromEntries(
    (['mstatus', 'mepc', 'mcause', 'mtval', 'mtinst', 'mtval2'] as const).map((name) => [
      name,
      machine.state.get(name),
    ]),
  );
  return { registers, data, pc, csrs };
}

/** Runs on both; on the fast machine twice, so that the second time everything is decoded and translated. */
function compare(situation: Situation, steps: number): { readonly fastSteps: number } {
  start(reference, situation);
  reference.run(steps);
  const expected = outcome(reference);
  start(fast, situation);
  fast.run(steps);
  expect(outcome(fast)).toEqual(expected);
  fast.state.pc = CODE;
  start(fast, situation);
  const before = count.fast;
  fast.run(steps);
  expect(outcome(fast)).toEqual(expected);
  return { fastSteps: count.fast - before };
}

const registersArbitrary = fc.array(cornerWord, { minLength: 32, maxLength: 32 });
const dataArbitrary = fc.array(cornerWord, { minLength: 16, maxLength: 16 });

/** Registers such that the row's address operand lies in the data, at any alignment, or anywhere. */
function aim(row: InstructionRow, word: number, registers: readonly number[], offset: number | undefined): number[] {
  const aimed = [...registers];
  const { rs1, immediate } = decode(word) ?? { rs1: 0, immediate: 0 };
  const usesImmediate = row.effect.kind === 'load' || row.effect.kind === 'store';
  if (offset !== undefined && rs1 !== 0) aimed[rs1] = (DATA + offset - (usesImmediate ? immediate : 0)) | 0;
  if (row.effect.kind === 'jump' && offset !== undefined && rs1 !== 0) aimed[rs1] = (CODE + 4 * offset - immediate) | 0;
  return aimed;
}

const plainRows = instructions.filter(({ effect }) => effect.kind !== 'system');

describe('the generated interpreter does what the rows say', () => {
  test.each(plainRows.map((row) => [row.mnemonic, row] as const))('%s', (_, row) => {
    let sawFast = false;
    fc.assert(
      fc.property(
        wordOf(row),
        registersArbitrary,
        dataArbitrary,
        fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 4 }),
        (word, registers, data, offset) => {
          const { fastSteps } = compare(
            { words: [word, 0x13, 0x13], registers: aim(row, word, registers, offset), data },
            1,
          );
          sawFast ||= fastSteps === 1;
        },
      ),
      { numRuns: RUNS },
    );
    expect(sawFast).toBe(operations.some((operation) => operation.row === row));
  });

  test('whole programs, one instruction at a time and at once', () => {
    const near = fc.constantFrom(...plainRows).chain((row) =>
      fc
        .record({
          rd: fc.integer({ min: 0, max: 31 }),
          rs1: fc.integer({ min: 0, max: 31 }),
          rs2: fc.integer({ min: 0, max: 31 }),
          immediate: fc.integer({ min: -32, max: 32 }).map((value) => value * 4),
        })
        .map((fields) => encodeFields(row.pattern, fields)),
    );
    fc.assert(
      fc.property(
        fc.array(near, { minLength: 20, maxLength: 40 }),
        registersArbitrary,
        dataArbitrary,
        (words, registers, data) => {
          const pointing = registers.map((value, index) => (index % 2 === 1 ? (DATA + (value & 63)) | 0 : value));
          const situation = { words, registers: pointing, data };
          compare(situation, 200);
          start(stepping, situation);
          for (let step = 0; step < 200; step++) stepping.run(1);
          expect(outcome(stepping)).toEqual(outcome(fast));
        },
      ),
      { numRuns: 60 },
    );
  });
});

const unsigned = (value: number) => BigInt.asUintN(32, BigInt(value));
const signed = (value: number) => BigInt.asIntN(32, BigInt(value));
const TWO_TO_32 = 1n << 32n;
const shiftOf = (b: number) => unsigned(b) % 32n;
/** Rounds towards zero, as BigInt division does. */
const quotient = (a: bigint, b: bigint) => a / b;

/** The manual's words as formulas over integers of any size; results are taken modulo 2^32. */
const formulas: Readonly<Record<string, (a: number, b: number) => bigint>> = {
  // "Integer Register-Register Operations"
  add: (a, b) => signed(a) + signed(b),
  sub: (a, b) => signed(a) - signed(b),
  slt: (a, b) => (signed(a) < signed(b) ? 1n : 0n),
  sltu: (a, b) => (unsigned(a) < unsigned(b) ? 1n : 0n),
  and: (a, b) => unsigned(a) & unsigned(b),
  or: (a, b) => unsigned(a) | unsigned(b),
  xor: (a, b) => unsigned(a) ^ unsigned(b),
  // "logical left, logical right, and arithmetic right shifts on the value in register rs1 by the shift amount held in the lower 5 bits of register rs2"
  sll: (a, b) => unsigned(a) * 2n ** shiftOf(b),
  srl: (a, b) => unsigned(a) / 2n ** shiftOf(b),
  sra: (a, b) => {
    const power = 2n ** shiftOf(b);
    const value = signed(a);
    return (value - (((value % power) + power) % power)) / power; // rounds towards minus infinity
  },
  // "Multiplication Operations"
  mul: (a, b) => signed(a) * signed(b),
  mulh: (a, b) => (signed(a) * signed(b)) >> 32n,
  mulhu: (a, b) => (unsigned(a) * unsigned(b)) >> 32n,
  mulhsu: (a, b) => (signed(a) * unsigned(b)) >> 32n,
  // "Division Operations", with the table "Semantics for division by zero and division overflow"
  div: (a, b) => (b === 0 ? -1n : quotient(signed(a), signed(b))),
  divu: (a, b) => (b === 0 ? TWO_TO_32 - 1n : quotient(unsigned(a), unsigned(b))),
  rem: (a, b) => (b === 0 ? signed(a) : signed(a) - signed(b) * quotient(signed(a), signed(b))),
  remu: (a, b) => (b === 0 ? unsigned(a) : unsigned(a) - unsigned(b) * quotient(unsigned(a), unsigned(b))),
};

const immediateForms: Readonly<Record<string, string>> = {
  addi: 'add', slti: 'slt', sltiu: 'sltu', xori: 'xor', ori: 'or', andi: 'and', slli: 'sll', srli: 'srl', srai: 'sra',
}; // prettier-ignore

/** The results of one instruction, decoded and executed twice over: reference and generated. */
function resultOf(row: InstructionRow, a: number, b: number, immediate: number): number {
  const word = encodeFields(row.pattern, { rd: 3, rs1: 1, rs2: 2, immediate });
  const registers = Array<number>(32).fill(0);
  registers[1] = a;
  registers[2] = b;
  compare({ words: [word], registers, data: [] }, 1);
  return fast.state.x(3);
}

describe('arithmetic is the manual’s', () => {
  const pairs = fc.tuple(cornerWord, cornerWord);

  test.each(Object.entries(formulas))('%s', (mnemonic, formula) => {
    const row = instructions.find((each) => each.mnemonic === mnemonic);
    if (row === undefined) throw new Error(`no row ${mnemonic}`);
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(resultOf(row, a, b, 0)).toBe(Number(BigInt.asIntN(32, formula(a, b))));
      }),
      {
        numRuns: RUNS,
        examples: [[[-0x8000_0000, -1]], [[-0x8000_0000, 0]], [[7, 0]], [[-7, 2]], [[-7, -2]], [[-1, -1]]],
      },
    );
  });

  test.each(Object.entries(immediateForms))('%s', (mnemonic, base) => {
    const row = instructions.find((each) => each.mnemonic === mnemonic);
    const formula = formulas[base];
    if (row === undefined || formula === undefined) throw new Error(`no row ${mnemonic}`);
    const limits = row.pattern.signBit === undefined ? { min: 0, max: 31 } : { min: -2048, max: 2047 };
    fc.assert(
      fc.property(cornerWord, fc.integer(limits), (a, immediate) => {
        expect(resultOf(row, a, 0, immediate)).toBe(Number(BigInt.asIntN(32, formula(a, immediate))));
      }),
      { numRuns: RUNS },
    );
  });

  test('every row that only computes has a formula, but LUI and AUIPC', () => {
    const computing = instructions.filter(({ effect }) => effect.kind === 'set').map(({ mnemonic }) => mnemonic);
    expect(new Set(computing)).toEqual(
      new Set([...Object.keys(formulas), ...Object.keys(immediateForms), 'lui', 'auipc']),
    );
  });

  test('LUI and AUIPC', () => {
    const [lui, auipc] = ['lui', 'auipc'].map((name) => instructions.find(({ mnemonic }) => mnemonic === name));
    if (lui === undefined || auipc === undefined) throw new Error('no rows');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xf_ffff }), (upper) => {
        const immediate = (upper << 12) | 0;
        expect(resultOf(lui, 0, 0, immediate)).toBe(immediate);
        expect(resultOf(auipc, 0, 0, immediate)).toBe((CODE + immediate) | 0);
      }),
    );
  });
});

test('the blocks of both machines have the same words', () => {
  expect(fast.image().length).toBe(HART_BLOCK_WORDS);
});
