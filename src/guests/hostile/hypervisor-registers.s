# Uses the hypervisor extension as if it were its own: CSRs, fences, loads and stores by the guest's translation.
# Must: under a hypervisor every attempt is an illegal instruction: prints "2" thirteen times. On the bare board with
# H they work ("-").
        .macro  attempt
        li      a0, '-'
        .endm
        .macro  verdict
        sb      a0, 0(s0)
        .endm
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      s0, 0x10000000
        la      a1, _start
        attempt
        csrr    t0, 0x600               # hstatus
        verdict
        attempt
        csrr    t0, 0x602               # hedeleg
        verdict
        attempt
        csrr    t0, 0x645               # hvip
        verdict
        attempt
        csrw    0x680, zero             # hgatp
        verdict
        attempt
        csrr    t0, 0x200               # vsstatus
        verdict
        attempt
        csrw    0x280, zero             # vsatp
        verdict
        attempt
        csrr    t0, 0x615               # htimedeltah
        verdict
        attempt
        csrr    t0, 0xe12               # hgeip
        verdict
        attempt
        .word   0x22000073              # hfence.vvma
        verdict
        attempt
        .word   0x62000073              # hfence.gvma
        verdict
        attempt
        .word   0x6805c2f3              # hlv.w t0, (a1)
        verdict
        attempt
        .word   0x6835c2f3              # hlvx.wu t0, (a1)
        verdict
        attempt
        .word   0x6a05c073              # hsv.w zero, (a1)
        verdict
        li      a0, '\n'
        sb      a0, 0(s0)
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

        .balign 4
handler:
        csrr    a0, scause
        addi    a0, a0, '0'
        csrr    t0, sepc
        addi    t0, t0, 4
        csrw    sepc, t0
        sret
