# The trap vector points to an illegal instruction: each trap traps at the vector again.
# Must: end with a message, or be charged for its slices for ever; other VMs go on.
        .globl  _start
_start: la      t0, vector
        csrw    stvec, t0
        .balign 4
vector: .word   0
