// What a kernel of the benchmark is: it prepares data in the heap once and then runs as many rounds as it is told. A run
// depends on nothing but its rounds, so every peer must return the same checksum. No libc, no static data that is written.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;

struct kernel {
  void (*prepare)(u8 *heap);
  /** @returns a checksum of everything the rounds computed */
  u32 (*run)(const u8 *heap, u32 rounds);
};

// In the order of src/bench/kernel-list.ts: a kernel is known by its index.
extern const struct kernel sieve, sha256, matmul, quicksort, chase, copy, bytecode, mix;

#define KERNEL_COUNT 8
extern const struct kernel *const kernels[KERNEL_COUNT];

// Start of the memory that the kernels may use; the linker places it. They need HEAP_BYTES at most.
extern u8 __heap_base[];
#define HEAP_BYTES (16u << 20)

/** Numerical Recipes' linear congruential generator: the kernels' only source of data. */
static inline u32 next_random(u32 *state) { return *state = *state * 1664525u + 1013904223u; }
/** Folds one result into a checksum. */
static inline u32 fold(u32 checksum, u32 value) { return (checksum ^ value) * 0x01000193u + (checksum >> 15); }
