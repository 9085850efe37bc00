// The list of kernels, in the order of src/bench/kernel-list.ts.
#include "kernel.h"

const struct kernel *const kernels[KERNEL_COUNT] = {
    &sieve, &sha256, &matmul, &quicksort, &chase, &copy, &bytecode, &mix,
};
