// The disassembler against GNU objdump: what was captured from it once (gnu-disassembly.json), and the tool itself where it is
// installed. With binutils, `RINGSIDE_CAPTURE=1` captures anew.

import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disassemble } from './disassemble.ts';
import { gnuDisassemble, hasBinutils } from './gnu-binutils.test-support.ts';
import { anyInstructionWord, sampleWords } from './instruction-words.test-support.ts';
import { findRow } from './instructions.ts';

const ADDRESS = 0x8000_0000;

/** CSRs that binutils 2.40 and this machine know alike, and one that neither knows. */
const COMMON_CSRS = [0x100, 0x105, 0x180, 0x200, 0x280, 0x300, 0x341, 0x602, 0x680, 0xc00, 0xf14, 0x123];

/** Words both can print: a CSR of those above; reserved bits of FENCE and FENCE.I zero, its sets not empty. */
function comparable(word: number, index: number): number {
  const mnemonic = findRow(word)?.mnemonic ?? '';
  if (mnemonic.startsWith('csr'))
    return ((word & 0xf_ffff) | ((COMMON_CSRS[index % COMMON_CSRS.length] ?? 0) << 20)) >>> 0;
  if (mnemonic === 'fence') return ((word & 0x0ff0_707f) | 0x0110_0000) >>> 0;
  return mnemonic === 'fence.i' ? 0x100f : word;
}

const words = sampleWords(6).map(comparable);

/** binutils 2.40 abbreviates `addi` to `add` and the like; later versions, and we, print the full name. */
const ABBREVIATED: ReadonlyMap<string, string> = new Map([
  ...['add', 'and', 'or', 'xor', 'sll', 'srl', 'sra', 'slt'].map((name): [string, string] => [name, `${name}i`]),
  ['sltu', 'sltiu'],
  ...['csrw', 'csrs', 'csrc', 'csrrw', 'csrrs', 'csrrc'].map((name): [string, string] => [name, `${name}i`]),
]);

/** One spelling for both printers: full names, numbers in decimal, no blanks, no comments, no symbol behind an address. */
function normalize(line: string, radixOfTargets: 10 | 16): string {
  const [mnemonic = '', text = ''] = line
    .replace(/\s+[#<].*$/, '')
    .trim()
    .split(/\s+(.*)/);
  const operands = text.replaceAll(/\s/g, '').split(',');
  const isTransfer = /^(j|jal|b[a-z]+)$/.test(mnemonic);
  const numbers = operands.map((operand, index) => {
    if (isTransfer && index === operands.length - 1)
      return `${parseInt(operand, operand.startsWith('0x') ? 16 : radixOfTargets)}`;
    return operand.replace(/^-?(0x[0-9a-f]+|\d+)(?=$|\()/, (number) => String(Number(number)));
  });
  const isShort = /^-?\d+$/.test(numbers.at(-1) ?? '');
  return `${isShort ? (ABBREVIATED.get(mnemonic) ?? mnemonic) : mnemonic} ${numbers.join(',')}`;
}

function differences(theirs: readonly string[], pseudo: boolean): readonly string[] {
  return words.flatMap((word, index) => {
    const expected = normalize(theirs[index] ?? '(nothing)', 16);
    const found = normalize(disassemble(word, ADDRESS + 4 * index, { pseudo }).text, 10);
    return expected === found ? [] : [`${word.toString(16)}: expected ${expected}, found ${found}`];
  });
}

/** `[word, printed without aliases, printed with aliases]`, the words one behind the other from ADDRESS on. */
type Fixture = readonly (readonly [number, string, string])[];
const fixturePath = new URL('./gnu-disassembly.json', import.meta.url);
if (process.env.RINGSIDE_CAPTURE && hasBinutils) {
  const [plain, aliases] = [gnuDisassemble(words, ADDRESS, false), gnuDisassemble(words, ADDRESS, true)];
  const rows = words.map((word, index) => JSON.stringify([word, plain[index], aliases[index]]));
  writeFileSync(fixturePath, `[\n${rows.join(',\n')}\n]\n`);
}

describe('prints what GNU objdump prints', () => {
  test('as captured', () => {
    const fixture = JSON.parse(readFileSync(fixturePath, 'utf8')) as Fixture;
    expect(fixture.map(([word]) => word)).toEqual(words);
    expect(
      differences(
        fixture.map(([, plain]) => plain),
        false,
      ),
    ).toEqual([]);
    expect(
      differences(
        fixture.map(([, , alias]) => alias),
        true,
      ),
    ).toEqual([]);
  });

  test.skipIf(!hasBinutils)('as installed', () => {
    expect(differences(gnuDisassemble(words, ADDRESS, false), false)).toEqual([]);
    expect(differences(gnuDisassemble(words, ADDRESS, true), true)).toEqual([]);
  });
});

describe('disassemble', () => {
  test('prints a word that is no instruction as data', () => {
    expect(disassemble(0, 0)).toEqual({ mnemonic: '.word', operands: '0x00000000', text: '.word 0x00000000' });
    expect(disassemble(-1, 0).text).toBe('.word 0xffffffff');
  });

  test('prints reserved bits as data, because no assembly spells them', () => {
    // FENCE with rd = x1 and FENCE.I with an immediate: reserved for finer-grain fences, ignored by a hart.
    expect(disassemble(0x0ff0_008f, 0).text).toBe('.word 0x0ff0008f');
    expect(disassemble(0x0010_100f, 0).text).toBe('.word 0x0010100f');
  });

  test.each([
    [0x0000_0013, 'nop', 'addi zero, zero, 0'],
    [0x0000_8067, 'ret', 'jalr zero, 0(ra)'],
    [0x0ff0_000f, 'fence', 'fence iorw, iorw'],
    [0x8330_000f, 'fence.tso', 'fence.tso'],
    [0x0100_000f, 'pause', 'fence w, 0'],
    [0x1005_2573, 'csrrs a0, sstatus, a0', 'csrrs a0, sstatus, a0'],
    [0x1000_2573, 'csrr a0, sstatus', 'csrrs a0, sstatus, zero'],
    [0x7ff0_2573, 'csrr a0, 0x7ff', 'csrrs a0, 0x7ff, zero'],
    [0x06b6_252f, 'amoadd.w.aqrl a0, a1, (a2)', 'amoadd.w.aqrl a0, a1, (a2)'],
    [0x8000_0537, 'lui a0, 0x80000', 'lui a0, 0x80000'],
  ])('%i: %s', (word, pseudo, plain) => {
    expect(disassemble(word, 0).text).toBe(pseudo);
    expect(disassemble(word, 0, { pseudo: false }).text).toBe(plain);
  });

  test('names the target of a branch, and says where it is', () => {
    const branch = 0xfeb5_1ce3; // bne a0, a1, .-8
    expect(disassemble(branch, 0x8000_0010).target).toBe(0x8000_0008);
    expect(disassemble(branch, 0x8000_0010).operands).toBe('a0, a1, 0x80000008');
    const symbols = (address: number) => (address === 0x8000_0008 ? 'loop' : undefined);
    expect(disassemble(branch, 0x8000_0010, { symbols }).operands).toBe('a0, a1, loop');
    expect(disassemble(branch, 0x8000_0014, { symbols }).operands).toBe('a0, a1, 0x8000000c');
    // Addresses wrap around at 4 GiB.
    expect(disassemble(branch, 0).target).toBe(0xffff_fff8);
  });

  test('text is mnemonic and operands, for any word', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), anyInstructionWord), fc.integer(), (word, address) => {
        const { mnemonic, operands, text } = disassemble(word, address);
        expect(text).toBe(`${mnemonic} ${operands}`.trim());
        expect(text).not.toMatch(/undefined|NaN|null/);
      }),
    );
  });
});
