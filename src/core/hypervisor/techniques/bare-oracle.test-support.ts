// Runs the same assembly on the bare machine and under each hosted technique, and holds registers, results in memory and
// console against the bare machine's: the hart is the oracle for what a hypervisor must make a guest believe.

import { expect } from 'vitest';
import { consoleOf, runAlone, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import { techniques, type Technique } from '../virtual-machine.ts';

/** Words of the log that `record` fills, in guest memory. */
export const LOG = 0x80a0_0000;

/**
 * What every program begins with. Each trap is logged as four words (scause, stval, sepc − _start, sstatus) and skipped.
 *   s11  where the log goes on        probe INSTRUCTION  runs it, then logs a marker and t0
 *   keep REGISTER  logs a register    root, leaf: empty page tables, leaf below root[0x300] (VA 0xc0000000)
 * The program runs identity-mapped: root[0x200..0x203] are supervisor megapages of its 16 MiB, root[0x040] is the UART.
 */
const PROLOGUE = `
        .equ    V, 1
        .equ    R, 2
        .equ    W, 4
        .equ    X, 8
        .equ    U, 16
        .equ    G, 32
        .equ    A, 64
        .equ    D, 128
        .equ    SUM, 0x40000
        .equ    MXR, 0x80000
        .macro  keep register
        sw      \\register, 0(s11)
        addi    s11, s11, 4
        .endm
        .macro  entry table, index, frame, flags
        la      t5, \\table
        li      t6, \\index * 4
        add     t5, t5, t6
        la      t6, \\frame
        srli    t6, t6, 2
        ori     t6, t6, \\flags
        sw      t6, 0(t5)
        .endm
        .macro  word_entry table, index, value
        la      t5, \\table
        li      t6, \\index * 4
        add     t5, t5, t6
        li      t6, \\value
        sw      t6, 0(t5)
        .endm
        .macro  translate table, asid
        la      t5, \\table
        srli    t5, t5, 12
        li      t6, 0x80000000 | (\\asid << 22)
        or      t5, t5, t6
        csrw    satp, t5
        .endm
        .macro  identity table
        word_entry \\table, 0x040, 0x040000c7
        word_entry \\table, 0x200, 0x200000cf
        word_entry \\table, 0x201, 0x201000cf
        word_entry \\table, 0x202, 0x202000cf
        word_entry \\table, 0x203, 0x203000cf
        .endm
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      s11, ${LOG}
        identity root
        identity other
        la      s0, page
        la      s1, second
        li      t0, 0x11111111
        sw      t0, 0(s0)
        li      t0, 0x22222222
        sw      t0, 0(s1)
        li      t0, 0x00008067          # ret
        sw      t0, 16(s0)
        sw      t0, 16(s1)
        li      s2, 0xc0000000
        entry   root, 0x300, leaf, V
        entry   other, 0x300, other_leaf, V
        j       program
        .balign 4
handler:
        csrw    sscratch, t6
        csrr    t6, scause
        keep    t6
        csrr    t6, stval
        keep    t6
        csrr    t6, sepc
        keep    t6
        csrr    t6, sstatus
        keep    t6
        csrr    t6, scause
        bltz    t6, 4f                  # an interrupt: there is only the software interrupt here
        beqz    t6, 3f
        addi    t6, t6, -1
        beqz    t6, 3f
        addi    t6, t6, -7
        beqz    t6, 2f                  # a call from user mode: back to the supervisor at ra
        addi    t6, t6, -4
        beqz    t6, 3f                  # a fetch that failed: back to where it was called from
        csrr    t6, sepc
        addi    t6, t6, 4
        csrw    sepc, t6
        j       1f
4:      csrwi   sip, 0
        j       1f
2:      li      t6, 0x100
        csrs    sstatus, t6
3:      csrw    sepc, ra
1:      csrr    t6, sscratch
        sret
        .section .bss
        .balign 4096
root:   .space  4096
leaf:   .space  4096
other:  .space  4096
other_leaf: .space 4096
page:   .space  4096
second: .space  4096
        .section .text
program:
`;

/** Words of the log, by technique. */
function logOf(technique: Technique, body: string) {
  const { vm, console } = runAlone(technique, sourceGuest(`${PROLOGUE}${body}\n        csrw satp, zero\n${SHUTDOWN}`), {
    limit: 2_000_000,
    slice: 100_000,
  });
  expect(vm.ending, `${technique}: ${consoleOf(vm)}`).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  const state = vm.look();
  const count = ((state.x(27) >>> 0) - LOG) / 4;
  const bytes = new Uint8Array(count * 4);
  expect(vm.memory.read(LOG, bytes)).toBe(true);
  const words = [...new Uint32Array(bytes.buffer)];
  const registers = Array.from({ length: 32 }, (_, index) => state.x(index) >>> 0);
  const csrs = (['sepc', 'scause', 'stval', 'sscratch', 'stvec', 'scounteren', 'mstatus', 'mie'] as const).map(
    (name) =>
      name === 'mstatus' ? state.get(name) & 0xc_0122 : name === 'mie' ? state.get(name) & 0x222 : state.get(name),
  );
  return { words, registers, csrs, console };
}

/** Runs a program everywhere. @returns the words it logged on the bare machine, which the others have logged as well */
export function everywhere(body: string): readonly number[] {
  const [bare, ...others] = techniques.map((technique) => ({ technique, ...logOf(technique, body) }));
  if (bare === undefined) throw new Error('no technique');
  for (const other of others) {
    expect(other.words.map(hex), `${other.technique}: log`).toEqual(bare.words.map(hex));
    expect({ ...other, technique: '' }).toEqual({ ...bare, technique: '' });
  }
  return bare.words;
}

const hex = (word: number) => word.toString(16).padStart(8, '0');

/** The causes in a log that holds nothing but traps. */
export const causesOf = (words: readonly number[]): readonly number[] => words.filter((_, index) => index % 4 === 0);
