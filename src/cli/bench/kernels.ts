// The kernels of the benchmark: small programs in assembly, each with its checksum worked out once more in TypeScript.
// A kernel gets its repetitions in a0 and leaves its checksum in s0; it may use every other register and `data`.

export interface Kernel {
  readonly name: string;
  readonly repetitions: number;
  readonly source: string;
  /** The checksum that must come out, as a signed word. */
  readonly checksum: (repetitions: number) => number;
}

const mix: Kernel = {
  name: 'mix',
  repetitions: 4_000_000,
  source: `
  li s0, 0x12345678
1: slli t0, s0, 13
  xor s0, s0, t0
  srli t0, s0, 17
  xor s0, s0, t0
  slli t0, s0, 5
  xor s0, s0, t0
  mul t1, s0, s0
  add s0, s0, t1
  addi a0, a0, -1
  bnez a0, 1b`,
  checksum: (repetitions) => {
    let value = 0x1234_5678;
    for (let index = 0; index < repetitions; index++) {
      value ^= value << 13;
      value ^= value >>> 17;
      value ^= value << 5;
      value = (value + Math.imul(value, value)) | 0;
    }
    return value;
  },
};

const SIEVE = 65536;
const sieve: Kernel = {
  name: 'sieve',
  repetitions: 20,
  source: `
  li s0, 0
  li s3, ${SIEVE}
1: la s1, data
  add s2, s1, s3
  mv t0, s1
2: sb zero, 0(t0)
  addi t0, t0, 1
  bltu t0, s2, 2b
  li t1, 2
3: add t0, s1, t1
  lbu t2, 0(t0)
  bnez t2, 5f
  addi s0, s0, 1
  add t3, t0, t1
4: bgeu t3, s2, 5f
  li t4, 1
  sb t4, 0(t3)
  add t3, t3, t1
  j 4b
5: addi t1, t1, 1
  bltu t1, s3, 3b
  addi a0, a0, -1
  bnez a0, 1b`,
  checksum: (repetitions) => {
    const composite = new Uint8Array(SIEVE);
    let primes = 0;
    for (let candidate = 2; candidate < SIEVE; candidate++) {
      if (composite[candidate]) continue;
      primes++;
      for (let multiple = 2 * candidate; multiple < SIEVE; multiple += candidate) composite[multiple] = 1;
    }
    return Math.imul(primes, repetitions);
  },
};

const CRC_BYTES = 4096;
const crc: Kernel = {
  name: 'crc32',
  repetitions: 250,
  source: `
  li s0, -1
  li s3, 0xedb88320
1: li t0, 0
  li s2, ${CRC_BYTES}
2: xor s0, s0, t0
  li t2, 8
3: andi t3, s0, 1
  neg t3, t3
  and t3, t3, s3
  srli s0, s0, 1
  xor s0, s0, t3
  addi t2, t2, -1
  bnez t2, 3b
  addi t0, t0, 1
  bltu t0, s2, 2b
  addi a0, a0, -1
  bnez a0, 1b`,
  checksum: (repetitions) => {
    let value = -1;
    for (let round = 0; round < repetitions; round++) {
      for (let byte = 0; byte < CRC_BYTES; byte++) {
        value ^= byte;
        for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (-(value & 1) & 0xedb8_8320);
      }
    }
    return value | 0;
  },
};

const ORDER = 32;
const matmul: Kernel = {
  name: 'matmul',
  repetitions: 130,
  source: `
  la s1, data
  li t0, 0
  li t1, ${ORDER * ORDER * 2}
1: slli t2, t0, 2
  add t2, t2, s1
  sw t0, 0(t2)
  addi t0, t0, 1
  bltu t0, t1, 1b
  li s5, ${ORDER * 4}
  li s6, ${ORDER * ORDER * 4}
  add s2, s1, s6
  li s0, 0
2: li s3, 0
3: li s4, 0
4: li t0, 0
  add t1, s1, s3
  add t2, s2, s4
  li t3, ${ORDER}
5: lw t4, 0(t1)
  lw t5, 0(t2)
  mul t4, t4, t5
  add t0, t0, t4
  addi t1, t1, 4
  add t2, t2, s5
  addi t3, t3, -1
  bnez t3, 5b
  add s0, s0, t0
  addi s4, s4, 4
  bltu s4, s5, 4b
  add s3, s3, s5
  bltu s3, s6, 3b
  addi a0, a0, -1
  bnez a0, 2b`,
  checksum: (repetitions) => {
    let sum = 0;
    for (let row = 0; row < ORDER; row++) {
      for (let column = 0; column < ORDER; column++) {
        for (let index = 0; index < ORDER; index++) {
          sum = (sum + Math.imul(row * ORDER + index, ORDER * ORDER + index * ORDER + column)) | 0;
        }
      }
    }
    return Math.imul(sum, repetitions);
  },
};

const COPY_WORDS = 16384;
const copy: Kernel = {
  name: 'memcpy',
  repetitions: 600,
  source: `
  la s1, data
  li s2, ${COPY_WORDS * 4}
  add s3, s1, s2
  li t0, 0
1: add t1, s1, t0
  sw t0, 0(t1)
  addi t0, t0, 4
  bltu t0, s2, 1b
2: mv t0, s1
  mv t1, s3
  mv t2, s3
3: lw t3, 0(t0)
  lw t4, 4(t0)
  lw t5, 8(t0)
  lw t6, 12(t0)
  sw t3, 0(t1)
  sw t4, 4(t1)
  sw t5, 8(t1)
  sw t6, 12(t1)
  addi t0, t0, 16
  addi t1, t1, 16
  bltu t0, t2, 3b
  addi a0, a0, -1
  bnez a0, 2b
  lw s0, -4(t1)`,
  checksum: () => COPY_WORDS * 4 - 4,
};

const fibonacci: Kernel = {
  name: 'calls',
  repetitions: 28,
  source: `
  la sp, data_end
  call fib
  mv s0, a0
  j 9f
fib: li t0, 2
  bltu a0, t0, 1f
  addi sp, sp, -12
  sw ra, 0(sp)
  sw a0, 4(sp)
  addi a0, a0, -1
  call fib
  sw a0, 8(sp)
  lw a0, 4(sp)
  addi a0, a0, -2
  call fib
  lw t0, 8(sp)
  add a0, a0, t0
  lw ra, 0(sp)
  addi sp, sp, 12
1: ret
9:`,
  checksum: (repetitions) => {
    let [previous, current] = [0, 1];
    for (let index = 0; index < repetitions; index++) [previous, current] = [current, previous + current];
    return previous;
  },
};

export const kernels: readonly Kernel[] = [mix, sieve, crc, matmul, copy, fibonacci];

/**
 * The whole guest around a kernel: an S-mode program that turns on Sv32 with an identity mapping of 4 MiB pages, runs the
 * kernel and shuts down with the checksum in s0.
 */
export const programOf = (kernel: Kernel, repetitions: number): string => `
  .globl _start
_start:
  la t0, root                 # identity: 16 megapages of RAM, readable, writable, executable, accessed, dirty
  li t1, 0x200000cf
  li t2, 16
  li t3, 2048
  add t3, t3, t0
1: sw t1, 0(t3)
  li t4, 0x100000
  add t1, t1, t4
  addi t3, t3, 4
  addi t2, t2, -1
  bnez t2, 1b
  srli t0, t0, 12
  li t1, 0x80000000
  or t0, t0, t1
  csrw satp, t0
  sfence.vma
  li a0, ${repetitions}
${kernel.source}
  li a7, 0x53525354
  li a6, 0
  li a0, 0
  li a1, 0
  ecall
  .bss
  .balign 4096
root: .space 4096
data: .space 262144
data_end:
`;
