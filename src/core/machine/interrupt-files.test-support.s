# What a hart's CSRs say of its interrupt files, as words in hexadecimal, one a line, and as traps where there is nothing to say:
# in machine mode, then as a guest with interrupt file 1 for its own. For QEMU's virt board (aia=aplic-imsic,aia-guests=7) and ours.

        .equ    UART, 0x10000000
        .equ    FILE_M, 0x24000000
        .equ    FILE_S, 0x28000000
        .equ    FILE_1, 0x28001000
        .equ    ROOT, 0x0c000000
        .equ    CHILD, 0x0d000000
        .macro  show csr
        li      a0, -1
        csrr    a0, \csr
        call    print
        .endm
        .macro  identity csr            # without the priority: QEMU's are set, ours are fixed
        csrr    a0, \csr
        srli    a0, a0, 16
        call    print
        .endm
        .macro  set_to csr, value
        li      t0, \value
        csrw    \csr, t0
        .endm
        .macro  put level, select, value
        set_to  \level\()iselect, \select
        set_to  \level\()ireg, \value
        .endm
        .macro  get level, select
        set_to  \level\()iselect, \select
        show    \level\()ireg
        .endm
        .macro  message page, identity
        li      t0, \page
        li      t1, \identity
        sw      t1, 0(t0)
        .endm
        .globl  _start
_start: la      sp, stack_top
        la      t0, handler
        csrw    mtvec, t0
        identity mtopi
        show    mtopei
        show    stopei
        identity stopi
        show    hgeip
        show    hgeie
        show    mvien
        show    mieh
        show    sieh
        show    hvien
        show    hidelegh
        set_to  hgeie, -1
        show    hgeie
        set_to  hgeie, 0
        set_to  hstatus, 0x7000
        show    hstatus
        show    vstopei
        identity vstopi
        set_to  hstatus, 0
        show    vstopei                 # no file: a trap
        set_to  vsiselect, 0x70
        show    vsireg
        # the machine's file
        put     m, 0x70, -1
        get     m, 0x70
        put     m, 0x72, 0x55
        get     m, 0x72
        put     m, 0x72, 0
        put     m, 0xc0, -1
        get     m, 0xc0
        put     m, 0xc7, -1
        get     m, 0xc7
        get     m, 0x80
        get     m, 0x40                 # reserved: a trap
        message FILE_M, 200
        message FILE_M, 225
        message FILE_M, 0
        message FILE_M, 256
        message FILE_M, 5
        message FILE_M, 226
        show    mtopei
        set_to  mie, 0x800
        identity mtopi
        csrrw   a0, mtopei, zero
        call    print
        get     m, 0x87
        show    mtopei
        put     m, 0x72, 225
        show    mtopei
        identity mtopi
        put     m, 0x72, 0
        put     m, 0x70, 0
        show    mtopei
        identity mtopi
        put     m, 0xc7, 0
        # the supervisor's file, from machine mode
        put     s, 0x70, 1
        put     s, 0xc0, 0x80
        message FILE_S, 7
        show    stopei
        set_to  mideleg, 0x222
        show    mideleg
        set_to  mie, 0x1200
        show    mie
        identity stopi
        identity mtopi
        csrr    a0, mip
        li      t0, 0x1e00
        and     a0, a0, t0
        call    print
        csrrw   a0, stopei, zero
        call    print
        identity stopi
        # guest files
        set_to  hstatus, 0x1000
        put     vs, 0x70, 1
        put     vs, 0xc1, 6
        message FILE_1, 33
        show    hgeip
        show    vstopei
        call    lines
        set_to  hstatus, 0x2000
        show    vstopei
        call    lines
        set_to  hgeie, 2
        call    lines
        show    hip
        identity stopi
        set_to  hgeie, 4
        call    lines
        set_to  hgeie, 0
        set_to  hstatus, 0x1000
        set_to  hideleg, 0x444
        set_to  vsie, 0x200
        identity vstopi
        csrrw   a0, vstopei, zero
        call    print
        call    lines
        # a wire, through both domains, to guest file 1
        li      s1, ROOT
        li      t0, 0x24000
        li      t1, 0x1bc0
        add     t1, t1, s1
        sw      t0, 0(t1)
        sw      zero, 4(t1)
        li      t0, 0x28000
        sw      t0, 8(t1)
        li      t0, 0x300000
        sw      t0, 12(t1)
        lw      a0, 12(t1)
        call    print
        li      t0, 0x400
        sw      t0, 40(s1)              # source 10, the serial port's, is the child's
        li      s2, CHILD
        li      t0, 6
        sw      t0, 40(s2)
        lw      a0, 40(s2)
        call    print
        li      t1, 0x3000
        add     t1, t1, s2
        li      t0, 0x1022              # hart 0, guest 1, identity 34
        sw      t0, 40(t1)
        lw      a0, 40(t1)
        call    print
        li      t1, 0x1e00
        add     t1, t1, s2
        li      t0, 0x400
        sw      t0, 0(t1)
        li      t0, 0x100
        sw      t0, 0(s2)
        show    hgeip
        li      t0, UART
        li      t1, 2
        sb      t1, 1(t0)               # the transmitter is empty: it asks
        show    hgeip
        show    vstopei
        li      t0, UART
        sb      zero, 1(t0)
        # into the guest; QEMU wants its memory granted first
        set_to  pmpaddr0, -1
        set_to  pmpcfg0, 0x1f
        la      t0, guest_handler
        csrw    vstvec, t0
        set_to  vsstatus, 2
        li      t0, 0x1800
        csrc    mstatus, t0
        li      t0, 0x800
        csrs    mstatus, t0
        li      t0, 0x80
        csrs    mstatush, t0
        set_to  medeleg, 0
        la      t0, guest
        csrw    mepc, t0
        li      s5, 0
        mret
guest:  nop                             # the interrupt that is pending comes here
        nop
        mv      a0, s5
        call    print
        show    stopei
        show    siselect
        get     s, 0x70
        get     s, 0xc1
        get     s, 0x30                 # no priorities: a trap, virtual
        show    vsireg
        show    vstopei
        show    hgeip
        show    sieh
        message FILE_1, 33              # to itself
        j       2f                      # QEMU looks for interrupts where it jumps
2:      nop
        mv      a0, s5
        call    print
        li      t0, 0x100000
        li      t1, 0x5555
        sw      t1, 0(t0)
1:      j       1b

lines:  addi    sp, sp, -16
        sw      ra, 0(sp)
        csrr    a0, mip
        li      t0, 0x1400
        and     a0, a0, t0
        call    print
        lw      ra, 0(sp)
        addi    sp, sp, 16
        ret

        .balign 4
guest_handler:
        csrr    s6, scause
        csrr    s7, stopi
        csrrw   s5, stopei, zero
        srli    s5, s5, 16
        slli    s6, s6, 8
        add     s5, s5, s6
        slli    s7, s7, 4
        add     s5, s5, s7
        sret

        .balign 4
handler:
        csrr    a0, mcause
        li      t0, 0x7a000000          # shown as a trap
        add     a0, a0, t0
        csrr    t0, mepc
        addi    t0, t0, 4
        csrw    mepc, t0
        mret

print:  li      t0, UART
        li      t1, 28
1:      srl     t2, a0, t1
        andi    t2, t2, 15
        li      t3, 10
        blt     t2, t3, 2f
        addi    t2, t2, 39
2:      addi    t2, t2, 48
        sb      t2, 0(t0)
        addi    t1, t1, -4
        bgez    t1, 1b
        li      t2, 10
        sb      t2, 0(t0)
        ret
        .bss
        .balign 16
        .space  256
stack_top:
