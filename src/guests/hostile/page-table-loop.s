# Page tables that lead into themselves or out of memory. Every walk must end after two levels with the fault of a hart.
#   root[0x201] the 4 MiB of this program; root[0x040] the UART
#   root[0x300] -> root itself as the leaf table: address c0000000 + 4096 n uses root[n] as the entry of a small page
#   root[0x302] -> a table at 90000000, root[0x303] -> a table at 1 80400000: 4 GiB behind this program, so nowhere
#   root[0x305] the root's own page with rights: a small page when reached by 0x300, a misaligned 4 MiB page by itself
# Must: print "D D 5 5 5 self", the causes in hexadecimal, under every technique ("Supervisor-Level ISA", Sv32 address
# translation, steps 2 to 5: a table that is no memory is an access fault). QEMU 7.2 differs: page fault D there, and
# it cuts the 34 bits to 32.
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        la      s0, root
        srli    s2, s0, 2               # the root's page number in place for an entry
        li      s5, 0x10000000
        li      s3, 0xc00
        add     s3, s3, s0              # &root[0x300]
        li      t0, 0x040000c7
        sw      t0, 0x100(s0)
        li      t0, 0x201000cf
        sw      t0, -0x3fc(s3)
        ori     t0, s2, 1
        sw      t0, 0(s3)
        li      t0, 0x24000001
        sw      t0, 8(s3)
        li      t0, 0x60100001
        sw      t0, 12(s3)
        ori     t0, s2, 0xc7
        sw      t0, 20(s3)
        srli    t0, s0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        li      a1, 0xc0300000          # root[0x300] as a leaf: a pointer at the last level
        call    probe
        li      a1, 0xc1400000          # root[0x305] as a 4 MiB page: misaligned
        call    probe
        li      a1, 0xc0800000          # table at 90000000
        call    probe
        li      a1, 0xc0c00000          # table at 1 80400000
        call    probe
        li      t0, 0x600000c7          # root[0x302] = 4 MiB page at 1 80000000: this guest's RAM plus 4 GiB
        sw      t0, 8(s3)
        sfence.vma
        li      a1, 0xc0800000
        call    probe
        li      a1, 0xc0305c00          # root[0x300], seen through the root
        lw      t0, 0(a1)
        ori     t1, s2, 1
        bne     t0, t1, off
        sw      zero, 8(a1)             # and an edit through itself: root[0x302]
        lw      t0, 8(s3)
        bnez    t0, off
        li      a0, 's'
        sb      a0, 0(s5)
        li      a0, 'e'
        sb      a0, 0(s5)
        li      a0, 'l'
        sb      a0, 0(s5)
        li      a0, 'f'
        sb      a0, 0(s5)
off:    li      a0, '\n'
        sb      a0, 0(s5)
        csrw    satp, zero
        sfence.vma
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

probe:  la      s1, 1f                  # load from a1, print the cause or "-"
        li      a0, '-'
        lw      t0, 0(a1)
1:      sb      a0, 0(s5)
        li      a0, ' '
        sb      a0, 0(s5)
        ret

        .balign 4
handler:
        csrr    a0, scause
        addi    a0, a0, '0'
        addi    t0, a0, -58
        bltz    t0, 1f
        addi    a0, a0, 7               # 'A' stands 7 behind '0' + 10
1:      csrw    sepc, s1
        sret

        .section .bss
        .balign 4096
root:   .space  4096
