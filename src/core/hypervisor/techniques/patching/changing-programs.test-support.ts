// Made kernels that execute, load, store and remap pages of code which hold sensitive instructions, in every way in which a
// patched copy could be mistaken for the page: through two virtual addresses, from the page itself, as user and as kernel, as
// page tables. What they have seen goes into one register, so that a single wrong word shows.
//
//   s0, s1  page A, B (identity)     s4  page A's data      s6  the leaf table, with code in its last entries
//   s2      what was seen            s5  0xc0000000: a second address of A or B           0xd0000000: A for user mode

import fc from 'fast-check';
import type { GuestImage } from '../../firmware/guest-boot.ts';
import { consoleOf, drive, hashOf } from '../../guest-rig.test-support.ts';
import type { Lab } from '../../lab.ts';
import { sensitiveOn, type FindSensitive, type SensitiveInstructions } from './sensitive-instructions.ts';
import type { Technique, VirtualMachine } from '../../virtual-machine.ts';

/** Words that a kernel puts where it will execute them: sensitive ones, traps, loads from and stores to their own page. */
const words = {
  'csrr a0, sstatus': 0x1000_2573,
  'csrrs a0, sstatus, a1': 0x1005_a573,
  'csrrc zero, sstatus, zero': 0x1000_3073,
  'csrr a0, sepc': 0x1410_2573,
  sret: 0x1020_0073,
  'sfence.vma': 0x1200_0073,
  ebreak: 0x0010_0073,
  illegal: 0,
  'addi a0, a0, 7': 0x0075_0513,
  nop: 0x0000_0013,
  'lw a0, 0(s0)': 0x0004_2503,
  'lw a0, 6(s5)': 0x006a_a503,
  'sw a0, 0(s4)': 0x00aa_2023,
  'sw a0, -3(s4)': 0xfeaa_2ea3,
  'amoadd.w a0, a0, (s4)': 0x00aa_252f,
} as const;
type WordName = keyof typeof words;
const wordNames = Object.keys(words) as readonly WordName[];

/** Slots of two words: one that changes, and `ret`. */
const SLOTS = 6;
const places = ['s0', 's1', 's5'] as const;
type Place = (typeof places)[number];

export type Action =
  | {
      readonly kind: 'store';
      readonly place: Place;
      readonly slot: number;
      readonly word: WordName;
      readonly how: number;
    }
  | { readonly kind: 'call'; readonly place: Place | 's6'; readonly slot: number }
  | { readonly kind: 'user'; readonly slot: number }
  | { readonly kind: 'sum'; readonly place: Place | 'own'; readonly width: 1 | 2 | 4; readonly odd: boolean }
  | { readonly kind: 'inline'; readonly word: WordName; readonly times: number }
  | { readonly kind: 'remap'; readonly to: 's0' | 's1'; readonly all: boolean }
  | { readonly kind: 'table'; readonly slot: number; readonly word: WordName }
  | { readonly kind: 'lock' }
  | { readonly kind: 'status'; readonly bits: number };

const slot = fc.nat(SLOTS - 1);
const word = fc.constantFrom(...wordNames);
const place = fc.constantFrom(...places);
const stored = fc.record({ kind: fc.constant('store' as const), place, slot, word, how: fc.nat(4) });
const called = fc.record({
  kind: fc.constant('call' as const),
  place: fc.constantFrom(...places, 's6' as const),
  slot,
});

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    { arbitrary: stored, weight: 4 },
    { arbitrary: called, weight: 6 },
    fc.record({ kind: fc.constant('user' as const), slot }),
    fc.record({
      kind: fc.constant('sum' as const),
      place: fc.constantFrom(...places, 'own' as const),
      width: fc.constantFrom(1 as const, 2 as const, 4 as const),
      odd: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('inline' as const), word, times: fc.integer({ min: 1, max: 7 }) }),
    fc.record({
      kind: fc.constant('remap' as const),
      to: fc.constantFrom('s0' as const, 's1' as const),
      all: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('table' as const), slot, word }),
    fc.constant({ kind: 'lock' as const }),
    fc.record({ kind: fc.constant('status' as const), bits: fc.constantFrom(0x4_0000, 0x8_0000, 0xc_0000, 0x20) }),
  ),
  { minLength: 10, maxLength: 40 },
);

/** Where a call may have left for, by `sret`, and everything it may have changed. */
const prepareReturn = (label: string) => `
        la      t0, ${label}
        csrw    sepc, t0
        li      t0, 0x100
        csrs    sstatus, t0`;

function sourceOf(action: Action, index: number): string {
  const here = `after_${index}`;
  switch (action.kind) {
    case 'store': {
      const at = `addi t1, ${action.place}, ${8 * action.slot}`;
      const value = `li t0, ${words[action.word]}`;
      const how = [
        'sw t0, 0(t1)',
        'sh t0, 0(t1)\n srli t0, t0, 16\n sh t0, 2(t1)',
        'sb t0, 0(t1)\n srli t0, t0, 8\n sb t0, 1(t1)\n srli t0, t0, 8\n sb t0, 2(t1)\n srli t0, t0, 8\n sb t0, 3(t1)',
        'amoswap.w t2, t0, (t1)\n add s2, s2, t2',
        '1: lr.w t2, (t1)\n sc.w t3, t0, (t1)\n bnez t3, 1b\n add s2, s2, t2',
      ][action.how];
      return `${at}\n${value}\n${how}`;
    }
    case 'call': {
      const offset = action.place === 's6' ? 0xf00 + 8 * action.slot : 8 * action.slot;
      const address =
        action.place === 's6' ? `li t1, ${offset}\n add t1, s6, t1` : `addi t1, ${action.place}, ${offset}`;
      return `${prepareReturn(here)}\n${address}\n jalr ra, (t1)\n${here}: add s2, s2, a0`;
    }
    case 'user':
      // In user mode: the slot, then `ret` to the ecall in slot 7. Back by the handler, at s10.
      return `
        la      s10, ${here}
        li      t0, 0xd0000000 + ${8 * action.slot}
        csrw    sepc, t0
        li      t0, 0x100
        csrc    sstatus, t0
        li      ra, 0xd0000038
        sret
${here}:        add     s2, s2, a0`;
    case 'sum': {
      const load = { 1: 'lbu', 2: 'lhu', 4: 'lw' }[action.width];
      const from = action.place === 'own' ? 'la t0, own' : `mv t0, ${action.place}`;
      const start = action.odd ? 'addi t0, t0, -6' : 'nop'; // across the page boundary
      return `${from}\n${start}\n addi t1, t0, 96\n1: ${load} t2, 0(t0)\n xor s2, s2, t2\n slli t2, s2, 3\n add s2, s2, t2\n addi t0, t0, ${action.odd ? 3 : 4}\n bltu t0, t1, 1b`;
    }
    case 'inline':
      // A page changes itself while it is executed; an sret there comes back to the same place.
      return `
        li      s9, ${action.times}
again_${index}:
        la      t1, inline_${index}
        li      t0, ${words[action.word]}
        lw      t2, 0(t1)
        add     s2, s2, t2
        sw      t0, 0(t1)
        ${prepareReturn(here)}
inline_${index}: nop
${here}:        add     s2, s2, a0
        li      t0, 0x13
        la      t1, inline_${index}
        sw      t0, 0(t1)
        addi    s9, s9, -1
        bnez    s9, again_${index}`;
    case 'remap':
      return `
        srli    t0, ${action.to}, 2
        ori     t0, t0, 0xcf
        sw      t0, 0(s6)
        ${action.all ? 'sfence.vma' : 'sfence.vma s5, zero'}`;
    case 'table':
      return `li t1, ${0xf00 + 8 * action.slot}\n add t1, s6, t1\n li t0, ${words[action.word]}\n sw t0, 0(t1)`;
    case 'lock':
      // A word that is locked and counted by atomics of the page it lies in.
      return `
        la      t1, lock_${index}
1:      lr.w    t2, (t1)
        addi    t2, t2, 1
        sc.w    t3, t2, (t1)
        bnez    t3, 1b
        sc.w    t3, t2, (t1)
        add     s2, s2, t3
        amoadd.w t2, s2, (t1)
        add     s2, s2, t2
        j       ${here}
lock_${index}:  .word   ${index}
${here}:`;
    case 'status':
      return `li t0, ${action.bits}\n csrs sstatus, t0\n csrr t1, sstatus\n add s2, s2, t1\n csrc sstatus, t0`;
  }
}

/** A whole kernel that does all of it and powers off, with s2 in a0's place of the exit. @param paged translation on */
export const programOf = (list: readonly Action[]): string => `
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        la      s0, page_a
        la      s1, page_b
        li      s5, 0xc0000000
        la      s6, leaf
        addi    s4, s0, 256
        li      s2, 0
        li      a0, 0
        li      a1, 0x40000
        # root[0x200..0x203]: RAM as megapages; root[0x300]: a second address; root[0x340]: for user mode
        la      t0, root
        li      t1, 0x800
        add     t0, t0, t1
        li      t1, 0x200000cf
        li      t2, 0x100000
        li      t3, 4
1:      sw      t1, 0(t0)
        add     t1, t1, t2
        addi    t0, t0, 4
        addi    t3, t3, -1
        bnez    t3, 1b
        la      t0, root
        li      t1, 0xc00
        add     t0, t0, t1
        srli    t1, s6, 2
        ori     t1, t1, 1
        sw      t1, 0(t0)
        la      t2, user_leaf
        srli    t1, t2, 2
        ori     t1, t1, 1
        sw      t1, 256(t0)
        srli    t1, s0, 2
        ori     t1, t1, 0xdf
        sw      t1, 0(t2)
        srli    t1, s0, 2
        ori     t1, t1, 0xcf
        sw      t1, 0(s6)
        # code in the leaf table's last entries: no address that is ever used leads through them
        la      t0, page_a
        li      t1, 0xf00
        add     t1, s6, t1
        addi    t3, t0, 64
1:      lw      t2, 0(t0)
        sw      t2, 0(t1)
        addi    t0, t0, 4
        addi    t1, t1, 4
        bltu    t0, t3, 1b
        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        j       own
        .balign 4096
own:
${list.map(sourceOf).join('\n')}
        csrw    satp, zero
        mv      s3, s2
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
        .balign 4
handler:
        csrw    sscratch, t6
        csrr    t6, scause
        add     s2, s2, t6
        slli    t6, s2, 5
        xor     s2, s2, t6
        csrr    t6, stval
        add     s2, s2, t6
        csrr    t6, sstatus
        xor     s2, s2, t6
        csrr    t6, scause
        addi    t6, t6, -8
        beqz    t6, 1f
        csrr    t6, sepc
        addi    t6, t6, 4
        csrw    sepc, t6
        csrr    t6, sscratch
        sret
1:      csrw    sepc, s10
        li      t6, 0x100
        csrs    sstatus, t6
        csrr    t6, sscratch
        sret
        .balign 4096
page_a: ${slotsSource()}
        .balign 4096
page_b: ${slotsSource()}
        .balign 4096
        .section .bss
        .balign 4096
root:   .space 4096
leaf:   .space 4096
user_leaf: .space 4096
`;

function slotsSource(): string {
  const slots = Array.from(
    { length: 7 },
    (_, index) => `        .word ${index % 2 === 0 ? 0x13 : 0x1000_2573}, 0x00008067`,
  );
  return `\n${slots.join('\n')}\n        .word 0x00000073, 0x00008067`;
}

/** The test is the same on every machine with the same switches: it is run once for all labs. */
const findSensitive = (
  (known = new Map<string, SensitiveInstructions>()): FindSensitive =>
  (host, quirks) => {
    const key = JSON.stringify(quirks);
    const found = known.get(key) ?? sensitiveOn(host, quirks);
    known.set(key, found);
    return found;
  }
)();

export const patched = (guest: GuestImage): GuestImage => ({ ...guest, binaryPatching: findSensitive });

/** What a guest comes to, started now in a lab it shares with others. @param between called with it after every slice */
export function comeTo(
  technique: Technique,
  guest: GuestImage,
  lab: Lab,
  between?: (vm: VirtualMachine) => void,
  slice = 100_000,
) {
  const { id } = lab.addVm({ technique, guest });
  lab.start(id);
  const over = () => {
    if (lab.vm(id).ending !== undefined) return true;
    between?.(lab.vm(id));
    return false;
  };
  drive(lab.computerOf(lab.vm(id)), { until: over, limit: 5_000_000, slice });
  const vm = lab.vm(id);
  const found = { hash: hashOf(vm), seen: vm.look().x(19) >>> 0, console: consoleOf(vm), ending: vm.ending };
  lab.removeVm(id);
  return found;
}
