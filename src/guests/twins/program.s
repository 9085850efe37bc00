# The program that both twins run in user mode, the same byte for byte: only the kernels differ.
# Eight rounds: take 64 pages, use them, give them back; a sector to the disk and back; a line; wait for the timer
# twice.
        .section .text
        .balign 4096
user_text:
        li      s0, 0                   # round
round:  li      a0, PAGES
        li      a7, SYS_MAP
        ecall
        li      s1, 0                   # sum of what the pages hold
        li      t0, WINDOW
        li      t1, PAGES
        li      t2, 4096
        li      t3, 1
1:      add     t4, t3, s0
        sw      t4, 0(t0)               # the first touch of each page
        lw      t5, 0(t0)
        add     s1, s1, t5
        add     t0, t0, t2
        addi    t3, t3, 1
        addi    t1, t1, -1
        bnez    t1, 1b
        li      a0, PAGES
        li      a7, SYS_UNMAP
        ecall

        la      s2, buffer
        sw      s1, 0(s2)
        mv      a0, s0
        mv      a1, s2
        li      a7, SYS_DISK_WRITE
        ecall
        sw      zero, 0(s2)
        mv      a0, s0
        mv      a1, s2
        li      a7, SYS_DISK_READ
        ecall
        lw      t0, 0(s2)
        sub     s3, t0, s1              # 0: the disk gave back what it was given

        la      t0, line_round          # "round 0: sum 0000, disk ok"
        addi    t1, s0, '0'
        sb      t1, 0(t0)
        la      t0, line_sum
        li      t1, 12
2:      srl     t2, s1, t1
        andi    t2, t2, 15
        li      t3, 10
        bltu    t2, t3, 3f
        addi    t2, t2, 39
3:      addi    t2, t2, '0'
        sb      t2, 0(t0)
        addi    t0, t0, 1
        addi    t1, t1, -4
        bgez    t1, 2b
        la      a0, line
        li      a1, LINE_BYTES
        beqz    s3, 4f
        la      a0, line_bad
        li      a1, LINE_BAD_BYTES
4:      li      a7, SYS_WRITE
        ecall

        la      t0, ticks               # computes until the timer takes the hart from it: it cannot tell how
        lw      t1, 0(t0)
5:      lw      t2, 0(t0)
        beq     t1, t2, 5b
        li      a7, SYS_SLEEP           # and lets it go by itself
        ecall
        addi    s0, s0, 1
        li      t0, ROUNDS
        bltu    s0, t0, round
        li      a7, SYS_EXIT
        ecall

        .section .data
        .balign 4096
user_data:
ticks:  .word   0                       # the kernel counts here
line:   .ascii  "round "
line_round: .ascii "0: sum "
line_sum: .ascii "0000, disk ok\n"
line_bad: .ascii "the disk gave back something else\n"
        .balign 512
buffer: .space  512
        .balign 4096
user_end:
