// A guest whose whole course shows in what it prints, for tests of what becomes of a VM while it runs.

import { writeFileSync } from 'node:fs';
import { assemble } from '../core/isa/assembly/assemble.ts';

/** Counts in memory, over 256 pages, and prints a letter every so often: a to z, and then it is done. */
export const LETTERS = `
_start: li s0, 'a'
        li s1, 0x10000000
        li s2, 0x80800000
letter: li s3, 20000
1:      andi t0, s3, 255
        slli t0, t0, 12
        add t0, t0, s2
        sw s3, 0(t0)
        addi s3, s3, -1
        bnez s3, 1b
        sb s0, 0(s1)
        addi s0, s0, 1
        li t0, 'z'
        bleu s0, t0, letter
        li t0, 0x100000
        li t1, 0x5555
        sw t1, 0(t0)
2:      j 2b
`;
/** What it prints. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

/** Puts a program where firmware would jump to into a file. @returns the path */
export function assembleInto(path: string, source: string): string {
  const assembled = assemble(source, { textAddress: 0x8040_0000 });
  if (!assembled.ok) throw new Error(assembled.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  writeFileSync(path, assembled.image);
  return path;
}
