# Writes to the UART for ever, as fast as it can, control characters included. Never ends.
# Must: the page stays usable, the host's memory does not grow without bound, other VMs get their turns.
        .globl  _start
_start: li      t0, 0x10000000
        li      t1, 0
1:      sb      t1, 0(t0)
        addi    t1, t1, 1
        j       1b
