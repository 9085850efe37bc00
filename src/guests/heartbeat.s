# heartbeat: a kernel that lives for ever. It prints a beat, sets an alarm, and waits for it in WFI.
#
#   set alarm (SBI TIME) → wait (WFI) … timer interrupt → handler: count, print, set the next alarm → SRET → wait
#
# What it shows: the calm life of a kernel under a hypervisor. Between two beats it executes nothing and costs
# nothing; each beat is a short storm of exits, always the same one. It is a good guest to stop at its next exit.
#
# What to watch for in the page: the exits of one beat, in order, and the state of the VM: waiting, most of the time.
#   bare              no exits: the firmware answers SET_TIMER, and the hart waits by itself
#   trap-and-emulate  WFI, every CSR access, SRET and every byte sent exit
#   hardware-assisted WFI, SET_TIMER and every byte sent exit; the CSRs and SRET run directly
#
# It never ends: pause it, or type q into its console.

        .equ    UART, 0x10000000
        .equ    RBR, 0                  # receiver buffer
        .equ    THR, 0                  # transmitter holding register
        .equ    LSR, 5                  # line status
        .equ    DATA_READY, 0x01
        .equ    THR_EMPTY, 0x20
        .equ    SBI_TIME, 0x54494d45    # "TIME": set_timer
        .equ    SBI_SRST, 0x53525354    # "SRST": system_reset
        .equ    SIE_STIE, 0x20          # supervisor timer interrupt enable
        .equ    SSTATUS_SIE, 0x2
        .equ    BEAT, 5000000           # half a second of the board's 10 MHz clock

        .section .text
        .globl  _start
_start: li      s0, 0                   # beats so far; nothing here needs a stack
        la      t0, handler
        csrw    stvec, t0
        call    set_alarm
        li      t0, SIE_STIE
        csrw    sie, t0
        csrsi   sstatus, SSTATUS_SIE    # from here on, an alarm interrupts
wait:   wfi                             # nothing to do; the interrupt is taken behind it
        j       wait

# The timer has rung. Nothing of the waiting loop needs to be saved: it uses no registers.
        .balign 4
handler:
        addi    s0, s0, 1
        andi    t0, s0, 1
        la      s1, tick
        bnez    t0, 1f
        la      s1, tock
1:      call    print
        call    set_alarm               # also takes the pending interrupt back
        li      t0, UART
        lbu     t1, LSR(t0)
        andi    t1, t1, DATA_READY
        beqz    t1, 2f
        lbu     t1, RBR(t0)             # somebody typed
        li      t2, 'q'
        beq     t1, t2, quit
2:      sret

# The next alarm: half a second from now. `time` has 64 bits; reading its halves again catches a carry between them.
set_alarm:
        rdtimeh a1
        rdtime  a0
        rdtimeh t0
        bne     t0, a1, set_alarm
        li      t0, BEAT
        add     t0, a0, t0
        sltu    t1, t0, a0              # carry into the upper half
        add     a1, a1, t1
        mv      a0, t0
        li      a7, SBI_TIME
        li      a6, 0
        ecall
        ret

# Prints the text at s1 by the UART's registers, one byte at a time, each as soon as the last one is gone.
print:  li      t0, UART
1:      lbu     t1, 0(s1)
        beqz    t1, 3f
2:      lbu     t2, LSR(t0)
        andi    t2, t2, THR_EMPTY
        beqz    t2, 2b
        sb      t1, THR(t0)
        addi    s1, s1, 1
        j       1b
3:      ret

quit:   la      s1, bye
        call    print
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0                   # shutdown
        li      a1, 0                   # no reason
        ecall

        .section .rodata
tick:   .asciz  "tick "
tock:   .asciz  "tock\n"
bye:    .asciz  "\nstopped\n"
