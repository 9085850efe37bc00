# What the twins `unmodified` and `paravirtual` have to do: the numbers that both kernels and the program go by.

        .equ    ROUNDS, 8
        .equ    PAGES, 64
        .equ    WINDOW, 0x40000000      # virtual address of the pages a program takes
        .equ    POOL, 0x80800000        # physical address of the frames behind them
        .equ    PERIOD, 2000            # ticks between two timer interrupts
        .equ    SYS_EXIT, 0
        .equ    SYS_WRITE, 1            # a0 address, a1 bytes
        .equ    SYS_MAP, 2              # a0 pages
        .equ    SYS_UNMAP, 3
        .equ    SYS_DISK_WRITE, 4       # a0 sector, a1 address
        .equ    SYS_DISK_READ, 5
        .equ    SYS_SLEEP, 6            # until the next timer interrupt
        .equ    KERNEL_PAGE, 0xcf       # V R W X A D
        .equ    USER_TEXT, 0xdb         # V R X U A D
        .equ    USER_DATA, 0xd7         # V R W U A D
        .equ    SBI_SRST, 0x53525354
        .equ    TIMER, 0x80000005       # cause of a supervisor timer interrupt
        .equ    USER_CALL, 8
        .equ    LINE_BYTES, 27
        .equ    LINE_BAD_BYTES, 34
# paravirtual: a kernel that knows its hypervisor. Its twin `unmodified` does the same for the same program.
#
# What it shows: what its twin does by privileged instructions, each of them an exit, this one asks for by hypercalls,
# many things in one, or reads from memory:
#   page-table entries          a list, one call for 64 of them         (twin: a fence and a fault for each)
#   traps                       a frame on the kernel's stack           (twin: scause, sepc, sscratch)
#   interrupts off and on       a word in the shared page
#   the way back                a call that takes the frame             (twin: SRET, of which there is none here)
#   console, disk               a call for a line, a call for a sector  (twin: one exit a register)
# Hypercalls are ECALLs: a7 = 0x09000000, a6 the function, a0 … the arguments; a0 = error, a1 = value.
#
#   virtual                                     physical
#   0x40000000  64 pages, while taken           the frames from 0x80800000 on
#   0x80400000  kernel, program                 the same; the tables read-only: only the hypervisor writes them
#
# What to watch for in the page: hypercall and system-call, and hardly anything else.
#   bare, trap-and-emulate, hardware-assisted   nobody speaks these calls: it says so and shuts down

        .equ    HYPERVISOR, 0x09000000
        .equ    GET_VERSION, 0
        .equ    SHARE_PAGE, 1           # a0 page
        .equ    SET_TRAP_ENTRY, 2       # a0 handler, a1 stack
        .equ    PIN_TABLE, 3            # a0 page, a1 level
        .equ    UPDATE_TABLES, 5        # a0 list, a1 entries
        .equ    SET_ROOT, 6             # a0 root
        .equ    TRAP_RETURN, 7          # sp: frame
        .equ    WAIT, 8
        .equ    SET_TIMER, 9            # a0, a1 time
        .equ    CONSOLE_WRITE, 10       # a0 address, a1 bytes
        .equ    DISK_READ, 12           # a0 sector, a1 count, a2 address
        .equ    DISK_WRITE, 13
        .equ    SHARED_ENABLED, 0       # words of the shared page
        .equ    SHARED_TIME, 8
        .equ    FRAME_PC, 0             # words of the frame that a trap leaves at sp
        .equ    FRAME_STATUS, 4         # bit 0: from the kernel; bit 1: interrupts were on
        .equ    FRAME_CAUSE, 8
        .equ    FRAME_SP, 16
        .equ    FRAME_A7, 24
        .equ    FRAME, 32
        .equ    TABLE_PAGE, 0x43        # V R A
        .equ    SBI_PUTCHAR, 1

        .macro  hypercall function
        li      a6, \function
        li      a7, HYPERVISOR
        ecall
        .endm

# Adds an entry to the list at t3: its address in t4, its value in t1.
        .macro  entry
        sw      t4, 0(t3)
        sw      t1, 4(t3)
        addi    t3, t3, 8
        .endm

        .section .text
        .globl  _start
_start: la      sp, stack_top
        hypercall GET_VERSION
        bnez    a0, alone
        la      a0, shared
        hypercall SHARE_PAGE
        la      a0, root                # three pages become tables: from now on only the hypervisor writes them
        li      a1, 1
        hypercall PIN_TABLE
        la      a0, kernel_table
        li      a1, 0
        hypercall PIN_TABLE
        la      a0, window_table
        li      a1, 0
        hypercall PIN_TABLE

        la      t3, list                # the entries, as a list
        la      t4, root
        li      t1, 0x804
        add     t4, t4, t1              # [0x201]
        la      t1, kernel_table
        srli    t1, t1, 2
        ori     t1, t1, 1
        entry
        la      t4, root
        addi    t4, t4, 0x400           # [0x100]
        la      t1, window_table
        srli    t1, t1, 2
        ori     t1, t1, 1
        entry
        la      t0, _start              # the kernel and the program, page by page
        la      t4, kernel_table
1:      li      t1, KERNEL_PAGE
        la      t2, user_text
        bne     t0, t2, 2f
        li      t1, USER_TEXT
2:      la      t2, user_data
        bne     t0, t2, 3f
        li      t1, USER_DATA
3:      la      t2, root                # no table may be writable
        bltu    t0, t2, 4f
        la      t2, tables_end
        bgeu    t0, t2, 4f
        li      t1, TABLE_PAGE
4:      srli    t2, t0, 2
        or      t1, t2, t1
        entry
        addi    t4, t4, 4
        li      t2, 4096
        add     t0, t0, t2
        la      t2, kernel_end
        bltu    t0, t2, 1b
        la      a0, list
        sub     a1, t3, a0
        srli    a1, a1, 3
        hypercall UPDATE_TABLES         # all of them in one call
        bnez    a0, panic
        la      a0, root
        hypercall SET_ROOT
        la      a0, trap
        la      a1, stack_top
        hypercall SET_TRAP_ENTRY
        call    start_timer
        addi    sp, sp, -FRAME          # a frame as if the program had trapped: back to its first instruction
        la      t0, user_text
        sw      t0, FRAME_PC(sp)
        li      t0, 2
        sw      t0, FRAME_STATUS(sp)
        hypercall TRAP_RETURN

        .balign 4
trap:   addi    sp, sp, -64             # the frame lies above; a6 and a7 are in it
        sw      ra, 0(sp)
        sw      t0, 4(sp)
        sw      t1, 8(sp)
        sw      t2, 12(sp)
        sw      t3, 16(sp)
        sw      t4, 20(sp)
        sw      a0, 24(sp)
        sw      a1, 28(sp)
        sw      a2, 32(sp)
        lw      t0, 64+FRAME_CAUSE(sp)
        li      t1, TIMER
        bne     t0, t1, 1f
        call    tick
        j       2f
1:      li      t1, USER_CALL
        bne     t0, t1, panic
        lw      t0, 64+FRAME_PC(sp)     # behind the ECALL
        addi    t0, t0, 4
        sw      t0, 64+FRAME_PC(sp)
        call    system_call
2:      lw      ra, 0(sp)
        lw      t0, 4(sp)
        lw      t1, 8(sp)
        lw      t2, 12(sp)
        lw      t3, 16(sp)
        lw      t4, 20(sp)
        lw      a0, 24(sp)
        lw      a1, 28(sp)
        lw      a2, 32(sp)
        addi    sp, sp, 64
        hypercall TRAP_RETURN

tick:   la      t0, ticks
        lw      t1, 0(t0)
        addi    t1, t1, 1
        sw      t1, 0(t0)
start_timer:                            # the next one, PERIOD from when the hypervisor let us go
        la      t0, shared
        lw      a0, SHARED_TIME(t0)
        li      t1, PERIOD
        add     a0, a0, t1
        li      a1, 0
        hypercall SET_TIMER
        ret

system_call:
        li      t0, SYS_WRITE
        beq     a7, t0, write
        li      t0, SYS_MAP
        beq     a7, t0, map
        li      t0, SYS_UNMAP
        beq     a7, t0, unmap
        li      t0, SYS_DISK_WRITE
        beq     a7, t0, disk_write
        li      t0, SYS_DISK_READ
        beq     a7, t0, disk_read
        li      t0, SYS_SLEEP
        beq     a7, t0, sleep
        li      a1, 0                   # SYS_EXIT
        j       shutdown
panic:  li      a1, 1
shutdown:
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        ecall

sleep:  hypercall WAIT                  # the timer interrupt comes as a trap from here
        la      t0, shared
        sw      zero, SHARED_ENABLED(t0)        # interrupts off again: no call
        ret

map:    la      t3, list                # a0 pages
        la      t4, window_table
        li      t0, POOL
        srli    t0, t0, 2
        mv      t2, a0
1:      ori     t1, t0, USER_DATA
        entry
        addi    t4, t4, 4
        addi    t0, t0, 1024
        addi    t2, t2, -1
        bnez    t2, 1b
        j       update

unmap:  la      t3, list
        la      t4, window_table
        li      t1, 0
        mv      t2, a0
1:      entry
        addi    t4, t4, 4
        addi    t2, t2, -1
        bnez    t2, 1b
update: mv      a1, a0
        la      a0, list
        hypercall UPDATE_TABLES         # and no fence: the hypervisor knows what has changed
        bnez    a0, panic
        ret

write:  hypercall CONSOLE_WRITE
        bnez    a0, panic
        ret

disk_write:
        mv      a2, a1
        li      a1, 1
        hypercall DISK_WRITE
        ret
disk_read:
        mv      a2, a1
        li      a1, 1
        hypercall DISK_READ
        ret

alone:  la      t0, text_alone
1:      lbu     a0, 0(t0)
        beqz    a0, panic
        li      a7, SBI_PUTCHAR
        ecall
        addi    t0, t0, 1
        j       1b

        .section .data
text_alone: .asciz "This kernel needs a hypervisor that it can call: run it as paravirtual.\n"

# --- the kernel's own memory ---
        .section .bss
        .balign 4096
root:   .space  4096
kernel_table: .space 4096
window_table: .space 4096
tables_end:
shared: .space  4096
list:   .space  1024
        .balign 4096
        .space  4096
stack_top:
kernel_end:
# The program that both twins run in user mode, the same byte for byte: only the kernels differ.
# Eight rounds: take 64 pages, use them, give them back; a sector to the disk and back; a line; wait for the timer
# twice.
        .section .text
        .balign 4096
user_text:
        li      s0, 0                   # round
round:  li      a0, PAGES
        li      a7, SYS_MAP
        ecall
        li      s1, 0                   # sum of what the pages hold
        li      t0, WINDOW
        li      t1, PAGES
        li      t2, 4096
        li      t3, 1
1:      add     t4, t3, s0
        sw      t4, 0(t0)               # the first touch of each page
        lw      t5, 0(t0)
        add     s1, s1, t5
        add     t0, t0, t2
        addi    t3, t3, 1
        addi    t1, t1, -1
        bnez    t1, 1b
        li      a0, PAGES
        li      a7, SYS_UNMAP
        ecall

        la      s2, buffer
        sw      s1, 0(s2)
        mv      a0, s0
        mv      a1, s2
        li      a7, SYS_DISK_WRITE
        ecall
        sw      zero, 0(s2)
        mv      a0, s0
        mv      a1, s2
        li      a7, SYS_DISK_READ
        ecall
        lw      t0, 0(s2)
        sub     s3, t0, s1              # 0: the disk gave back what it was given

        la      t0, line_round          # "round 0: sum 0000, disk ok"
        addi    t1, s0, '0'
        sb      t1, 0(t0)
        la      t0, line_sum
        li      t1, 12
2:      srl     t2, s1, t1
        andi    t2, t2, 15
        li      t3, 10
        bltu    t2, t3, 3f
        addi    t2, t2, 39
3:      addi    t2, t2, '0'
        sb      t2, 0(t0)
        addi    t0, t0, 1
        addi    t1, t1, -4
        bgez    t1, 2b
        la      a0, line
        li      a1, LINE_BYTES
        beqz    s3, 4f
        la      a0, line_bad
        li      a1, LINE_BAD_BYTES
4:      li      a7, SYS_WRITE
        ecall

        la      t0, ticks               # computes until the timer takes the hart from it: it cannot tell how
        lw      t1, 0(t0)
5:      lw      t2, 0(t0)
        beq     t1, t2, 5b
        li      a7, SYS_SLEEP           # and lets it go by itself
        ecall
        addi    s0, s0, 1
        li      t0, ROUNDS
        bltu    s0, t0, round
        li      a7, SYS_EXIT
        ecall

        .section .data
        .balign 4096
user_data:
ticks:  .word   0                       # the kernel counts here
line:   .ascii  "round "
line_round: .ascii "0: sum "
line_sum: .ascii "0000, disk ok\n"
line_bad: .ascii "the disk gave back something else\n"
        .balign 512
buffer: .space  512
        .balign 4096
user_end:
