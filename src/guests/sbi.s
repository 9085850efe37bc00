# sbi: the services that a kernel asks of what lies below it, one call of each extension.
#
#   a7 = extension, a6 = function, a0 … = arguments        ECALL        a0 = error (0: none), a1 = value
#
# What it shows: the supervisor binary interface is to a kernel what system calls are to a program, and the caller
# cannot tell who answers: firmware in M-mode or a hypervisor. Some calls are wrong on purpose; the error numbers are
# the specification's: -2 not supported, -3 invalid parameter, -6 already available. Every letter is printed by such a
# call, too.
#
# What to watch for in the page: every call is one exit, named after the extension; step into one to see a0 and a1
# change.
#   bare              cause 9, to the firmware: no exit of a hypervisor, but look at the hart's privilege level
#   trap-and-emulate  cause 8: the hart sees an ECALL from U-mode; only the hypervisor knows that its guest believes
#                     to be in S
#   hardware-assisted cause 10: ECALL from VS-mode has a cause of its own
# A console call passes a physical address, so whoever answers must check that the memory is the caller's: see the
# last line.

        .equ    SBI_BASE, 0x10
        .equ    SBI_TIME, 0x54494d45    # the younger ones spell their names in ASCII
        .equ    SBI_IPI, 0x735049
        .equ    SBI_RFENCE, 0x52464e43
        .equ    SBI_HSM, 0x48534d
        .equ    SBI_SRST, 0x53525354
        .equ    SBI_DBCN, 0x4442434e
        .equ    NOBODY, 0x0fffffff      # no extension has this number
        .equ    OUTSIDE, 0x90000000     # no memory of this guest
        .equ    SSI, 2                  # sip: the supervisor software interrupt, by which harts ring each other

# Calls with up to three arguments and prints the text and the error, or the text and the value.
        .macro  call_sbi extension, function, first, second, third, show, text
        li      a7, \extension
        li      a6, \function
        li      a0, \first
        li      a1, \second
        li      a2, \third
        ecall
        la      s0, \text
        call    \show
        .endm

        .section .text
        .globl  _start
_start: li      a3, 0
        li      a4, 0
        call_sbi SBI_BASE, 3, SBI_TIME, 0, 0, value, probe      # function 3: is this extension there?
        call_sbi SBI_BASE, 3, NOBODY, 0, 0, value, probe_nobody
        call_sbi NOBODY, 0, 0, 0, 0, error, nobody
        call_sbi SBI_BASE, 99, 0, 0, 0, error, bad_function
        call_sbi SBI_TIME, 0, -1, -1, 0, error, set_timer       # at the end of time: never
        call_sbi SBI_IPI, 0, 1, 0, 0, error, send_ipi           # to the harts of mask 1 from hart 0 on: to ourselves
1:      csrr    s1, sip                 # sstatus.SIE is 0, so it stays pending and is not taken. It may take a moment
        andi    s1, s1, SSI
        beqz    s1, 1b
        csrci   sip, SSI
        call_sbi SBI_IPI, 0, 1, 77, 0, error, send_ipi_nobody
        call_sbi SBI_RFENCE, 0, 1, 0, 0, error, fence_i
        call_sbi SBI_RFENCE, 1, 0, -1, 0, error, sfence         # base -1: all harts; 0 (a2), 0 (a3): everything
        call_sbi SBI_HSM, 2, 0, 0, 0, value, hart_status        # 0: started
        call_sbi SBI_HSM, 0, 0, 0x80400000, 0, error, hart_start
        call_sbi SBI_HSM, 0, 77, 0x80400000, 0, error, hart_start_nobody
        call_sbi SBI_SRST, 0, 77, 0, 0, error, reset            # 0 to 2: shutdown, cold, warm reboot; 77: reserved
        call_sbi SBI_DBCN, 0, 4, OUTSIDE, 0, error, outside     # 4 bytes from there
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      j       1b

# Prints the text at s0 and the value a1 (one digit).
value:  addi    s1, a1, '0'
        la      s2, text_value
        j       show

# Prints the text at s0 and the error a0: 0, or - and one digit.
error:  neg     s1, a0
        addi    s1, s1, '0'
        la      s2, text_no_error
        beqz    a0, show
        la      s2, text_error
show:   li      a7, SBI_DBCN
        li      a6, 2                   # write one byte
1:      lbu     a0, 0(s0)               # the text …
        beqz    a0, 2f
        ecall
        addi    s0, s0, 1
        j       1b
2:      lbu     a0, 0(s2)               # … what the number is …
        beqz    a0, 3f
        ecall
        addi    s2, s2, 1
        j       2b
3:      mv      a0, s1                  # … and the number
        ecall
        li      a0, '\n'
        ecall
        ret

        .section .rodata
text_value:     .asciz  "value "
text_no_error:  .asciz  "error "
text_error:     .asciz  "error -"
probe:          .asciz  "BASE  probe TIME               "
probe_nobody:   .asciz  "BASE  probe an unknown one     "
nobody:         .asciz  "an unknown extension           "
bad_function:   .asciz  "BASE  an unknown function      "
set_timer:      .asciz  "TIME  set timer                "
send_ipi:       .asciz  "IPI   send to myself           "
send_ipi_nobody: .asciz "IPI   send to hart 77          "
fence_i:        .asciz  "RFNC  remote fence.i           "
sfence:         .asciz  "RFNC  remote sfence.vma        "
hart_status:    .asciz  "HSM   status of hart 0         "
hart_start:     .asciz  "HSM   start hart 0             "
hart_start_nobody: .asciz "HSM   start hart 77            "
reset:          .asciz  "SRST  a reserved kind          "
outside:        .asciz  "DBCN  print memory not mine    "
