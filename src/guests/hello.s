# hello: the smallest guest. It prints one line through the registers of the serial port, and one by asking the
# firmware.
#
# What it shows: a guest reaches the outside world in two ways, and a hypervisor has to stand behind both.
#   by MMIO   a load or store at 0x10000000, where the board has a 16550A UART instead of memory
#   by SBI    an ECALL from S-mode to whatever lies below (SBI specification, "Debug Console Extension")
#
# What to watch for in the page, exits list and summary:
#   bare              no exits: the stores reach the UART itself, the ECALL goes to the firmware in M-mode
#   trap-and-emulate  the UART is left out of the shadow page tables, so every look at LSR is a load page fault (cause
#                     13) and every byte a store page fault (cause 15): two exits for each letter. ECALL is cause 8,
#                     "from U-mode", because that is where the guest's kernel really runs.
#   hardware-assisted the UART is left out of stage 2: guest-page faults 21 and 23. ECALL is cause 10, "from VS-mode".
# The second line is as long as the first and costs one exit for all of its letters: that is why paravirtual consoles
# exist.

        .equ    UART, 0x10000000        # where QEMU's virt board has its 16550A
        .equ    THR, 0                  # transmitter holding register: a byte stored here is sent
        .equ    LSR, 5                  # line status register
        .equ    LSR_THR_EMPTY, 0x20     # the transmitter can take the next byte

        .equ    SBI_PUTCHAR, 1          # legacy extension: one byte, in a0
        .equ    SBI_BASE, 0x10
        .equ    BASE_PROBE, 3           # is the extension in a0 there?
        .equ    SBI_DBCN, 0x4442434e    # debug console, "DBCN" in ASCII
        .equ    DBCN_WRITE, 0           # a0 = bytes, a1 = address (low half), a2 = address (high half)
        .equ    SBI_SRST, 0x53525354    # system reset, "SRST"

        .section .text
        .globl  _start
_start:                                 # S-mode, satp = 0, a0 = hart, a1 = device tree: as any kernel is started
        la      a0, by_register
        call    print_by_register

        li      a7, SBI_BASE            # firmware older than SBI 2.0 has no DBCN, so ask before using it
        li      a6, BASE_PROBE
        li      a0, SBI_DBCN
        ecall                           # a0 = error (0: none), a1 = answer (0: not there)
        beqz    a1, old_firmware

        li      a7, SBI_DBCN
        li      a6, DBCN_WRITE
        li      a0, 30                  # length of the line below
        la      a1, by_firmware         # a physical address: the firmware does not use our page tables
        li      a2, 0
        ecall
        j       power_off

old_firmware:
        la      t0, by_firmware
1:      lbu     a0, 0(t0)
        beqz    a0, power_off
        li      a7, SBI_PUTCHAR
        ecall
        addi    t0, t0, 1
        j       1b

power_off:
        li      t0, 0                   # leave the same registers behind whichever way the line went
        li      t1, 0
        li      a2, 0
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0                   # type: shut down
        li      a1, 0                   # reason: none
        ecall
1:      wfi                             # not reached: the machine is off
        j       1b

# Sends the zero-terminated string at a0 (physical address) to the UART. Changes a0, t0, t1, t2.
print_by_register:
        li      t0, UART
1:      lbu     t1, 0(a0)
        beqz    t1, 3f
2:      lbu     t2, LSR(t0)             # polling: look until the transmitter is free
        andi    t2, t2, LSR_THR_EMPTY
        beqz    t2, 2b
        sb      t1, THR(t0)
        addi    a0, a0, 1
        j       1b
3:      ret

        .section .rodata
by_register:
        .asciz  "hello from the UART registers\n"
by_firmware:
        .asciz  "hello by way of the firmware.\n"
