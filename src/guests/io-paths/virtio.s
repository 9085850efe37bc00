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

