// Recursive quicksort (Hoare's partition, middle element as pivot) of 128 Ki words: unpredictable branches and calls.
#include "kernel.h"

#define COUNT (128u << 10)

static void prepare(u8 *heap) { (void)heap; }

static void sort(u32 *first, u32 *last) {
  while (first < last) {
    u32 pivot = first[(last - first) / 2];
    u32 *low = first, *high = last;
    while (low <= high) {
      while (*low < pivot) low++;
      while (*high > pivot) high--;
      if (low > high) break;
      u32 swapped = *low;
      *low++ = *high;
      *high-- = swapped;
    }
    // Recursion into the smaller part bounds the stack by the logarithm of the length.
    if (high - first < last - low) {
      sort(first, high);
      first = low;
    } else {
      sort(low, last);
      last = high;
    }
  }
}

static u32 run(const u8 *heap, u32 rounds) {
  u32 *words = (u32 *)heap;
  u32 checksum = 0, random = 3;
  for (u32 round = 0; round < rounds; round++) {
    for (u32 i = 0; i < COUNT; i++) words[i] = next_random(&random);
    sort(words, words + COUNT - 1);
    u32 inversions = 0;
    for (u32 i = 1; i < COUNT; i++) inversions += words[i - 1] > words[i];
    checksum = fold(fold(checksum, words[COUNT / 3]), inversions);
  }
  return checksum;
}

const struct kernel quicksort = {prepare, run};
