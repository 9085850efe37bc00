// The rows as a whole: no word belongs to two of them, the decoder finds what a plain search finds, and encodings known
// from the manuals come out.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, Decoder, findRow, instructions } from './instructions.ts';
import { anyInstructionWord, anyWord, wordOf } from './instruction-words.test-support.ts';
import { decodeFields, encodeFields, extractField } from './pattern.ts';

test('no word matches two rows', () => {
  const overlapping = instructions.flatMap((one, index) =>
    instructions
      .slice(index + 1)
      .filter((other) => ((one.pattern.match ^ other.pattern.match) & one.pattern.mask & other.pattern.mask) === 0)
      .map((other) => `${one.mnemonic} and ${other.mnemonic}`),
  );
  expect(overlapping).toEqual([]);
});

test('mnemonics are unique and every row says what it means', () => {
  expect(new Set(instructions.map(({ mnemonic }) => mnemonic)).size).toBe(instructions.length);
  expect(instructions.filter(({ meaning }) => !/^[A-Z].*\.$/.test(meaning))).toEqual([]);
});

test('all rows are 32-bit instructions (lowest bits 11)', () => {
  expect(instructions.filter(({ pattern }) => (pattern.match & pattern.mask & 3) !== 3)).toEqual([]);
});

test('findRow agrees with a search through all rows', () => {
  fc.assert(
    fc.property(anyWord, (word) => {
      const found = instructions.find(({ pattern }) => ((word ^ pattern.match) & pattern.mask) === 0);
      expect(findRow(word)).toBe(found);
      expect(findRow(word | 0)).toBe(found);
    }),
    { numRuns: 5000 },
  );
});

test.each(instructions.map((row) => [row.mnemonic, row] as const))(
  '%s: decode and encode are inverse',
  (_name, row) => {
    fc.assert(
      fc.property(wordOf(row), (word) => {
        expect(decode(word)).toMatchObject({ row, word });
        const values = Object.fromEntries(
          [...row.pattern.fields.keys()].map((name) => [name, extractField(row.pattern, name, word)]),
        );
        const { immediate } = decodeFields(row.pattern, word);
        expect(encodeFields(row.pattern, values)).toBe(word);
        expect(encodeFields(row.pattern, { ...values, immediate })).toBe(word);
      }),
    );
  },
);

describe('words known from the manuals', () => {
  test.each([
    // Unprivileged manual: NOP, the environment, FENCE.TSO and PAUSE hints, Zifencei.
    [0x0000_0013, 'addi'],
    [0x0000_0073, 'ecall'],
    [0x0010_0073, 'ebreak'],
    [0x8330_000f, 'fence'],
    [0x0100_000f, 'fence'],
    [0x0000_100f, 'fence.i'],
    [0x0000_8067, 'jalr'],
    [0xc000_1073, 'csrrw'],
    [0x02b5_0533, 'mul'],
    [0x02b5_5533, 'divu'],
    [0x1005_a52f, 'lr.w'],
    [0x18c5_a52f, 'sc.w'],
    // Privileged manual.
    [0x1020_0073, 'sret'],
    [0x3020_0073, 'mret'],
    [0x1050_0073, 'wfi'],
    [0x1200_0073, 'sfence.vma'],
    [0x2200_0073, 'hfence.vvma'],
    [0x6200_0073, 'hfence.gvma'],
    [0x6805_c573, 'hlv.w'],
    [0x6835_c573, 'hlvx.wu'],
    [0x6aa5_c073, 'hsv.w'],
  ])('%i is %s', (word, mnemonic) => {
    expect(findRow(word)?.mnemonic).toBe(mnemonic);
  });

  // "Instruction encodings with bits [15:0] all zeros are illegal … all bits one is illegal"; compressed forms do not exist here;
  // RV64's instructions and URET belong to other machines; FLD needs D.
  test.each([
    0, 0xffff_ffff, 0x0000_0001, 0x0000_4501, 0x0005_3503, 0x0005_051b, 0x0020_0073, 0x0000_3007, 0x6c05_c573,
  ])('%i is illegal', (word) => {
    expect(findRow(word)).toBeUndefined();
    expect(decode(word)).toBeUndefined();
  });

  // RV32: "SLLI, SRLI, and SRAI … imm[5] = 1 is reserved".
  test.each([0x0205_9513, 0x0205_d513, 0x4205_d513])('a shift by 32 or more (%i) is illegal', (word) => {
    expect(findRow(word)).toBeUndefined();
  });
});

test('decode gives the fields of the word', () => {
  fc.assert(
    fc.property(anyInstructionWord, (word) => {
      const decoded = decode(word);
      expect(decoded?.word).toBe(word);
      if (decoded?.row.pattern.fields.has('rd')) expect(decoded.rd).toBe((word >>> 7) & 31);
      if (decoded?.row.pattern.fields.has('rs1')) expect(decoded.rs1).toBe((word >>> 15) & 31);
      if (decoded?.row.pattern.fields.has('rs2')) expect(decoded.rs2).toBe((word >>> 20) & 31);
    }),
  );
});

test('a decoder that remembers says what decode says, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyInstructionWord, fc.integer()), { maxLength: 50 }), (words) => {
      const decoder = new Decoder();
      for (const word of [...words, ...words]) expect(decoder.decode(word)).toEqual(decode(word));
    }),
  );
  // More words than it has room for, so that places are taken over.
  const decoder = new Decoder();
  for (let round = 0; round < 2; round++) {
    for (let immediate = 0; immediate < 4096; immediate++) {
      expect(decoder.decode(0x13 | (immediate << 20))?.immediate).toBe((immediate << 20) >> 20);
    }
  }
});
