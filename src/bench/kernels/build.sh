#!/bin/sh
# Builds the images of the benchmark from these sources into ../images, and lists what belongs together in images.sha256.
# Needs riscv64-unknown-elf-gcc, gcc with -m32, clang and lld with the wasm32 target (Debian 12: gcc-riscv64-unknown-elf,
# gcc-multilib, clang, lld; the images committed were made with gcc 12.2 and clang 14). The images are committed, so that
# the benchmark needs none of these.
set -eu
cd "$(dirname "$0")"

KERNELS='kernels.c sieve.c sha256.c matmul.c quicksort.c chase.c copy.c bytecode.c mix.c'
# No libc is there to call, and a loop that copies shall stay one.
PLAIN='-std=c11 -Wall -Wextra -ffreestanding -fno-builtin -nostdlib'
GCC="$PLAIN -O2 -fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -fno-stack-protector -static"

mkdir -p ../images
# shellcheck disable=SC2086
clang --target=wasm32 $PLAIN -O3 -Wl,--no-entry -Wl,--strip-all -Wl,--initial-memory=18874368 \
    -o ../images/kernels.wasm wasm.c $KERNELS
# shellcheck disable=SC2086
riscv64-unknown-elf-gcc $GCC -march=rv32ima_zicsr -mabi=ilp32 -mstrict-align -T rv32.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
    -Wl,--no-warn-rwx-segments \
    -o ../images/kernels-rv32.elf rv32-start.S rv32-board.c guest.c $KERNELS -lgcc
# shellcheck disable=SC2086
gcc -m32 $GCC -march=pentium4 -fno-pie -no-pie -T i386.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments \
    -o ../images/kernels-i386.elf i386-start.S i386-board.c guest.c $KERNELS

cd ..
chmod 644 images/*
sha256sum kernels/*.[chS] kernels/*.ld kernels/build.sh images/kernels* > images.sha256
