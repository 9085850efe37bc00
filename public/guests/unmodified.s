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
# unmodified: a kernel as it is written for a bare machine. Its twin `paravirtual` does the same for the same program.
#
# What it shows: what a kernel's daily work costs when its hypervisor must notice everything by itself. It builds page
# tables, maps and unmaps 64 pages eight times over, takes timer interrupts and system calls, prints by the UART and
# moves sectors by programmed I/O. Run the twins and compare: panel "Techniques compared", or `ringside twins`.
#
#   virtual                                     physical
#   0x10000000  UART and disk, 4 MiB            the same
#   0x40000000  64 pages, while taken           the frames from 0x80800000 on
#   0x80400000  kernel, program                 the same
#
# What to watch for in the page: the exits of one round.
#   bare              none
#   trap-and-emulate  csr-access, supervisor-return and system-call for each trap; address-fence for each page given
#                     back and missing-page for its next touch; device-access for each word and each byte
#   hardware-assisted device-access is left, and missing-page only the first time: traps, tables, timer are the hart's
#   paravirtual       as trap-and-emulate, since it asks for nothing

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    DISK, 0x1000a000        # sectors by programmed I/O: a word at a time
        .equ    DISK_SECTOR, 0x08
        .equ    DISK_COMMAND, 0x10      # 1 read, 2 write
        .equ    DISK_STATUS, 0x14       # bit 1: a word may be moved
        .equ    DISK_DATA, 0x18
        .equ    DEVICES_MEGAPAGE, 0x040000c7    # UART / 4, V R W A D

        .section .text
        .globl  _start
_start: la      sp, stack_top
        la      t0, root                # the tables, written as memory is written
        li      t1, DEVICES_MEGAPAGE
        sw      t1, 0x100(t0)           # [0x040]
        la      t1, kernel_table
        srli    t1, t1, 2
        ori     t1, t1, 1
        li      t2, 0x804
        add     t2, t2, t0
        sw      t1, 0(t2)               # [0x201]
        la      t1, window_table
        srli    t1, t1, 2
        ori     t1, t1, 1
        sw      t1, 0x400(t0)           # [0x100]
        la      t0, _start              # the kernel and the program, page by page
        la      t3, kernel_table
1:      li      t1, KERNEL_PAGE
        la      t2, user_text
        bne     t0, t2, 2f
        li      t1, USER_TEXT
2:      la      t2, user_data
        bne     t0, t2, 3f
        li      t1, USER_DATA
3:      srli    t2, t0, 2
        or      t2, t2, t1
        sw      t2, 0(t3)
        addi    t3, t3, 4
        li      t2, 4096
        add     t0, t0, t2
        la      t2, kernel_end
        bltu    t0, t2, 1b
        la      t0, root
        srli    t0, t0, 12
        li      t1, 0x80000000          # Sv32
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        la      t0, trap
        csrw    stvec, t0
        li      t0, 0x20
        csrw    sie, t0                 # the timer
        call    start_timer
        csrw    sscratch, sp            # the stack for the next trap
        li      t0, 0x40000
        csrs    sstatus, t0             # SUM: the kernel reads and writes the program's pages
        li      t0, 0x100
        csrc    sstatus, t0             # SPP = U
        la      t0, user_text
        csrw    sepc, t0
        sret

        .balign 4
trap:   csrrw   sp, sscratch, sp        # traps come from the program only: the kernel runs with interrupts off
        addi    sp, sp, -64
        sw      ra, 0(sp)
        sw      t0, 4(sp)
        sw      t1, 8(sp)
        sw      t2, 12(sp)
        sw      t3, 16(sp)
        sw      t4, 20(sp)
        sw      t5, 24(sp)
        sw      a1, 28(sp)
        csrr    t0, scause
        li      t1, TIMER
        bne     t0, t1, 1f
        sw      a0, 32(sp)
        call    tick
        lw      a0, 32(sp)
        j       2f
1:      li      t1, USER_CALL
        bne     t0, t1, panic
        csrr    t0, sepc                # behind the ECALL
        addi    t0, t0, 4
        csrw    sepc, t0
        call    system_call
2:      lw      ra, 0(sp)
        lw      t0, 4(sp)
        lw      t1, 8(sp)
        lw      t2, 12(sp)
        lw      t3, 16(sp)
        lw      t4, 20(sp)
        lw      t5, 24(sp)
        lw      a1, 28(sp)
        addi    sp, sp, 64
        csrrw   sp, sscratch, sp
        sret

tick:   la      t0, ticks
        lw      t1, 0(t0)
        addi    t1, t1, 1
        sw      t1, 0(t0)
start_timer:                            # the next one, PERIOD from now
        csrr    t0, time
        li      t1, PERIOD
        add     t0, t0, t1
        csrw    stimecmp, t0
        csrw    stimecmph, zero
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

sleep:  wfi                             # an interrupt ends it although the kernel takes none now
        j       tick

map:    la      t0, window_table        # a0 pages: plain stores; the tables are the kernel's own memory
        li      t1, POOL
        srli    t1, t1, 2
1:      ori     t2, t1, USER_DATA
        sw      t2, 0(t0)
        addi    t0, t0, 4
        addi    t1, t1, 1024
        addi    a0, a0, -1
        bnez    a0, 1b
        ret

unmap:  la      t0, window_table
        li      t1, WINDOW
        li      t2, 4096
1:      sw      zero, 0(t0)
        sfence.vma t1, zero             # the hart may have kept the entry
        addi    t0, t0, 4
        add     t1, t1, t2
        addi    a0, a0, -1
        bnez    a0, 1b
        ret

write:  li      t0, UART
1:      lbu     t1, LSR(t0)
        andi    t1, t1, 0x20            # transmitter empty?
        beqz    t1, 1b
        lbu     t1, 0(a0)
        sb      t1, 0(t0)
        addi    a0, a0, 1
        addi    a1, a1, -1
        bnez    a1, 1b
        ret

disk_write:
        li      t0, DISK
        sw      a0, DISK_SECTOR(t0)
        li      t1, 2
        sw      t1, DISK_COMMAND(t0)
        li      t2, 128
1:      lw      t1, DISK_STATUS(t0)
        andi    t1, t1, 2
        beqz    t1, 1b
        lw      t1, 0(a1)
        sw      t1, DISK_DATA(t0)
        addi    a1, a1, 4
        addi    t2, t2, -1
        bnez    t2, 1b
        ret
disk_read:
        li      t0, DISK
        sw      a0, DISK_SECTOR(t0)
        li      t1, 1
        sw      t1, DISK_COMMAND(t0)
        li      t2, 128
1:      lw      t1, DISK_STATUS(t0)
        andi    t1, t1, 2
        beqz    t1, 1b
        lw      t1, DISK_DATA(t0)
        sw      t1, 0(a1)
        addi    a1, a1, 4
        addi    t2, t2, -1
        bnez    t2, 1b
        ret

# --- the kernel's own memory ---
        .section .bss
        .balign 4096
root:   .space  4096
kernel_table: .space 4096
window_table: .space 4096
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
