# trap: a user program calls its kernel. stvec, SRET down to U-mode, ECALL up to S-mode, SRET back.
#
# What it shows: the four CSRs of a trap. The hart writes them, the handler reads them, SRET uses two of them:
#   scause  why (5: load access fault, 8: ECALL from U)   sepc         where; SRET goes there
#   stval   the address or instruction it is about        sstatus.SPP  from which mode (0: U, 1: S); SRET goes there
# It prints them before it leaves for U-mode, in every trap, and at the end.
# What to watch for in the page: step into an ECALL and look at the privilege level and these four registers.
#   bare              the traps go straight to this handler (the firmware delegated them); no exits
#   trap-and-emulate  kernel and user program both run in real U-mode. The hypervisor gets the user's ECALL (cause 8)
#                     and reflects it: writes the *virtual* scause, sepc and SPP, goes to the virtual stvec. SRET and
#                     each CSR access exits, too (cause 2). Count the exits for one system call.
#   hardware-assisted the hart has a second set of these CSRs (vsstatus, vsepc, …) and hedeleg sends the traps to the
#                     guest: no exit for the system call at all, only for the printing

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_SRST, 0x53525354
        .equ    SSTATUS_SPP, 0x100
        .equ    NOWHERE, 0x90000000     # no memory and no device here (a guest of 16 MiB ends at 0x81000000)
        .equ    CAUSE_USER_ECALL, 8

        .section .text
        .globl  _start
_start: la      sp, stack_top
        la      t0, handler
        csrw    stvec, t0               # traps go to `handler` from now on
        csrw    sscratch, zero          # 0 means: the kernel is running, its sp is right
        li      t0, NOWHERE
        lw      t1, 0(t0)               # a trap from S-mode first, to see SPP = 1

        csrw    sscratch, sp            # where a trap from U-mode finds the kernel's stack
        la      t0, user
        csrw    sepc, t0                # SRET jumps here …
        li      t0, SSTATUS_SPP
        csrc    sstatus, t0             # … in this mode: SPP = 0 is U
        la      a0, text_before
        call    report
        sret

        .balign 4                       # stvec holds a multiple of 4
handler:
        csrrw   sp, sscratch, sp        # from U: sp = kernel's stack, sscratch = user's sp. From S: sp = 0
        bnez    sp, 1f
        csrrw   sp, sscratch, sp        # from S: swap back
1:      addi    sp, sp, -16
        sw      ra, 12(sp)
        sw      a0, 8(sp)
        sw      a1, 4(sp)
        la      a0, text_trap
        call    report
        lw      a1, 4(sp)
        lw      a0, 8(sp)
        lw      ra, 12(sp)
        addi    sp, sp, 16
        csrr    t0, sepc
        addi    t0, t0, 4               # go on behind the instruction that trapped, or it would trap for ever
        csrw    sepc, t0
        csrr    t0, scause
        addi    t0, t0, -CAUSE_USER_ECALL
        bnez    t0, 2f                  # the kernel's own trap: nothing to serve
        beqz    a7, exit                # system calls, number in a7 as in Linux: 0 ends the program with a0,
        mul     a0, a0, a1              # 1 multiplies a0 by a1
        csrrw   sp, sscratch, sp        # kernel's stack back to sscratch, user's sp back to sp
2:      sret

exit:                                   # the user program is over, its result is in a0; we are and stay in S-mode
        la      a1, result_digits
        call    hex
        la      a0, text_after
        call    report
        la      a0, text_result
        call    print
        csrw    sscratch, zero
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall                           # off: this ECALL, from S-mode, is for the firmware (or the hypervisor)

# Prints the text at a0 and the four registers. Changes a0, a1, t0 to t3 (the programs here keep nothing there).
report: mv      t3, ra
        call    print
        csrr    a0, scause
        la      a1, scause_digits
        call    hex
        csrr    a0, sepc
        la      a1, sepc_digits
        call    hex
        csrr    a0, stval
        la      a1, stval_digits
        call    hex
        csrr    a0, sstatus
        andi    a0, a0, SSTATUS_SPP
        snez    a0, a0
        addi    a0, a0, '0'
        la      a1, spp_digit
        sb      a0, 0(a1)
        la      a0, text_registers
        call    print
        jr      t3

# Writes a0 as 8 hexadecimal digits to a1. Changes a0, t0, t1.
hex:    addi    t0, a1, 8               # from the last digit to the first
1:      andi    t1, a0, 15
        addi    t1, t1, -10
        bltz    t1, 2f
        addi    t1, t1, 39              # 10 and up: 'a' stands 39 behind '0' + 10
2:      addi    t1, t1, 58              # '0' + 10
        addi    t0, t0, -1
        sb      t1, 0(t0)
        srli    a0, a0, 4
        bne     t0, a1, 1b
        ret

# Prints the zero-terminated string at a0. Changes a0, t0 to t2.
print:  li      t0, UART
1:      lbu     t1, 0(a0)
        beqz    t1, 3f
2:      lbu     t2, LSR(t0)
        andi    t2, t2, 0x20            # transmitter empty?
        beqz    t2, 2b
        sb      t1, 0(t0)
        addi    a0, a0, 1
        j       1b
3:      ret

        .balign 4096                    # a page of its own, so that its addresses are easy to tell from the kernel's
user:   li      a0, 6                   # U-mode. Nothing here knows whether it runs under a hypervisor
        li      a1, 7
        li      a7, 1                   # multiply
        ecall
        li      a7, 0                   # exit …
        ecall                           # … with what the kernel returned in a0; never comes back

        .section .data
text_before:    .asciz  "before sret:"
text_trap:      .asciz  "trap:       "
text_after:     .asciz  "at the end: "
text_registers: .ascii  " scause "
scause_digits:  .ascii  "00000000 sepc "
sepc_digits:    .ascii  "00000000 stval "
stval_digits:   .ascii  "00000000 SPP "
spp_digit:      .asciz  "0\n"
text_result:    .ascii  "the user program ended with "
result_digits:  .asciz  "00000000\n"

        .section .bss
        .balign 16
        .space  256
stack_top:
