// Translated code under Sv32 and two stages: a region belongs to frames, not to addresses, so whatever the page tables are made
// to say while it is hot, the hart executes what they say now (after the fence that the manual asks for).

import { expect, test } from 'vitest';
import { assembledFor, entryAddress, frameAddress, PROGRAM, settleIn } from './environment.test-support.ts';
import { sideBySide, translatedBy, type SideBySide } from './side-by-side.test-support.ts';
import type { Assembled } from '../../isa/assembly/assemble.ts';
import { RAM_BASE } from '../layout.ts';

const HANDLER = `
        .balign 4096
kernel:
handler:
        csrr t6, scause
        add  s11, s11, t6
        csrr t6, stval
        xor  s11, s11, t6
        csrr t6, sepc
        xor  s11, s11, t6
        addi s10, s10, 1
        mv   t6, s9                     # where to go on after a fault of a fetch
        bnez t6, 1f
        csrr t6, sepc
        addi t6, t6, 4
1:      csrw sepc, t6
        sret
scratch: .word 0
        .balign 4096
`;

const pageOf = (address: number) => (address - PROGRAM) / 4096;
const symbolIn = (program: Assembled, name: string): number =>
  program.symbols.find((each) => each.name === name)?.address ?? 0;

function inSupervisorMode(text: string, options: SideBySide = {}) {
  const program = assembledFor('supervisor', `${text}${HANDLER}`);
  return sideBySide(program, {
    at: [500, 9_000],
    ...options,
    setUp(machine) {
      settleIn('supervisor', machine, program);
      options.setUp?.(machine, program);
    },
  });
}

/** The tables of `settleIn` seen as part of the program: their frames under virtual addresses behind it. */
const TABLES = PROGRAM + 0x20_0000;
const LEAVES_FRAME = entryAddress(0);
const windowOnTables: SideBySide['setUp'] = (machine) => {
  machine.poke(entryAddress(pageOf(TABLES)), ((LEAVES_FRAME >>> 12) << 10) | 0xc7);
};

test('two pages take turns at one address: PTE and sfence.vma, in the loop itself', () => {
  const runners = inSupervisorMode(
    `
_start: li   s0, ${TABLES}
        la   s1, first
        la   s2, second
        li   t1, ${PROGRAM}
        sub  t2, s1, t1
        srli t2, t2, 10
        add  t2, t2, s0
        lw   s3, 0(t2)                  # entry of the first page
        sub  t3, s2, t1
        srli t3, t3, 10
        add  t3, t3, s0
        lw   s4, 0(t3)                  # entry of the second page
        mv   s5, t2
1:      li   s6, 20
2:      jalr ra, 0(s1)
        addi s6, s6, -1
        bnez s6, 2b
        lw   t1, 0(s5)
        xor  t1, t1, s3
        xor  t1, t1, s4                 # the other one
        sw   t1, 0(s5)
        sfence.vma s1, zero
        j    1b
        .balign 4096
first:  addi a0, a0, 1
        auipc a2, 0
        ret
        .balign 4096
second: addi a1, a1, 1
        auipc a3, 0
        ret
`,
    { setUp: windowOnTables },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(runners[0]?.machine.state.x(11)).toBeGreaterThan(100);
});

/** A hot loop over the end of a page; every 32 rounds code elsewhere changes the entry of its second page. */
const overTheEdge = (change: string) => `
_start: li   s0, ${TABLES}
        la   s1, second
        li   t1, ${PROGRAM}
        sub  t2, s1, t1
        srli t2, t2, 10
        add  s5, t2, s0
        lw   s3, 0(s5)
        lw   s4, 4(s5)                  # the page behind it
        la   s9, resume
        j    begin
        .balign 4096
        .space 4096 - 8
begin:  addi s6, s6, 1
        addi a0, a0, 1
second: addi a1, a1, 1                  # the first word of the next page
        addi a2, a2, 1
        andi t1, s6, 31
        bnez t1, begin
        j    change
        .balign 4096
        addi a4, a4, 1                  # what stands there in the other page
        addi a5, a5, 1
        andi t1, s6, 15
        bnez t1, begin + 4096           # it is executed one page before where it lies
        j    change + 4096
        .balign 4096
        .space 64
change: ${change}
        sfence.vma
        j    begin
resume: sw   s3, 0(s5)
        sfence.vma s1, zero
        addi a3, a3, 1
        j    second
`;

test('the second page of a hot region goes, and comes back', () => {
  const runners = inSupervisorMode(overTheEdge('sw zero, 0(s5)'), { setUp: windowOnTables });
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(runners[0]?.machine.state.x(13)).toBeGreaterThan(10);
});

test('the second page of a hot region is another one from now on, and the first again', () => {
  const runners = inSupervisorMode(overTheEdge('lw t1, 0(s5)\n xor t1, t1, s3\n xor t1, t1, s4\n sw t1, 0(s5)'), {
    setUp: windowOnTables,
    at: [500, 15_000],
  });
  expect(translatedBy(runners)).toBeGreaterThan(0);
  const x = (register: number) => runners[0]?.machine.state.x(register) ?? 0;
  expect([x(11), x(14), x(13)].every((count, index) => (index === 2 ? count === 0 : count > 100))).toBe(true);
});

test('two address spaces with different code at one address, switched by satp in a hot loop', () => {
  const OTHER_ROOT = RAM_BASE + 0xf4000;
  const OTHER_LEAVES = RAM_BASE + 0xf5000;
  const runners = inSupervisorMode(
    `
_start: csrr s0, satp
        li   s1, ${0x8000_0000 | (OTHER_ROOT >>> 12) | 0x40_0000 | 0}
1:      li   t1, 7
2:      call shared
        addi t1, t1, -1
        bnez t1, 2b
        csrw satp, s1
        xor  s0, s0, s1
        xor  s1, s1, s0
        xor  s0, s0, s1
        j    1b
        .balign 4096
shared: addi a0, a0, 1
        lw   t2, data
        add  a2, a2, t2
        ret
        .balign 4096
other:  addi a1, a1, 1
        xori a1, a1, 2
        addi a3, a3, 1
        ret
        .data
        .balign 4096
data:   .word 3
`,
    {
      setUp(machine, program) {
        for (let page = 0; page < 32; page++) machine.poke(OTHER_LEAVES + 4 * page, machine.peek(entryAddress(page)));
        machine.poke(
          OTHER_LEAVES + 4 * pageOf(symbolIn(program, 'shared')),
          machine.peek(entryAddress(pageOf(symbolIn(program, 'other')))),
        );
        machine.poke(OTHER_ROOT + 4 * (PROGRAM >>> 22), ((OTHER_LEAVES >>> 12) << 10) | 1);
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
  const [first] = runners;
  expect(first?.machine.state.x(10)).toBeGreaterThan(100);
  expect(first?.machine.state.x(13)).toBeGreaterThan(100);
});

test('one frame at two addresses, and stores through the second: results that depend on pc differ, the code does not', () => {
  const ALIAS = PROGRAM + 0x30_0000;
  const runners = inSupervisorMode(
    `
_start: la   s0, shared
        li   s1, ${ALIAS}
        li   s2, 0x00050513
1:      jalr ra, 0(s0)
        jalr ra, 0(s1)
        addi s3, s3, 1
        andi t1, s3, 15
        bnez t1, 1b
        slli t1, s3, 20
        li   t2, 0x3ff00000
        and  t1, t1, t2
        or   t1, t1, s2
        sw   t1, 4(s1)
        j    1b
        .balign 4096
shared: auipc a2, 0
        addi a0, a0, 0
        add  a1, a1, a2
        li   t1, 3
2:      addi t1, t1, -1
        jal  t0, 3f
        bnez t1, 2b
        ret
3:      add  a3, a3, t0
        jr   t0
`,
    {
      setUp(machine, program) {
        machine.poke(entryAddress(pageOf(ALIAS)), machine.peek(entryAddress(pageOf(symbolIn(program, 'shared')))));
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
});

test('code that runs over the end of the address space into its beginning', () => {
  const LAST_ROOT_ENTRY = RAM_BASE + 0xfc000 + 4 * 1023;
  const [HIGH, LOW] = [RAM_BASE + 0xf1000, RAM_BASE + 0xf2000];
  const runners = inSupervisorMode(
    `
_start: li   s0, -12
        jr   s0
        .balign 4096
top:    .space 4096 - 12
        addi a0, a0, 1
        jal  t0, 1f
1:      addi t0, t0, 0
        .balign 4096
bottom: addi a1, a1, 1
        auipc a2, 0
        andi t1, a1, 7
        bnez t1, bottom - 12
        add  a3, a3, t0
        j    bottom - 12
`,
    {
      setUp(machine, program) {
        machine.poke(LAST_ROOT_ENTRY, ((HIGH >>> 12) << 10) | 1);
        machine.poke(RAM_BASE + 0xfc000, ((LOW >>> 12) << 10) | 1);
        const entryOf = (name: string) => machine.peek(entryAddress(pageOf(symbolIn(program, name))));
        machine.poke(HIGH + 4 * 1023, entryOf('top'));
        machine.poke(LOW, entryOf('bottom'));
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(runners[0]?.machine.state.x(11)).toBeGreaterThan(100);
});

test('in superpages, changed through a small page of the same frames', () => {
  const MEGAPAGE = 0x8000_0000;
  const runners = inSupervisorMode(
    `
_start: la   s0, shared
        li   s1, ${frameAddress(1)}      # where the megapage shows the frame of the function
        li   s2, 0x00050513
1:      jalr ra, 0(s1)
        addi s3, s3, 1
        andi t1, s3, 31
        bnez t1, 1b
        slli t1, s3, 20
        li   t2, 0x3ff00000
        and  t1, t1, t2
        or   t1, t1, s2
        sw   t1, 0(s0)
        j    1b
        .balign 4096
shared: addi a0, a0, 0
        addi a1, a1, 1
        ret
`,
    {
      machine: { ramBytes: 1 << 22 },
      setUp(machine) {
        machine.poke(RAM_BASE + 0xfc000 + 4 * (MEGAPAGE >>> 22), ((RAM_BASE >>> 12) << 10) | 0xcf);
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(runners[0]?.machine.state.x(11)).toBeGreaterThan(100);
});

test('U-mode and S-mode take turns in loops of their own', () => {
  const runners = inSupervisorMode(
    `
_start: la   s9, back
        csrr t1, sstatus
        andi t1, t1, -257               # SPP = U
        csrw sstatus, t1
back:   li   t1, 9
1:      addi t1, t1, -1
        add  a0, a0, t1
        bnez t1, 1b
        la   t1, user
        csrw sepc, t1
        li   t1, 0x100
        csrc sstatus, t1
        sret
        .balign 4096
user:   li   t2, 11
2:      addi t2, t2, -1
        add  a1, a1, t2
        bnez t2, 2b
        lw   a2, back                   # not a user page
        ecall
`,
    {
      setUp(machine, program) {
        const entry = entryAddress(pageOf(symbolIn(program, 'user')));
        machine.poke(entry, machine.peek(entry) | 0x10);
      },
    },
  );
  expect(translatedBy(runners)).toBeGreaterThan(0);
});
