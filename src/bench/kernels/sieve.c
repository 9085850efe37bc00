// Sieve of Eratosthenes over 1 MiB of bytes: strided byte stores, then one pass of byte loads.
#include "kernel.h"

#define LIMIT (1u << 20)

static void prepare(u8 *heap) { (void)heap; }

static u32 run(const u8 *heap, u32 rounds) {
  u8 *composite = (u8 *)heap;
  u32 checksum = 0;
  for (u32 round = 0; round < rounds; round++) {
    for (u32 i = 0; i < LIMIT; i++) composite[i] = 0;
    for (u32 i = 2; i * i < LIMIT; i++) {
      if (composite[i]) continue;
      for (u32 j = i * i; j < LIMIT; j += i) composite[j] = 1;
    }
    u32 primes = 0;
    for (u32 i = 2; i < LIMIT; i++) primes += !composite[i];
    checksum = fold(checksum, primes);
  }
  return checksum;
}

const struct kernel sieve = {prepare, run};
