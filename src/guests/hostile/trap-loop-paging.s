# Turns paging on with an empty root table: the next fetch faults, the vector is not mapped either, and nothing ever
# will be.
# Must: end with a message, or be charged for its slices for ever; other VMs go on.
        .globl  _start
_start: la      t0, _start
        csrw    stvec, t0
        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        .section .bss
        .balign 4096
root:   .space  4096
