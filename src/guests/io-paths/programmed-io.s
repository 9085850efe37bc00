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

