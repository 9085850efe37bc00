// Memory as a program sees it, on the generated interpreter and by the rows alike: misaligned and page-crossing accesses,
// atomics and reservations, jumps to where nothing may be executed, code that changes.

import { describe, expect, test } from 'vitest';
import { RAM_BASE } from './layout.ts';
import { referenceHost, TestMachine, translating } from './test-machine.test-support.ts';

/** Runs a program to its final `j .`, on every form of the machine; traps go to `handler` if there is one. */
function run(source: string, instructions = 10_000): TestMachine {
  const run = (machine: TestMachine) => {
    machine.load(source);
    machine.run(instructions);
    return machine;
  };
  const reference = run(new TestMachine({ host: referenceHost }));
  for (const other of [new TestMachine(), new TestMachine(translating)].map(run)) {
    expect(other.image()).toEqual(reference.image());
    expect(Buffer.compare(other.ram.view(RAM_BASE, other.ram.size), reference.ram.view(RAM_BASE, other.ram.size))).toBe(
      0,
    );
  }
  return reference;
}

const x = (machine: TestMachine, index: number) => machine.state.x(index) >>> 0;
const S0 = 8;
const [A0, A1, A2, A3] = [10, 11, 12, 13] as const;

/** Counts traps in s0, keeps the last cause in s1 and its trap value in a0, and goes on behind the instruction. */
const HANDLER = `
        .balign 4
handler:
        addi s0, s0, 1
        csrr s1, mcause
        csrr a0, mtval
        csrr t6, mepc
        addi t6, t6, 4
        csrw mepc, t6
        mret
`;
const SET_HANDLER = 'la t6, handler\n csrw mtvec, t6\n li s0, 0\n';

describe('misaligned accesses', () => {
  test('of every width at every offset work, also across a page', () => {
    const machine = run(`
_start: la   t0, data
        li   t1, 0x0fff
        or   t0, t0, t1
        addi t0, t0, -15                # 16 bytes before the end of a page
        li   t2, 0
        li   t3, 0
1:      add  t4, t0, t2
        li   t5, 0x11223344
        sw   t5, 0(t4)
        lw   t6, 0(t4)
        bne  t5, t6, wrong
        lhu  t6, 2(t4)
        li   t5, 0x1122
        bne  t5, t6, wrong
        sh   t2, 1(t4)
        lbu  t6, 1(t4)
        bne  t6, t2, wrong
        addi t2, t2, 1
        li   t5, 24
        blt  t2, t5, 1b
        li   a1, 1
wrong:  j    wrong
        .data
        .balign 4096
data:   .space 8192
`);
    expect(x(machine, A1)).toBe(1);
  });

  test('of AMOs and SC are misaligned stores (6), of LR a misaligned load (4), and nothing is stored', () => {
    const machine = run(`
_start: ${SET_HANDLER}
        la   t0, word
        addi t1, t0, 2
        amoadd.w a1, t0, (t1)
        mv   a1, s1
        lr.w a2, (t1)
        mv   a2, s1
        sc.w a3, t0, (t1)
        mv   a3, s1
        lw   a4, 0(t0)
1:      j 1b
${HANDLER}
        .data
word:   .word 0x1234, 0
`);
    expect([A1, A2, A3, 14].map((index) => x(machine, index))).toEqual([6, 4, 6, 0x1234]);
  });

  test('of devices are access faults, and do nothing', () => {
    const machine = run(`
_start: ${SET_HANDLER}
        li   t0, 0x10000000
        lw   a1, 1(t0)
        mv   a1, s1
        li   t0, 0x2000002
        sw   t0, 0(t0)
        mv   a2, s1
1:      j 1b
${HANDLER}`);
    expect([A1, A2].map((index) => x(machine, index))).toEqual([5, 7]);
  });

  test('beyond the end of RAM are access faults at the first byte that is not there', () => {
    const machine = run(`
_start: ${SET_HANDLER}
        li   t0, ${RAM_BASE + (1 << 20) - 2}
        sw   t0, 0(t0)
        mv   a1, s1
        mv   a2, a0
        lhu  a3, 0(t0)
1:      j 1b
${HANDLER}`);
    expect([A1, A2, A3].map((index) => x(machine, index))).toEqual([7, RAM_BASE + (1 << 20), 0]);
  });
});

describe('LR and SC ("Zalrsc")', () => {
  const lrsc = (between: string, address = 't0') => `
_start: la   t0, word
        addi t1, t0, 4
        lr.w a1, (t0)
        ${between}
        li   t2, 7
        sc.w a2, t2, (${address})
        lw   a3, 0(t0)
1:      j 1b
        .data
word:   .word 5, 6
`;
  test.each([
    ['succeeds', '', 't0', 0, 7],
    ['fails at another address', '', 't1', 1, 5],
    ['fails the second time', 'sc.w a4, a1, (t0)', 't0', 1, 5],
    ['fails after an SC to anywhere', 'sc.w a4, a1, (t1)', 't0', 1, 5],
  ])('an SC %s', (_, between, address, result, value) => {
    const machine = run(lrsc(between, address));
    expect([x(machine, A1), x(machine, A2), x(machine, A3)]).toEqual([5, result, value]);
  });

  test('an SC with nothing reserved fails and stores nothing', () => {
    const machine = run(
      '_start: la t0, word\n li t1, 9\n sc.w a2, t1, (t0)\n lw a3, 0(t0)\n1: j 1b\n .data\nword: .word 5',
    );
    expect([x(machine, A2), x(machine, A3)]).toEqual([1, 5]);
  });

  test('rd = x0 still reserves and stores', () => {
    const machine = run(
      '_start: la t0, word\n li t1, 9\n lr.w zero, (t0)\n sc.w zero, t1, (t0)\n lw a3, 0(t0)\n1: j 1b\n .data\nword: .word 5',
    );
    expect(x(machine, A3)).toBe(9);
  });
});

describe('jumps', () => {
  test('to a halfword are refused at the jump: mepc is the jump, mtval the target, rd keeps its value', () => {
    const machine = run(`
_start: ${SET_HANDLER}
        la   t0, target
        addi t0, t0, 2
        li   ra, 77
        jalr ra, 0(t0)
        mv   a1, s1
        mv   a2, a0
        sub  a2, a2, t0
        mv   a3, ra
        .word 0x002000ef                # jal ra, 2
        mv   a4, ra
        .word 0x00000163                # beq x0, x0, 2
        .word 0x00101163                # bne x0, x1, 2: taken, too
        .word 0x00001163                # bne x0, x0, 2: not taken
1:      j 1b
target: nop
${HANDLER}`);
    expect([A1, A2, A3, 14, S0].map((index) => x(machine, index))).toEqual([0, 0, 77, 77, 4]);
  });

  test('JALR clears the lowest bit of its target', () => {
    const machine = run('_start: la t0, target\n addi t0, t0, 1\n jalr ra, 0(t0)\n1: j 1b\ntarget: li a1, 5\n ret');
    expect(x(machine, A1)).toBe(5);
  });

  test('to where no RAM is, and into devices, are refused at the target', () => {
    const machine = run(`
_start: la   t6, handler
        csrw mtvec, t6
        li   t0, 0x10000000
        jalr ra, 0(t0)
        mv   a1, s1
        mv   a2, a0
        li   t0, 0x40
        jalr ra, 0(t0)
        mv   a3, a0
1:      j 1b
        .balign 4
handler:
        csrr s1, mcause
        csrr a0, mtval
        csrw mepc, ra
        mret
`);
    expect([A1, A2, A3].map((index) => x(machine, index))).toEqual([1, 0x1000_0000, 0x40]);
  });

  test('across the end of a page, by falling through and by branching', () => {
    const machine = run(`
_start: la   t0, block
        jr   t0
        .balign 4096
        .space 4096 - 8
block:  addi a1, a1, 1
        addi a1, a1, 1
        addi a1, a1, 1                  # the next page
        li   t1, 3
        blt  a1, t1, block
        li   t1, 9
        blt  a1, t1, block
1:      j 1b
`);
    expect(x(machine, A1)).toBe(9);
  });
});

describe('code that changes', () => {
  const PATCH = (fence: string) => `
_start: la   t0, patched
        li   t1, 0x00150513             # addi a0, a0, 1
        li   t2, 0x06450513             # addi a0, a0, 100
        li   t3, 3
        li   a0, 0
loop:   sw   t1, 0(t0)
        ${fence}
        call patched
        sw   t2, 0(t0)
        ${fence}
        call patched
        addi t3, t3, -1
        bnez t3, loop
1:      j 1b
        .balign 64
patched: nop
        ret
`;
  test.each(['fence.i', 'nop'])('is executed as it stands (with %s: decoded code follows every store)', (fence) => {
    expect(x(run(PATCH(fence)), A0)).toBe(303);
  });

  test('by bytes, halves, AMOs and misaligned words across two instructions', () => {
    const machine = run(`
_start: la   t0, code
        call code
        li   t1, 2
        sb   t1, 2(t0)                  # addi a0, a0, 1 → addi a0, a0, … : bits 23:16
        call code
        li   t1, 0x0020
        sh   t1, 2(t0)
        call code
        li   t1, 0x00100000
        amoadd.w zero, t1, (t0)
        call code
        li   t1, 0x05130015             # the upper half of one instruction and the lower half of the next
        sw   t1, 2(t0)
        call code
1:      j 1b
        .balign 64
code:   .word 0x00150513                # addi a0, a0, 1
        .word 0x00158593                # addi a1, a1, 1
        ret
`);
    expect(x(machine, A0)).toBeGreaterThan(0);
  });

  test('under another virtual address, in a megapage', () => {
    // S-mode runs at 0x80000000 and stores to the same frames at 0xc0000000.
    const machine = run(`
        .equ LEAF, 0x200000cf           # 0x80000000, V R W X A D
_start: la   t0, root
        li   t1, LEAF
        li   t2, 0x800                  # entry 512
        add  t3, t0, t2
        sw   t1, 0(t3)
        li   t2, 0xc00
        add  t3, t0, t2
        sw   t1, 0(t3)
        srli t0, t0, 12
        li   t1, 0x80000000
        or   t0, t0, t1
        csrw satp, t0
        la   t0, supervisor
        csrw mepc, t0
        li   t1, 0x1800
        csrc mstatus, t1
        li   t1, 0x800
        csrs mstatus, t1
        mret
supervisor:
        la   t0, patched
        li   t1, 0x40000000
        add  t1, t1, t0                 # the alias
        call patched
        li   t2, 0x06450513
        sw   t2, 0(t1)
        fence.i
        call patched
1:      j 1b
        .balign 64
patched: addi a0, a0, 1
        ret
        .data
        .balign 4096
root:   .space 4096
`);
    expect(x(machine, A0)).toBe(101);
  });

  test('by somebody outside the hart (DMA, a hypervisor)', () => {
    for (const host of [undefined, referenceHost]) {
      const machine = new TestMachine(host ? { host } : {});
      const { symbols } = machine.load('_start: addi a0, a0, 1\n j _start');
      machine.run(20);
      expect(x(machine, A0)).toBe(10);
      machine.poke(symbols.find(({ name }) => name === '_start')?.address ?? 0, 0x0645_0513);
      machine.run(20);
      expect(x(machine, A0)).toBe(1010);
    }
  });
});

test('a fence whose reserved field rd is not 0 writes no register (unprivileged manual, "Memory Ordering Instructions")', () => {
  const machine = run(`
_start: li   a0, 7
        li   t0, 5
1:      .word 0x0ff0050f                # fence iorw, iorw with rd = a0
        addi t0, t0, -1
        bnez t0, 1b
2:      j    2b
`);
  expect(x(machine, A0)).toBe(7);
});

test('a store to a watched word is told, whichever way it is made', () => {
  for (const host of [undefined, referenceHost]) {
    const machine = new TestMachine(host ? { host } : {});
    const { symbols } = machine.load(`
_start: la t0, word
        sw t0, 4(t0)
        sw t0, 4(t0)
        sb t0, 3(t0)
        sw t0, 2(t0)
        li t1, 1
        amoor.w t2, t1, (t0)
1:      j 1b
        .data
word:   .word 0, 0
`);
    const word = symbols.find(({ name }) => name === 'word')?.address ?? 0;
    let told = 0;
    machine.run(4); // the page is stored to before anybody watches
    machine.ram.watch(word, () => told++);
    machine.run(100);
    expect(told).toBe(3);
    machine.ram.unwatch(word);
  }
});
