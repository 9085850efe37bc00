# Entry on RISC-V's `virt` board. A guest of the lab is entered in S-mode, one on a bare QEMU in M-mode: reading mstatus tells
# them apart, because it traps in S-mode. From M-mode everything is opened to S-mode, so that the rest is the same.

        .section .text.start
        .globl  _start
_start: la      t0, supervisor
        csrw    stvec, t0
        csrr    t1, mstatus             # traps to `supervisor` in S-mode
        li      t0, -1
        csrw    pmpaddr0, t0            # all of memory ...
        li      t0, 0x1f
        csrw    pmpcfg0, t0             # ... is readable, writable, executable to S-mode
        li      t0, 7
        csrw    mcounteren, t0
        li      t0, 0x1800              # mstatus.MPP
        csrc    mstatus, t0
        li      t0, 0x0800              # S-mode
        csrs    mstatus, t0
        la      t0, supervisor
        csrw    mepc, t0
        la      t0, unexpected
        csrw    mtvec, t0
        mret

        .balign 4
supervisor:
        la      t0, unexpected
        csrw    stvec, t0
        .option push
        .option norelax
        la      gp, __global_pointer$
        .option pop
        la      t0, __bss_start
        la      t1, __heap_base
1:      sw      zero, 0(t0)
        addi    t0, t0, 4
        bltu    t0, t1, 1b
        la      sp, stack_top
        call    guest_main

        .balign 4
unexpected:                             # a trap nobody asked for: say so, once, and stand still
        li      t0, 0x10000000
        li      t1, '!'
        sb      t1, 0(t0)
        li      t1, '\n'
        sb      t1, 0(t0)
1:      wfi
        j       1b

        .bss
        .balign 16
        .space  65536
stack_top:
