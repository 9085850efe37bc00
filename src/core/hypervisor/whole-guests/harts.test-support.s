# Several harts in one guest: hart 0 starts the others (SBI HSM), all of them count together with LR/SC, AMO and a lock,
# hart 0 wakes each with an interrupt (SBI IPI), changes a page they all use and lets the firmware tell them (SBI RFENCE).
# What is left in memory does not depend on who ran when. Runs with 2 to 8 harts.

        .equ    COUNT, 500
        .equ    RECORD, 64              # bytes of one hart's record
        .equ    PAGE, 0x40000000        # virtual address of the page that is changed

        .macro  sbi extension, function
        li      a7, \extension
        li      a6, \function
        ecall
        .endm

        .globl  _start
_start:
        mv      s0, a0                  # the number of this hart
        la      s11, records
        # Page tables: the 4 MiB of this program where they are, and one page that leads to `first`.
        la      t0, root
        la      t1, leaves
        srli    t2, t1, 2
        ori     t2, t2, 1               # V: a pointer
        li      t3, PAGE >> 20          # 4 times the root index
        add     t3, t3, t0
        sw      t2, 0(t3)
        li      t2, 0x201000cf          # D A X W R V, 0x80400000
        li      t3, 0x201 * 4
        add     t3, t3, t0
        sw      t2, 0(t3)
        la      t2, first
        srli    t2, t2, 2
        ori     t2, t2, 0xc7            # D A W R V
        sw      t2, 0(t1)
        fence   rw, rw

        # How many harts there are: those whose status the firmware knows.
        li      s1, 0
1:      mv      a0, s1
        sbi     0x48534d, 2
        bnez    a0, 2f
        addi    s1, s1, 1
        j       1b
2:      la      t0, harts
        sw      s1, 0(t0)

        # What cannot be started.
        la      s2, refusals
        mv      a0, s1
        la      a1, other
        sbi     0x48534d, 0
        sw      a0, 0(s2)               # no such hart: invalid parameter
        li      a0, 1
        li      a1, 0x1000
        sbi     0x48534d, 0
        sw      a0, 4(s2)               # no memory there: invalid address
        li      a0, 0
        la      a1, other
        sbi     0x48534d, 0
        sw      a0, 8(s2)               # this hart: already available

        li      s3, 1
3:      mv      a0, s3
        sbi     0x48534d, 2
        slli    t0, s3, 2
        add     t0, t0, s2
        sw      a1, 12(t0)              # stopped
        mv      a0, s3
        la      a1, other
        li      a2, 0x1000
        add     a2, a2, s3
        sbi     0x48534d, 0
        addi    s3, s3, 1
        bltu    s3, s1, 3b

        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        call    count

        # All others have read the page and suspend themselves.
        la      t0, waiting
        addi    t1, s1, -1
4:      lw      t2, 0(t0)
        bne     t2, t1, 4b
        li      s3, 1
5:      mv      a0, s3
        sbi     0x48534d, 2
        li      t0, 4
        bne     a1, t0, 5b              # until it is suspended
        addi    s3, s3, 1
        bltu    s3, s1, 5b

        # The page changes, and every hart is told of it; then each is woken.
        la      t0, second
        srli    t0, t0, 2
        ori     t0, t0, 0xc7
        la      t1, leaves
        sw      t0, 0(t1)
        li      a0, 0
        li      a1, -1
        li      a2, PAGE
        li      a3, 4096
        sbi     0x52464e43, 1
        li      a0, 1
        sll     a0, a0, s1
        addi    a0, a0, -2              # all but hart 0
        li      a1, 0
        sbi     0x735049, 0
        li      t0, PAGE
        lw      t1, 0(t0)
        sw      t1, 4(s11)

        # Each stops itself; the last is started once more, elsewhere.
        li      s3, 1
6:      mv      a0, s3
        sbi     0x48534d, 2
        li      t0, 1
        bne     a1, t0, 6b
        addi    s3, s3, 1
        bltu    s3, s1, 6b
        addi    s3, s1, -1
        mv      a0, s3
        la      a1, again
        li      a2, 77
        sbi     0x48534d, 0
7:      mv      a0, s3
        sbi     0x48534d, 2
        li      t0, 1
        bne     a1, t0, 7b

        # Is all as it must be?
        la      t0, counter
        lw      t1, 0(t0)               # LR/SC
        lw      t2, 4(t0)               # AMO
        lw      t3, 8(t0)               # under the lock
        li      t4, COUNT
        mul     t4, t4, s1
        bne     t1, t4, bad
        bne     t2, t4, bad
        bne     t3, t4, bad
        la      a0, good
        call    print
        li      a0, 0
        li      a1, 0
        sbi     0x53525354, 0
bad:    la      a0, wrong
        call    print
        li      a0, 0
        li      a1, 1
        sbi     0x53525354, 0
8:      j       8b

# Another hart: a0 its number, a1 what hart 0 gave it.
        .balign 4
other:  mv      s0, a0
        la      s11, records
        slli    t0, s0, 6
        add     s11, s11, t0
        sw      a0, 8(s11)
        sw      a1, 12(s11)
        csrr    t0, satp
        sw      t0, 16(s11)
        csrr    t0, sstatus
        sw      t0, 20(s11)
        csrr    t0, sie
        sw      t0, 24(s11)
        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        la      t0, handler
        csrw    stvec, t0
        csrwi   sie, 2                  # SSIE
        call    count
        li      t0, PAGE
        lw      t1, 0(t0)
        sw      t1, 0(s11)              # from the first frame
        la      t0, waiting
        li      t1, 1
        amoadd.w zero, t1, (t0)
9:      li      a0, 0                   # retentive
        li      a1, 0
        li      a2, 0
        sbi     0x48534d, 3
        csrr    t0, sip
        andi    t0, t0, 2
        beqz    t0, 9b
        csrsi   sstatus, 2              # the interrupt is taken here
        csrci   sstatus, 2
        li      t0, PAGE
        lw      t1, 0(t0)
        sw      t1, 4(s11)              # from the second
        sbi     0x48534d, 1
        j       bad                     # it does not come back

again:  la      s11, records
        slli    t0, a0, 6
        add     s11, s11, t0
        sw      a1, 32(s11)
        csrr    t0, satp
        sw      t0, 36(s11)
        csrr    t0, sie
        sw      t0, 40(s11)
        sbi     0x48534d, 1
        j       bad

        .balign 4
handler:
        csrci   sip, 2
        lw      t2, 28(s11)
        addi    t2, t2, 1
        sw      t2, 28(s11)
        sret

# Counts to COUNT in three ways at once with all the others.
count:  la      t0, counter
        li      t1, COUNT
1:      lr.w    t2, (t0)
        addi    t2, t2, 1
        sc.w    t3, t2, (t0)
        bnez    t3, 1b
        addi    t4, t0, 4
        li      t2, 1
        amoadd.w zero, t2, (t4)
        addi    t4, t0, 12
2:      li      t2, 1
        amoswap.w t3, t2, (t4)
        bnez    t3, 2b
        lw      t2, 8(t0)
        addi    t2, t2, 1
        sw      t2, 8(t0)
        amoswap.w zero, zero, (t4)
        addi    t1, t1, -1
        bnez    t1, 1b
        ret

# Prints the text at a0.
print:  mv      t0, a0
1:      lbu     a0, 0(t0)
        beqz    a0, 2f
        sbi     0x4442434e, 2
        addi    t0, t0, 1
        j       1b
2:      ret

        .data
good:   .asciz  "All harts have counted, slept, woken and seen the new page.\n"
wrong:  .asciz  "A hart has lost something.\n"
        .balign 4
harts:  .word   0
waiting: .word  0
counter: .word  0, 0, 0, 0
refusals: .space 48
        .balign 64
records: .space 8 * RECORD
        .balign 4096
first:  .word   0x11111111
        .balign 4096
second: .word   0x22222222
        .balign 4096
root:   .space  4096
leaves: .space  4096
