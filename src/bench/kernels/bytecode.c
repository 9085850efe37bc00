// An interpreter of a small register machine, one `switch` in a loop: indirect jumps, as in every interpreter in use.
// The program it runs adds up the lengths of the Collatz sequences of 1 … 999.
#include "kernel.h"

enum operation { HALT, CONSTANT, MOVE, ADD, SUBTRACT, MULTIPLY, AND, SHIFT_RIGHT, BRANCH_ZERO, BRANCH_NOT_ZERO, JUMP, FOLD };

/** register a ← b operation c; branches test a and go to b. */
struct instruction {
  u8 operation, a, b, c;
};

enum { TOTAL, START, VALUE, LENGTH, ODD, ONE, THREE, LEFT, REGISTERS };

static const struct instruction program[] = {
    {CONSTANT, TOTAL, 0, 0},       //  0
    {CONSTANT, ONE, 1, 0},         //  1
    {CONSTANT, THREE, 3, 0},       //  2
    {CONSTANT, START, 231, 3},     //  3 999 = 231 + 3 · 256
    {MOVE, VALUE, START, 0},       //  4 next start
    {CONSTANT, LENGTH, 0, 0},      //  5
    {SUBTRACT, LEFT, VALUE, ONE},  //  6 next step: done at 1
    {BRANCH_ZERO, LEFT, 15, 0},    //  7
    {ADD, LENGTH, LENGTH, ONE},    //  8
    {AND, ODD, VALUE, ONE},        //  9
    {BRANCH_NOT_ZERO, ODD, 13, 0}, // 10
    {SHIFT_RIGHT, VALUE, VALUE, ONE}, // 11
    {JUMP, 0, 6, 0},               // 12
    {MULTIPLY, VALUE, VALUE, THREE}, // 13
    {JUMP, 0, 18, 0},              // 14
    {FOLD, TOTAL, TOTAL, LENGTH},  // 15 end of one sequence
    {SUBTRACT, START, START, ONE}, // 16
    {JUMP, 0, 20, 0},              // 17
    {ADD, VALUE, VALUE, ONE},      // 18
    {JUMP, 0, 6, 0},               // 19
    {BRANCH_NOT_ZERO, START, 4, 0}, // 20
    {HALT, 0, 0, 0},               // 21
};

static void prepare(u8 *heap) {
  for (u32 i = 0; i < sizeof program; i++) heap[i] = ((const u8 *)program)[i];
}

static u32 interpret(const struct instruction *code) {
  u32 registers[REGISTERS];
  for (u32 pc = 0;;) {
    struct instruction now = code[pc++];
    switch (now.operation) {
    case CONSTANT: registers[now.a] = now.b | (u32)now.c << 8; break;
    case MOVE: registers[now.a] = registers[now.b]; break;
    case ADD: registers[now.a] = registers[now.b] + registers[now.c]; break;
    case SUBTRACT: registers[now.a] = registers[now.b] - registers[now.c]; break;
    case MULTIPLY: registers[now.a] = registers[now.b] * registers[now.c]; break;
    case AND: registers[now.a] = registers[now.b] & registers[now.c]; break;
    case SHIFT_RIGHT: registers[now.a] = registers[now.b] >> (registers[now.c] & 31); break;
    case BRANCH_ZERO: if (registers[now.a] == 0) pc = now.b; break;
    case BRANCH_NOT_ZERO: if (registers[now.a] != 0) pc = now.b; break;
    case JUMP: pc = now.b; break;
    case FOLD: registers[now.a] = fold(registers[now.b], registers[now.c]); break;
    default: return registers[TOTAL];
    }
  }
}

static u32 run(const u8 *heap, u32 rounds) {
  u32 checksum = 0;
  for (u32 round = 0; round < rounds; round++) checksum = fold(checksum, interpret((const struct instruction *)heap));
  return checksum;
}

const struct kernel bytecode = {prepare, run};
