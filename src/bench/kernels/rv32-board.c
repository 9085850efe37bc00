// RISC-V's `virt` board: its serial port, Sv32 page tables, and loops that do nothing but leave for the hypervisor.
#include "guest.h"

static volatile u8 *const uart = (volatile u8 *)0x10000000; // 16550A
enum { RECEIVE = 0, TRANSMIT = 0, LINE_STATUS = 5, DATA_READY = 1, TRANSMIT_EMPTY = 0x20 };

u8 serial_read(void) {
  while (!(uart[LINE_STATUS] & DATA_READY)) {
  }
  return uart[RECEIVE];
}

void serial_write(u8 byte) {
  while (!(uart[LINE_STATUS] & TRANSMIT_EMPTY)) {
  }
  uart[TRANSMIT] = byte;
}

// Sv32, 4 KiB pages only (privileged manual, 10.3). The image and the serial port are mapped to themselves; the heap lies at
// an address of its own, over frames in reverse order, so that nothing contiguous is left for anybody to exploit.
//
//   0x1000_0000  serial port     0x4000_0000  heap, backwards     0x8040_0000  image, stack, these tables

#define PAGE 4096u
#define HEAP_ADDRESS 0x40000000u
#define IMAGE_ADDRESS 0x80400000u
enum { VALID = 1, READ = 2, WRITE = 4, EXECUTE = 8, ACCESSED = 64, DIRTY = 128 };
#define DATA_PAGE (VALID | READ | WRITE | ACCESSED | DIRTY)

typedef u32 table[1024];
static table root __attribute__((aligned(4096)));
static table uart_table __attribute__((aligned(4096)));
static table image_table __attribute__((aligned(4096)));
static table heap_tables[HEAP_BYTES >> 22] __attribute__((aligned(4096)));

static void map(table leaf, u32 address, u32 frame, u32 bits) {
  root[address >> 22] = (u32)leaf >> 12 << 10 | VALID;
  leaf[address >> 12 & 1023] = frame >> 12 << 10 | bits;
}

static u8 *heap = __heap_base;
u8 *board_heap(void) { return heap; }

/** @param mebibytes how much heap to map: up to HEAP_BYTES */
static void turn_paging_on(u32 mebibytes) {
  u32 bytes = mebibytes << 20;
  map(uart_table, (u32)uart, (u32)uart, DATA_PAGE);
  for (u32 at = IMAGE_ADDRESS; at < (u32)__heap_base; at += PAGE) map(image_table, at, at, DATA_PAGE | EXECUTE);
  for (u32 at = 0; at < bytes; at += PAGE)
    map(heap_tables[at >> 22], HEAP_ADDRESS + at, (u32)__heap_base + bytes - PAGE - at, DATA_PAGE);
  heap = (u8 *)HEAP_ADDRESS;
  __asm__ volatile("sfence.vma\n csrw satp, %0\n sfence.vma" ::"r"((u32)root >> 12 | 1u << 31) : "memory");
}

// Each loop has one instruction that may leave for the hypervisor, and four that do not.

static void nothing(u32 times) {
  for (; times; times--) __asm__ volatile("addi t0, t0, 1\n addi t1, t1, 1\n addi t2, t2, 1" ::: "t0", "t1", "t2");
}

/** SBI's cheapest call: base extension, get_spec_version. */
static void sbi_calls(u32 times) {
  for (; times; times--) {
    register u32 extension __asm__("a7") = 0x10;
    register u32 function __asm__("a6") = 0;
    register u32 error __asm__("a0");
    register u32 value __asm__("a1");
    __asm__ volatile("ecall" : "=r"(error), "=r"(value) : "r"(extension), "r"(function) : "memory");
  }
}

static void csr_writes(u32 times) {
  for (; times; times--) __asm__ volatile("csrw sscratch, t0\n addi t1, t1, 1\n addi t2, t2, 1" ::: "t1", "t2");
}

static void device_reads(u32 times) {
  for (; times; times--) (void)uart[LINE_STATUS];
}

static void wait_for_ever(void) {
  __asm__ volatile("csrw sie, zero");
  for (;;) __asm__ volatile("wfi");
}

u32 board_command(u8 letter, u32 number) {
  switch (letter) {
  case 'P': turn_paging_on(number); return number;
  case 'N': nothing(number); return number;
  case 'E': sbi_calls(number); return number;
  case 'C': csr_writes(number); return number;
  case 'D': device_reads(number); return number;
  case 'W': wait_for_ever(); return number;
  default: return 0;
  }
}
