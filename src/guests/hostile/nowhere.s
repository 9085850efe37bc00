# Jumps to where nothing is, without a trap vector. The fetch faults, and so does the fetch of the vector (0), for ever.
# Must: end with a message that says so (a hart would spin on the fault); other VMs go on.
        .globl  _start
_start: csrw    stvec, zero
        li      t0, 0x90000000
        jr      t0
