// Branches over a few plain instructions, translated without a branch: the same registers, memory and number of retired
// instructions as by the rows, wherever a budget ends, and also where control comes from elsewhere into what is jumped over.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import { decode } from '../../isa/instructions.ts';
import { regionAt } from './region.ts';
import { byRows, sideBySide, translatedBy, type Way } from './side-by-side.test-support.ts';
import { immediateHost } from '../test-machine.test-support.ts';
import { isPlain, skippedBy } from './skips.ts';

const RUNS = Number(process.env['RINGSIDE_MADE_PROGRAMS'] ?? 24);

const few: readonly Way[] = [
  byRows,
  { name: 'translated after 1', options: { host: immediateHost, hotAfter: 1 }, pieces: [97, 1, 3, 1009, 13] },
  { name: 'translated after 5', options: { host: immediateHost, hotAfter: 5 }, pieces: [1_000_000] },
];

/** Offsets of the skips in the region that a program begins. */
function skipsIn(source: string): readonly number[] {
  const bytes = assembled(source).segments[0]?.bytes ?? new Uint8Array();
  const text = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { blocks } = regionAt(
    {
      page: (index) => (index === 0 ? 4096 : 0),
      word: (_, offset) => (offset < text.byteLength ? text.getUint32(offset, true) : undefined),
      jumps: () => [],
    },
    0,
  );
  return blocks
    .flatMap(({ offset, skips }) => [...skips.keys()].map((index) => offset + 4 * index))
    .sort((a, b) => a - b);
}

test.each([
  ['one instruction', 'beqz a0, 1f\n mv a1, a2\n1: addi a3, a3, 1\n j _start', [0]],
  ['four', 'bltu a0, a1, 1f\n li a1, 1\n lui a2, 5\n mul a2, a2, a1\n nop\n1: j _start', [0]],
  ['two, one behind the other', 'beqz a0, 1f\n mv a1, a2\n1: bnez a1, 2f\n mv a2, a3\n2: j _start', [0, 8]],
  ['five are too many', 'beqz a0, 1f\n nop\n nop\n nop\n nop\n nop\n1: j _start', []],
  ['a load may leave', 'beqz a0, 1f\n lw a1, 0(a2)\n1: j _start', []],
  ['a store is not taken back', 'beqz a0, 1f\n sw a1, 0(a2)\n1: j _start', []],
  ['a division takes time', 'beqz a0, 1f\n div a1, a2, a3\n1: j _start', []],
  ['a CSR is not plain', 'beqz a0, 1f\n csrr a1, sscratch\n1: j _start', []],
  ['a jump among them', 'beqz a0, 1f\n j _start\n1: j _start', []],
  [
    'control comes from elsewhere',
    'beqz a0, 1f\n2: mv a1, a2\n mv a1, a2\n1: addi a3, a3, 1\n bnez a3, 2b\n j _start',
    [],
  ],
  ['and into their middle', 'beqz a0, 1f\n mv a1, a2\n2: mv a1, a2\n1: addi a3, a3, 1\n bnez a3, 2b\n j _start', []],
  ['backwards', '1: mv a1, a2\n beqz a0, 1b\n j _start', []],
] as const)('%s', (_, source, expected) => {
  expect(skipsIn(`_start: ${source}`)).toEqual(expected);
});

test('what a skip jumps over only writes registers', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (word) => {
      const decoded = decode(word | 3);
      if (decoded === undefined) return;
      if (isPlain(decoded)) expect(decoded.row.effect.kind).toBe('set');
      const length = skippedBy(decoded);
      if (length !== undefined) expect(decoded.immediate).toBe(4 * (length + 1));
    }),
    { numRuns: 2000 },
  );
});

test('a register that only a skip writes keeps what it held', () => {
  const runners = sideBySide(
    `
_start: li   a1, 77
1:      li   a0, 3
2:      call choose
        addi a0, a0, -1
        bgez a0, 2b
        addi s6, s6, 1
        j    1b
choose: bgez a0, 3f
        li   a1, 5
3:      ret`,
    { ways: few, at: [303, 2_003] },
  );
  expect(translatedBy(runners)).toBeGreaterThan(1);
  expect(runners[0]?.machine.state.x(11)).toBe(77);
});

const register = fc.constantFrom('a0', 'a1', 'a2', 's0', 'zero');
const target = fc.constantFrom('a0', 'a1', 'a2', 's0', 'zero', 'a0', 'a1');
const plain = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('add', 'sub', 'xor', 'and', 'or', 'sltu', 'slt', 'mul', 'mulhu', 'sll', 'sra'),
      target,
      register,
      register,
    )
    .map(([name, rd, a, b]) => `${name} ${rd}, ${a}, ${b}`),
  fc.tuple(target, register, fc.integer({ min: -2048, max: 2047 })).map(([rd, a, by]) => `addi ${rd}, ${a}, ${by}`),
  fc.tuple(target, fc.nat(0xfffff)).map(([rd, high]) => `lui ${rd}, ${high}`),
  fc.tuple(target, fc.nat(0xfffff)).map(([rd, high]) => `auipc ${rd}, ${high}`),
);
const branch = fc
  .tuple(fc.constantFrom('beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'), register, register)
  .map(([name, a, b]) => `${name} ${a}, ${b}`);
const skip = fc.tuple(branch, fc.array(plain, { minLength: 1, maxLength: 5 }));
const between = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: plain },
    { weight: 2, arbitrary: fc.constantFrom('lw a1, 0(s1)', 'sw a0, 4(s1)', 'lw a2, 4(s1)', 'sb a2, 1(s1)') },
    // Through a base that a skip may have moved.
    { weight: 1, arbitrary: fc.constantFrom('andi s0, s0, 60\n add s2, s1, s0', 'lw a0, 0(s2)', 'sw a1, 4(s2)') },
    { weight: 1, arbitrary: fc.constant('addi s3, s3, 1') },
  ),
  { maxLength: 3 },
);
const part = fc.tuple(skip, between, fc.boolean());

test('loops of skips come to the same', () => {
  let translated = 0;
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 30 }), (parts, count) => {
      const body = parts.map(([[condition, skipped], behind, entered], index) => {
        // Now and then another way leads into the middle.
        const [first, ...others] = skipped;
        const into = entered ? [`7${index}:`] : [];
        const away = entered
          ? [`slti t1, s4, 3`, `beqz t1, 8${index}f`, `addi s4, s4, 1`, `j 7${index}b`, `8${index}:`]
          : [];
        return [`${condition}, 6${index}f`, first, ...into, ...others, `6${index}:`, ...behind, ...away].join(
          '\n        ',
        );
      });
      const runners = sideBySide(
        `
_start: la   s1, data
        mv   s2, s1
1:      li   s5, ${count}
        li   s4, 0
2:      ${body.join('\n        ')}
        addi a0, a0, 7
        srli a1, a1, 1
        addi s5, s5, -1
        bnez s5, 2b
        addi s6, s6, 1
        j    1b
        .data
        .balign 16
data:   .space 256`,
        { ways: few, at: [101, 1_009, 4_001] },
      );
      translated += translatedBy(runners);
    }),
    { numRuns: RUNS },
  );
  expect(translated).toBeGreaterThan(RUNS);
}, 3_600_000);
