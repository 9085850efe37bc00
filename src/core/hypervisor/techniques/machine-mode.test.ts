// Machine mode as a guest's own: an image that brings its firmware runs deprivileged and sees the machine it would see bare.
// Section names are the privileged manual's ("Machine-Level ISA" unless said otherwise); the ACLINT specification for MSWI
// and MTIMER, the PLIC specification for contexts.

import { describe, expect, test } from 'vitest';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { MIB, newLab, recordsOf, runAlone } from '../guest-rig.test-support.ts';
import type { Technique } from '../virtual-machine.ts';

/** Ends the run: 0 is success, anything else the number of the check that failed. */
const EXIT = `
exit:   slli a0, a0, 16
        li t0, 0x3333
        or t0, t0, a0
        bnez a0, 1f
        li t0, 0x5555
1:      li t1, 0x100000
        sw t0, 0(t1)
2:      j 2b
`;

const image = (source: string, part: Partial<GuestImage> = {}): GuestImage => ({
  image: assembled(`_start: li gp, 0\n${source}\n li a0, 0\n j exit\n${EXIT}`, { textAddress: 0x8000_0000 }).image,
  boot: 'machine',
  memoryBytes: 4 * MIB,
  harts: 1,
  hypervisorExtension: false,
  ...part,
});

/** Ends the run with `number` unless the register holds the value. */
const is = (register: string, value: number | string, number = 1): string =>
  `li t6, ${value}
 li a0, ${number}
 bne ${register}, t6, exit
 `;

/** Runs bare and deprivileged; both must succeed, with one state. */
function both(source: string, part: Partial<GuestImage> = {}, input?: string) {
  const options = { limit: 300_000, memoryMiB: 16, ...(input !== undefined && { input }) };
  const [bare, hosted] = (['bare', 'trap-and-emulate'] satisfies Technique[]).map((technique) =>
    runAlone(technique, image(source, part), options),
  );
  if (bare === undefined || hosted === undefined) throw new Error('two runs');
  expect(bare.vm.ending, 'bare').toMatchObject({ exitCode: 0 });
  expect(hosted.vm.ending, 'trap-and-emulate').toMatchObject({ exitCode: 0 });
  expect(hosted.hash).toBe(bare.hash);
  return { bare, hosted };
}

/** A handler that keeps cause, epc and tval in s2, s3, s4 and goes on at s1, in M-mode. */
const HANDLER = `
        j 9f
        .balign 4
handler: csrr s2, mcause
        csrr s3, mepc
        csrr s4, mtval
        csrw mepc, s1
        li t6, 0x1800
        csrs mstatus, t6
        li t6, 0x80                     # interrupts stay off
        csrc mstatus, t6
        mret
9:      la t0, handler
        csrw mtvec, t0
`;

describe('the hart', () => {
  test('misa has no H, and no CSR of the H extension answers', () => {
    both(`${HANDLER}
        csrr t0, misa
        ${is('t0', 0x4014_1101)}
        ${['hstatus', 'hgatp', 'vsstatus', 'mtval2', 'mtinst', 'hvip']
          .map((csr) => `li s2, 0\n la s1, 1f\n csrr t0, ${csr}\n1:\n${is('s2', 2)}`)
          .join('\n')}`);
  });

  test('bits of the H extension cannot be set in machine-level CSRs', () => {
    both(`
        li t0, -1
        csrw mideleg, t0\n csrr t1, mideleg\n ${is('t1', 0x222)}
        li t0, -1
        csrw medeleg, t0\n csrr t1, medeleg\n ${is('t1', 0xb3ff)}
        li t0, -1
        csrw mie, t0\n csrr t1, mie\n ${is('t1', 0xaaa)}
        csrw mie, zero
        li t0, -1
        csrw mstatush, t0\n csrr t1, mstatush\n ${is('t1', 0)}`);
  });

  test('mhartid is 0', () => {
    both(`csrr t0, mhartid\n ${is('t0', 0)}`);
  });

  test('on the bare machine misa has H', () => {
    const source = `csrr t0, misa\n ${is('t0', 0x4014_1181)}`;
    const { vm } = runAlone('bare', image(source, { hypervisorExtension: true }), { limit: 100_000 });
    expect(vm.ending).toMatchObject({ exitCode: 0 });
  });

  test('counters can be written: what is written is what the next instruction reads ("Hardware Performance Monitor")', () => {
    both(`li t0, 1000\n csrw minstret, t0\n csrr t1, minstret\n ${is('t1', 1000)}
          li t0, 5\n csrw mcountinhibit, t0\n csrr s5, mcycle\n csrr s6, mcycle\n sub t1, s6, s5\n ${is('t1', 0)}
          li s5, 0\n li s6, 0\n li t0, 0\n li t1, 0`);
  });
});

describe('traps', () => {
  test('ECALL is cause 11 from M-mode, 9 from S-mode, 8 from U-mode ("Machine Cause Register")', () => {
    both(`${HANDLER}
        la s1, 1f\n ecall\n1: ${is('s2', 11)}
        la s1, 2f\n la t0, call\n csrw mepc, t0\n li t0, 0x1800\n csrc mstatus, t0\n li t0, 0x800\n csrs mstatus, t0\n mret
2:      ${is('s2', 9)}
        la s1, 3f\n la t0, call\n csrw mepc, t0\n li t0, 0x1800\n csrc mstatus, t0\n mret
3:      ${is('s2', 8)}
        j 4f
        .balign 4
call:   ecall
4:`);
  });

  test('what medeleg delegates goes to S-mode, but never from M-mode ("Machine Trap Delegation Registers")', () => {
    both(`${HANDLER}
        la t0, supervisor\n csrw stvec, t0
        li t0, 0x4\n csrw medeleg, t0
        la s1, 1f\n .word 0\n1: ${is('s2', 2)}
        la s1, 2f\n la t0, bad\n csrw mepc, t0\n li t0, 0x1800\n csrc mstatus, t0\n mret
2:      ${is('s2', 9)} ${is('s5', 2)}
        j 3f
        .balign 4
bad:    .word 0
        .balign 4
supervisor: csrr s5, scause\n ecall
3:`);
  });

  test('MRET is illegal below M-mode, and TVM, TW and TSR trap S-mode ("Virtualization Support in mstatus Register")', () => {
    const inSupervisor = (instruction: string, bits: number) => `
        la s1, 1f\n la t0, 2f\n csrw mepc, t0\n li t0, ${0x1800 | 0x70_0000}\n csrc mstatus, t0
        li t0, ${0x800 | bits}\n csrs mstatus, t0\n li s2, 0\n mret
        .balign 4
2:      ${instruction}
        ecall
1:`;
    both(`${HANDLER}
        ${inSupervisor('mret', 0)} ${is('s2', 2)}
        ${inSupervisor('sfence.vma', 1 << 20)} ${is('s2', 2)}
        ${inSupervisor('csrr t0, satp', 1 << 20)} ${is('s2', 2)}
        ${inSupervisor('wfi', 1 << 21)} ${is('s2', 2)}
        ${inSupervisor('sret', 1 << 22)} ${is('s2', 2)}
        ${inSupervisor('sfence.vma', 0)} ${is('s2', 9)}`);
  });
});

describe('interrupts', () => {
  test('MTIMER: mtimecmp drives MTIP, which no instruction clears but a store there', () => {
    both(`${HANDLER}
        li t0, 0x80\n csrw mie, t0
        li t1, 0x2004000\n sw zero, 4(t1)\n li t0, 500\n sw t0, 0(t1)
        la s1, 1f\n csrsi mstatus, 8\n2: wfi\n j 2b
1:      li t0, 0x80000007\n ${is('s2', '0x80000007')}
        csrr t0, mip\n andi t0, t0, 0x80\n ${is('t0', 0x80)}
        li t0, -1\n csrw mip, t0\n csrr t0, mip\n andi t0, t0, 0x80\n ${is('t0', 0x80)}
        li t0, -1\n sw t0, 4(t1)\n csrr t0, mip\n andi t0, t0, 0x80\n ${is('t0', 0)}
        csrw mip, zero\n li s3, 0`);
  });

  test('a timer interrupt takes the hart from a loop that never gives it up', () => {
    const { hosted } = both(`${HANDLER}
        li t0, 0x80\n csrw mie, t0
        li t1, 0x2004000\n sw zero, 4(t1)\n li t0, 3000\n sw t0, 0(t1)
        la s1, 1f\n csrsi mstatus, 8\n2: j 2b
1:      ${is('s2', '0x80000007')} li t0, -1\n sw t0, 4(t1)\n`);
    expect(hosted.vm.interrupts).toMatchObject({ 'machine timer interrupt': 1 });
  });

  test('MSWI: msip drives MSIP', () => {
    both(`${HANDLER}
        li t0, 0x8\n csrw mie, t0\n csrsi mstatus, 8
        la s1, 1f\n li t1, 0x2000000\n li t0, 1\n sw t0, 0(t1)\n nop
1:      ${is('s2', '0x80000003')} sw zero, 0(t1)\n csrr t0, mip\n andi t0, t0, 8\n ${is('t0', 0)} li s3, 0`);
  });

  test('all three pending: external, then software, then timer ("Machine Interrupt Registers")', () => {
    // RTC line 11 reaches PLIC context 0 and stays up until it is acknowledged.
    const order = [11, 3, 7].map((code) => `la s1, 1f\n csrsi mstatus, 8\n nop\n1: ${is('s2', 0x8000_0000 + code)}`);
    const clear = ['li t0, 0x800', 'li t0, 0x8', 'li t0, 0x80'].map((bits) => `${bits}\n csrc mie, t0\n`);
    both(`${HANDLER}
        li t1, 0x2004000\n sw zero, 4(t1)\n sw zero, 0(t1)
        li t1, 0x2000000\n li t0, 1\n sw t0, 0(t1)
        li t1, 0xc000000\n li t0, 1\n sw t0, 40(t1)
        li t1, 0xc002000\n li t0, 0x400\n sw t0, 0(t1)
        li t1, 0xc200000\n sw zero, 0(t1)
        li t1, 0x10000000\n li t0, 2\n sb t0, 1(t1)
        li t0, 0x888\n csrw mie, t0
        ${order.map((each, index) => each + (clear[index] ?? '')).join('\n')}
        li s3, 0`);
  });

  test('vectored: an interrupt goes to BASE + 4 × code, an exception to BASE ("Machine Trap-Vector Base-Address Register")', () => {
    both(`
        la t0, table + 1\n csrw mtvec, t0
        li t0, 0x8\n csrw mie, t0\n csrsi mstatus, 8
        li t1, 0x2000000\n li t0, 1\n sw t0, 0(t1)\n nop\n j bad
        .balign 64
table:  j bad\n j bad\n j bad\n j good\n j bad
bad:    li a0, 99\n j exit
good:   sw zero, 0(t1)`);
  });

  test('delegated to S-mode they wait while M-mode runs; machine-level ones interrupt S-mode whatever MIE says', () => {
    both(`${HANDLER}
        li t0, 0x222\n csrw mideleg, t0\n li t0, 0x2\n csrw mie, t0\n csrs mip, t0
        csrsi mstatus, 8\n nop\n nop                   # pending, delegated: M-mode is not interrupted
        la t0, supervisor\n csrw stvec, t0
        la s1, 1f\n la t0, 2f\n csrw mepc, t0\n li t0, 0x1800\n csrc mstatus, t0\n li t0, 0x802\n csrs mstatus, t0\n mret
        .balign 4
2:      nop\n j 2b
        .balign 4
supervisor: csrr s5, scause\n csrw sip, zero\n ecall
1:      ${is('s2', 9)} ${is('s5', '0x80000001')}
        li t0, 0x8\n csrw mie, t0\n csrci mstatus, 8
        li t1, 0x2000000\n li t0, 1\n sw t0, 0(t1)
        la s1, 3f\n la t0, 4f\n csrw mepc, t0\n li t0, 0x1880\n csrc mstatus, t0\n li t0, 0x800\n csrs mstatus, t0\n mret
        .balign 4
4:      li a0, 98\n j exit
3:      ${is('s2', '0x80000003')} sw zero, 0(t1)`);
  });

  test('without STCE stimecmp raises nothing ("Supervisor Timer" extension Sstc)', () => {
    both(`csrw stimecmp, zero\n csrw stimecmph, zero\n csrr t0, mip\n andi t0, t0, 0x20\n ${is('t0', 0)}
          li t0, 0x80000000\n csrw menvcfgh, t0\n csrr t0, mip\n andi t0, t0, 0x20\n ${is('t0', 0x20)}
          csrw menvcfgh, zero\n csrr t0, mip\n andi t0, t0, 0x20\n ${is('t0', 0)}`);
  });
});

/**
 * Translation for MPRV: virtual 0x40000000 is a user page, 0x40001000 a supervisor page, 0x40002000 the second half of it in
 * another frame, 0x40003000 is not there; and the page of this very program, at its own address, leads elsewhere.
 */
const TABLES = `
        .macro entry table, index, page, rights
        la t0, \\page\n srli t0, t0, 2\n ori t0, t0, \\rights\n la t1, \\table\n sw t0, 4*\\index(t1)
        .endm
        la t1, root\n li t0, 0x804\n add t1, t1, t0
        entry root, 256, leaf, 0x01
        entry leaf, 0, page_a, 0xd7
        entry leaf, 1, page_b, 0xc7
        entry leaf, 2, page_a, 0xc7
        la t0, leaf_own\n srli t0, t0, 2\n ori t0, t0, 1\n la t1, root\n li t2, 2048\n add t1, t1, t2\n sw t0, 0(t1)
        la t0, page_b\n srli t0, t0, 2\n ori t0, t0, 0xc7\n la t1, leaf_own\n sw t0, 0(t1)
        la t0, root\n srli t0, t0, 12\n li t1, 0x80000000\n or t0, t0, t1\n csrw satp, t0\n sfence.vma
`;
const PAGES = `
        j 8f
        .balign 4096
root:   .space 4096
leaf:   .space 4096
leaf_own: .space 4096
page_a: .word 0x11111111\n .space 4092
page_b: .word 0x22222222\n .space 4088\n .word 0x33333333
8:
`;
const MPRV = 0x2_0000;
/** Loads and stores from now on as S-mode makes them (or U-mode). */
const as = (mode: 'S' | 'U') =>
  `li t0, 0x1800\n csrc mstatus, t0\n li t0, ${MPRV + (mode === 'S' ? 0x800 : 0)}\n csrs mstatus, t0\n `;
const OWN = `li t0, ${MPRV}\n csrc mstatus, t0\n`;

describe('MPRV: loads and stores as the mode in MPP makes them ("Memory Privilege in mstatus Register")', () => {
  const mprv = (source: string) =>
    both(`${HANDLER} ${TABLES} j 7f\n ${PAGES.replace('j 8f', '')}\n7:\n ${source}\n ${OWN} csrw satp, zero`);

  test('they are translated, fetches are not', () => {
    const { hosted } = mprv(
      `li s5, 0x40001000\n ${as('S')} lw s6, 0(s5)\n ${is('s6', 0x2222_2222)} li t0, 7\n sb t0, 1(s5)\n lhu s7, 0(s5)\n ${is('s7', 0x0722)} lb s8, 0(s5)\n ${is('s8', 0x22)}`,
    );
    const borrowed = recordsOf(hosted.lab.trace).filter(({ reason }) => reason === 'modified-privilege');
    expect(borrowed.length).toBeGreaterThanOrEqual(4);
  });

  test('the page of the program itself may lead elsewhere for its loads and stores', () => {
    mprv(`li s5, 0x80000000\n ${as('S')} lw s6, 0(s5)\n ${is('s6', 0x2222_2222)}`);
  });

  test('a user page is open to U-mode, to S-mode only with SUM', () => {
    mprv(`li s5, 0x40000000\n ${as('U')} lw s6, 0(s5)\n ${is('s6', 0x1111_1111)}
          la s1, 1f\n ${as('S')} lw s6, 0(s5)\n1: ${is('s2', 13)} ${is('s4', 0x4000_0000)}
          li t0, 0x40000\n csrs mstatus, t0\n ${as('S')} lw s6, 0(s5)\n ${is('s6', 0x1111_1111)} li t0, 0x40000\n csrc mstatus, t0`);
  });

  test('faults are those of the access: a load, a store, a misaligned atomic', () => {
    mprv(`li s5, 0x40003000
          la s1, 1f\n ${as('S')} lw s6, 0(s5)\n1: ${is('s2', 13)} ${is('s4', 0x4000_3000)}
          la s1, 2f\n ${as('S')} sw s6, 0(s5)\n2: ${is('s2', 15)}
          la s1, 3f\n ${as('S')} addi s5, s5, 2\n lr.w s6, (s5)\n3: ${is('s2', 4)}
          la s1, 4f\n ${as('S')} amoadd.w s6, s6, (s5)\n4: ${is('s2', 6)}
          la s1, 5f\n li s5, 0x40002ffe\n ${as('S')} sw s6, 0(s5)\n5: ${is('s2', 15)} ${is('s4', 0x4000_3000)}`);
  });

  test('an access across two pages takes a part of each', () => {
    mprv(
      `li s5, 0x40001ffe\n ${as('S')} lw s6, 0(s5)\n ${is('s6', 0x1111_3333)} li t0, 0x55667788\n sw t0, 0(s5)\n lw s6, 0(s5)\n ${is('s6', 0x5566_7788)}`,
    );
  });

  test('atomics, LR and SC', () => {
    mprv(
      `li s5, 0x40001000\n ${as('S')} li t0, 1\n amoadd.w s6, t0, (s5)\n ${is('s6', 0x2222_2222)} lr.w s6, (s5)\n ${is('s6', 0x2222_2223)} sc.w s7, zero, (s5)\n ${is('s7', 0)} sc.w s7, t0, (s5)\n ${is('s7', 1)} lw s6, 0(s5)\n ${is('s6', 0)}`,
    );
  });

  test('a trap takes MPRV with it to the handler only while MPP is not M', () => {
    // MRET to a mode less privileged than M clears MPRV.
    mprv(`${as('U')} la t0, 1f\n csrw mepc, t0\n la s1, 2f\n mret
          .balign 4
1:        ecall
2:        ${is('s2', 12)} csrr t0, mstatus\n li t1, ${MPRV}\n and t0, t0, t1\n ${is('t0', 0)}`);
  });
});

test('hardware-assisted refuses a guest in machine boot, in words', () => {
  const lab = newLab({ memoryMiB: 16 });
  expect(() => lab.addVm({ technique: 'hardware-assisted', guest: image('') })).toThrow(
    /expected a guest in supervisor boot.*found one in machine boot.*run it under trap-and-emulate/,
  );
});

test('a handler that traps into itself is the end, and its neighbour does not notice', () => {
  const { vm } = runAlone('trap-and-emulate', image('la t0, 1f\n csrw mtvec, t0\n .balign 4\n1: .word 0'), {
    limit: 100_000,
  });
  expect(vm.ending?.kind).toBe('dead');
  expect(vm.ending?.message).toMatch(/trap handler/);
});

test('all harts begin at the first instruction, each with its number; MSWI wakes the others', () => {
  const source = `
        csrr a0, mhartid
        bnez a0, 2f
        li t1, 0x2000000\n li t0, 1\n sw t0, 4(t1)     # wakes hart 1
        la s5, flag
1:      lw t0, 0(s5)\n beqz t0, 1b
        ${is('t0', 7)} j 3f
2:      li t0, 8\n csrw mie, t0\n wfi
        csrr t0, mip\n andi t0, t0, 8\n beqz t0, 2b
        li t1, 0x2000000\n sw zero, 4(t1)
        la s5, flag\n li t0, 7\n sw t0, 0(s5)
4:      j 4b
        .balign 4
flag:   .word 0
3:`;
  for (const technique of ['bare', 'trap-and-emulate'] as const) {
    // Hart 0 may spin for a moment before hart 1 gets its turn, but not for a whole one.
    const { vm } = runAlone(technique, image(source, { harts: 2 }), { limit: 300_000 });
    expect(vm.ending, technique).toMatchObject({ exitCode: 0 });
  }
});
