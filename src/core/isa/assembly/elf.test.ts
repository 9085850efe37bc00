// The ELF file: read by a reader written for this test from the specification, and by GNU readelf, objdump and nm.

import { describe, expect, test } from 'vitest';
import { hasBinutils, inspectElf } from '../gnu-binutils.test-support.ts';
import { assembled, BASE } from './assembled.test-support.ts';

const SOURCE = `
        .equ    answer, 42
        .globl  _start
        .type   _start, @function
_start: la      a0, text
        hlv.w   a1, (a0)
loop:   j       loop
constants:
        .word   1, 2
        .section .rodata
text:   .string "hello"
        .data
value:  .word   answer
        .bss
room:   .space  100
`;

const result = assembled(SOURCE, { fileName: 'example.s' });
const view = new DataView(result.image.buffer);
const word = (offset: number): number => view.getUint32(offset, true);
const half = (offset: number): number => view.getUint16(offset, true);

test('the header says what it is', () => {
  expect([...result.image.slice(0, 7)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  expect(half(16), 'e_type: ET_EXEC').toBe(2);
  expect(half(18), 'e_machine: EM_RISCV').toBe(243);
  expect(word(24), 'e_entry').toBe(BASE);
  expect(word(36), 'e_flags: soft float, no compressed instructions').toBe(0);
});

test('program headers describe the segments', () => {
  const headers = Array.from({ length: half(44) }, (_, index) => word(28) + index * half(42));
  const loaded = headers.map((at) => {
    expect(word(at), 'p_type: PT_LOAD').toBe(1);
    // "p_vaddr should equal p_offset, modulo p_align."
    expect((word(at + 8) - word(at + 4)) % word(at + 28)).toBe(0);
    return {
      address: word(at + 8),
      bytes: result.image.slice(word(at + 4), word(at + 4) + word(at + 16)),
      memorySize: word(at + 20),
    };
  });
  expect(loaded).toEqual(result.segments.map(({ address, bytes, memorySize }) => ({ address, bytes, memorySize })));
  expect(result.segments.map(({ memorySize, bytes }) => memorySize - bytes.length)).toEqual([0, 12 + 100]);
});

test('an odd start address keeps offset and address congruent', () => {
  const { image } = assembled('nop\n.data\n.word 1', { textAddress: 0x8020_0104 });
  const headers = new DataView(image.buffer);
  expect(headers.getUint32(52 + 4, true) % 4096).toBe(0x104);
  expect(headers.getUint32(52 + 8, true)).toBe(0x8020_0104);
});

describe.skipIf(!hasBinutils)('GNU tools read it', () => {
  test('readelf, without a complaint', () => {
    const text = inspectElf('readelf', result.image, ['-aW']);
    expect(text).not.toMatch(/warning|error|corrupt/i);
    expect(text).toMatch(/\.text\s+PROGBITS\s+80000000/);
    expect(text).toMatch(/\.bss\s+NOBITS\s+80001010/);
    expect(text).toContain('Tag_RISCV_arch: "rv32i2p1_m2p0_a2p1_h1p0_zicsr2p0_zifencei2p0"');
    expect(text).toMatch(/80000000\s+0 FUNC\s+GLOBAL DEFAULT\s+1 _start/);
    expect(text).toMatch(/FILE\s+LOCAL\s+DEFAULT\s+ABS example\.s/);
    expect(text).toMatch(/0000002a\s+0 NOTYPE\s+LOCAL\s+DEFAULT\s+ABS answer/);
  });

  test('nm, with our symbols', () => {
    const lines = inspectElf('nm', result.image, ['-n']).trim().split('\n');
    const ours = result.symbols.map(({ name, address }) => `${address.toString(16)} ${name}`);
    expect(lines.map((line) => line.replace(/ . /, ' ')).filter((line) => line.startsWith('8'))).toEqual(ours);
  });

  test('objdump, which tells code from data', () => {
    const text = inspectElf('objdump', result.image, ['-d']);
    expect(text).toMatch(/80000008:\t6805.5f3\s+hlv\.w\ta1,\(a0\)/);
    expect(text).toMatch(/80000010:\t00000001\s+\.word\t0x00000001/);
  });
});
