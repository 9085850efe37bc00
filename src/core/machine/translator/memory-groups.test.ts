// Accesses that share one look into the translations.

import { expect, test } from 'vitest';
import { sideBySide, translatedBy } from './side-by-side.test-support.ts';

test('two groups through one base, interleaved', () => {
  const runners = sideBySide(`
_start: la   s0, middle
        li   s1, 0
1:      lw   a0, -1000(s0)
        lw   a1, 1500(s0)
        lw   a2, -996(s0)
        lw   a3, 1504(s0)
        addi a0, a0, 1
        addi a1, a1, 2
        addi a2, a2, 3
        addi a3, a3, 5
        sw   a0, -1000(s0)
        sw   a1, 1500(s0)
        sw   a2, -992(s0)
        sw   a3, 1508(s0)
        addi s1, s1, 1
        j    1b
        .data
        .balign 4096
        .word 1, 2, 3, 4
        .space 2032
middle: .space 4096
`);
  expect(translatedBy(runners)).toBeGreaterThan(0);
});
