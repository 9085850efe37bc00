# What the twins `unmodified` and `paravirtual` have to do: the numbers that both kernels and the program go by.

        .equ    ROUNDS, 8
        .equ    PAGES, 64
        .equ    WINDOW, 0x40000000      # virtual address of the pages a program takes
        .equ    POOL, 0x80800000        # physical address of the frames behind them
        .equ    PERIOD, 2000            # ticks between two timer interrupts
        .equ    SYS_EXIT, 0
        .equ    SYS_WRITE, 1            # a0 address, a1 bytes
        .equ    SYS_MAP, 2              # a0 pages
        .equ    SYS_UNMAP, 3
        .equ    SYS_DISK_WRITE, 4       # a0 sector, a1 address
        .equ    SYS_DISK_READ, 5
        .equ    SYS_SLEEP, 6            # until the next timer interrupt
        .equ    KERNEL_PAGE, 0xcf       # V R W X A D
        .equ    USER_TEXT, 0xdb         # V R X U A D
        .equ    USER_DATA, 0xd7         # V R W U A D
        .equ    SBI_SRST, 0x53525354
        .equ    TIMER, 0x80000005       # cause of a supervisor timer interrupt
        .equ    USER_CALL, 8
        .equ    LINE_BYTES, 27
        .equ    LINE_BAD_BYTES, 34
