// The direct build's way in: two exported functions.
#include "kernel.h"

__attribute__((export_name("prepare"))) void wasm_prepare(u32 index) { kernels[index]->prepare(__heap_base); }
__attribute__((export_name("run"))) u32 wasm_run(u32 index, u32 rounds) { return kernels[index]->run(__heap_base, rounds); }
