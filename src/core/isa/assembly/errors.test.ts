// What the assembler says about wrong sources: the place, what was expected, what was found, what to do.

import { describe, expect, test } from 'vitest';
import { errorsOf } from './assembled.test-support.ts';
import { IMAGE_LIMIT } from './program.ts';

/** `[source, the text the message is about, parts of the message]`. */
const cases: readonly (readonly [string, string, ...string[]])[] = [
  ['addi a0, a0, 5000', '5000', 'expected a value from -2048 to 2047', 'found 5000', "'li'"],
  ['addi a0, a0, -2049', '-2049', 'found -2049'],
  ['slli a0, a0, 32', '32', 'from 0 to 31', 'found 32'],
  ['lui a0, 0x100000', '0x100000', 'from 0 to 0xfffff', 'upper 20 bits'],
  ['lui a0, -1', '-1', 'found -1'],
  ['csrwi sstatus, 32', '32', 'from 0 to 31'],
  ['csrr a0, sstats', 'sstats', 'name or number of a CSR', 'check the spelling'],
  ['csrr a0, 4096', '4096', 'from 0 to 4095'],
  ['lw a0, 4096(sp)', '4096(sp)', 'found 4096', "'la' or 'li'"],
  ['lw a0, a1', 'a1', "'lw rd, imm(rs1)' or 'lw rd, symbol'", "the register 'a1'", 'offset(register)'],
  ['lr.w a0, 4(a1)', '4(a1)', "'(register)', without an offset"],
  ['add a0, a1', 'add a0, a1', "'add rd, rs1, rs2' or 'add rd, rs1, imm'", 'found 2 operands'],
  ['add a0, 5, a1', '5', "the value '5'", 'write a register'],
  ['add a0 a1, a2', 'a1', "expected ',' or the end of the statement"],
  ['li a0, 0x100000000', '0x100000000', 'constant of 32 bits'],
  ['li a0, later\nlater: nop', 'later', 'use la for an address'],
  ['fence r, wr', 'wr', "letters of 'iorw' in this order"],
  ['addi a0, a0, %hi(x)\nx: nop', '%hi(x)', 'belongs into lui or auipc'],
  ['lui a0, %lo(x)\nx: nop', '%lo(x)', 'addi, jalr, a load or a store'],
  ['lui a0, %middle(4)', 'middle', '%hi(…), %lo(…), %pcrel_hi(…), %pcrel_lo(…)'],
  ['addi a0, a0, %pcrel_lo(x)\nx: nop', '%pcrel_lo(x)', 'label of an auipc'],
  ['j nowhere', 'nowhere', 'expected a defined symbol', "'nowhere:'"],
  ['beqz a0, nowhere', 'nowhere', 'expected a defined symbol'],
  ['.word nowhere + 1', 'nowhere', 'expected a defined symbol'],
  ['j far\n.space 0x100000\nfar: nop', 'far', "'jal'", "use 'call' or 'tail'"],
  ['beq a0, a1, far\n.space 0x100000\nfar: nop', 'far', "'jal'"],
  ['j x + 1\nx: nop', 'x + 1', 'a multiple of 2', 'align the target'],
  ['j 1f', '1f', "expected a label '1:' below"],
  ['j 1b\n1: nop', '1b', "expected a label '1:' above"],
  ['x: nop\nx: nop', 'x', 'which line 1 defines', 'rename'],
  ['x: nop\n.equ x, 1', 'x', 'which line 1 defines'],
  ['sp: nop', 'sp', 'no register'],
  ['adi a0, a0, 1', 'adi', 'expected an instruction', "did you mean 'addi'"],
  ['ADDI a0, a0, 1', 'ADDI', 'lower case', "'addi'"],
  ['ld a0, (sp)', 'ld', 'expected an instruction'],
  ['.wrd 1', '.wrd', 'expected a directive'],
  ['+ 1', '+ 1', 'expected a label, a directive or an instruction'],
  ['.word 1 2', '2', 'the end of the statement'],
  ['.word (1', '', "expected ')'", 'the end of the statement'],
  ['.word 1 +', '', 'expected a number, a symbol or an expression'],
  ['.word 09', '09', 'a leading 0 octal'],
  ['.word 12ab', '12ab', 'a number such as 42'],
  ['.word 0x10000000000000000', '0x10000000000000000', 'at most 64 bits'],
  ['.word 1 / 0', '/', 'a divisor other than 0'],
  ['.word "text"', '"text"', "'.ascii' or '.string'"],
  ['.ascii "open', '"open', "expected '\"'", 'close the string'],
  ['.ascii 1', '1', 'a string in double quotes'],
  ['nop /* open', '/*', "expected '*/'"],
  ['.equ a, b\n.equ b, a\n.word a', 'b', 'leads back to itself'],
  ['.align 3, 0, 0, 0', ',', 'the end of the statement'],
  ['.balign 3', '3', 'expected a power of two'],
  ['.space later\n.equ later, 1', 'later', 'constant that is known here'],
  ['nop\nnop\n.org 4', '4', "'.org' to go forward"],
  ['.bss\n.word 1', '', 'nothing but room in .bss', '.data'],
  ['.if 1\nnop', '.if 1', "expected '.endif'"],
  ['.endif\nnop', '.endif', "expected '.if' above"],
  ['.if 0\n.else\n.else\n.endif\nnop', '.else', "expected '.endif' behind '.else'"],
  ['.rept 2\nnop', '.rept 2', "expected '.endr' below"],
  ['.macro m\nnop', '.macro m', "expected '.endm' below"],
  ['.endm\nnop', '.endm', "expected '.macro' above"],
  ['.macro m\n.endm\n.macro m\n.endm\nnop', '.macro m', "the macro 'm' again"],
  ['.macro m a:req\n.word \\a\n.endm\nm', 'm', "an argument for 'a'"],
  ['.macro m a\n.word \\a\n.endm\nm 1, 2', 'm 1, 2', "found '2' behind them"],
  ['.macro m\naddi a0, a0, 9999\n.endm\n  m', 'm', 'found 9999', "(in the expansion of 'm': 'addi a0, a0, 9999')"],
  ['.word \\a', '\\a', 'only for a parameter inside .macro'],
  ['.include "other.s"', '.include "other.s"', 'put the contents here'],
  ['.error "wrong board"', '.error "wrong board"', 'wrong board'],
  ['.section .text, "axq"', '"axq"', "found 'q'"],
  ['.popsection\nnop', '.popsection', "'.pushsection' above"],
  [`.space ${IMAGE_LIMIT + 1}`, `${IMAGE_LIMIT + 1}`, 'from 0 to'],
  ['.rept 100\n.space 1000000\n.endr', '.space 1000000', 'program of at most'],
  ['# nothing', '', 'at least one instruction'],
];

/** The part of the source a message points at. */
function pointedAt(source: string, { line, column, length }: { line: number; column: number; length: number }): string {
  return (source.split('\n')[line - 1] ?? '').slice(column - 1, column - 1 + length).trim();
}

describe('an error names its place and its cure', () => {
  test.each(cases)('%s', (source, place, ...parts) => {
    const [error, ...others] = errorsOf(source);
    expect(others).toEqual([]);
    for (const part of parts) expect(error?.message).toContain(part);
    if (error && place !== '') expect(pointedAt(source, error)).toBe(place);
  });
});

test('all errors of a source are found, in order', () => {
  const source = ['addi a0, a0, 9999', 'nop', 'j nowhere', 'frobnicate', '.word 1 +', 'x: nop', 'x: nop'].join('\n');
  expect(errorsOf(source).map(({ line }) => line)).toEqual([1, 3, 4, 5, 7]);
});

test('a line with two statements is pointed at exactly', () => {
  expect(errorsOf('  nop ; /* here */ addi a0, a0, 4000 # why')).toMatchObject([{ line: 1, column: 33, length: 4 }]);
});
