# Asks for resets that do not exist: SRST with reserved kinds and reasons, unknown functions; odd values to the test
# finisher.
# Must: print "3332" (the errors -3 -3 -3 -2), ignore the finisher values, and end by a plain shutdown.
        .macro  reset function, kind, reason
        li      a7, 0x53525354
        li      a6, \function
        li      a0, \kind
        li      a1, \reason
        ecall
        neg     a0, a0
        addi    a0, a0, '0'
        sb      a0, 0(s0)
        .endm
        .globl  _start
_start: li      s0, 0x10000000
        reset   0, 3, 0
        reset   0, 0xefffffff, 0
        reset   0, 0, 2
        reset   1, 0, 0
        li      a0, '\n'
        sb      a0, 0(s0)
        li      t0, 0x100000            # the finisher: only 5555 (pass), 3333 (fail), 7777 (reset) mean something
        sw      zero, 0(t0)
        li      t1, 0x1234
        sw      t1, 0(t0)
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
