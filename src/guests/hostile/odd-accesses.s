# Touches the devices in every way a driver does not: bytes, halves and words, misaligned, AMO and LR/SC, as code, as
# a page table, and claims and completes interrupts that do not exist.
# Must: each access ends in a value or a fault, as the board gives it (an AMO at the serial port sends a zero); the guest goes
# on and prints "odd".
        .macro  poke address
        li      s0, \address
        lb      t0, 0(s0)
        lh      t0, 0(s0)
        lw      t0, 0(s0)
        lh      t0, 1(s0)
        lw      t0, 3(s0)
        sh      zero, 4(s0)
        sw      zero, 4(s0)
        sh      zero, 7(s0)
        sw      zero, 9(s0)
        lr.w    t0, (s0)
        sc.w    t0, zero, (s0)
        amoswap.w t0, zero, (s0)
        amoadd.w t0, zero, (s0)
        la      ra, 9f
        jr      s0                      # device registers as instructions
9:
        .endm
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        la      s1, 9f
        poke    0x10000000              # UART
        poke    0x0c000000              # PLIC: priorities
        poke    0x0c201000              # threshold and claim of context 1
        poke    0x0fffff00              # the PLIC's end
        poke    0x00101000              # clock
        poke    0x10001000              # virtio slot
        poke    0xfffffff8              # the end of the address space
        li      t0, 0x0c201004
        li      t1, -1
        sw      t1, 0(t0)               # completes interrupt 4294967295
        li      t1, 96
        sw      t1, 0(t0)
        la      s0, root                # root[0x300] -> a table in the UART's registers
        li      t1, 0x804
        add     t0, s0, t1
        li      t1, 0x201000cf
        sw      t1, 0(t0)
        li      t1, 0x04000001
        sw      t1, 0x3fc(t0)
        srli    t0, s0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        li      t0, 0xc0000000
        lw      t1, 0(t0)
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
        la      t2, _start
        la      t0, root
        bltu    t1, t2, 1f              # the trap came from code outside this program: back to where it was called
        bgeu    t1, t0, 1f
        addi    t1, t1, 4
        csrw    sepc, t1
        sret
1:      csrw    sepc, ra
        sret
        .section .rodata
text:   .asciz  "odd\n"
        .section .bss
        .balign 4096
root:   .space  4096
