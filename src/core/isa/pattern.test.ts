// Patterns against the encodings the manual prints (unprivileged manual, "Base Instruction Formats" and "Immediate Encoding
// Variants").

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFields, encodeFields, extractField, immediateFits, parsePattern } from './pattern.ts';

const I_TYPE = 'imm[11:0] rs1 000 rd 0010011';
const S_TYPE = 'imm[11:5] rs2 rs1 010 imm[4:0] 0100011';
const B_TYPE = 'imm[12|10:5] rs2 rs1 001 imm[4:1|11] 1100011';
const U_TYPE = 'imm[31:12] rd 0110111';
const J_TYPE = 'imm[20|10:1|11|19:12] rd 1101111';

describe('parsePattern', () => {
  test('separates fixed bits from fields', () => {
    const pattern = parsePattern(I_TYPE);
    expect(pattern.mask).toBe(0x0000_707f);
    expect(pattern.match).toBe(0x0000_0013);
    expect([...pattern.fields.keys()].sort()).toEqual(['immediate', 'rd', 'rs1']);
    expect(pattern.signBit).toBe(11);
  });

  test('has no sign where a field is unsigned', () => {
    expect(parsePattern('0000000 shamt rs1 001 rd 0010011').signBit).toBeUndefined();
    expect(parsePattern('csr rs1 001 rd 1110011').signBit).toBeUndefined();
  });

  test.each([
    ['0000000 rs2 rs1 000 rd 011001', 'expected 32 bits, found 31'],
    ['0000000 rs2 rs1 000 rd 01100110', 'expected 32 bits, found 33'],
    ['funct7 rs2 rs1 000 rd 0110011', "found 'funct7'"],
  ])('refuses %s', (text, message) => {
    expect(() => parsePattern(text)).toThrow(message);
  });
});

describe('immediates stand where the manual puts them', () => {
  // "Immediate variants": which bit of the word is which bit of the value.
  test.each([
    [
      'I',
      I_TYPE,
      [
        [31, 11],
        [20, 0],
      ],
    ],
    [
      'S',
      S_TYPE,
      [
        [31, 11],
        [25, 5],
        [11, 4],
        [7, 0],
      ],
    ],
    [
      'B',
      B_TYPE,
      [
        [31, 12],
        [30, 10],
        [25, 5],
        [11, 4],
        [8, 1],
        [7, 11],
      ],
    ],
    [
      'U',
      U_TYPE,
      [
        [31, 31],
        [12, 12],
      ],
    ],
    [
      'J',
      J_TYPE,
      [
        [31, 20],
        [30, 10],
        [21, 1],
        [20, 11],
        [19, 19],
        [12, 12],
      ],
    ],
  ] as const)('%s-type', (_name, text, places) => {
    const pattern = parsePattern(text);
    for (const [wordBit, valueBit] of places) {
      const value = extractField(pattern, 'immediate', (1 << wordBit) >>> 0);
      expect(value, `bit ${wordBit}`).toBe((1 << valueBit) >>> 0);
    }
  });

  test.each([
    ['addi a0, a1, -1', I_TYPE, 0xfff5_8513, -1],
    ['sw a0, -4(sp)', S_TYPE, 0xfea1_2e23, -4],
    ['bne a0, a1, .-8', B_TYPE, 0xfeb5_1ce3, -8],
    ['lui a0, 0x80000', U_TYPE, 0x8000_0537, -0x8000_0000],
    ['jal ra, .-2', J_TYPE, 0xffff_f0ef, -2],
  ])('%s has a negative immediate', (_text, pattern, word, immediate) => {
    expect(decodeFields(parsePattern(pattern), word).immediate).toBe(immediate);
  });
});

describe('immediateFits', () => {
  test.each([
    [I_TYPE, [-2048, 2047, 0], [-2049, 2048]],
    [B_TYPE, [-4096, 4094], [-4098, 4096, 1, 3]],
    [U_TYPE, [-0x8000_0000, 0x7fff_f000], [1, 0xfff]],
    [J_TYPE, [-0x10_0000, 0xf_fffe], [0x10_0000, 7]],
    ['0000000 shamt rs1 001 rd 0010011', [0, 31], [-1, 32]],
  ])('%s', (text, inside, outside) => {
    const pattern = parsePattern(text);
    expect(inside.filter((value) => !immediateFits(pattern, value))).toEqual([]);
    expect(outside.filter((value) => immediateFits(pattern, value))).toEqual([]);
  });
});

test('what is encoded is decoded again, and fixed bits stay', () => {
  const register = fc.integer({ min: 0, max: 31 });
  fc.assert(
    fc.property(
      fc.constantFrom(I_TYPE, S_TYPE, B_TYPE, U_TYPE, J_TYPE),
      fc.record({ rd: register, rs1: register, rs2: register, immediate: fc.integer() }),
      (text, values) => {
        const pattern = parsePattern(text);
        fc.pre(immediateFits(pattern, values.immediate));
        const word = encodeFields(pattern, values);
        const decoded = decodeFields(pattern, word);
        expect((word & pattern.mask) >>> 0).toBe(pattern.match);
        expect(decoded.immediate).toBe(values.immediate);
        for (const name of ['rd', 'rs1', 'rs2'] as const) {
          expect(decoded[name]).toBe(pattern.fields.has(name) ? values[name] : 0);
        }
      },
    ),
  );
});
