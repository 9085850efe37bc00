# io-paths: the same work on every disk and every network card of the board, whichever way it is reached.
#
# What it shows: what a word of input or output costs. A disk gets 64 KiB in sixteen requests, gives them back, and they
# are compared; a card sends sixteen frames of 1 KiB and takes what comes back. Three ways lead there:
#   programmed I/O  the processor carries each 32-bit word through the register DATA itself
#   virtio          the driver leaves addresses in a queue in memory, writes one register, and the device fetches the rest
#   passthrough     the same driver and the same registers, but the device is a physical one: stage 2 leads the stores to
#                   it, and an IOMMU leads it to this guest's memory and no other. The guest cannot tell.
# A driver waits for each of its interrupts. Where the board has a PLIC: claimed there, acknowledged at the device, completed at the
# PLIC. Where it has an APLIC and the hart an IMSIC (the Advanced Interrupt Architecture): claimed by one CSR, acknowledged at the
# device until its wire is low.
#
# What to watch for in the page: the panel “I/O paths” runs this guest once a path and counts.
#   bare              all devices are the machine's own; no exits
#   trap-and-emulate  every access to a register exits (13, 15). An assigned device is refused: only two-stage translation
#   hardware-assisted can lead a store to it, or it to the guest. Programmed I/O and virtio exit as 21 and 23; passthrough
#                     exits for its interrupts alone; and where the hart has an interrupt file for the guest, for nothing.

        .equ    UART, 0x10000000
        .equ    PIO_DISK, 0x1000a000
        .equ    PIO_CARD, 0x1000b000
        .equ    PIO_DISK_IRQ, 12
        .equ    PIO_CARD_IRQ, 13
        .equ    VIRTIO, 0x10001000      # eight slots of 4 KiB; interrupts 1 to 8
        .equ    PLIC, 0x0c000000
        .equ    PLIC_ENABLE, 0x0c002080 # context 1: S-mode of hart 0
        .equ    PLIC_THRESHOLD, 0x0c201000
        .equ    CLAIM, 4
        .equ    APLIC, 0x0d000000       # the supervisor's domain, where the board has one
        .equ    APLIC_SETIE, 0x0d001e00
        .equ    APLIC_TARGET, 0x0d003000
        .equ    APLIC_LEVEL, 6          # asks while its wire is high
        .equ    APLIC_IE, 0x100
        .equ    siselect, 0x150
        .equ    sireg, 0x151
        .equ    stopei, 0x15c
        .equ    EIDELIVERY, 0x70
        .equ    EIE0, 0xc0
        .equ    SOURCES, 0x31fe         # virtio slots, disk, card
        .equ    SIE_SEIE, 0x200
        .equ    SSTATUS_SIE, 2
        .equ    SBI_SRST, 0x53525354
        .equ    SBI_DBCN, 0x4442434e

        .equ    D_SECTOR, 0x08          # the disk by programmed I/O
        .equ    D_COUNT, 0x0c
        .equ    D_COMMAND, 0x10         # 1 reads, 2 writes
        .equ    D_STATUS, 0x14          # bit 1: a word is wanted or ready; bit 2: error
        .equ    D_DATA, 0x18
        .equ    D_ACKNOWLEDGE, 0x1c

        .equ    C_SEND_LENGTH, 0x10     # the card by programmed I/O
        .equ    C_RECEIVE_LENGTH, 0x14
        .equ    C_DATA, 0x18
        .equ    C_INTERRUPT_ENABLE, 0x1c

        .equ    V_MAGIC, 0x000          # virtio-mmio, version 1
        .equ    V_VERSION, 0x004
        .equ    V_DEVICE, 0x008
        .equ    V_FEATURES, 0x020
        .equ    V_PAGE_SIZE, 0x028
        .equ    V_QUEUE, 0x030
        .equ    V_QUEUE_SIZE, 0x038
        .equ    V_QUEUE_ALIGN, 0x03c
        .equ    V_QUEUE_PFN, 0x040
        .equ    V_NOTIFY, 0x050
        .equ    V_INTERRUPT, 0x060
        .equ    V_ACKNOWLEDGE, 0x064
        .equ    V_STATUS, 0x070

        .equ    REQUESTS, 16
        .equ    BLOCK, 4096
        .equ    FRAME, 1024
        .equ    SLOTS, 8                # descriptors in a queue
        .equ    USED, 4096              # the used ring begins a page behind the descriptors
        .equ    AVAIL, 16 * SLOTS

# s0 the device   s1 the PLIC's threshold, 0 without a PLIC   s2 request   s3 the block   s11 interrupts taken

        .section .text
        .globl  _start
_start: la      sp, stack_top
        la      t0, handler
        csrw    stvec, t0
        li      s1, 0
        li      t0, APLIC
        li      a0, 0
        lw      a0, 0(t0)               # domaincfg is never 0; no such device: an access fault, and a0 stays 0
        bnez    a0, with_aplic
        li      t0, PLIC
        li      t1, 1
        li      t2, PIO_CARD_IRQ
1:      slli    t3, t2, 2
        add     t3, t3, t0
        sw      t1, 0(t3)               # priority 1 for sources 1 to 13
        addi    t2, t2, -1
        bnez    t2, 1b
        li      t0, PLIC_ENABLE
        li      t1, SOURCES
        sw      t1, 0(t0)
        li      s1, PLIC_THRESHOLD
        sw      zero, 0(s1)
        j       listen
with_aplic:
        li      t1, APLIC_LEVEL
        li      t4, APLIC_TARGET
        li      t2, PIO_CARD_IRQ
1:      slli    t3, t2, 2
        add     t5, t3, t0
        sw      t1, 0(t5)               # sourcecfg of sources 1 to 13
        add     t5, t3, t4
        sw      t2, 0(t5)               # target: hart 0, the source's number as identity
        addi    t2, t2, -1
        bnez    t2, 1b
        li      t1, SOURCES
        li      t2, APLIC_SETIE
        sw      t1, 0(t2)
        li      t2, APLIC_IE
        sw      t2, 0(t0)               # domaincfg
        li      t2, EIE0
        csrw    siselect, t2
        csrw    sireg, t1               # the interrupt file takes these identities
        li      t2, EIDELIVERY
        csrw    siselect, t2
        csrwi   sireg, 1
listen: li      t0, SIE_SEIE
        csrw    sie, t0
        csrsi   sstatus, SSTATUS_SIE

        li      s0, PIO_DISK
        li      a0, 0
        lw      a0, 0(s0)               # no such device: an access fault, and a0 stays 0
        beqz    a0, 1f
        la      s4, pio_write
        la      s5, pio_read
        la      a0, text_pio_disk
        call    use_disk
1:      li      s0, PIO_CARD
        li      a0, 0
        lw      a0, 0(s0)
        beqz    a0, 1f
        li      t0, 1
        sw      t0, C_INTERRUPT_ENABLE(s0)
        la      s4, pio_exchange
        la      a0, text_pio_card
        call    use_card
1:      li      s0, VIRTIO
        li      s6, 8
slot:   lw      t0, V_MAGIC(s0)
        li      t1, 0x74726976          # "virt"
        bne     t0, t1, 2f
        lw      t0, V_VERSION(s0)
        li      t1, 1
        bne     t0, t1, 2f              # this driver knows the legacy interface only
        lw      t0, V_DEVICE(s0)
        li      t1, 2
        bne     t0, t1, 1f
        li      a0, 0x200               # VIRTIO_BLK_F_FLUSH: what is written may be kept for a while
        call    virtio_begin
        la      s4, virtio_write
        la      s5, virtio_read
        la      a0, text_virtio_disk
        call    use_disk
        sw      zero, V_STATUS(s0)      # reset
        j       2f
1:      li      t1, 1
        bne     t0, t1, 2f
        li      a0, 0
        call    virtio_begin
        la      s4, virtio_exchange
        la      a0, text_virtio_card
        call    use_card
        sw      zero, V_STATUS(s0)
2:      li      t0, 4096
        add     s0, s0, t0
        addi    s6, s6, -1
        bnez    s6, slot
        csrw    sie, zero
        csrw    sepc, zero              # where an interrupt hit is no result
        csrw    scause, zero
        csrw    stval, zero
        la      a0, text_end
        call    print
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      j       1b

# Writes all blocks by s4, reads them by s5, compares. a0: the line to print.
use_disk:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        call    print
        li      s2, 0
1:      la      s3, block
        mv      a0, s2
        call    fill
        jalr    s4
        addi    s2, s2, 1
        li      t0, REQUESTS
        bne     s2, t0, 1b
        li      s2, 0
2:      la      s3, block
        jalr    s5
        mv      a0, s2
        call    check
        bnez    a0, differs
        addi    s2, s2, 1
        li      t0, REQUESTS
        bne     s2, t0, 2b
        la      a0, text_same
        call    print
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret
differs:
        la      a0, text_differs
        call    print
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# Sends a frame and takes one, by s4, as often. a0: the line to print.
use_card:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        call    print
        li      s2, 0
1:      la      s3, block
        mv      a0, s2
        call    fill
        li      t0, -1                  # to everybody
        sw      t0, 0(s3)
        sw      t0, 4(s3)
        jalr    s4
        beqz    a0, silent
        addi    s2, s2, 1
        li      t0, REQUESTS
        bne     s2, t0, 1b
        la      a0, text_exchanged
        call    print
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret
silent: la      a0, text_silent
        call    print
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# Fills the block at s3 with words that depend on a0 and their place.
fill:   mv      t0, s3
        li      t1, BLOCK / 4
        li      t2, 0x9e3779b1
        mul     t3, a0, t2
1:      add     t3, t3, t2
        sw      t3, 0(t0)
        addi    t0, t0, 4
        addi    t1, t1, -1
        bnez    t1, 1b
        ret
# a0: 0 if the block at s3 is as fill leaves it.
check:  mv      t0, s3
        li      t1, BLOCK / 4
        li      t2, 0x9e3779b1
        mul     t3, a0, t2
        li      a0, 0
1:      add     t3, t3, t2
        lw      t4, 0(t0)
        sw      zero, 0(t0)
        beq     t3, t4, 2f
        li      a0, 1
2:      addi    t0, t0, 4
        addi    t1, t1, -1
        bnez    t1, 1b
        ret

# Waits until an interrupt has been taken since s10 was copied from s11. Changes t0.
wait:   csrci   sstatus, SSTATUS_SIE    # none may come between the look and the sleep
        bne     s10, s11, 1f
        wfi
        csrsi   sstatus, SSTATUS_SIE
        j       wait
1:      csrsi   sstatus, SSTATUS_SIE
        ret

# programmed I/O: s2 is the request, s3 the block

pio_write:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        li      s7, 2
        call    pio_begin
1:      call    pio_sector
        beqz    a0, 3f
        li      t1, 128
2:      lw      t0, 0(s8)
        mv      s10, s11
        sw      t0, D_DATA(s0)
        addi    s8, s8, 4
        addi    t1, t1, -1
        bnez    t1, 2b
        j       1b
3:      lw      ra, 4(sp)
        addi    sp, sp, 8
        ret
pio_read:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        li      s7, 1
        call    pio_begin
        li      s9, 8                   # a read is over with its last word: nobody says so
1:      call    pio_sector
        beqz    a0, 3f
        li      t1, 128
2:      mv      s10, s11
        lw      t0, D_DATA(s0)
        sw      t0, 0(s8)
        addi    s8, s8, 4
        addi    t1, t1, -1
        bnez    t1, 2b
        addi    s9, s9, -1
        bnez    s9, 1b
3:      lw      ra, 4(sp)
        addi    sp, sp, 8
        ret
# Begins command s7 on the eight sectors of request s2.
pio_begin:
        mv      s8, s3
        slli    t0, s2, 3
        sw      t0, D_SECTOR(s0)
        li      t0, 8
        sw      t0, D_COUNT(s0)
        mv      s10, s11
        sw      s7, D_COMMAND(s0)
        ret
# Waits for the disk. a0: not 0 if it wants words, or has them.
pio_sector:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        call    wait
        lw      a0, D_STATUS(s0)
        andi    a0, a0, 2
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# Sends the frame at s3, waits for one, takes it. a0: its length, or 0.
pio_exchange:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        li      t0, FRAME
        sw      t0, C_SEND_LENGTH(s0)
        mv      t1, s3
        li      t2, FRAME / 4
1:      lw      t0, 0(t1)
        mv      s10, s11
        sw      t0, C_DATA(s0)
        addi    t1, t1, 4
        addi    t2, t2, -1
        bnez    t2, 1b
        call    wait
        lw      a0, C_RECEIVE_LENGTH(s0)
        la      t1, received
        addi    t2, a0, 3
        srli    t2, t2, 2
        beqz    t2, 2f
1:      lw      t0, C_DATA(s0)
        sw      t0, 0(t1)
        addi    t1, t1, 4
        addi    t2, t2, -1
        bnez    t2, 1b
        li      t0, 1
        sw      t0, C_INTERRUPT_ENABLE(s0)      # the handler has turned it off
2:      lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# virtio, legacy interface

# Begins with the device at s0, which gets queues 0 and 1. a0: the features to take.
virtio_begin:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        sw      zero, V_STATUS(s0)
        li      t0, 3                   # ACKNOWLEDGE, DRIVER
        sw      t0, V_STATUS(s0)
        sw      a0, V_FEATURES(s0)
        li      t0, 4096
        sw      t0, V_PAGE_SIZE(s0)
        la      a0, queues
        li      a1, 4 * 4096 / 4
1:      sw      zero, 0(a0)
        addi    a0, a0, 4
        addi    a1, a1, -1
        bnez    a1, 1b
        li      a1, 0
        la      a0, queues
1:      sw      a1, V_QUEUE(s0)
        li      t0, SLOTS
        sw      t0, V_QUEUE_SIZE(s0)
        li      t0, 4096
        sw      t0, V_QUEUE_ALIGN(s0)
        srli    t0, a0, 12
        sw      t0, V_QUEUE_PFN(s0)
        li      t0, 2 * 4096
        add     a0, a0, t0
        addi    a1, a1, 1
        li      t0, 2
        bne     a1, t0, 1b
        li      t0, 7                   # and DRIVER_OK
        sw      t0, V_STATUS(s0)
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# A descriptor: a0 where, a1 address, a2 length, a3 flags and next. Goes on to the next one in a0.
describe:
        sw      a1, 0(a0)
        sw      zero, 4(a0)
        sw      a2, 8(a0)
        sw      a3, 12(a0)
        addi    a0, a0, 16
        ret

# Makes the chain that begins at descriptor 0 of queue a1 available, and notifies.
offer:  la      t0, queues
        slli    t1, a1, 13
        add     t0, t0, t1
        lhu     t1, AVAIL + 2(t0)       # idx
        andi    t2, t1, SLOTS - 1
        slli    t2, t2, 1
        add     t2, t2, t0
        sh      zero, AVAIL + 4(t2)
        fence   rw, rw                  # the entry before the index
        addi    t1, t1, 1
        sh      t1, AVAIL + 2(t0)
        fence   rw, rw                  # the index before the notification
        sw      a1, V_NOTIFY(s0)
        ret

virtio_write:
        li      a4, 1                   # OUT
        li      a5, 0x00020001          # more, next is 2
        j       virtio_request
virtio_read:
        li      a4, 0                   # IN
        li      a5, 0x00020003          # more, the device writes, next is 2
virtio_request:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        la      t0, header
        sw      a4, 0(t0)
        slli    t1, s2, 3
        sw      t1, 8(t0)
        la      a0, queues
        la      a1, header
        li      a2, 16
        li      a3, 0x00010001          # more, next is 1
        call    describe
        mv      a1, s3
        li      a2, BLOCK
        mv      a3, a5
        call    describe
        la      a1, status
        li      a2, 1
        li      a3, 2                   # the device writes
        call    describe
        mv      s10, s11
        li      a1, 0
        call    offer
        call    wait
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

# Sends the frame at s3, waits for one. a0: its length, or 0.
virtio_exchange:
        addi    sp, sp, -8
        sw      ra, 4(sp)
        la      a0, queues              # room for a frame
        la      a1, received
        li      a2, 2048
        li      a3, 2
        call    describe
        li      a1, 0
        call    offer
        la      s7, queues
        li      t0, 2 * 4096
        add     a0, s7, t0
        la      a1, header              # ten bytes of zeros in front of the frame
        sw      zero, 0(a1)
        sw      zero, 4(a1)
        sw      zero, 8(a1)
        li      a2, 10
        li      a3, 0x00010001
        call    describe
        mv      a1, s3
        li      a2, FRAME
        li      a3, 0
        call    describe
        li      t0, USED
        add     s9, s7, t0              # the used ring
        lhu     s8, 2(s9)               # frames received before
        li      a1, 1
        mv      s10, s11
        call    offer
1:      call    wait
        mv      s10, s11
        lhu     t0, 2(s9)
        beq     t0, s8, 1b              # it was only the one that was sent
        addi    t0, t0, -1
        andi    t0, t0, SLOTS - 1
        slli    t0, t0, 3
        add     t0, t0, s9
        lw      a0, 8(t0)               # its length
        lw      ra, 4(sp)
        addi    sp, sp, 8
        ret

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
