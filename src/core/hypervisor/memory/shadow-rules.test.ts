// The rules of address translation that shadow page tables must keep, held against the bare machine:
// the same program is run under every technique and must log the same traps and values
// (facts "Trap-and-emulate + shadow paging on Sv32"; privileged manual, "Supervisor-Level ISA").

import { describe, expect, test } from 'vitest';
import { causesOf, everywhere } from '../techniques/bare-oracle.test-support.ts';

const FLAGS_RWX = 'V | R | W | X | A | D';

describe('status bits act at once, without a fence (norm:sfence_vma_sum_mxr_effect)', () => {
  test('SUM: the kernel reaches user pages only while it is set', () => {
    expect(
      causesOf(
        everywhere(`
        entry   leaf, 0, page, V | R | W | U | A | D
        translate root, 0
        sfence.vma
        li      t0, SUM
        lw      a0, 0(s2)               # 13
        sw      a0, 4(s2)               # 15
        csrs    sstatus, t0
        lw      a1, 0(s2)
        sw      a1, 8(s2)
        csrc    sstatus, t0
        lw      a2, 0(s2)               # 13
        sw      a2, 4(s2)               # 15
        csrs    sstatus, t0
        lw      a3, 8(s2)`),
      ),
    ).toEqual([13, 15, 13, 15]);
  });

  test('the kernel never executes user pages, with or without SUM', () => {
    expect(
      causesOf(
        everywhere(`
        entry   leaf, 0, page, ${FLAGS_RWX} | U
        translate root, 0
        sfence.vma
        addi    a0, s2, 16
        jalr    ra, a0                  # 12
        li      t0, SUM
        csrs    sstatus, t0
        lw      a1, 0(s2)
        jalr    ra, a0                  # 12, although the page has just been read
        sw      a1, 4(s2)
        jalr    ra, a0                  # 12`),
      ),
    ).toEqual([12, 12, 12]);
  });

  test('MXR: execute-only pages can be read only while it is set', () => {
    expect(
      causesOf(
        everywhere(`
        entry   leaf, 0, page, V | X | A
        translate root, 0
        sfence.vma
        li      t0, MXR
        addi    a5, s2, 16
        jalr    ra, a5
        lw      a0, 0(s2)               # 13
        csrs    sstatus, t0
        lw      a1, 0(s2)
        sw      a1, 4(s2)               # 15
        jalr    ra, a5
        csrc    sstatus, t0
        lw      a2, 0(s2)               # 13`),
      ),
    ).toEqual([13, 15, 13]);
  });

  test('satp: Bare and Sv32 take effect at once, in both directions (norm:sfence_vma_mode_effect)', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        li      s3, 0x80000000
        translate root, 0
        sfence.vma
        lw      a0, 0(s2)
        csrr    s4, satp
        csrw    satp, zero
        lw      a1, 0(s2)               # nothing is there: 5
        lw      a2, 0(s0)
        csrw    satp, s4
        lw      a3, 0(s2)
        csrw    satp, zero
        sw      a3, 0(s2)               # 7
        csrw    satp, s4
        sw      a3, 8(s2)`);
  });
});

describe('address spaces', () => {
  test('each ASID keeps its own translations; a change of ASID takes effect at once (norm:sfence_vma_asid_effect)', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        entry   other_leaf, 0, second, V | R | W | A | D
        translate root, 1
        sfence.vma
        lw      a0, 0(s2)
        translate other, 2
        lw      a1, 0(s2)
        sw      a0, 4(s2)
        translate root, 1
        lw      a2, 0(s2)
        lw      a3, 4(s2)
        translate other, 2
        lw      a4, 4(s2)
        translate other, 511
        lw      a5, 0(s2)
        csrr    a6, satp`);
  });

  test('one root under two ASIDs, fenced by ASID', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        translate root, 1
        sfence.vma
        lw      a0, 0(s2)
        translate root, 2
        lw      a1, 0(s2)
        entry   leaf, 0, second, V | R | W | A | D
        li      t0, 2
        sfence.vma zero, t0
        lw      a2, 0(s2)               # the second page
        li      t0, 1
        sfence.vma zero, t0
        translate root, 1
        lw      a3, 0(s2)               # the second page here as well`);
  });

  test('more address spaces than a hypervisor keeps shadows for', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        entry   other_leaf, 0, second, V | R | W | A | D
        li      s3, 40
        li      s4, 0
        li      s5, SUM
1:      la      t0, root
        andi    t1, s3, 1
        beqz    t1, 2f
        la      t0, other
2:      srli    t0, t0, 12
        slli    t1, s3, 22
        or      t0, t0, t1
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        lw      t2, 0(s2)
        add     s4, s4, t2
        sw      s4, 4(s2)
        csrs    sstatus, s5
        lw      t2, 4(s2)
        csrc    sstatus, s5
        add     s4, s4, t2
        addi    s3, s3, -1
        bnez    s3, 1b
        keep    s4`);
  });
});

describe('SFENCE.VMA', () => {
  const change = (fence: string) => `
        entry   leaf, 0, page, V | R | W | A | D
        translate root, 0
        sfence.vma
        lw      a0, 0(s2)
        sw      a0, 12(s2)
        entry   leaf, 0, second, V | R | A | D
        ${fence}
        lw      a1, 0(s2)
        sw      a1, 12(s2)              # 15: read-only now
        entry   leaf, 0, second, 0
        ${fence}
        lw      a2, 0(s2)               # 13
        entry   leaf, 0, page, V | R | W | A | D
        lw      a3, 0(s2)`; // invalid entries are never remembered here, nor on this hart

  test.each([
    ['all', 'sfence.vma'],
    ['of an address', 'sfence.vma s2, zero'],
    ['of another address of the same page', 'addi t0, s2, 0x7fc\n        sfence.vma t0, zero'],
    ['of an address space', 'li t0, 0\n        sfence.vma zero, t0'],
    ['of an address in an address space', 'li t0, 0\n        sfence.vma s2, t0'],
  ])('%s', (_, fence) => {
    expect(causesOf(everywhere(change(fence)))).toEqual([15, 13]);
  });

  test('of one address in a megapage drops all of it', () => {
    everywhere(`
        word_entry root, 0x300, 0x200000c7
        translate root, 0
        sfence.vma
        li      t0, 0xc0000000
        li      t1, 0xc03ff000
        sw      s0, 0(t0)
        sw      s1, 0(t1)
        lw      a0, 0(t0)
        lw      a1, 0(t1)
        word_entry root, 0x300, 0x203000c7      # another 4 MiB, by one fence of one address
        addi    t1, t1, 4
        sfence.vma t1, zero
        lw      a2, 0(t0)
        addi    t1, t1, -4
        lw      a3, 0(t1)
        sw      s0, 0(t1)
        word_entry root, 0x300, 0x200000c7
        sfence.vma t0, zero
        lw      a4, 0(t0)
        lw      a5, 0(t1)`);
  });

  test('a new second-level table needs the fence without an address', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A | D
        entry   other_leaf, 0, second, V | R | W | A | D
        translate root, 0
        sfence.vma
        lw      a0, 0(s2)
        entry   root, 0x300, other_leaf, V
        sfence.vma
        lw      a1, 0(s2)
        word_entry root, 0x300, 0
        sfence.vma
        lw      a2, 0(s2)`);
  });
});

describe('the walk (Sv32 algorithm)', () => {
  const probe = (setup: string, pa = 's2') => `
        ${setup}
        translate root, 0
        sfence.vma
        lw      a0, 0(${pa})
        sw      a0, 0(${pa})
        jalr    ra, ${pa}`;

  test.each([
    ['not valid', 'word_entry leaf, 0, 0', [13, 15, 12]],
    ['not valid, but everything else', 'entry leaf, 0, page, R | W | X | A | D', [13, 15, 12]],
    ['W without R', 'entry leaf, 0, page, V | W | A | D', [13, 15, 12]],
    ['W and X without R', 'entry leaf, 0, page, V | W | X | A | D', [13, 15, 12]],
    ['a pointer at the last level', 'entry leaf, 0, page, V', [13, 15, 12]],
    ['a pointer with A', 'entry root, 0x300, leaf, V | A', [13, 15, 12]],
    ['a pointer with D', 'entry root, 0x300, leaf, V | D', [13, 15, 12]],
    ['a pointer with U', 'entry root, 0x300, leaf, V | U', [13, 15, 12]],
    ['a pointer with G', 'entry root, 0x300, leaf, V | G\n entry leaf, 0, page, V | R | A', [15, 12]],
    ['a megapage that is not aligned', 'entry root, 0x300, page, V | R | W | X | A | D', [13, 15, 12]],
    ['A clear (Svade)', 'entry leaf, 0, page, V | R | W | X | D', [13, 15, 12]],
    ['D clear (Svade)', 'entry leaf, 0, page, V | R | W | A', [15, 12]],
    ['a table where no memory is', 'word_entry root, 0x300, 0x24000001', [5, 7, 1]],
    ['a table 4 GiB above memory', 'word_entry root, 0x300, 0x60100001', [5, 7, 1]],
    ['a table in a device', 'word_entry root, 0x300, 0x04000001', [5, 7, 1]],
    ['a page where no memory is', 'word_entry leaf, 0, 0x240000cf', [5, 7, 1]],
    ['a page 4 GiB above memory', 'word_entry leaf, 0, 0x601000cf', [5, 7, 1]],
    ['a megapage 4 GiB above memory', 'word_entry root, 0x300, 0x601000cf', [5, 7, 1]],
    ['the last page of the 34 bits', 'word_entry leaf, 0, 0xfffffccf', [5, 7, 1]],
  ])('%s', (_, setup, causes) => {
    expect(causesOf(everywhere(probe(setup)))).toEqual(causes);
  });

  test('a device page cannot be executed', () => {
    expect(causesOf(everywhere(probe('word_entry leaf, 0, 0x040000cf')))).toEqual([1]);
  });

  test('D is looked at again when the guest has set it, with a fence and without', () => {
    everywhere(`
        entry   leaf, 0, page, V | R | W | A
        translate root, 0
        sfence.vma
        lw      a0, 0(s2)
        sw      a0, 4(s2)               # 15
        entry   leaf, 0, page, V | R | W | A | D
        sw      a0, 4(s2)
        lw      a1, 4(s2)
        entry   leaf, 0, page, V | R | W | A
        sfence.vma s2, zero
        sw      a0, 8(s2)               # 15
        lw      a2, 8(s2)`);
  });

  test('page tables edited through a mapping of themselves', () => {
    everywhere(`
        entry   leaf, 1, leaf, V | R | W | A | D
        entry   leaf, 0, page, V | R | W | A | D
        translate root, 0
        sfence.vma
        lw      a0, 0(s2)
        li      t0, 0xc0001000
        lw      a1, 0(t0)
        la      t1, second
        srli    t1, t1, 2
        ori     t1, t1, V | R | W | A | D
        sw      t1, 0(t0)
        sfence.vma s2, zero
        lw      a2, 0(s2)
        amoor.w a3, zero, (t0)
        li      t2, ~W
        amoand.w a4, t2, (t0)
        sfence.vma s2, zero
        sw      a2, 0(s2)               # 15
        lb      a5, 0(t0)
        li      t3, V | R | W | A | D
        sb      t3, 0(t0)
        sfence.vma
        sw      a2, 4(s2)`);
  });
});
