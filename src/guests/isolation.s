# isolation: tries to break out of its virtual machine, six ways, and reports what stopped it.
#
# What it shows: a guest may try anything; it gets the trap that a real hart would give it, and nothing of its
# neighbours. Each way in is one that fails on a bare board too, with the same cause, so that the output is the same
# under every technique:
#   1 load, 2 store, 3 jump   to 90000000, far behind this guest's 16 MiB, where somebody else's memory may lie
#                             → access faults 5, 7, 1
#   4 the M-mode trap vector  a guest that owned mtvec would own the machine → illegal instruction, 2
#   5 MRET                    from S-mode → illegal instruction, 2
#   6 its own page table      maps a page to 90000000 and loads through it: translated, but nothing is there → 5
# (Why no hypervisor CSR, such as hgatp, is tried: on the bare board a kernel runs in HS-mode and may write it. That
# is the point of the H extension; it would be denied only to a guest. The guests under hostile/ do such things.)
#
# What to watch for in the page: who says no.
#   bare              the bus finds nothing at 90000000; the hart refuses 4 and 5 by privilege
#   trap-and-emulate  1, 2, 3 and 6 find no shadow entry; the hypervisor looks where the guest wants to go, finds it
#                     outside the guest's memory map and reflects an access fault. It refuses to emulate 4 and 5 and
#                     reflects cause 2.
#   hardware-assisted 1, 2, 3 and 6 end in guest-page faults 21, 23, 20: stage 2 maps nothing there, whatever the
#                     guest's own tables say. 4 and 5 never reach the hypervisor: illegal for VS-mode, and delegated
#                     to the guest.

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_SRST, 0x53525354
        .equ    OUTSIDE, 0x90000000
        .equ    WINDOW, 0xc0000000      # virtual address that way 6 maps to OUTSIDE
        .equ    OUTSIDE_MEGAPAGE, 0x240000c7    # OUTSIDE / 4, V R W A D
        .equ    UART_MEGAPAGE, 0x040000c7
        .equ    OWN_MEGAPAGE, 0x201000cf        # 80400000 / 4, V R W X A D

# Before an attempt: forget the last cause, and let the handler go on behind the attempt, at the next label `1:`.
        .macro  attempt
        li      s0, 0                   # the cause, if a trap comes
        la      s1, 1f
        .endm

        .section .text
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      s2, OUTSIDE

        attempt
        lw      t0, 0(s2)               # way 1
1:      la      a0, text_load
        call    verdict

        attempt
        sw      zero, 0(s2)             # way 2
1:      la      a0, text_store
        call    verdict

        attempt
        jr      s2                      # way 3
1:      la      a0, text_jump
        call    verdict

        attempt
        csrw    mtvec, zero             # way 4
1:      la      a0, text_csr
        call    verdict

        attempt
        mret                            # way 5
1:      la      a0, text_mret
        call    verdict

        la      t0, root                # way 6: three 4 MiB pages
        li      t1, UART_MEGAPAGE
        sw      t1, 0x100(t0)           # [0x040] the UART, identity
        li      t2, 0x804
        add     t2, t2, t0
        li      t1, OWN_MEGAPAGE
        sw      t1, 0(t2)               # [0x201] this program, identity
        li      t1, OUTSIDE_MEGAPAGE
        sw      t1, 0x3fc(t2)           # [0x300] the window
        srli    t0, t0, 12
        li      t1, 0x80000000          # mode Sv32
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        li      s2, WINDOW
        attempt
        lw      t0, 0(s2)
1:      la      a0, text_window
        call    verdict
        csrw    satp, zero
        sfence.vma

        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      j       1b

        .balign 4
handler:
        csrr    s0, scause
        csrw    sepc, s1                # not the instruction that trapped, but what follows the attempt
        sret                            # back to S-mode: SPP is 1, since the trap came from there

# Prints the text at a0, and whether a trap came (s0: its cause, 0: none). Changes a0, t0 to t3.
verdict:
        mv      t3, ra
        call    print
        la      a0, text_not_denied
        beqz    s0, 1f
        addi    t0, s0, '0'             # all the causes that can come here have one digit
        la      a0, cause_digit
        sb      t0, 0(a0)
        la      a0, text_denied
1:      call    print
        jr      t3

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
text_load:   .asciz "1 load from memory that is not mine:  "
text_store:  .asciz "2 store to memory that is not mine:   "
text_jump:   .asciz "3 jump to memory that is not mine:    "
text_csr:    .asciz "4 write the machine's trap vector:    "
text_mret:   .asciz "5 return from a machine-mode trap:    "
text_window: .asciz "6 map memory that is not mine:        "
text_not_denied: .asciz "NOT DENIED\n"
text_denied: .ascii "denied, cause "
cause_digit: .asciz "0\n"

        .section .bss
        .balign 4096
root:   .space  4096
