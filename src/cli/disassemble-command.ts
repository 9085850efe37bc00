// `disassemble`: the code of an ELF program, or of any other file taken as bare instructions.

import { looksLikeElf, parseElf } from '../core/machine/elf.ts';
import type { Command } from './command.ts';
import { readDecompressed } from './files.ts';
import { listing, Symbols, type Listed } from './listing.ts';
import { oneOperand, option } from './options.ts';
import { address } from '../protocol/option-values/values.ts';
import { writeAndWait } from './write-and-wait.ts';

const CHUNK = 1 << 16;

const disassembleOptions = {
  text: option('--text', 'ADDRESS', address, 'where a file that is not an ELF lies in memory. Default: 0'),
} as const;

export const disassembleCommand: Command<typeof disassembleOptions> = {
  name: 'disassemble',
  operands: 'FILE',
  summary: 'show the instructions of a program',
  details: [
    'FILE is an ELF program for RV32: all its executable segments are shown, with labels; any other file is taken as',
    'bare instructions from its first byte on. Branches and jumps show the address they go to, or its label.',
  ],
  options: disassembleOptions,
  async run(operands, { text }, { stdout }) {
    const path = oneOperand('disassemble', 'FILE', operands);
    const bytes = readDecompressed('a program', path);
    const elf = looksLikeElf(bytes) ? parseElf(bytes) : undefined;
    const symbols = new Symbols(elf?.functions ?? []);
    const pieces: readonly Listed[] = elf
      ? elf.segments
          .filter(({ executable }) => executable)
          .map((segment) => ({ address: segment.virtualAddress, bytes: segment.bytes }))
      : [{ address: text ?? 0, bytes }];
    let closed = false;
    stdout.on('error', () => {
      closed = true;
    });
    let lines = '';
    for (const piece of pieces) {
      const end = piece.address + piece.bytes.length;
      lines += `\n${path}: ${piece.bytes.length} bytes from 0x${piece.address.toString(16)} to 0x${end.toString(16)}\n\n`;
      for (const line of listing(piece, symbols)) {
        lines += `${line}\n`;
        if (lines.length < CHUNK) continue;
        await writeAndWait(stdout, lines);
        if (closed) return 141;
        lines = '';
      }
    }
    stdout.write(lines);
    return 0;
  },
};
