# traps: an external interrupt, or a load where no device is

        .balign 4
handler:
        csrw    sscratch, t0
        csrr    t0, scause
        bltz    t0, 1f
        csrr    t0, sepc                # no device: the load's register stays as it was
        addi    t0, t0, 4
        csrw    sepc, t0
        csrr    t0, sscratch
        sret
1:      addi    sp, sp, -16
        sw      t1, 0(sp)
        sw      t2, 4(sp)
        beqz    s1, 6f
        lw      t0, CLAIM(s1)
        j       7f
6:      csrrw   t0, stopei, zero        # claims what it reads
        srli    t0, t0, 16
7:      beqz    t0, 5f
        li      t1, PIO_DISK_IRQ
        bne     t0, t1, 2f
        li      t1, PIO_DISK
        sw      zero, D_ACKNOWLEDGE(t1)
        j       4f
2:      li      t1, PIO_CARD_IRQ
        bne     t0, t1, 3f
        li      t1, PIO_CARD
        sw      zero, C_INTERRUPT_ENABLE(t1)    # until the frame was taken
        j       4f
3:      li      t1, UART
        slli    t2, t0, 12
        add     t1, t1, t2              # slot n − 1 lies at UART + n × 4 KiB
8:      lw      t2, V_INTERRUPT(t1)
        sw      t2, V_ACKNOWLEDGE(t1)
        bnez    s1, 4f                  # a PLIC asks again by itself
        lw      t2, V_INTERRUPT(t1)     # an APLIC sends a message when the wire rises, so it must have been low
        bnez    t2, 8b
4:      beqz    s1, 9f
        sw      t0, CLAIM(s1)           # complete
9:      addi    s11, s11, 1
5:      lw      t1, 0(sp)
        lw      t2, 4(sp)
        addi    sp, sp, 16
        csrr    t0, sscratch
        sret

# Prints the zero-terminated string at a0 by the firmware: one exit, so that it does not weigh beside what is measured.
# Changes a0 to a2, a6, a7.
print:  mv      a1, a0
        mv      a2, a0
1:      lbu     a6, 0(a2)
        addi    a2, a2, 1
        bnez    a6, 1b
        sub     a0, a2, a0
        addi    a0, a0, -1              # length
        li      a2, 0
        li      a7, SBI_DBCN
        li      a6, 0                   # write
        ecall
        ret

        .section .rodata
text_pio_disk:    .asciz "disk, programmed I/O: "
text_pio_card:    .asciz "card, programmed I/O: "
text_virtio_disk: .asciz "disk, virtio: "
text_virtio_card: .asciz "card, virtio: "
text_same:        .asciz "64 KiB written, read, the same\n"
text_differs:     .asciz "what was read is not what was written\n"
text_exchanged:   .asciz "16 frames sent, 16 taken\n"
text_silent:      .asciz "no answer\n"
text_end:         .asciz "that was every disk and card of this board\n"

        .bss
        .balign 4096
queues: .space  4 * 4096                # two queues of two pages
block:  .space  4096
received: .space 2048
header: .space  16
status: .space  4
        .balign 16
stack:  .space  1024
stack_top:
