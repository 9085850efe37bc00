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

