// A guest that touches much memory: what becomes of its pages meanwhile must not be seen in what it ends with.

import { SHUTDOWN } from '../guest-rig.test-support.ts';

/** Adds up words from 0x80800000 on, and stores to each, round after round; then it shuts down. */
export const walkerSource = ({
  rounds,
  mebibytes,
  stride,
  afterEachRound = '',
}: {
  readonly rounds: number;
  readonly mebibytes: number;
  /** Bytes from word to word. */
  readonly stride: number;
  /** Instructions that keep s0 (rounds left) and s3 (the sum). */
  readonly afterEachRound?: string;
}): string => `
        .globl  _start
_start: li      s0, ${rounds}
        li      s3, 0
1:      li      s1, 0x80800000
        li      s2, 0x${(0x8080_0000 + mebibytes * 2 ** 20).toString(16)}
2:      lw      t0, 0(s1)
        add     t0, t0, s1
        sw      t0, 0(s1)
        add     s3, s3, t0
        li      t1, ${stride}
        add     s1, s1, t1
        bltu    s1, s2, 2b
${afterEachRound}
        addi    s0, s0, -1
        bnez    s0, 1b
${SHUTDOWN}
`;
