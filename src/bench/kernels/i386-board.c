// A PC: the first serial port. There is nothing else here to ask for.
#include "guest.h"

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, DATA_READY = 1, TRANSMIT_EMPTY = 0x20 };

static inline u8 port_read(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

u8 serial_read(void) {
  while (!(port_read(LINE_STATUS) & DATA_READY)) {
  }
  return port_read(COM1);
}

void serial_write(u8 byte) {
  while (!(port_read(LINE_STATUS) & TRANSMIT_EMPTY)) {
  }
  __asm__ volatile("outb %0, %1" ::"a"(byte), "Nd"((u16)COM1));
}

u8 *board_heap(void) { return __heap_base; }

u32 board_command(u8 letter, u32 number) {
  (void)letter;
  (void)number;
  return 0;
}
