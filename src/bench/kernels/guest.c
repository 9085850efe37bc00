// The guest's loop, the same on every board: a line comes in by the serial port, one goes out. Whoever sent it takes the time.
//
//   in    a letter and a decimal number: `a` … run that kernel for so many rounds, capitals are for the board
//   out   eight hexadecimal digits: the checksum, or the board's answer. Once at the start: `ready`
#include "guest.h"

static void write_text(const char *text) {
  while (*text) serial_write(*text++);
}

static void write_hex(u32 value) {
  for (i32 shift = 28; shift >= 0; shift -= 4) serial_write("0123456789abcdef"[value >> shift & 15]);
  serial_write('\n');
}

void guest_main(void) {
  u32 prepared = KERNEL_COUNT;
  write_text("ready\n");
  for (;;) {
    u8 letter = serial_read();
    u32 number = 0;
    for (u8 c = serial_read(); c != '\n'; c = serial_read()) number = number * 10 + (c - '0');
    u32 index = letter - (u32)'a';
    if (index >= KERNEL_COUNT) {
      write_hex(board_command(letter, number));
      prepared = KERNEL_COUNT;
      continue;
    }
    if (prepared != index) kernels[index]->prepare(board_heap());
    prepared = index;
    write_hex(kernels[index]->run(board_heap(), number));
  }
}
