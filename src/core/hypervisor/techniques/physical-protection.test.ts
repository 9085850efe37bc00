// Physical memory protection of a machine that a guest has to itself: set up by its machine mode, kept by the bare hart and
// by a hypervisor that has only page tables to keep it with (privileged manual, "Physical Memory Protection"; xv6's start(),
// OpenSBI's domains and RTOSes with tasks in user mode are what needs it).

import { describe, expect, test } from 'vitest';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import { MIB, runAlone } from '../guest-rig.test-support.ts';
import type { Technique } from '../virtual-machine.ts';

const FETCH = 1;
const LOAD = 5;
const STORE = 7;
const USER_CALL = 8;
const SUPERVISOR_CALL = 9;

const START = `
_start: la      t0, handler
        csrw    mtvec, t0
        li      gp, 0
        j       program
        .balign 4
handler: csrr   s2, mcause
        csrr    s4, mtval
        li      t6, 0x1800
        csrs    mstatus, t6
        csrw    mepc, s1
        mret
exit:   slli    a0, a0, 16
        li      t0, 0x3333
        or      t0, t0, a0
        bnez    a0, 1f
        li      t0, 0x5555
1:      li      t1, 0x100000
        sw      t0, 0(t1)
2:      j       2b
program:
`;
const DATA = `
        li      a0, 0
        j       exit
        .balign 4096
page:   .fill 1024, 4, 0x8067           # ret
next:   .fill 1024, 4, 0x8067
root:   .space 4096
`;

/** Ends the run with `gp` unless the register holds the value; gp counts the checks. */
const is = (register: string, value: number | string) =>
  `addi gp, gp, 1\n li t6, ${value}\n mv a0, gp\n bne ${register}, t6, exit\n`;

/** The body in a lower mode; it must end with this cause, and with this address where one is given. */
const below = (mode: 'S' | 'U', body: string, cause: number, address?: string) => `
        li t0, 0x1800\n csrc mstatus, t0\n ${mode === 'S' ? 'li t0, 0x800\n csrs mstatus, t0' : ''}
        la t0, 61f\n csrw mepc, t0\n la s1, 62f\n li s2, -1\n mret
61:     ${body}
        ecall
62:     ${is('s2', cause)} ${address === undefined ? '' : `la t5, ${address}\n addi gp, gp, 1\n mv a0, gp\n bne s4, t5, exit\n`}`;

/** The body in machine mode, as \`below\`; a cause of −1 is none. */
const own = (body: string, cause: number) => `la s1, 63f\n li s2, -1\n ${body}\n63: ${is('s2', cause)}`;

/** pmpaddr for 4 KiB at a label. */
const pageOf = (label: string, register: number) =>
  `la t0, ${label}\n srli t0, t0, 2\n ori t0, t0, 0x1ff\n csrw pmpaddr${register}, t0\n`;
const set = (csr: string, value: number) => `li t0, ${value}\n csrw ${csr}, t0\n`;
const EVERYTHING = (register: number) => set(`pmpaddr${register}`, -1);

function both(source: string) {
  const { image } = assembled(`${START}${source}${DATA}`, { textAddress: 0x8000_0000 });
  const [bare, hosted] = (['bare', 'trap-and-emulate'] satisfies Technique[]).map((technique) =>
    runAlone(
      technique,
      { image, boot: 'machine', memoryBytes: 4 * MIB, harts: 1, hypervisorExtension: false },
      { limit: 300_000, memoryMiB: 16 },
    ),
  );
  expect(bare?.vm.ending, 'bare').toMatchObject({ kind: 'finisher', exitCode: 0 });
  expect(hosted?.vm.ending, 'trap-and-emulate').toMatchObject({ kind: 'finisher', exitCode: 0 });
  expect(hosted?.hash).toBe(bare?.hash);
}

describe('the CSRs', () => {
  test('what xv6’s start() writes is read back, and S-mode runs', () => {
    both(`${set('pmpaddr0', -1)} ${set('pmpcfg0', 0x0f)} csrr t1, pmpaddr0\n ${is('t1', -1)} csrr t1, pmpcfg0\n ${is('t1', 0x0f)}
          ${below('S', 'la s5, page\n lw s6, 0(s5)\n sw s6, 4(s5)\n jalr s5', SUPERVISOR_CALL)}`);
  });

  test('a locked entry can no longer be written, nor its address, nor the one before where it begins there ("Locking and Privilege Mode")', () => {
    both(`${set('pmpaddr1', 0x100)} ${set('pmpaddr2', 0x200)} ${set('pmpcfg0', 0x88_00_00)}
          ${set('pmpcfg0', 0x1f_1f_1f_1f)} csrr t1, pmpcfg0\n ${is('t1', 0x1f88_1f1f)}
          ${set('pmpaddr2', 0x300)} csrr t1, pmpaddr2\n ${is('t1', 0x200)}
          ${set('pmpaddr1', 0x300)} csrr t1, pmpaddr1\n ${is('t1', 0x100)}
          ${set('pmpaddr0', 0x300)} csrr t1, pmpaddr0\n ${is('t1', 0x300)}`);
  });

  test('reserved bits are 0, and W without R cannot be had', () => {
    both(`${set('pmpcfg1', 0x6062_0202)} csrr t1, pmpcfg1\n ${is('t1', 0)}`);
  });
});

describe('modes below machine mode', () => {
  test.each([
    ['nothing', 0x18, { load: LOAD, store: STORE, fetch: FETCH }],
    ['R', 0x19, { load: USER_CALL, store: STORE, fetch: FETCH }],
    ['RW', 0x1b, { load: USER_CALL, store: USER_CALL, fetch: FETCH }],
    ['X', 0x1c, { load: LOAD, store: STORE, fetch: USER_CALL }],
    ['RWX', 0x1f, { load: USER_CALL, store: USER_CALL, fetch: USER_CALL }],
  ])('%s for a page is what user mode has of it; machine mode has everything', (_, byte, expected) => {
    both(`la s5, page\n ${pageOf('page', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f00 | byte)}
          ${below('U', 'lw s6, 0(s5)', expected.load)}
          ${below('U', 'sw s6, 8(s5)', expected.store)}
          ${below('U', 'jalr s5', expected.fetch)}
          ${own('lw s6, 0(s5)\n sw s6, 12(s5)\n jalr s5', -1)}`);
  });

  test('S-mode is bound without page tables as much as user mode', () => {
    both(`la s5, page\n ${pageOf('page', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f19)}
          ${below('S', 'lw s6, 0(s5)\n sw s6, 0(s5)', STORE, 'page')}`);
  });

  test('where no entry matches, machine mode may and the others may not', () => {
    both(`la s5, page\n ${pageOf('page', 0)} ${set('pmpcfg0', 0x1f)}
          ${below('U', 'nop', FETCH)} ${own('lw s6, 0(s5)', -1)}`);
  });

  test('what was open and used is closed by a write, and opened again', () => {
    both(`la s5, page\n ${pageOf('page', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f1f)}
          ${below('U', 'lw s6, 0(s5)\n sw s6, 0(s5)', USER_CALL)}
          ${set('pmpcfg0', 0x1f18)} ${below('U', 'lw s6, 0(s5)', LOAD, 'page')}
          ${set('pmpcfg0', 0x1f1f)} ${below('U', 'lw s6, 0(s5)', USER_CALL)}
          ${pageOf('next', 0)} ${set('pmpcfg0', 0x1f18)} ${below('U', 'lw s6, 0(s5)', USER_CALL)}`);
  });

  test('part of a page: the words beside it stay open, an access across its edge fails', () => {
    both(`la s5, page\n la t0, page\n addi t0, t0, 8\n srli t0, t0, 2\n csrw pmpaddr0, t0\n ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f11)}
          ${below('U', 'lw s6, 4(s5)\n lw s6, 8(s5)\n sw s6, 12(s5)\n li t1, 77\n sb t1, 7(s5)\n lbu s7, 7(s5)', USER_CALL)} ${is('s7', 77)}
          ${below('U', 'sw s6, 8(s5)', STORE)}
          ${below('U', 'lw s6, 6(s5)', LOAD)}
          ${below('U', 'addi s8, s5, 8\n lr.w s6, (s8)', USER_CALL)}
          ${below('U', 'amoadd.w s6, s6, (s8)', STORE)}
          ${below('U', 'addi s8, s5, 16\n amoadd.w s6, s6, (s8)\n jalr s5', USER_CALL)}
          ${own('lw s6, 6(s5)', LOAD)}`);
  });

  test('page tables that may not be read give an access fault to what is translated by them', () => {
    both(`la t0, root\n li t1, 2048\n add t0, t0, t1\n li t2, 0x200000cf\n sw t2, 0(t0)
          la t0, root\n srli t0, t0, 12\n li t1, 0x80000000\n or t0, t0, t1\n csrw satp, t0\n sfence.vma
          ${pageOf('root', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f1f)}
          ${below('S', 'la s5, page\n lw s6, 0(s5)', SUPERVISOR_CALL)}
          ${set('pmpcfg0', 0x1f18)} sfence.vma\n ${below('S', 'nop', FETCH)}
          csrw satp, zero\n li s6, 0`);
  });

  test('translated accesses are bound by where they lead', () => {
    both(`la t0, root\n li t1, 2048\n add t0, t0, t1\n li t2, 0x200000cf\n sw t2, 0(t0)
          la t0, root\n srli t0, t0, 12\n li t1, 0x80000000\n or t0, t0, t1\n csrw satp, t0\n sfence.vma
          ${pageOf('page', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f19)}
          ${below('S', 'la s5, page\n lw s6, 0(s5)\n sw s6, 0(s5)', STORE, 'page')}
          csrw satp, zero`);
  });
});

describe('machine mode', () => {
  test('a locked entry binds it, and what is not locked does not', () => {
    both(`la s5, page\n ${pageOf('page', 0)} ${set('pmpcfg0', 0x99)}
          ${own('lw s6, 0(s5)', -1)} ${own('sw s6, 0(s5)', STORE)} ${own('jalr s5', FETCH)}
          la s5, next\n ${own('sw s6, 0(s5)', -1)}`);
  });

  test('under MPRV its loads and stores have the rights of the mode in MPP', () => {
    both(`la s5, page\n ${pageOf('page', 0)} ${EVERYTHING(1)} ${set('pmpcfg0', 0x1f19)}
          li t0, 0x1800\n csrc mstatus, t0\n li t1, 0x20000\n csrs mstatus, t1\n ${own('lw s6, 0(s5)', -1)}
          li t0, 0x1800\n csrc mstatus, t0\n li t1, 0x20000\n csrs mstatus, t1\n ${own('sw s6, 0(s5)', STORE)}
          li t1, 0x20000\n csrc mstatus, t1`);
  });
});
