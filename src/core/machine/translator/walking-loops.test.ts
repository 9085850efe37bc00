// Loops that walk through memory — forwards, backwards, over one array or two, with other work between — to the end of
// pages and beyond, where the next page is missing, read-only or good: every round does what it does alone.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assembledFor, entryAddress, PROGRAM, settleIn } from './environment.test-support.ts';
import { byRows, sideBySide, translatedBy, type Way } from './side-by-side.test-support.ts';
import { immediateHost } from '../test-machine.test-support.ts';
import { Pte } from '../walker.ts';

const RUNS = Number(process.env['RINGSIDE_MADE_PROGRAMS'] ?? 24);
const few: readonly Way[] = [
  byRows,
  { name: 'translated after 3', options: { host: immediateHost, hotAfter: 3 }, pieces: [97, 1009, 13] },
  { name: 'translated after 10', options: { host: immediateHost, hotAfter: 10 }, pieces: [1_000_000] },
];

const HANDLER = `
        .balign 4096
kernel:
handler:
        csrr t6, scause
        add  s11, s11, t6
        csrr t6, stval
        xor  s11, s11, t6
        add  s11, s11, a0
        xor  s11, s11, a1
        add  s11, s11, a2
        xor  s11, s11, s0
        add  s11, s11, s1
        xor  s11, s11, s2
        csrr t6, sepc
        addi t6, t6, 4
        csrw sepc, t6
        sret
scratch: .word 0
        .balign 4096
`;

const value = fc.constantFrom('a0', 'a1', 'a2');
const access = fc
  .tuple(
    fc.constantFrom('lw', 'lw', 'lhu', 'lb', 'lbu', 'sw', 'sw', 'sh', 'sb'),
    fc.constantFrom('s0', 's0', 's1'),
    fc.oneof(fc.constantFrom(0, 0, 4, -4, 8, 1, 2), fc.integer({ min: -600, max: 600 })),
    fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: fc.constantFrom('s0', 's1') }),
  )
  .map(([name, base, offset, register]) => `${name} ${register}, ${offset}(${base})`);
const work = fc.oneof(
  fc.tuple(value, value, value).map(([rd, a, b]) => `add ${rd}, ${a}, ${b}`),
  fc.tuple(value, value).map(([rd, a]) => `xori ${rd}, ${a}, 85`),
  fc.tuple(value, value).map(([rd, a]) => `add ${rd}, ${a}, s0`),
  fc.constantFrom('amoadd.w a0, a1, (s0)', 'mul a2, a2, a0'),
);
const step = fc
  .tuple(fc.constantFrom('s0', 's1'), fc.constantFrom(4, 4, -4, 1, 2, 8, -1, 64, 400, 0))
  .map(([base, by]) => `addi ${base}, ${base}, ${by}`);
const anyOf = (minLength: number, maxLength: number) =>
  fc.array(fc.oneof({ weight: 5, arbitrary: access }, { weight: 2, arbitrary: work }, { weight: 4, arbitrary: step }), {
    minLength,
    maxLength,
  });
const anything = fc.oneof({ weight: 4, arbitrary: anyOf(1, 7) }, { weight: 1, arbitrary: anyOf(20, 55) });
/** A copy, as a compiler writes it, with something in between. */
const copy = fc
  .tuple(
    fc.constantFrom(['lw', 'sw', 4], ['lbu', 'sb', 1], ['lhu', 'sh', 2], ['lw', 'sw', -4] as const),
    fc.constantFrom(0, 4, -8),
    fc.oneof(work, access),
  )
  .map(([[load, store, by], offset, between]) => [
    `${load} a0, ${offset}(s0)`,
    `addi s0, s0, ${by}`,
    between,
    `${store} a0, ${offset}(s1)`,
    `addi s1, s1, ${by}`,
  ]);
const round = fc.oneof(anything, copy);
/** How the loop goes on: by a counter, or until a base has come to its end; with the branch back taken, or not taken. */
const ending = fc.constantFrom(
  ['addi s2, s2, -1', 'bgtz s2, 2b'],
  ['addi s2, s2, -1', 'bgtz s2, 2b'],
  ['addi s2, s2, -1', 'blez s2, 3f', 'j 2b'],
  ['addi s2, s2, -1', 'add a0, a0, s2', 'bnez s2, 2b'],
  ['addi s2, s2, -1', 'beqz s2, 3f', 'bnez s2, 2b'],
);

test('walking loops come to the same', () => {
  let translated = 0;
  fc.assert(
    fc.property(
      round,
      ending,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(4096, 4092, 4080, 4072, 4000, 8192, 8188, 8176, 8160, 8100, 4094, 8191),
      fc.constantFrom(0, 4, 6000, -3000, 2),
      fc.constantFrom(0, Pte.V | Pte.R | Pte.A, Pte.V | Pte.R | Pte.W | Pte.A | Pte.D),
      (lines, end, count, at, apart, flags) => {
        const program = assembledFor(
          'supervisor',
          `
_start: la   s3, data
1:      li   t1, ${at}
        add  s0, s3, t1
        li   t1, ${at + apart}
        add  s1, s3, t1
        li   s2, ${count}
2:      ${[...lines, ...end].join('\n        ')}
3:      addi a1, a1, 3
        addi s5, s5, 1
        j    1b
        .data
        .balign 4096
data:   .space 8192
second: .space 4096
last:   .space 8192
${HANDLER}`,
        );
        const symbol = (name: string) => program.symbols.find((each) => each.name === name)?.address ?? 0;
        const runners = sideBySide(program, {
          ways: few,
          at: [101, 1_009, 4_001],
          setUp(machine) {
            settleIn('supervisor', machine, program);
            const entry = entryAddress((symbol('second') - PROGRAM) / 4096);
            machine.poke(entry, ((machine.peek(entry) & ~0x3ff) | flags) >>> 0);
          },
        });
        translated += translatedBy(runners);
      },
    ),
    { numRuns: RUNS },
  );
  expect(translated).toBeGreaterThan(RUNS);
}, 3_600_000);
