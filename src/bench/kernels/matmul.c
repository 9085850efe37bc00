// Product of two 128 × 128 matrices of 32-bit integers, rows by columns.
#include "kernel.h"

#define ORDER 128u

struct matrices {
  i32 left[ORDER][ORDER], right[ORDER][ORDER], product[ORDER][ORDER];
};

static void prepare(u8 *heap) {
  struct matrices *m = (struct matrices *)heap;
  u32 random = 2;
  for (u32 row = 0; row < ORDER; row++)
    for (u32 column = 0; column < ORDER; column++) {
      m->left[row][column] = (i32)(next_random(&random) >> 16);
      m->right[row][column] = (i32)(next_random(&random) >> 16);
    }
}

static u32 run(const u8 *heap, u32 rounds) {
  struct matrices *m = (struct matrices *)heap;
  u32 checksum = 0;
  for (u32 round = 0; round < rounds; round++) {
    for (u32 row = 0; row < ORDER; row++)
      for (u32 column = 0; column < ORDER; column++) {
        u32 sum = round;
        for (u32 i = 0; i < ORDER; i++) sum += (u32)m->left[row][i] * (u32)m->right[i][column];
        m->product[row][column] = (i32)sum;
      }
    for (u32 i = 0; i < ORDER; i++) checksum = fold(checksum, (u32)m->product[i][ORDER - 1 - i]);
  }
  return checksum;
}

const struct kernel matmul = {prepare, run};
