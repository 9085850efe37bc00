# A user program does what only a kernel may. A hypervisor that emulates for the kernel must not do it for the user.
# Must: print "22222222222" under every technique: eleven attempts, each an illegal instruction (cause 2) for the
# guest's own handler.
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        csrw    scounteren, zero        # counters are not for the user
        li      s0, 0x10000000
        la      t0, user
        csrw    sepc, t0
        li      t0, 0x100
        csrc    sstatus, t0
        sret

        .balign 4
handler:
        csrr    t0, scause
        addi    t1, t0, -8
        beqz    t1, off                 # the user's ECALL
        addi    t0, t0, '0'
        sb      t0, 0(s0)
        csrr    t0, sepc
        addi    t0, t0, 4
        csrw    sepc, t0
        sret
off:    li      t0, '\n'
        sb      t0, 0(s0)
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

user:   csrr    t0, sstatus
        csrw    stvec, zero
        csrw    satp, zero
        csrsi   sip, 2
        sfence.vma
        wfi
        sret
        mret
        rdtime  t0
        rdcycle t0
        .word   0
        ecall
