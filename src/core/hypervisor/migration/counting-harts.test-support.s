# Each hart counts in registers and all over memory, beats by its timer, and sends the next one an interrupt that is counted
# there: a message where harts have interrupt files (RISC-V AIA), SBI's IPI where not. Hart 0 starts the others and says a letter
# at each beat. It never ends, and no moment is like another.

        .globl  _start
_start: mv      s0, a0
        li      s10, 0
        la      t0, wires
        csrw    stvec, t0
        li      t0, 0x70                # eidelivery
        csrw    siselect, t0
        csrwi   sireg, 1
        li      t0, 0xc0                # eie, of which identity 7
        csrw    siselect, t0
        li      t0, 0x80
        csrw    sireg, t0
        li      s10, 1
wires:  la      t0, handler             # here at once, where there are no such registers
        csrw    stvec, t0
        li      t0, 0x222
        csrw    sie, t0
        li      s1, 0x80500000          # 64 KiB of each hart
        slli    t0, s0, 16
        add     s1, s1, t0
        li      s4, 3000                # ticks of a beat
        rdtime  s5
        add     s5, s5, s4
        csrw    0x15d, zero             # stimecmph
        csrw    0x14d, s5               # stimecmp
        li      s3, 'a'
        bnez    s0, run
        li      s2, 0                   # how many there are
1:      addi    s2, s2, 1
        mv      a0, s2
        la      a1, _start
        li      a2, 0
        li      a7, 0x48534d            # HSM: start
        li      a6, 0
        ecall
        beqz    a0, 1b
        la      t0, harts
        sw      s2, 0(t0)
run:    csrsi   sstatus, 2
1:      addi    s6, s6, 1
        add     s7, s7, s6
        slli    t0, s6, 6
        li      t1, 0xffff
        and     t0, t0, t1
        add     t0, t0, s1
        sw      s7, 0(t0)
        j       1b

        .balign 4
handler: csrw   sscratch, t0
        csrr    t0, scause
        slli    t0, t0, 1
        srli    t0, t0, 1
        addi    t0, t0, -5
        bnez    t0, sent
        add     s5, s5, s4
        csrw    0x14d, s5
        la      t0, harts
        lw      t0, 0(t0)
        beqz    t0, out
        addi    s8, s0, 1               # the next hart
        bltu    s8, t0, 2f
        li      s8, 0
2:      beqz    s10, 3f
        slli    s8, s8, 12
        li      t0, 0x28000000
        add     s8, s8, t0
        li      t0, 7
        sw      t0, 0(s8)
        j       4f
3:      li      a0, 1
        mv      a1, s8
        li      a7, 0x735049            # IPI: send
        li      a6, 0
        ecall
4:      bnez    s0, out
        li      t0, 0x10000000
        sb      s3, 0(t0)
        addi    s3, s3, 1
        andi    s3, s3, 0x7f
        j       out
sent:   addi    s9, s9, 1
        csrci   sip, 2
        beqz    s10, out
        csrrw   t0, stopei, zero
out:    csrr    t0, sscratch
        sret

        .data
        .balign 64
harts:  .word   0
