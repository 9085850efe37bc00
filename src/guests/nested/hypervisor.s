# nested: a hypervisor of its own on the bare machine, and a guest inside it: four levels, one above the other.
#
#   L2  VU    user program      )  inside the guest, which believes that it owns the computer;
#   L2  VS    guest kernel      )  its source is the second half of this text
#   L1  HS    hypervisor           stage 2, exits, an emulated UART, injected interrupts: from `hypervisor` on
#   L0  M     firmware             delegates what it can, and keeps the timer: from `_start` on
#
# What it shows: what a hypervisor with the H extension consists of, whole. It gives the guest memory page by page
# (stage-2 faults), lets some traps pass without seeing them (hedeleg, hideleg), emulates what the guest must not touch
# (a UART at its address, wfi, the time), reflects what its kernel must handle, and rings it by a bit in hvip.
# The calls of the guest kernel's own users (cause 8) go from VU to VS straight past it.
#
# What to watch for in the page: the Levels panel; each trap is a step down, each sret or mret a step up.
#   bare              the only way to run it: M-mode needs the whole machine. No exit here is one of *our* hypervisor's
#   trap-and-emulate  and hardware-assisted do not offer machine mode with the H extension to their guests
# It also runs on QEMU, with the same output: qemu-system-riscv32 -M virt -nographic -bios none -kernel nested.elf
#
#            GVA ── vsatp, the guest's tables ──> GPA ── hgatp, our tables ──> HPA
#   guest RAM    80010000 … 8001ffff, the same at both ends    frames, given out in the order of first use

        .equ    UART, 0x10000000        # 16550A; the guest's own lies there too, and is not there
        .equ    UART_LSR, 5             # line status; 0x60: ready to send
        .equ    FINISHER, 0x100000      # storing 0x5555 turns the computer off
        .equ    MTIMECMP, 0x02004000    # of hart 0
        .equ    VS_CALL, 10             # causes
        .equ    FETCH_GUEST_PAGE, 20
        .equ    LOAD_GUEST_PAGE, 21
        .equ    VIRTUAL_INSTRUCTION, 22
        .equ    STORE_GUEST_PAGE, 23
        .equ    STIP, 1 << 5
        .equ    MTIP, 1 << 7
        .equ    VSTIP, 1 << 6           # in hvip; the guest finds it as STIP in its sip
        .equ    SPP, 1 << 8             # sstatus: the trap came from S (here: VS), or SRET goes there
        .equ    SPV, 1 << 7             # hstatus: the trap came from V = 1, or SRET goes there
        .equ    SPVP, 1 << 8
        .equ    VTW, 1 << 21            # hstatus: the guest's wfi traps
        .equ    SBI_TIME, 0x54494d45
        .equ    SBI_DBCN, 0x4442434e
        .equ    SBI_SRST, 0x53525354
        .equ    WFI, 0x10500073
        .equ    GUEST_BYTES, 0x10000
        .equ    STAGE2_POINTER, 0x01    # V
        .equ    STAGE2_PAGE, 0xdf       # V R W X U A D. Stage 2 is walked as if for user mode: U must be set

# Prints a text from M or HS. Changes a0, t0, t1, ra.
        .macro  say text
        la      a0, \text
        call    print
        .endm

# Adds one to a word. Changes t0, t1.
        .macro  count what
        la      t0, count_\what
        lw      t1, 0(t0)
        addi    t1, t1, 1
        sw      t1, 0(t0)
        .endm

# t1: an instruction; becomes where its register, named in five bits from `bit` on, lies in vcpu (s0).
        .macro  place bit
        srli    t1, t1, \bit - 2        # times 4
        andi    t1, t1, 31 * 4          # x0 has a place as well, which is never read again
        add     t1, t1, s0
        .endm

# ---- L0: firmware, in M-mode -----------------------------------------------------------------------------------------

        .section .text
        .globl  _start
_start: la      sp, machine_stack_top
        csrw    mscratch, sp
        la      t0, machine_trap
        csrw    mtvec, t0
        li      t0, -1                  # physical memory protection, if there is any: all is open to S and U
        csrw    pmpaddr0, t0
        li      t0, 0x1f
        csrw    pmpcfg0, t0
        li      t0, 0x00f0b5ff          # every exception that S may handle, except the call to us (9)
        csrw    medeleg, t0
        li      t0, 0x222               # its interrupts as well; those of VS (0x444) are delegated by the hardware
        csrw    mideleg, t0
        li      t0, 2                   # S may read the time
        csrw    mcounteren, t0
        say     text_machine
        li      t0, 3 << 11             # mstatus.MPP = S: where MRET goes
        csrc    mstatus, t0
        li      t0, 1 << 11
        csrs    mstatus, t0
        la      t0, hypervisor
        csrw    mepc, t0
        mret

        .balign 4
machine_trap:                           # either HS asks for a timer, or the timer has come
        csrrw   sp, mscratch, sp
        sw      t0, -4(sp)
        sw      t1, -8(sp)
        csrr    t0, mcause
        bltz    t0, 1f                  # an interrupt: bit 31
        addi    t0, t0, -9              # ECALL from HS
        bnez    t0, stop                # nothing else comes here
        li      t0, MTIMECMP            # a0, a1: the time to ring at
        li      t1, -1
        sw      t1, 4(t0)               # never, while only half of it is written
        sw      a0, 0(t0)
        sw      a1, 4(t0)
        li      t0, STIP
        csrc    mip, t0                 # what rang before is answered
        li      t0, MTIP
        csrs    mie, t0
        csrr    t0, mepc
        addi    t0, t0, 4               # behind the ECALL
        csrw    mepc, t0
        j       2f
1:      li      t0, STIP                # hand the timer down to HS …
        csrs    mip, t0
        li      t0, MTIP                # … and hear no more of it until the next call
        csrc    mie, t0
2:      lw      t0, -4(sp)
        lw      t1, -8(sp)
        csrrw   sp, mscratch, sp
        mret

# ---- L1: the hypervisor, in HS-mode ----------------------------------------------------------------------------------

hypervisor:
        la      sp, stack_top
        la      t0, exit
        csrw    stvec, t0
        la      t0, vcpu
        csrw    sscratch, t0
        la      t0, stage2_leaf         # root entry 0x200 translates 80000000 … 803fffff; the leaf below is empty
        srli    t0, t0, 2
        ori     t0, t0, STAGE2_POINTER
        la      t1, stage2_root + 0x200 * 4
        sw      t0, 0(t1)
        la      t0, stage2_root         # four pages, 16 KiB aligned: a GPA has two bits more (Sv32x4)
        srli    t0, t0, 12
        li      t1, 1 << 31
        or      t0, t0, t1
        csrw    hgatp, t0
        hfence.gvma
        li      t0, 0x0000b1ff          # hedeleg: misaligned, access and page faults, illegal instructions, user calls
        csrw    hedeleg, t0             #   belong to the guest kernel and never come here
        li      t0, 0x444               # hideleg: so do the interrupts that hvip injects
        csrw    hideleg, t0
        csrw    hcounteren, zero        # reading the time traps: the guest gets the time from us
        li      t0, SPV | SPVP | VTW    # SRET goes to V = 1; wfi traps
        csrw    hstatus, t0
        li      t0, SPP
        csrs    sstatus, t0             # … and there to S: VS-mode
        li      t0, STIP
        csrs    sie, t0
        csrw    vsatp, zero             # the guest begins without paging, like any kernel
        la      t0, guest_start
        csrw    sepc, t0
        say     text_hypervisor
        sret                            # the first world switch

# Every trap from the guest that is not delegated: an exit. Its registers go into `vcpu`, x1 at 4, x2 at 8 …
        .balign 4
exit:   csrrw   sp, sscratch, sp        # sp: vcpu; the guest's sp waits in sscratch
        .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sw      x\n, \n * 4(sp)
        .endr
        mv      s0, sp                  # s0: vcpu, in all that follows
        csrrw   t0, sscratch, sp
        sw      t0, 2 * 4(s0)
        la      sp, stack_top
        csrr    s1, scause
        bltz    s1, timer               # the only interrupt that is enabled
        li      t0, VS_CALL
        beq     s1, t0, call_from_guest
        li      t0, VIRTUAL_INSTRUCTION
        beq     s1, t0, virtual_instruction
        li      t0, FETCH_GUEST_PAGE
        bge     s1, t0, guest_page_fault
        j       stop                    # a trap of our own: a mistake in here

skip:   csrr    t0, sepc                # the guest goes on behind the instruction that has been done for it
        addi    t0, t0, 4
        csrw    sepc, t0
resume: mv      sp, s0                  # … or executes it once more
        .irp    n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        lw      x\n, \n * 4(sp)
        .endr
        lw      sp, 2 * 4(sp)
        sret

# The timer has come, for the guest: pending in its sip while the bit is in hvip, and taken when the guest lets it.
timer:  li      t0, VSTIP
        csrs    hvip, t0
        li      t0, STIP
        csrc    sie, t0                 # ours still rings, and has been heard
        j       resume

# ECALL from VS, cause 10: we are the guest's firmware. a7: extension, a0 …: arguments and answer.
call_from_guest:
        li      s2, 0                   # the answer: no error
        li      t0, SBI_DBCN            # the console (function 2): one byte
        beq     a7, t0, 1f
        li      t0, SBI_TIME
        beq     a7, t0, 2f
        li      t0, SBI_SRST
        beq     a7, t0, guest_is_done
        li      s2, -2                  # not supported
        j       3f
1:      call    put
        j       3f
2:      li      t0, VSTIP               # a new timer: the old one no longer rings
        csrc    hvip, t0
        ecall                           # to the firmware, with the guest's a0 and a1: only M-mode has a timer
        li      t0, STIP
        csrs    sie, t0
3:      sw      s2, 10 * 4(s0)
        count   calls
        j       skip

# A guest physical address that stage 2 does not translate. Its last two bits are those of stval.
guest_page_fault:
        csrr    s2, htval               # the address / 4, which may have 34 bits:
        srli    t0, s2, 30
        bnez    t0, nothing_there       # this guest has nothing above 4 GiB
        slli    s2, s2, 2
        csrr    t0, stval
        andi    t0, t0, 3
        or      s2, s2, t0              # s2: the guest physical address
        la      s3, guest_start
        sub     t0, s2, s3
        li      t1, GUEST_BYTES
        bltu    t0, t1, give_page
        li      t0, UART
        sub     t0, s2, t0
        sltiu   t1, t0, 8
        bnez    t1, emulate_uart
nothing_there:                          # as on a real board: an access fault of the same kind
        la      t0, access_faults - FETCH_GUEST_PAGE
        add     t0, t0, s1
        lbu     a0, 0(t0)
        csrr    a1, stval
        j       inject

# The first touch of a page of the guest's RAM: it gets a frame, and in it its page of the image, if it has one.
give_page:
        li      t0, -4096
        and     s2, s2, t0              # s2: the page
        la      s4, frames              # s4: the frame
        lw      t0, count_pages
        slli    t0, t0, 12
        add     s4, s4, t0
        la      t0, guest_end
        bgeu    s2, t0, 3f              # behind the image: zeros, as the frame is
        mv      t0, s2                  # in here the image lies where the guest believes itself to be
        mv      t1, s4
        li      t2, 1024
2:      lw      t3, 0(t0)
        sw      t3, 0(t1)
        addi    t0, t0, 4
        addi    t1, t1, 4
        addi    t2, t2, -1
        bnez    t2, 2b
        fence.i                         # it may hold code
3:      srli    t0, s2, 10              # leaf entry: page number, times 4 …
        li      t1, 0xffc
        and     t0, t0, t1              # … within these 4 MiB
        la      t1, stage2_leaf
        add     t0, t0, t1
        srli    t1, s4, 2
        ori     t1, t1, STAGE2_PAGE
        sw      t1, 0(t0)
        srli    t0, s2, 2
        hfence.gvma t0, zero            # takes a guest physical address / 4
        say     text_page
        mv      a1, s2
        call    print_number
        say     text_frame
        mv      a1, s4
        call    print_number
        csrr    t0, htinst              # the fault's own instruction, or 0x2000: it was the hart that read a page table
        la      a0, text_by_walker
        li      t1, 0x2000
        beq     t0, t1, 4f
        la      a0, text_newline
4:      call    print
        count   pages
        j       resume

# The guest's UART: t0 is the register. htinst holds the load or store; a hart may also leave it 0 (QEMU 7.2 does).
emulate_uart:
        csrr    t1, htinst
        bnez    t1, 1f
        csrr    t1, sepc                # then the guest's code is read, as it would be fetched: by both stages
        hlvx.wu t1, (t1)
1:      li      t2, STORE_GUEST_PAGE
        beq     s1, t2, 1f
        li      t2, 0                   # a load: ready to send, and zeros otherwise
        addi    t0, t0, -UART_LSR
        bnez    t0, 2f
        li      t2, 0x60
2:      place   7                       # rd
        sw      t2, 0(t1)
        j       3f
1:      bnez    t0, 3f                  # only the data register does something
        place   20                      # rs2
        lw      a0, 0(t1)
        call    put
3:      count   devices
        j       skip

# Cause 22: an instruction that HS could execute and the guest may not. stval holds it.
virtual_instruction:
        count   instructions
        csrr    a1, stval
        li      t0, WFI
        beq     a1, t0, 2f
        srli    t0, a1, 20              # a CSR instruction's upper 12 bits: which CSR
        csrr    t2, time
        li      t1, 0xc01               # time
        beq     t0, t1, 1f
        csrr    t2, timeh
        li      t1, 0xc81               # timeh
        beq     t0, t1, 1f
        li      a0, 2                   # all else is illegal for the guest as well: let its kernel know
        j       inject
1:      mv      t1, a1
        place   7                       # rd
        sw      t2, 0(t1)
        j       skip
2:      csrr    t0, hvip                # nothing to wait for if it rings already
        bnez    t0, skip
        wfi                             # wait in the guest's place: the timer is ours
        j       skip                    # SRET lets it in, and the next exit hands it on

# Makes the guest's kernel take an exception, a0: cause, a1: value, as the hart would have made it.
inject: csrw    vscause, a0
        csrw    vstval, a1
        csrr    t0, sepc
        csrw    vsepc, t0
        csrr    t0, vsstatus
        andi    t1, t0, 2               # SIE …
        slli    t1, t1, 4               # … moves to SPIE
        li      t2, ~(SPP | 0x22)
        and     t0, t0, t2
        or      t0, t0, t1
        csrr    t1, sstatus
        andi    t1, t1, SPP             # SPP says where the guest was: VU or VS
        or      t0, t0, t1
        csrw    vsstatus, t0
        li      t0, SPP
        csrs    sstatus, t0             # it goes on in VS, at its handler
        csrr    t0, vstvec
        csrw    sepc, t0
        j       resume

guest_is_done:
        say     text_done
        .irp    what, calls, pages, devices, instructions
        lw      a1, count_\what
        call    print_number
        say     text_\what
        .endr
stop:   li      t0, FINISHER
        li      t1, 0x5555
        sw      t1, 0(t0)
1:      j       1b

# Prints the text at a0; the number a1 in 8 hexadecimal digits; the byte a0. Changes a0, t0 to t3.
print:  mv      t3, ra
        mv      t2, a0
1:      lbu     a0, 0(t2)
        beqz    a0, 2f
        call    put
        addi    t2, t2, 1
        j       1b
2:      jr      t3
print_number:
        mv      t3, ra
        li      t2, 8
1:      srli    a0, a1, 28
        slli    a1, a1, 4
        sltiu   t0, a0, 10
        bnez    t0, 2f
        addi    a0, a0, 'a' - '0' - 10
2:      addi    a0, a0, '0'
        call    put
        addi    t2, t2, -1
        bnez    t2, 1b
        jr      t3
put:    li      t0, UART
1:      lbu     t1, UART_LSR(t0)
        andi    t1, t1, 0x20            # transmitter empty?
        beqz    t1, 1b
        sb      a0, 0(t0)
        ret

        .section .rodata
access_faults:   .byte  1, 5, 0, 7      # of a fetch (20), a load (21), a store (23)
text_machine:    .asciz "L0  M:  firmware; stepping down to HS\n"
text_hypervisor: .asciz "L1  HS: hypervisor; stage 2 is empty, entering the guest\n"
text_page:       .asciz "L1  HS: stage-2 fault, gpa "
text_frame:      .asciz " gets hpa "
text_by_walker:  .asciz ", touched by the walk of the guest's own tables\n"
text_newline:    .asciz "\n"
text_done:       .asciz "L1  HS: the guest is done. Exits, in hexadecimal: "
text_calls:      .asciz " calls, "
text_pages:      .asciz " pages, "
text_devices:    .asciz " device accesses, "
text_instructions: .asciz " instructions\n"

        .section .bss
        .balign 16384
stage2_root: .space 16384
stage2_leaf: .space 4096
frames: .space  GUEST_BYTES             # as many as the guest has pages: they cannot run out
vcpu:   .space  32 * 4                  # the guest's x1 … x31 while we run
        .irp    what, calls, pages, devices, instructions
count_\what: .space 4
        .endr
        .space  512
stack_top:
        .space  256
machine_stack_top:
