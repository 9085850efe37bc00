
# ---- L2: the guest, a kernel in VS-mode and a program in VU-mode ---------------------------------------------------
#
# It knows nothing of all that: RAM from 80010000 on, a UART, firmware that takes calls. It would run the same as L1.
#
#   GPA   80010000 kernel   80011000 user code                             (the image)
#         80012000 root     80013000 leaf, identity   80014000 leaf of the window
#         80015000 the user's data, at virtual address 40000000           80016000 kernel stack

        .equ    GUEST_UART, 0x10000000
        .equ    WINDOW, 0x40000000
        .equ    ROOT, 0x2000            # offsets from guest_start
        .equ    LEAF, 0x3000
        .equ    WINDOW_LEAF, 0x4000
        .equ    USER_DATA, 0x5000
        .equ    STACK_TOP, 0x7000
        .equ    TICK, 10000             # 1 ms
        .equ    POINTER, 0x01           # V
        .equ    KERNEL_PAGE, 0xcf       # V R W X A D
        .equ    USER_CODE, 0x5b         # V R X U A
        .equ    USER_PAGE, 0xd7         # V R W U A D
        .equ    DEVICE, 0xc7            # V R W A D

# Prints by calls to the firmware, a byte each: every one is an exit. Changes a0, a6, a7, t2.
        .macro  kernel_says text
        la      t2, \text
        call    call_out
        .endm

        .section .guest, "ax"
        .balign GUEST_BYTES
guest_start:
        la      s11, guest_start        # s11: base of RAM
        li      sp, STACK_TOP
        add     sp, sp, s11
        la      t0, kernel_trap
        csrw    stvec, t0               # its stvec is our vstvec, and so with every CSR here: no exit
        kernel_says text_kernel
        li      t0, LEAF                # the identity: 16 pages
        add     t0, t0, s11
        srli    t1, s11, 10             # the first one's entry: page number, times 4 …
        li      t2, 0xffc
        and     t1, t1, t2
        add     t1, t1, t0
        srli    t2, s11, 2
        ori     t2, t2, KERNEL_PAGE
        li      t3, 16
1:      sw      t2, 0(t1)
        addi    t1, t1, 4
        addi    t2, t2, 1 << 10
        addi    t3, t3, -1
        bnez    t3, 1b
        la      t2, user
        srli    t2, t2, 2
        ori     t2, t2, USER_CODE
        sw      t2, -15 * 4(t1)         # the second of them is the user's
        li      t1, ROOT
        add     t1, t1, s11
        srli    t0, t0, 2
        ori     t0, t0, POINTER
        li      t2, 0x200 * 4           # root[0x200]: 80000000 …
        add     t2, t2, t1
        sw      t0, 0(t2)
        li      t0, WINDOW_LEAF         # root[0x100]: 40000000 …, a table that nobody has touched yet
        add     t0, t0, s11
        srli    t0, t0, 2
        ori     t0, t0, POINTER
        sw      t0, 0x100 * 4(t1)
        li      t0, GUEST_UART >> 2     # root[0x040]: 10000000 …, a page of 4 MiB
        ori     t0, t0, DEVICE
        sw      t0, 0x040 * 4(t1)
        srli    t1, t1, 12
        li      t0, 1 << 31
        or      t0, t0, t1
        csrw    satp, t0                # vsatp. From here on, both stages
        sfence.vma
        li      t0, 1 << 5              # sie.STIE: it can be taken in user mode; the kernel itself keeps SIE off
        csrw    sie, t0
        csrw    sscratch, sp
        li      t0, 1 << 8              # sstatus.SPP = U
        csrc    sstatus, t0
        la      t0, user
        csrw    sepc, t0
        sret                            # to VU: the hypervisor is not asked

        .balign 4
kernel_trap:                            # always from VU
        csrrw   sp, sscratch, sp
        addi    sp, sp, -32
        sw      ra, 0(sp)
        sw      t0, 4(sp)
        sw      t1, 8(sp)
        sw      a0, 12(sp)
        sw      a1, 16(sp)
        sw      a6, 20(sp)
        sw      a7, 24(sp)
        sw      t2, 28(sp)
        csrr    t0, scause
        bltz    t0, tick
        li      t1, 8
        beq     t0, t1, system_call
        li      t1, 2
        beq     t0, t1, refused
        li      t0, USER_DATA           # a page fault (15): the user's page comes when it is touched
        add     t0, t0, s11
        srli    t0, t0, 2
        ori     t0, t0, USER_PAGE
        li      t1, WINDOW_LEAF
        add     t1, t1, s11
        sw      t0, 0(t1)
        sfence.vma
        j       return
refused:                                # it was our hypervisor who decided that this is an illegal instruction
        kernel_says text_refused
        call    next_tick               # and from now on there is a clock
        j       behind
system_call:                            # a7 = 0: print the byte a0; 1: exit
        bnez    a7, user_is_done
        li      t0, GUEST_UART
1:      lbu     t1, 5(t0)               # an exit: the load finds no page in stage 2
        andi    t1, t1, 0x20
        beqz    t1, 1b
        sb      a0, 0(t0)               # another
behind: csrr    t0, sepc
        addi    t0, t0, 4
        csrw    sepc, t0
        j       return
tick:   li      t0, USER_DATA           # counts where the user can see it
        add     t0, t0, s11
        lw      t1, 0(t0)
        addi    t1, t1, 1
        sw      t1, 0(t0)
        li      t0, 2
        bge     t1, t0, 1f
        call    next_tick
        j       return
1:      li      a0, -1                  # enough: never again
        li      a1, -1
        call    set_timer
return: lw      ra, 0(sp)
        lw      t0, 4(sp)
        lw      t1, 8(sp)
        lw      a0, 12(sp)
        lw      a1, 16(sp)
        lw      a6, 20(sp)
        lw      a7, 24(sp)
        lw      t2, 28(sp)
        addi    sp, sp, 32
        csrrw   sp, sscratch, sp
        sret

user_is_done:
        kernel_says text_wait
        call    next_tick
        wfi                             # exit: somebody else may have the hart
        kernel_says text_bye
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall

next_tick:                              # one tick from now on. Changes a0, a1, a6, a7, t0
        csrr    a0, time                # an exit
        csrr    a1, timeh               # another
        li      t0, TICK
        add     a0, a0, t0
        sltu    t0, a0, t0
        add     a1, a1, t0
set_timer:
        li      a7, SBI_TIME
        li      a6, 0
        ecall                           # an exit to HS, and in it one to M
        ret

call_out:
        li      a7, SBI_DBCN
        li      a6, 2
1:      lbu     a0, 0(t2)
        beqz    a0, 2f
        ecall
        addi    t2, t2, 1
        j       1b
2:      ret

text_kernel:  .asciz "L2  VS: kernel\n"
text_refused: .asciz "L2  VS: hgatp refused\n"
text_wait:    .asciz "L2  VS: two ticks; wfi\n"
text_bye:     .asciz "L2  VS: off\n"

        .balign 4096
user:   la      s0, text_user           # by calls to the kernel: cause 8, and no exit
        li      a7, 0
1:      lbu     a0, 0(s0)
        beqz    a0, 2f
        ecall
        addi    s0, s0, 1
        j       1b
2:      li      s1, WINDOW
        sw      zero, 0(s1)             # three faults: of the walk in stage 2 (23), of stage 1 (15), of stage 2 (23)
        csrr    t0, hgatp               # the hypervisor's: a virtual instruction (22), reflected as an illegal one (2)
3:      lw      t0, 0(s1)               # never gives up the hart
        li      t1, 2
        blt     t0, t1, 3b
        li      a7, 1
        ecall
text_user: .asciz "L2  VU: a user\n"
        .balign 4096
guest_end:
