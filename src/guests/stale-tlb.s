# stale-tlb: edits a page-table entry and reads through it, without a fence and with one.
#
#   c0000000 --> old_frame      then, by one store into the leaf table:      c0000000 --> new_frame
#
# What it shows: the hart keeps translations in a TLB and does not watch the tables it took them from. Between the
# store and SFENCE.VMA it may use the old translation or the new one, as it likes (privileged manual, "Supervisor
# Memory-Management Fence Instruction"). So a kernel must fence, and this one prints only what it read behind the
# fence.
#
# What to watch for in the page: set a breakpoint at `unfenced`, step over the load and look at t0: old or new? Then
# compare techniques; none of the answers is wrong.
#   bare              the hart's TLB still has the old translation (unless something evicted it)
#   trap-and-emulate  the shadow page table is a TLB made by software: it keeps the old translation until SFENCE.VMA
#                     exits (cause 2, the VMX word is INVLPG) and the hypervisor drops the shadow entry
#   hardware-assisted the TLB keeps the two stages folded together; the guest's own SFENCE.VMA reaches it without any
#                     exit

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_SRST, 0x53525354
        .equ    WINDOW, 0xc0000000      # virtual address of the page whose frame changes
        .equ    PTE_POINTER, 0x01       # V alone: leads to the next level's table
        .equ    PTE_READ, 0x43          # V R A
        .equ    PTE_DATA, 0xc7          # V R W A D
        .equ    PTE_ALL, 0xcf           # V R W X A D

# Writes a page-table entry: the page at the physical address in t0, with these rights. Changes t0, t1.
        .macro  map entry, rights
        srli    t0, t0, 2               # the page number stands at bit 10, so the address divided by 4 …
        ori     t0, t0, \rights         # … leaves the low ten bits for the rights
        la      t1, \entry
        sw      t0, 0(t1)
        .endm

        .section .text
        .globl  _start
_start: li      t0, UART                # 4 MiB pages, virtual = physical: the UART and this program
        map     root_040, PTE_DATA
        li      t0, 0x80400000
        map     root_201, PTE_ALL
        la      t0, leaf                # and one 4 KiB page
        map     root_300, PTE_POINTER
        la      t0, old_frame
        map     leaf, PTE_READ
        la      t0, root
        srli    t0, t0, 12              # satp: the root's page number, and bit 31: Sv32
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma

        li      s0, WINDOW
        la      a0, text_before
        call    print
        mv      a0, s0
        call    print                   # fills the TLB: from the old frame

        la      t0, new_frame
        map     leaf, PTE_READ          # a store like any other: no hart and no hypervisor is told
unfenced:
        lw      t0, 0(s0)               # 20646c6f is "old " and 2077656e "new ": both are legal
        li      t0, 0                   # so do not let it decide anything

        sfence.vma s0, zero             # all translations of this address, in every address space
        la      a0, text_after
        call    print
        mv      a0, s0
        call    print                   # behind the fence there is one right answer

        csrw    satp, zero              # back to physical addresses
        sfence.vma
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      j       1b

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
text_before: .asciz "before the edit:  "
text_after:  .asciz "behind the fence: "
        .balign 4096
old_frame:   .asciz "old frame\n"
        .balign 4096
new_frame:   .asciz "new frame\n"

        .section .bss
        .balign 4096
root:   .space  0x100                   # a label for each entry that this program writes
root_040: .space 0x704
root_201: .space 0x3fc
root_300: .space 0x400
leaf:   .space  4096
