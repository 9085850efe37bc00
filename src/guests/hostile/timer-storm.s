# Sets the timer to the past in its own timer handler: the next interrupt is always pending already. Never ends.
# Must: other VMs get their turns; it is preempted at the end of its quantum like any other.
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, 0x20
        csrw    sie, t0
        csrsi   sstatus, 2
1:      j       1b
        .balign 4
handler:
        li      a7, 0x54494d45
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
        sret
