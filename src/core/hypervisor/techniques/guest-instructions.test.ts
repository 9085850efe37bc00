// What a guest's instructions do where a hypervisor stands in for the hart: accesses to devices and over pages, user mode, the
// kernel's own instructions and CSRs. The same program is run under every technique and must log what it logs on the bare
// machine (facts "Popek–Goldberg audit of S-in-U"; privileged manual, "Supervisor-Level ISA").

import { describe, expect, test } from 'vitest';
import { causesOf, everywhere } from './bare-oracle.test-support.ts';

describe('accesses', () => {
  test('a misaligned access over two pages: both, or the fault of the one that is missing', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        entry   leaf, 1, second, V | R | W | A | D
        translate root, 0
        sfence.vma
        li      t0, 0xc0000ffe
        li      t1, 0x12345678
        sw      t1, 0(t0)
        lw      a0, 0(t0)
        lhu     a1, 1(t0)
        sh      t1, 1(t0)
        word_entry leaf, 1, 0
        sfence.vma
        lw      a2, 0(t0)               # 13 at the second page
        sw      t1, 0(t0)               # 15 there, and nothing is stored
        lhu     a3, 0(t0)
        entry   leaf, 1, second, V | R | A | D
        sfence.vma
        lw      a4, 0(t0)
        sw      t1, 0(t0)               # 15
        entry   leaf, 1, second, V | R | W | A | D
        word_entry leaf, 0, 0
        sfence.vma
        lw      a5, 0(t0)               # 13 at the first
        sw      t1, 0(t0)               # 15`);
  });

  test('a misaligned access over a page and a device: an access fault, and the device hears nothing', () => {
    expect(
      causesOf(
        everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        word_entry leaf, 1, 0x040000c7  # the UART behind the page
        translate root, 0
        sfence.vma
        li      t0, 0xc0000ffe
        li      t1, 0x41414141
        lw      a0, 0(t0)
        sw      t1, 0(t0)
        lh      a1, 1(t0)
        sh      t1, 1(t0)
        lw      a2, -2(t0)
        entry   leaf, 2, page, V | R | W | A | D
        li      t0, 0xc0001ffe
        lw      a3, 0(t0)
        sw      t1, 0(t0)
        word_entry leaf, 2, 0
        sfence.vma
        lw      a4, 0(t0)
        sw      t1, 0(t0)`),
      ),
    ).toEqual([5, 7, 5, 7, 5, 7, 5, 7]);
  });

  test.each(['lb', 'lbu', 'lh', 'lhu', 'lw'])('%s from devices, aligned or not', (load) => {
    everywhere(`
        li      t0, 0x10000000          # UART: bytes
        li      t1, 0x0c000000          # PLIC: words
        li      t2, 0x00101000          # clock: words
        li      t3, 0x02004000          # timer compare
        li      t4, 0x5a
        sb      t4, 7(t0)               # scratch register
        li      t4, 7
        sw      t4, 40(t1)
        .irp    address, t0, t1, t3
        ${load} a0, 0(\\address)
        keep    a0
        ${load} a0, 4(\\address)
        keep    a0
        ${load} a0, 5(\\address)
        keep    a0
        ${load} a0, 7(\\address)
        keep    a0
        .endr
        ${load} a0, 40(t1)
        keep    a0
        ${load} a0, 0x40(t2)`);
  });

  test.each(['sb', 'sh', 'sw'])('%s to devices, aligned or not', (store) => {
    everywhere(`
        li      t0, 0x10000000
        li      t1, 0x0c000000
        li      t4, 0x03030303
        .irp    offset, 0x28, 0x29, 0x2a, 0x2b
        ${store} t4, \\offset(t1)
        lw      a0, 0x28(t1)
        keep    a0
        .endr
        li      t4, 0x41
        ${store} t4, 7(t0)
        lbu     a0, 7(t0)
        keep    a0
        ${store} t4, 0(t0)`);
  });

  test.each([
    'lr.w a0, (t0)',
    'sc.w a0, t4, (t0)',
    ...['swap', 'add', 'xor', 'and', 'or', 'min', 'max', 'minu', 'maxu'].map((name) => `amo${name}.w a0, t4, (t0)`),
  ])('%s: never on a device, never misaligned', (instruction) => {
    everywhere(`
        li      t4, 0x41
        li      a0, 99
        li      t0, 0x10000000
        ${instruction}                  # 5 or 7
        addi    t0, t0, 1
        ${instruction}                  # 4 or 6
        li      t0, 0x90000000
        ${instruction}
        mv      t0, s0
        ${instruction}
        keep    a0
        lw      a1, 0(s0)
        addi    t0, s0, 2
        ${instruction}`);
  });

  test('LR and SC: kept over an exit, lost after an SC', () => {
    everywhere(`
        lr.w    a0, (s0)
        sc.w    a1, s2, (s0)
        keep    a1
        sc.w    a1, s2, (s0)
        keep    a1
        lr.w    a0, (s0)
        sc.w    a1, s2, (s1)
        keep    a1`);
  });

  test('jumps to misaligned addresses', () => {
    everywhere(`
        addi    a0, s0, 2
        la      ra, 1f
        jalr    a1, a0                  # 0, and a1 stays
1:      la      ra, 2f
        addi    a0, s0, 17
        jalr    a1, a0                  # bit 0 is cleared
2:      nop`);
  });

  test('breakpoints and illegal words', () => {
    const words = ['0x00000000', '0xffffffff', '0x0000007b', '0x02007073', '0x00000057'];
    const causes = causesOf(everywhere(`        ebreak\n${words.map((word) => `        .word ${word}`).join('\n')}`));
    expect(causes).toEqual([3, ...words.map(() => 2)]);
  });
});

describe('user mode', () => {
  /** Runs `body` in user mode at the virtual page 0xc0000000, where it must end by ECALL. */
  const inUser = (body: string, setup = '') => `
        la      t0, user
        la      t3, user_end
        mv      t4, s0
1:      lw      t1, 0(t0)
        sw      t1, 0(t4)
        addi    t0, t0, 4
        addi    t4, t4, 4
        bltu    t0, t3, 1b
        fence.i
        entry   leaf, 0, page, V | R | X | U | A | D
        entry   leaf, 1, second, V | R | W | U | A | D
        ${setup}
        translate root, 0
        sfence.vma
        li      t0, 0x100
        csrc    sstatus, t0
        li      t0, 0xc0000000
        csrw    sepc, t0
        la      ra, back
        li      a0, 0xc0001000
        sret
user:   ${body}
        ecall
user_end:
back:   csrr    t0, sstatus
        keep    t0`;

  test('its own pages, and not the kernel’s', () => {
    expect(
      causesOf(
        everywhere(
          inUser(`
        lw      a1, 0(a0)
        sw      a1, 4(a0)
        li      t0, 0x80400000
        lw      a2, 0(t0)               # 13
        sw      a2, 0(t0)               # 15
        li      t0, 0xc0000000
        sw      a2, 0(t0)               # 15: code
        lw      a3, 0(t0)`),
        ),
      ).slice(0, 4),
    ).toEqual([13, 15, 15, 8]);
  });

  test.each([
    'csrr a1, sstatus',
    'csrw sscratch, a0',
    'csrr a1, satp',
    'csrw satp, zero',
    'csrr a1, sip',
    'csrr a1, mstatus',
    'csrr a1, hstatus',
    'csrr a1, vsstatus',
    'csrr a1, 0x14d',
    'csrr a1, 0x5c0',
    'csrr a1, 0xcc0',
    'csrw cycle, a1',
    'sret',
    'mret',
    'wfi',
    'sfence.vma',
    'sfence.vma a0, a1',
    '.word 0x22000073',
    '.word 0x62000073',
    '.word 0x6805c2f3',
    '.word 0x30200073',
    '.word 0x00200073',
  ])('%s is illegal', (instruction) => {
    const [cause, value] = everywhere(inUser(instruction));
    expect(cause).toBe(2);
    expect(value).not.toBe(0);
  });

  test('counters only as scounteren allows', () => {
    for (const [allowed, name, faults] of [
      [0, 'cycle', true],
      [0, 'time', true],
      [0, 'instret', true],
      [0, 'hpmcounter3', true],
      [2, 'time', false],
      [2, 'timeh', false],
      [2, 'cycle', true],
      [5, 'cycleh', false],
      [5, 'instret', false],
      [5, 'time', true],
      [8, 'hpmcounter3', false],
    ] as const) {
      const log = everywhere(
        inUser(`csrr a1, ${name}\n        li a1, 0`, `li t0, ${allowed}\n        csrw scounteren, t0`),
      );
      expect(log[0], `${name} with scounteren ${allowed}`).toBe(faults ? 2 : 8);
    }
  });

  test('SPP, SPIE and SIE through trap and return, with interrupts off and on', () => {
    for (const bits of [0, 2, 0x20, 0x22]) {
      everywhere(inUser('nop', `csrci sstatus, 2\n        li t0, ${bits}\n        csrs sstatus, t0`));
    }
  });

  test('a pending interrupt is taken in user mode whatever SIE says, before the next instruction', () => {
    const log = everywhere(
      inUser('li a5, 1\n        li a6, 2', 'csrwi sie, 2\n        csrci sstatus, 2\n        csrwi sip, 2'),
    );
    expect(log[0]).toBe(0x8000_0001);
  });
});

describe('the kernel’s own instructions', () => {
  test('every supervisor CSR: write all ones, all zeros, set and clear', () => {
    everywhere(
      ['sstatus', 'sie', 'sip', 'stvec', 'scounteren', 'sscratch', 'sepc', 'scause', 'stval', 'senvcfg']
        .map(
          (name) => `
        csrr    a7, ${name}
        li      t0, -1
        csrrw   a0, ${name}, t0
        csrr    a1, ${name}
        csrci   sstatus, 2
        csrw    sie, zero
        csrrc   a2, ${name}, t0
        csrrsi  a3, ${name}, 21
        csrrci  a4, ${name}, 4
        csrrwi  a5, ${name}, 0
        csrrs   a6, ${name}, zero
        csrw    ${name}, a7
        li      t0, 0x100
        csrs    sstatus, t0
        keep    a0
        keep    a1
        keep    a2
        keep    a3
        keep    a4
        keep    a5
        keep    a6`,
        )
        .join('\n'),
    );
  });

  test('CSRs that are not there, not theirs or not writable', () => {
    const names = [
      'mstatus',
      'mie',
      'mhartid',
      'misa',
      'pmpcfg0',
      '0x5c0',
      '0x7ff',
      '0x1ff',
      '0xfff',
      '0x000',
      '0xb00',
    ];
    const log = everywhere(
      [...names.map((name) => `        csrr a0, ${name}`), '        csrw cycle, t0', '        csrw 0xc81, zero'].join(
        '\n',
      ),
    );
    expect(causesOf(log)).toEqual([...names, '', ''].map(() => 2));
  });

  test('MRET is illegal; SRET goes back to the kernel with SPP set', () => {
    expect(
      causesOf(
        everywhere(`
        mret
        la      t0, 1f
        csrw    sepc, t0
        li      t1, 0x120
        csrs    sstatus, t1
        sret
        nop
        nop
1:      csrr    a0, sstatus
        csrci   sstatus, 2
        csrr    a1, sepc`),
      ),
    ).toEqual([2]);
  });

  test('stvec in vectored mode: interrupts go to their slot, exceptions to the base', () => {
    everywhere(`
        la      t0, vectors
        addi    t0, t0, 1
        csrw    stvec, t0
        csrwi   sie, 2
        csrwi   sip, 2
        csrsi   sstatus, 2
        nop
        .word   0
        j       9f
        .balign 256
vectors: j      8f
        j       7f
7:      csrwi   sip, 0
        csrr    t1, scause
        keep    t1
        li      t1, 1
        keep    t1
        sret
8:      csrr    t1, scause
        keep    t1
        li      t1, 2
        keep    t1
        csrr    t1, sepc
        addi    t1, t1, 4
        csrw    sepc, t1
        sret
9:      csrci   sstatus, 2`);
  });

  test('WFI with something pending goes on, whether it would be taken or not', () => {
    everywhere(`
        csrwi   sie, 2
        csrwi   sip, 2
        wfi                             # SIE is 0: not taken
        csrr    a0, sip
        keep    a0
        li      a1, 1
        csrwi   sip, 0
        li      t0, 0x20
        csrw    sie, t0
        csrw    0x14d, zero             # stimecmp in the past
        csrw    0x15d, zero
        wfi
        csrr    a2, sip
        keep    a2
        li      t0, -1
        csrw    0x15d, t0
        csrr    a3, sip
        keep    a3
        csrw    sie, zero`);
  });

  test('interrupts by priority: external, then software, then timer ("sip")', () => {
    const log = everywhere(`
        la      t0, taken
        csrw    stvec, t0
        li      t0, 0x222
        csrw    sie, t0
        csrwi   sip, 2
        csrw    0x14d, zero
        csrw    0x15d, zero
        li      t1, 0x0c000028          # PLIC: source 10, context 1
        li      t0, 1
        sw      t0, 0(t1)
        li      t1, 0x0c002080
        li      t0, 0x400
        sw      t0, 0(t1)
        li      t1, 0x10000000
        li      t0, 2
        sb      t0, 1(t1)               # the transmitter is empty: interrupt at once
        csrsi   sstatus, 2
        nop
        nop
        j       1f
        .balign 4
taken:  csrr    t2, scause
        keep    t2
        li      t0, 0x80000009
        bne     t2, t0, 2f
        sb      zero, 1(t1)
        li      t3, 0x0c201000
        lw      t0, 4(t3)
        keep    t0
        sw      t0, 4(t3)
        j       4f
2:      li      t0, 0x80000001
        bne     t2, t0, 3f
        csrwi   sip, 0
        j       4f
3:      li      t0, -1
        csrw    0x15d, t0
4:      sret
1:      csrw    sie, zero
        csrw    sepc, zero`);
    expect(log.map((word) => word.toString(16))).toEqual(['80000009', 'a', '80000001', '80000005']);
  });

  test('self-modifying code after FENCE.I', () => {
    everywhere(`
        li      t0, 0x02a00513          # li a0, 42
        sw      t0, 12(s0)
        fence.i
        addi    t1, s0, 12
        jalr    ra, t1
        keep    a0
        li      t0, 0x02b00513
        sw      t0, 12(s0)
        fence.i
        jalr    ra, t1
        keep    a0`);
  });
});
