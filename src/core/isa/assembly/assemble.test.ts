// What the assembler makes of a source: bytes, symbols, lines, sections. Encodings are those of the manual; gnu.test.ts compares
// whole programs with GNU as.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disassemble } from '../disassemble.ts';
import { anyInstructionWord } from '../instruction-words.test-support.ts';
import { instructions } from '../instructions.ts';
import { assemble } from './assemble.ts';
import { addressOfSymbol, assembled, BASE, flatImage, wordsOf } from './assembled.test-support.ts';

const text = (...lines: readonly string[]): string => lines.join('\n');

describe('what the disassembler prints is read back', () => {
  // Zero-valued reserved fields aside, every word has a spelling; those without print as .word and are read as data.
  test.each([true, false])('as the same word (pseudo-instructions: %s)', (pseudo) => {
    fc.assert(
      fc.property(fc.array(anyInstructionWord, { minLength: 1, maxLength: 40 }), (words) => {
        const lines = words.map((word, index) => disassemble(word, BASE + 4 * index, { pseudo }).text);
        expect(wordsOf(assembled(text(...lines)))).toEqual(words);
      }),
      { numRuns: 300 },
    );
  });

  test.each(instructions.map((row) => [row.mnemonic, row] as const))('%s, with all fields 0', (_name, row) => {
    const word = row.pattern.match;
    expect(wordsOf(assembled(disassemble(word, BASE, { pseudo: false }).text))).toEqual([word]);
  });
});

describe('registers', () => {
  test('have ABI names and numbers', () => {
    const named =
      'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'.split(' ');
    const moves = named.map((name, index) => [`mv ${name}, a0`, `addi x${index}, x10, 0`]);
    for (const [byName = '', byNumber = ''] of moves)
      expect(wordsOf(assembled(byName))).toEqual(wordsOf(assembled(byNumber)));
    expect(wordsOf(assembled('mv fp, a0'))).toEqual(wordsOf(assembled('mv s0, a0')));
  });
});

describe('li', () => {
  /** Runs lui and addi only. */
  const load = (words: readonly number[]): number =>
    words.reduce(
      (value, word) => ((word & 0x7f) === 0x37 ? word & ~0xfff : (((word >> 15) & 31 ? value : 0) + (word >> 20)) | 0),
      0,
    );

  test('loads any constant with at most two instructions', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.integer({ min: -5000, max: 5000 })), (value) => {
        const words = wordsOf(assembled(`li a0, ${value}`));
        expect(words.length).toBeLessThanOrEqual(2);
        expect(load(words)).toBe(value);
      }),
    );
  });

  test('takes a distance between labels that is known', () => {
    expect(wordsOf(assembled(text('.word 1, 2', 'a: .word 3', 'b: li a0, b - a')))[3]).toBe(0x0040_0513);
  });
});

describe('labels', () => {
  test('numeric ones are found behind and ahead', () => {
    const words = wordsOf(assembled(text('1: j 1f', '1: j 1b', '1: j 1f', '1: nop')));
    expect(words.slice(0, 3)).toEqual([0x0040_006f, 0x0000_006f, 0x0040_006f]);
  });

  test('several may stand before one statement', () => {
    const result = assembled('a: b: c: nop; d: nop');
    expect(result.symbols).toEqual([
      { name: 'a', address: BASE },
      { name: 'b', address: BASE },
      { name: 'c', address: BASE },
      { name: 'd', address: BASE + 4 },
    ]);
  });

  test('those starting with .L stay out of the list', () => {
    expect(assembled('.Lhidden: j .Lhidden').symbols).toEqual([]);
  });
});

describe('expressions', () => {
  test.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['-5 / 2', -2],
    ['-5 % 3', -2],
    ['~0 << 4', -16],
    ['0xf0 >> 4', 15],
    ['0x0f | 0xf0 & 0xff', 0xff],
    ["'a' + 1", 98],
    ['- - 3', 3],
    ['!0 + !7', 1],
    ['3 < 4', -1],
    ['4 <> 4', 0],
    ['0b101 ^ 07', 2],
    ['5 && 0 || 1', 1],
  ])('%s is %i', (expression, value) => {
    expect(wordsOf(assembled(`.word ${expression}`))[0]).toBe(value >>> 0);
  });

  test('warns where C would group differently, and only there', () => {
    expect(assembled('.word 1 << 2 + 3').warnings).toMatchObject([{ line: 1, column: 7, length: 10 }]);
    expect(assembled('.word (1 << 2) + 3, 1 + 2 + 3, 1 << 2 | 1 << 3, 2 * 3 - 4').warnings).toEqual([]);
  });

  test('names a CSR, a number and a symbol alike', () => {
    const [byName, byNumber, bySymbol] = wordsOf(
      assembled('.equ S, 0x100\ncsrr a0, sstatus\ncsrr a0, 256\ncsrr a0, S'),
    );
    expect([byName, byNumber, bySymbol]).toEqual([0x1000_2573, 0x1000_2573, 0x1000_2573]);
  });
});

describe('%hi, %lo and pc-relative addresses', () => {
  test('the two halves make the address, whatever its low part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), (distance) => {
        const source = text('lui a0, %hi(x)', 'addi a0, a0, %lo(x)', 'la a0, x', `.space ${4 * distance}`, 'x: nop');
        const [lui = 0, lo = 0, auipc = 0, addi = 0] = wordsOf(assembled(source));
        const address = BASE + 16 + 4 * distance;
        expect(((lui & ~0xfff) + (lo >> 20)) >>> 0).toBe(address);
        expect((BASE + 8 + (auipc & ~0xfff) + (addi >> 20)) >>> 0).toBe(address);
      }),
      { numRuns: 40 },
    );
  });
});

describe('branches', () => {
  test.each([
    [4094, 0x7eb5_0fe3, 4],
    [4096, 0x00b5_1463, 8],
  ])('%i bytes ahead', (distance, first, size) => {
    const result = assembled(text('beq a0, a1, far', `.space ${distance - 4}`, '.balign 2', 'far: .half 1'));
    expect((addressOfSymbol(result, 'far') ?? 0) - BASE - (distance - 4)).toBe(size);
    expect(wordsOf(result)[0]).toBe(first);
  });

  test('a long one is the opposite branch around a jump', () => {
    const words = wordsOf(assembled(text('blt a0, a1, far', '.space 8192', 'far: ret')));
    expect(disassemble(words[0] ?? 0, BASE).text).toBe('bge a0, a1, 0x80000008');
    expect(disassemble(words[1] ?? 0, BASE + 4).text).toBe('j 0x80002008');
  });
});

describe('sections', () => {
  const source = text(
    '.data',
    'd: .word 1',
    '.bss',
    'z: .space 8',
    '.text',
    '_start: nop',
    '.section .rodata',
    'r: .byte 2',
  );

  test('stand in the order code, constants, data, zeros, the writable ones on their own page', () => {
    const result = assembled(source);
    expect(result.symbols).toEqual([
      { name: '_start', address: BASE },
      { name: 'r', address: BASE + 0x10 },
      { name: 'd', address: BASE + 0x1000 },
      { name: 'z', address: BASE + 0x1010 },
    ]);
    expect(result.segments).toMatchObject([
      { address: BASE, memorySize: 0x11, writable: false, executable: true },
      { address: BASE + 0x1000, memorySize: 0x18, writable: true, executable: false },
    ]);
    expect(result.segments[1]?.bytes).toEqual(Uint8Array.of(1, 0, 0, 0));
  });

  test('start where the caller says', () => {
    const result = assembled('.word 0\n_start: la a0, _start', { textAddress: 0x10_0000 });
    expect(result.entry).toBe(0x10_0004);
    expect(result.segments[0]?.address).toBe(0x10_0000);
  });

  test('_end and its like are provided, unless the source defines them', () => {
    const words = wordsOf(assembled(text('.word _end, __bss_start, _etext', '.bss', '.space 4')));
    expect(words).toEqual([BASE + 0x1004, BASE + 0x1000, BASE + 12]);
    expect(wordsOf(assembled('.word _end\n_end: nop'))[0]).toBe(BASE + 4);
  });

  test('padding in code is made of instructions', () => {
    expect(wordsOf(assembled('ret; .balign 16; ret'))).toEqual([0x8067, 0x13, 0x13, 0x13, 0x8067, 0x13, 0x13, 0x13]);
  });
});

describe('lines', () => {
  test('tell which statement an address belongs to', () => {
    const source = text('_start:', '  nop', '  la a0, x', '', 'x: .word 1', '  .rept 2', '  ecall', '  .endr');
    expect(assembled(source).lines).toEqual([
      { address: BASE, line: 2, content: 'code' },
      { address: BASE + 4, line: 3, content: 'code' },
      { address: BASE + 12, line: 5, content: 'data' },
      { address: BASE + 16, line: 7, content: 'code' },
      { address: BASE + 20, line: 7, content: 'code' },
    ]);
  });

  test('of an expansion are those of the invocation', () => {
    const source = text('.macro twice', 'nop', 'ret', '.endm', 'wfi', 'twice');
    expect(assembled(source).lines.map(({ line }) => line)).toEqual([5, 6, 6]);
  });
});

describe('comments and statements', () => {
  test.each(['nop # x', 'nop // x', 'nop /* x */', '/* x\n y */ nop', 'nop; ', ' ; nop', "nop # don't", '\tnop\r\n'])(
    '%j',
    (source) => {
      expect(wordsOf(assembled(source))).toEqual([0x13]);
    },
  );

  test('strings and characters may hold what starts a comment', () => {
    expect(Array.from(flatImage(assembled(".data\n.ascii \"#;/*\"\n.byte '#', ';', '\"'")))).toEqual([
      35, 59, 47, 42, 35, 59, 34,
    ]);
  });

  test('text beyond ASCII is stored as UTF-8', () => {
    expect(Array.from(flatImage(assembled('.data\n.ascii "é→😀"')))).toEqual([...Buffer.from('é→😀')]);
  });
});

test('the same source gives the same image', () => {
  const source = text('_start: la a0, x', '.data', 'x: .word 1');
  expect(assembled(source).image).toEqual(assembled(source).image);
});

test('warnings do not keep an image from being made', () => {
  const result = assemble('.byte 256\n.section odd\n.word 1');
  expect(result.ok).toBe(true);
  expect(result.warnings.map(({ line }) => line)).toEqual([1, 2]);
});
