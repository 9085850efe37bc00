// memcpy of 8 MiB, eight words at a time. Source and destination lie 8 MiB apart: every line of a direct-mapped TLB collides.
#include "kernel.h"

#define WORDS (2u << 20)

static void prepare(u8 *heap) {
  u32 *source = (u32 *)heap;
  u32 random = 5;
  for (u32 i = 0; i < WORDS; i++) source[i] = next_random(&random);
}

static u32 run(const u8 *heap, u32 rounds) {
  u32 *source = (u32 *)heap, *destination = source + WORDS;
  u32 checksum = 0;
  for (u32 round = 0; round < rounds; round++) {
    source[0] = round;
    for (u32 i = 0; i < WORDS; i += 8) {
      const u32 *from = source + i;
      u32 *to = destination + i;
      u32 a = from[0], b = from[1], c = from[2], d = from[3], e = from[4], f = from[5], g = from[6], h = from[7];
      to[0] = a, to[1] = b, to[2] = c, to[3] = d, to[4] = e, to[5] = f, to[6] = g, to[7] = h;
    }
    checksum = fold(fold(checksum, destination[0]), destination[WORDS - 1]);
  }
  return checksum;
}

const struct kernel copy = {prepare, run};
