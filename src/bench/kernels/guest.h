// What a guest of the benchmark needs of the board it runs on.
#pragma once
#include "kernel.h"

/** Waits for a byte from the serial port. */
u8 serial_read(void);
void serial_write(u8 byte);

/** Obeys a command that is about the board rather than a kernel. */
u32 board_command(u8 letter, u32 number);

/** Where the kernels' data is now. */
u8 *board_heap(void);
