// Pointer chase through one random cycle over 4 MiB: each load's address is what the load before returned.
#include "kernel.h"

#define COUNT (1u << 20)
#define STEPS_PER_ROUND (1u << 16)

static void prepare(u8 *heap) {
  u32 *next = (u32 *)heap;
  u32 random = 4;
  for (u32 i = 0; i < COUNT; i++) next[i] = i;
  // Sattolo's shuffle: the permutation is one cycle. The generator's low bits are poor, so the high ones choose.
  for (u32 i = COUNT - 1; i > 0; i--) {
    u32 j = (next_random(&random) >> 8) % i;
    u32 swapped = next[i];
    next[i] = next[j];
    next[j] = swapped;
  }
}

static u32 run(const u8 *heap, u32 rounds) {
  const u32 *next = (const u32 *)heap;
  u32 checksum = 0, at = 0;
  for (u32 round = 0; round < rounds; round++) {
    for (u32 step = 0; step < STEPS_PER_ROUND; step++) at = next[at];
    checksum = fold(checksum, at);
  }
  return checksum;
}

const struct kernel chase = {prepare, run};
