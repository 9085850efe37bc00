# timer: two tasks that never give up the processor, and a kernel that takes it from them with the timer.
#
#   task A runs --timer--> handler: save A, set the next alarm, load B --sret--> task B runs --timer--> … 6 times
#
# What it shows: preemption. Each task adds up numbers for ever in U-mode and checks its own sum. A timer interrupt
# comes between any two of its instructions; the handler saves and restores its registers, so the sum stays right.
#
# What to watch for in the page: the interrupt chain (timer → pending → injected → taken at stvec), and sepc: alarms
# ring in virtual time, so each technique is interrupted somewhere else. What is printed does not depend on it.
#   bare              the firmware programs the board's timer and raises sip.STIP; no exits
#   trap-and-emulate  SET_TIMER and the counter `time` exit; the alarm interrupts the hypervisor, which makes the
#                     virtual STIP pending and enters the guest at its stvec
#   hardware-assisted SET_TIMER exits, `time` does not (hcounteren); the alarm is injected through hvip.VSTIP, and
#                     then the hart itself traps to the guest's handler, as soon as the guest allows it

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_TIME, 0x54494d45    # "TIME": set_timer
        .equ    SBI_SRST, 0x53525354
        .equ    SIE_STIE, 0x20          # supervisor timer interrupt enable
        .equ    TIMER_INTERRUPT, 0x80000005
        .equ    SLICE, 20000            # 2 ms of the board's 10 MHz clock
        .equ    TURNS, 3                # how often each task is preempted before the show is over

# What is kept of a task that does not run. (These tasks use four registers; a kernel for any program saves all 31.)
        .equ    PC, 0
        .equ    T0, 4
        .equ    T1, 8
        .equ    A0, 12
        .equ    A1, 16
        .equ    LEFT, 20                # turns left
        .equ    NEXT, 24                # the other task's record
        .equ    TEXT, 28                # what to print when it is preempted

        .section .text
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, SIE_STIE
        csrw    sie, t0                 # in U-mode, an enabled S interrupt is taken whatever sstatus.SIE says
        li      t0, 0x100
        csrc    sstatus, t0             # SPP = 0: SRET goes to U-mode
        la      a0, record_a
        csrw    sscratch, a0            # sscratch: the record of the task that runs
        j       run

        .balign 4
handler:
        csrrw   a0, sscratch, a0        # a0 = record, sscratch = the task's a0
        sw      t0, T0(a0)
        sw      t1, T1(a0)
        sw      a1, A1(a0)
        csrr    t0, sscratch
        sw      t0, A0(a0)
        csrr    t0, sepc
        sw      t0, PC(a0)              # the instruction that will be next when its turn comes again
        csrr    t0, scause
        li      t1, TIMER_INTERRUPT
        bne     t0, t1, damaged

        mv      s0, a0
        lw      a0, TEXT(s0)
        call    print
        lw      t0, LEFT(s0)
        addi    t0, t0, -1
        sw      t0, LEFT(s0)
        lw      a0, NEXT(s0)
        csrw    sscratch, a0
        lw      t0, LEFT(a0)
        beqz    t0, finish              # the next one has had its turns

run:    mv      s0, a0
1:      rdtimeh a1                      # a 64-bit counter in two reads: again if the low half ran over in between
        rdtime  a0
        rdtimeh t0
        bne     t0, a1, 1b
        li      t0, SLICE
        add     a0, a0, t0
        sltu    t0, a0, t0              # carry
        add     a1, a1, t0
        li      a7, SBI_TIME
        li      a6, 0
        ecall                           # next alarm; this also takes back the one that is pending
        lw      t0, PC(s0)
        csrw    sepc, t0
        lw      t0, T0(s0)
        lw      t1, T1(s0)
        lw      a1, A1(s0)
        lw      a0, A0(s0)
        sret

damaged:
        la      a0, text_damaged
        j       1f
finish: la      a0, text_finish
1:      call    print
        li      a0, -1                  # no alarm any more
        li      a1, -1
        li      a7, SBI_TIME
        li      a6, 0
        ecall
        csrw    sie, zero
        csrw    sepc, zero              # where the alarms hit is nobody's business: leave no trace of it
        csrw    sscratch, zero
        la      t0, records
        la      t1, records_end
1:      sw      zero, 0(t0)
        addi    t0, t0, 4
        bne     t0, t1, 1b
        li      a7, SBI_SRST
        li      a0, 0
        li      a1, 0
        ecall

# A task: adds the numbers from \last down to 1, again and again. The sum must be \sum each time.
        .macro  task last, sum
1:      li      a0, 0
        li      a1, \last
2:      add     a0, a0, a1
        addi    a1, a1, -1
        bnez    a1, 2b
        li      t0, \sum
        beq     a0, t0, 1b
        ecall                           # somebody changed a register: complain
        .endm
task_a: task    100, 5050
task_b: task    2000, 2001000

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

        .section .data
        .balign 4
records:                                # PC, T0, T1, A0, A1, LEFT, NEXT, TEXT
record_a: .word task_a, 0, 0, 0, 0, TURNS, record_b, text_a
record_b: .word task_b, 0, 0, 0, 0, TURNS, record_a, text_b
records_end:
text_a: .asciz  "A is preempted, B goes on\n"
text_b: .asciz  "B is preempted, A goes on\n"
text_finish:  .asciz "each had its turns, and neither noticed\n"
text_damaged: .asciz "a task found its registers changed\n"
