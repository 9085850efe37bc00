# paging: builds two-level Sv32 page tables, turns them on, and repairs the page faults that it runs into.
#
#   root: 1024 entries of 4 MiB                        leaf: 1024 entries of 4 KiB
#     [0x040] 4 MiB page: the UART, identity             [0] page_a, there from the start
#     [0x201] 4 MiB page: this program, identity         [1] not there: the handler maps page_b when it is touched
#     [0x300] -----------------------------------------> [2] page_c, clean (D = 0): the first store makes it dirty
#
# What it shows: demand paging. A load from an unmapped page traps (13, load page fault), the handler writes a
# page-table entry, SRET runs the same load again, and now it works. Then the D bit: a hart with Svade (the default
# here) traps when the bit it needs is 0, and software sets it; a hart with Svadu sets it itself. The program says
# which kind it met.
#
# What to watch for in the page: the walk of c0000000, c0001000 and c0002000 in the memory panel, before and after.
#   bare              one walk, of these tables; no exits
#   trap-and-emulate  the hart walks *shadow* tables that the hypervisor fills from these, page by page. Writing satp
#                     and SFENCE.VMA exit (cause 2), and so does the first touch of every page, mapped here or not
#                     (12, 13, 15)
#   hardware-assisted both tables are walked, ours (vsatp) and stage 2 (hgatp). Our page faults come straight to our
#                     handler; only the first touch of a frame that stage 2 lacks exits (20, 21, 23)

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_SRST, 0x53525354
        .equ    WINDOW, 0xc0000000      # virtual address of the three small pages
        .equ    LOAD_PAGE_FAULT, 13
        .equ    PTE_POINTER, 0x01       # V alone: leads to the next level's table
        .equ    PTE_CLEAN, 0x47         # V R W A: may be written, was not yet
        .equ    PTE_DATA, 0xc7          # V R W A D: A and D set in advance, so that no access faults for them
        .equ    PTE_ALL, 0xcf           # the same with X
        .equ    PTE_D, 0x80

# Writes a page-table entry: the page at the physical address in t0, with these rights. Changes t0, t1.
        .macro  map entry, rights
        srli    t0, t0, 2               # the page number stands at bit 10, so the address divided by 4 …
        ori     t0, t0, \rights         # … leaves the low ten bits for the rights
        la      t1, \entry
        sw      t0, 0(t1)
        .endm

        .section .text
        .globl  _start
_start: la      sp, stack_top
        la      t0, page_fault
        csrw    stvec, t0
        li      t0, UART
        map     root_040, PTE_DATA
        li      t0, 0x80400000          # this program's own 4 MiB: without it the next instruction would fault
        map     root_201, PTE_ALL
        la      t0, leaf
        map     root_300, PTE_POINTER
        la      t0, page_a
        map     leaf, PTE_DATA
        la      t0, page_c
        map     leaf_2, PTE_CLEAN

        la      t0, root
        srli    t0, t0, 12              # satp: the root's page number, and bit 31: Sv32
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma                      # forget what was cached of the tables. Now every access is translated

        li      s0, WINDOW
        mv      a0, s0
        call    print                   # prints what is in page_a, by its virtual address: no trap
        li      t0, 4096
        add     s0, s0, t0
        mv      a0, s0
        call    print                   # not mapped: the first lbu in there traps (13), then runs once more
        li      t0, 4096
        add     s0, s0, t0
        li      s1, 0                   # becomes 1 if the handler has to set D
        sw      s0, 0(s0)               # page_c is clean
        la      a0, text_svade
        bnez    s1, 1f
        la      a0, text_svadu
1:      call    print

        csrw    satp, zero              # back to physical addresses
        sfence.vma
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

        .balign 4
page_fault:
        addi    sp, sp, -16
        sw      t0, 12(sp)              # the program goes on where it was: give back what we change
        sw      t1, 8(sp)
        csrr    t0, scause
        addi    t0, t0, -LOAD_PAGE_FAULT
        bnez    t0, 1f
        la      t0, page_b
        map     leaf_1, PTE_DATA
        j       2f
1:      la      t0, leaf_2              # store page fault, 15
        lw      t1, 0(t0)
        ori     t1, t1, PTE_D
        sw      t1, 0(t0)
        li      s1, 1
2:      csrr    t0, stval               # the virtual address that faulted:
        sfence.vma t0, zero             # the hart may have kept the old entry
        lw      t1, 8(sp)
        lw      t0, 12(sp)
        addi    sp, sp, 16
        sret                            # sepc still points at the load or store: it runs again

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
text_svade: .asciz "c0002000: dirty, the handler set D after store page fault 15 (Svade)\n"
text_svadu: .asciz "c0002000: dirty, the hart set D by itself (Svadu)\n"
        .balign 4096
page_a: .asciz  "c0000000: this page was mapped from the start\n"
        .balign 4096
page_b: .asciz  "c0001000: the handler mapped this page after load page fault 13\n"

        .section .bss
        .balign 4096
page_c: .space  4096
leaf:   .space  4                       # a label for each entry that this program writes
leaf_1: .space  4
leaf_2: .space  4088
root:   .space  0x100
root_040: .space 0x704
root_201: .space 0x3fc
root_300: .space 0x400
        .space  256
stack_top:
