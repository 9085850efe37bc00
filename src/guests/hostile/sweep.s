# Reads and writes a word every 4 MiB of the 32-bit space, first as physical addresses, then behind page tables for
# all of the 34-bit physical space. Needs 16 MiB of RAM or less; its own 4 MiB it leaves alone.
# Must: every access faults or hits a device or RAM of its own. No byte of the host or of another VM may change or be
# seen. Prints "Z" where a store meets the UART, once in each sweep: "ZZswept". More would mean that addresses above 4
# GiB alias lower ones (QEMU 7.2 cuts them to 32 bits and prints five; the manual gives Sv32 34).
        .equ    MARK, 0x5a5a5a5a
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      s2, MARK
        li      s0, 0
        li      s3, 0x80400000
        li      s4, 0x400000
1:      beq     s0, s3, 2f
        lw      t0, 0(s0)               # a fault skips the instruction
        sw      s2, 0(s0)
2:      add     s0, s0, s4
        bnez    s0, 1b

        la      s5, root                # root[0x201]: this program; root[0x300]: the frame under test, 4 MiB, V R W A D
        li      t0, 0x804
        add     s5, s5, t0
        li      t0, 0x201000cf
        sw      t0, 0(s5)
        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        li      s6, 0xc0000000
        li      s0, 0xc7                # frames 4 MiB apart are 00100000 apart in an entry
        li      s3, 0x201000c7
        li      s4, 0x100000
1:      beq     s0, s3, 2f
        sw      s0, 0x3fc(s5)
        sfence.vma
        lw      t0, 0(s6)
        sw      s2, 0(s6)
2:      add     s0, s0, s4
        li      t0, 0xc7
        bne     s0, t0, 1b              # round the 32 bits of an entry
        csrw    satp, zero
        sfence.vma

        la      t1, text
        li      t2, 0x10000000
1:      lbu     t0, 0(t1)
        beqz    t0, 2f
        sb      t0, 0(t2)
        addi    t1, t1, 1
        j       1b
2:
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

        .balign 4
handler:
        csrr    t1, sepc
        addi    t1, t1, 4
        csrw    sepc, t1
        sret
        .section .rodata
text:   .asciz  "swept\n"
        .section .bss
        .balign 4096
root:   .space  4096
