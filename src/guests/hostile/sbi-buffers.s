# Asks the console service to print, and to fill, memory that is not the guest's: outside, across the end of RAM,
# wrapped around.
# Must: print "333333": each call fails with -3 (invalid parameter), and no byte of anybody's is printed or changed.
        .macro  console function, length, low, high
        li      a7, 0x4442434e
        li      a6, \function
        li      a0, \length
        li      a1, \low
        li      a2, \high
        ecall
        neg     a0, a0
        addi    a0, a0, '0'
        sb      a0, 0(s0)
        .endm
        .globl  _start
_start: li      s0, 0x10000000
        console 0, 4096, 0x90000000, 0
        console 0, 0xffffffff, 0x80400000, 0
        console 0, 16, 0xfffffff8, 0
        console 0, 16, 0x80400000, 1
        console 1, 16, 0x90000000, 0
        console 1, 16, 0x10000000, 0
        li      a0, '\n'
        sb      a0, 0(s0)
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
