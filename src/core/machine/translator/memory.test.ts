// Loads and stores, translated: every width, alone and in groups, within a page and across its end, where the next page is
// missing, read-only or a device, misaligned, in modes in which a page may be read or not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assembledFor, entryAddress, frameAddress, PROGRAM, settleIn } from './environment.test-support.ts';
import { byRows, sideBySide, translatedBy, type SideBySide, type Way } from './side-by-side.test-support.ts';
import { immediateHost } from '../test-machine.test-support.ts';
import { Pte } from '../walker.ts';

const few: readonly Way[] = [
  byRows,
  { name: 'translated after 1', options: { host: immediateHost, hotAfter: 1 }, pieces: [97, 1009] },
  { name: 'translated after 7', options: { host: immediateHost, hotAfter: 7 }, pieces: [1_000_000] },
];

/** Traps of S-mode: counts them, folds cause and trap value into s11, goes on behind the instruction. */
const HANDLER = `
        .balign 4096
kernel:
handler:
        csrr t6, scause
        add  s11, s11, t6
        csrr t6, stval
        slli s11, s11, 1
        add  s11, s11, t6
        csrr t6, sepc
        add  s11, s11, t6
        addi t6, t6, 4
        csrw sepc, t6
        sret
scratch: .word 0
        .balign 4096
`;

function inSupervisorMode(text: string, options: SideBySide = {}) {
  const program = assembledFor('supervisor', `${text}${HANDLER}`);
  const address = (name: string) => program.symbols.find((each) => each.name === name)?.address ?? 0;
  const runners = sideBySide(program, {
    ...options,
    setUp(machine) {
      settleIn('supervisor', machine, program);
      options.setUp?.(machine, program);
    },
  });
  return { runners, address };
}

const pageOf = (address: number) => (address - PROGRAM) / 4096;

describe('groups of accesses through one base', () => {
  const member = fc.tuple(
    fc.constantFrom('lw', 'lw', 'lh', 'lbu', 'sw', 'sw', 'sh', 'sb'),
    fc.oneof(fc.integer({ min: -3, max: 4 }), fc.integer({ min: -400, max: 400 })),
    fc.constantFrom(0, 0, 0, 0, 0, 2, 1),
    fc.integer({ min: 0, max: 5 }),
    fc.boolean(),
  );
  // The page behind `last` is one of: missing, read-only, good, a device (the UART's page would have side effects: the test
  // finisher's reads as 0).
  const next = fc.constantFrom(
    0,
    ((0x8000_0000 >>> 12) << 10) | Pte.V | Pte.R | Pte.A,
    ((0x8000_0000 >>> 12) << 10) | 0xc7,
    (0x100 << 10) | Pte.V | Pte.R | Pte.A,
  );
  const start = fc.oneof(fc.constantFrom(4096, 4092, 4088, 4080, 4094, 4095), fc.integer({ min: 1700, max: 4100 }));

  test('do what each access alone does', () => {
    let translated = 0;
    fc.assert(
      fc.property(fc.array(member, { minLength: 2, maxLength: 14 }), next, start, (members, entry, at) => {
        const body = members.map(([name, word, more, register, changes], index) => {
          const changed = changes && index % 5 === 4 ? '        addi s0, s0, 4\n' : '';
          return `${changed}        ${name} a${register}, ${4 * word + more}(s0)`;
        });
        const { runners } = inSupervisorMode(
          `
_start: la   s1, last
        li   t1, ${at}
        add  s1, s1, t1
1:      mv   s0, s1
${body.join('\n')}
        addi a0, a0, 1
        addi a1, a1, 3
        addi a3, a3, 7
        addi s2, s2, 1
        j    1b
        .balign 4096
before: .space 4096
last:   .space 4096
behind: .space 4096
`,
          {
            ways: few,
            at: [40, 1_700],
            setUp(machine, program) {
              const behind = program.symbols.find(({ name }) => name === 'behind')?.address ?? 0;
              machine.poke(entryAddress(pageOf(behind)), entry);
              // The good page leads to a frame that no program is long enough to reach.
            },
          },
        );
        translated += translatedBy(runners);
      }),
      { numRuns: 12 },
    );
    expect(translated).toBeGreaterThan(0);
  });
});

test('loads and stores of every width at every offset across the end of a page', () => {
  const { runners, address } = inSupervisorMode(
    `
_start: la   s0, data
        li   t1, 4080
        add  s0, s0, t1
1:      li   t1, 0
2:      add  t2, s0, t1
        sw   a0, 0(t2)
        lhu  a1, 1(t2)
        sh   a1, 2(t2)
        lb   a2, 3(t2)
        lh   a3, 0(t2)
        sb   a2, 4(t2)
        lw   a4, 1(t2)
        add  a0, a0, a4
        addi a0, a0, 0x123
        addi t1, t1, 1
        li   t2, 24
        bne  t1, t2, 2b
        addi s2, s2, 1
        j    1b
        .data
        .balign 4096
data:   .space 8192
`,
    { at: [1_000, 9_000] },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
  const [first] = runners;
  expect(first?.machine.peek(frameAddress(pageOf(address('data') + 4096)))).not.toBe(0);
});

test('AMOs, LR and SC in hot loops: aligned, misaligned, without a page, on a page that is only read', () => {
  const { runners } = inSupervisorMode(
    `
_start: la   s0, data
        la   s1, readonly
1:      li   t1, 4
        amoadd.w a0, t1, (s0)
        j    .+4
        amomaxu.w a1, a0, (s0)
        j    .+4
        amoswap.w s3, s3, (s1)
        j    .+4
        addi s2, s0, 2
        j    .+4
        amoor.w a2, t1, (s2)
        j    .+4
        lr.w a3, (s0)
        j    .+4
        addi a3, a3, 1
        j    .+4
        sc.w a4, a3, (s0)
        j    .+4
        lr.w a5, (s1)
        j    .+4
        sc.w a5, a5, (s1)
        j    .+4
        lr.w a6, (s2)
        j    .+4
        lr.w zero, (s0)
        j    .+4
        addi t2, s0, 4
        j    .+4
        sc.w a7, a3, (t2)
        j    .+4
        sc.w a7, a3, (s0)
        j    .+4
        amoadd.w zero, t1, (zero)
        j    .+4
        amoand.w s0, s0, (s0)
        j    .+4
        la   s0, data
        j    1b
        .data
        .balign 4096
data:   .space 4096
readonly: .word 5
        .space 4092
`,
    {
      setUp(machine, program) {
        const page = pageOf(program.symbols.find(({ name }) => name === 'readonly')?.address ?? 0);
        machine.poke(entryAddress(page), machine.peek(entryAddress(page)) & ~Pte.W);
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
});

test('LR and SC in hot loops that nothing interrupts: kept, lost to another SC, used up, moved', () => {
  const runners = sideBySide(`
_start: la   s0, data
1:      lr.w a0, (s0)
        addi a0, a0, 1
        sc.w a1, a0, (s0)               # holds
        add  s1, s1, a1
        sc.w a1, a0, (s0)               # is used up
        add  s2, s2, a1
        addi t1, s0, 4
        lr.w a2, (s0)
        sc.w a1, a0, (t1)               # is for another word
        add  s3, s3, a1
        sc.w a1, a0, (s0)               # and lost by that
        add  s4, s4, a1
        lr.w zero, (t1)
        lw   a3, 0(s0)
        sw   a3, 8(s0)
        sc.w zero, a3, (t1)             # holds
        lw   a4, 4(s0)
        add  s5, s5, a4
        j    1b
        .data
        .balign 4096
data:   .word 0, 0, 0
`);
  const x = (register: number) => runners[0]?.machine.state.x(register) ?? 0;
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(x(9)).toBe(0);
  expect([x(18), x(19), x(20), x(21)].every((count) => count > 100)).toBe(true);
});

test('SUM and MXR switched in the loop that depends on them', () => {
  const { runners } = inSupervisorMode(
    `
_start: la   s0, userpage
        la   s1, executeonly
        li   s3, 0x40000                # SUM
        li   s4, 0x80000                # MXR
1:      lw   a0, 0(s0)
        sw   a0, 4(s0)
        lw   a1, 0(s1)
        addi a0, a0, 1
        addi s5, s5, 1
        andi t1, s5, 3
        bnez t1, 2f
        csrs sstatus, s3
        j    1b
2:      andi t2, s5, 1
        beqz t2, 3f
        csrs sstatus, s4
        csrc sstatus, s3
        j    1b
3:      csrc sstatus, s4
        sw   s5, 0(s0)
        j    1b
        .data
        .balign 4096
userpage: .space 4096
executeonly: .word 77
        .space 4092
`,
    {
      setUp(machine, program) {
        const entryOf = (name: string) =>
          entryAddress(pageOf(program.symbols.find((each) => each.name === name)?.address ?? 0));
        machine.poke(entryOf('userpage'), machine.peek(entryOf('userpage')) | Pte.U);
        machine.poke(entryOf('executeonly'), machine.peek(entryOf('executeonly')) & ~(Pte.R | Pte.W));
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
});

test('a device in a hot loop: every access reaches it, and what it says is not kept', () => {
  const runners = sideBySide(`
_start: li   s0, 0x10000000             # the UART
        li   s1, 0x200bff8              # mtime
1:      andi a0, s2, 15
        addi a0, a0, 65
        sb   a0, 0(s0)
        lbu  a1, 5(s0)
        lw   a2, 0(s1)
        lw   a3, 4(s1)
        addi s2, s2, 1
        j    1b
`);
  expect(translatedBy(runners)).toBeGreaterThan(0);
  for (const { machine } of runners) expect(machine.console).toBe(runners[0]?.machine.console);
  expect(runners[0]?.machine.console).toMatch(/^(ABCDEFGHIJKLMNOP)+/);
});

test('pages whose A and D bits are not yet set, in a machine that sets them itself, and in one that faults', () => {
  for (const svadu of [true, false]) {
    const { runners } = inSupervisorMode(
      `
_start: la   s0, data
1:      li   t1, 3
2:      lw   a0, 0(s0)
        lw   a1, 8(s0)
        sw   a1, 4(s0)
        sw   a0, 8(s0)
        addi t1, t1, -1
        bnez t1, 2b
        la   t1, last
        li   t2, 4096
        add  s0, s0, t2
        bltu s0, t1, 1b
        la   s0, data
        addi s2, s2, 1
        j    1b
        .data
        .balign 4096
data:   .space 32768
last:   .word 0
`,
      {
        machine: { svadu },
        setUp(machine, program) {
          const first = pageOf(program.symbols.find(({ name }) => name === 'data')?.address ?? 0);
          for (let page = first; page < first + 8; page++) {
            const entry = machine.peek(entryAddress(page));
            machine.poke(entryAddress(page), entry & ~(page % 2 === 0 ? Pte.A | Pte.D : Pte.D));
          }
          if (svadu) machine.setCsrs({ menvcfgh: 0xa000_0000 });
        },
        at: [60, 500, 6_000],
      },
    );
    expect(translatedBy(runners)).toBeGreaterThan(0);
  }
});
