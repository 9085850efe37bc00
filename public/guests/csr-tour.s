# csr-tour: every sensitive instruction of a supervisor once, and every CSR that S-mode has.
#
# What it shows: which instructions a hypervisor must catch. Popek and Goldberg (1974) call those sensitive that read
# or change what belongs to the machine. On RISC-V each of them traps in U-mode. The tour says of every CSR whether it
# kept what was written, and of every trap whether it came.
#
# What to watch for in the page: the exit summary at the end of each run.
#   bare              no exits
#   trap-and-emulate  one exit for each line marked [*], nearly all with cause 2 (illegal instruction; CR_ACCESS or
#                     MSR_READ in VMX words), decoded by the hypervisor and done on the virtual CSR
#   hardware-assisted hardly any: in VS-mode the same CSR numbers mean vsstatus, vstvec, … The counters `cycle` and
#                     `instret` (hcounteren), WFI (hstatus.VTW) and the ECALL remain, with causes 22 and 10
# Left out: stimecmp (Sstc; a firmware may withhold it), and `time` is read but not printed: it is never the same twice.

        .equ    UART, 0x10000000
        .equ    LSR, 5
        .equ    SBI_BASE, 0x10
        .equ    SBI_SRST, 0x53525354
        .equ    SUM_MXR, 0xc0000        # sstatus: may S touch U pages; may it load from execute-only pages
        .equ    SSI, 2                  # sie, sip: the supervisor software interrupt
        .macro  expect value, name      # says whether a0 is that value
        li      a1, \value
        la      a2, \name
        call    compare
        .endm
        .macro  tour csr, name, value   # writes the CSR, reads it back, restores the old value
        li      t0, \value
        csrrw   s0, \csr, t0            # [*]
        csrr    a0, \csr                # [*]
        csrw    \csr, s0                # [*]
        expect  \value, \name
        .endm

        .section .text
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0               # [*]
        tour    sscratch, n_sscratch, 0x12345678
        tour    sepc, n_sepc, 0x80400abc
        tour    scause, n_scause, 13
        tour    stval, n_stval, 0xdeadbeef
        tour    scounteren, n_scounteren, 7     # U-mode may read cycle, time, instret
        tour    senvcfg, n_senvcfg, 1
        tour    sie, n_sie, 0x222       # software, timer, external
        li      t0, SUM_MXR
        csrs    sstatus, t0             # [*] set bits …
        csrr    a0, sstatus             # [*]
        csrc    sstatus, t0             # [*] … and clear them
        and     a0, a0, t0
        expect  SUM_MXR, n_sstatus

        la      t0, root                # paging on and off again (how: see `paging`)
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0                # [*]
        sfence.vma                      # [*]
        csrr    a0, satp                # [*]
        csrw    satp, zero              # [*]
        sfence.vma zero, zero           # [*] the same instruction, written in full
        and     a0, a0, t1
        expect  0x80000000, n_satp

        csrsi   sip, SSI                # [*] make an interrupt pending …
        csrsi   sie, SSI                # [*] … enable it here, but sstatus.SIE stays 0: it waits and is not taken …
        wfi                             # [*] … and so this cannot sleep
        csrr    a0, sip                 # [*]
        csrci   sip, SSI                # [*]
        csrci   sie, SSI                # [*]
        andi    a0, a0, SSI
        expect  SSI, n_sip

        rdtime  t0                      # [*]
        rdtimeh t0                      # [*]
        rdcycle t0                      # [*]
        rdinstret t0                    # [*]
        li      t0, 0                   # nothing of them stays
        la      t0, landing
        csrw    sepc, t0                # [*]
        li      t0, 0x100
        csrs    sstatus, t0             # [*] SPP = 1
        sret                            # [*] a jump to `landing` that stays in S-mode and takes SIE from SPIE
landing:
        csrci   sstatus, 2              # [*] SIE off again, whatever SPIE was
        li      s1, 0
        ebreak                          # trap 3, to our own handler
        .word   0                       # trap 2: all zeros is an illegal instruction for ever
        csrr    t0, mstatus             # trap 2: not for S-mode
        mv      a0, s1
        expect  0x322, n_traps
        li      a7, SBI_BASE            # ask for the version of the SBI: any but 0 will do
        li      a6, 0
        ecall                           # [*] trap 9 to the firmware
        snez    a0, a1
        expect  1, n_ecall
        li      a7, SBI_SRST            # a6 is 0 still
        li      a0, 0
        li      a1, 0
        ecall
        .balign 4
handler:                                # S-mode: collects the causes as digits in s1 and skips the instruction
        csrr    t0, scause              # [*]
        slli    s1, s1, 4
        or      s1, s1, t0
        csrr    t0, sepc                # [*]
        addi    t0, t0, 4
        csrw    sepc, t0                # [*]
        csrw    stval, zero             # [*] it may hold the instruction's bits or 0, both are legal: keep neither
        sret                            # [*]

# Prints the text at a2, after "NOT" if a0 (found) differs from a1 (expected). Changes a0, a3, t0 to t2.
compare:
        mv      a3, ra
        beq     a0, a1, 1f
        la      a0, text_different
        call    print
1:      mv      a0, a2
        mv      ra, a3                  # `print` returns to our caller
print:  li      t0, UART                # prints the string at a0; changes a0, t0 to t2
1:      lbu     t1, 0(a0)
        beqz    t1, 3f
2:      lbu     t2, LSR(t0)
        andi    t2, t2, 0x20            # transmitter empty?
        beqz    t2, 2b
        sb      t1, 0(t0)
        addi    a0, a0, 1
        j       1b
3:      ret

        .section .rodata
n_sscratch:     .asciz  "sscratch: what was written\n"
n_sepc:         .asciz  "sepc: what was written\n"
n_scause:       .asciz  "scause: what was written\n"
n_stval:        .asciz  "stval: what was written\n"
n_scounteren:   .asciz  "scounteren: what was written\n"
n_senvcfg:      .asciz  "senvcfg: what was written\n"
n_sie:          .asciz  "sie: what was written\n"
n_sstatus:      .asciz  "sstatus: SUM and MXR set and cleared\n"
n_satp:         .asciz  "satp: paging on and off\n"
n_sip:          .asciz  "sip: the interrupt that ended wfi\n"
n_traps:        .asciz  "traps: 3, 2 and 2\n"
n_ecall:        .asciz  "ecall: an answer from below\n"
text_different: .asciz  "NOT "
        .section .data
        .balign 4096
root:   .space  0x100
        .word   0x040000c7              # [0x040] the UART at 10000000, identity: V R W A D
        .space  0x700
        .word   0x201000cf              # [0x201] this program at 80400000, identity: V R W X A D
        .space  0x7f8
