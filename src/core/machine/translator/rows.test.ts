// Every instruction row in hot loops, with any operands: what the translator makes of a row does what the row says.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wordOf } from '../../isa/instruction-words.test-support.ts';
import { decode, instructions } from '../../isa/instructions.ts';
import { encodeFields } from '../../isa/pattern.ts';
import type { InstructionRow } from '../../isa/row.ts';
import { RAM_BASE } from '../layout.ts';
import type { TestMachine } from '../test-machine.test-support.ts';
import { cornerWord, immediateHost } from '../test-machine.test-support.ts';
import { byRows, expectAgreement, Runner, type Way } from './side-by-side.test-support.ts';

const HANDLER = RAM_BASE + 0x1000;
const CODE = RAM_BASE + 0x2000;
const DATA = RAM_BASE + 0x8000;
const translated: Way = { name: 'translated', options: { host: immediateHost, hotAfter: 3 }, pieces: [1_000_000] };

const field = (mnemonic: string, fields: Readonly<Record<string, number>>): number => {
  const row = instructions.find((each) => each.mnemonic === mnemonic);
  if (row === undefined) throw new Error(`expected a row ${mnemonic}`);
  return encodeFields(row.pattern, fields);
};

/** Goes on behind the instruction that trapped, with every register as it was. */
const handler = [0x340f_9ff3, 0x3410_2ff3, 0x004f_8f93, 0x341f_9073, 0x340f_9ff3, 0x3020_0073]; // csrrw x31, mscratch, x31 … mret

const JUMP_TO_NEXT = 0x0040_006f;

/** An address in a register. */
function pointTo(register: number, address: number): readonly number[] {
  if (register === 0) return [];
  const low = (address << 20) >> 20;
  return [
    field('lui', { rd: register, immediate: (address - low) | 0 }),
    field('addi', { rd: register, rs1: register, immediate: low }),
  ];
}

/** The instruction, with what makes its address one in the data, or its target the word behind the next. */
function piece(row: InstructionRow, word: number, offset: number): readonly number[] {
  const decoded = decode(word);
  if (decoded === undefined) throw new Error('expected an instruction of the row');
  const { rd, rs1, rs2, immediate } = decoded;
  switch (row.effect.kind) {
    case 'load':
    case 'store':
      return [...pointTo(rs1, DATA + offset - immediate), word];
    case 'atomic':
    case 'load-reserved':
    case 'store-conditional':
      return [...pointTo(rs1, DATA + (offset % 7 === 0 ? offset : offset & ~3)), word];
    case 'branch':
      return [encodeFields(row.pattern, { rs1, rs2, immediate: 8 }), 0x0010_0013 | (1 << 7)];
    case 'jump':
      return row.form.includes('target')
        ? [encodeFields(row.pattern, { rd, immediate: 8 }), 0x0013_0313]
        : [
            field('auipc', { rd: rs1, immediate: 0 }),
            encodeFields(row.pattern, { rd, rs1, immediate: 12 + (offset & 3) }),
            0x0013_0313,
          ];
    default:
      return [word];
  }
}

function setUp(
  machine: TestMachine,
  words: readonly number[],
  registers: readonly number[],
  data: readonly number[],
): void {
  machine.poke(HANDLER, ...handler);
  const back = field('jal', { rd: 0, immediate: -4 * words.length });
  machine.poke(CODE, ...words, back);
  machine.poke(DATA, ...data);
  registers.forEach((value, index) => machine.state.setX(index, value));
  machine.setCsrs({ mtvec: HANDLER });
  machine.state.pc = CODE;
}

const plain = instructions.filter(({ effect }) => effect.kind !== 'system');

describe('in hot loops', () => {
  test.each(plain.map((row) => [row.mnemonic, row] as const))('%s', (_, row) => {
    let regions = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(wordOf(row), fc.integer({ min: 8, max: 120 })), { minLength: 24, maxLength: 24 }),
        fc.array(cornerWord, { minLength: 32, maxLength: 32 }),
        fc.array(cornerWord, { minLength: 32, maxLength: 32 }),
        (words, registers, data) => {
          const runners = [byRows, translated].map((way) => new Runner(way, { ramBytes: 1 << 16 }));
          // Each piece is arrived at by a jump, so that it is translated although the one before it may trap.
          const program = words.flatMap(([word, offset]) => [...piece(row, word, offset), JUMP_TO_NEXT]);
          for (const { machine } of runners) setUp(machine, program, registers, data);
          for (const total of [program.length * 3, program.length * 20]) {
            for (const runner of runners) runner.runTo(total);
            expectAgreement(runners, `${row.mnemonic} at ${total}`);
          }
          regions += runners[1]?.machine.translator?.counts.translated ?? 0;
        },
      ),
      { numRuns: 1 },
    );
    expect(regions).toBeGreaterThan(0);
  });
});
