// GNU binutils as an independent reference. Where they are not installed, the tests fall back on what was captured from
// them once (the fixtures beside the tests).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'riscv64-unknown-elf-';
const AS_OPTIONS = ['-march=rv32ima_zicsr_zifencei_h_zihintpause', '-mabi=ilp32', '-mno-relax'];

/** The layout of our assembler, told to GNU ld. */
const LINKER_SCRIPT = `
ENTRY(_start)
SECTIONS {
  . = 0x80000000;
  .text : { *(.text) }
  .rodata : ALIGN(16) { *(.rodata) }
  .data : ALIGN(4096) { *(.data) }
  .bss : ALIGN(16) { *(.bss) }
  _end = .;
}
`;

export const hasBinutils: boolean = spawnSync(`${PREFIX}as`, ['--version']).status === 0;

function run(tool: string, options: readonly string[]): { ok: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync(PREFIX + tool, options, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { ok: status === 0, text: status === 0 ? stdout : stderr };
}

function inFolder<Result>(use: (path: (name: string) => string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-binutils-'));
  try {
    return use((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The loaded bytes GNU as and ld make of a source, from 0x80000000 on; or what they complain about. */
export function gnuAssemble(source: string): Buffer | string {
  return inFolder((path) => {
    writeFileSync(path('a.s'), source);
    writeFileSync(path('a.ld'), LINKER_SCRIPT);
    const assembled = run('as', [...AS_OPTIONS, path('a.s'), '-o', path('a.o')]);
    if (!assembled.ok) return assembled.text;
    const linked = run('ld', ['-m', 'elf32lriscv', '-T', path('a.ld'), path('a.o'), '-o', path('a.elf')]);
    if (!linked.ok) return linked.text;
    run('objcopy', ['-O', 'binary', path('a.elf'), path('a.bin')]);
    return readFileSync(path('a.bin'));
  });
}

/** What objdump prints for each word, placed one behind the other at `address`. */
export function gnuDisassemble(words: readonly number[], address: number, aliases: boolean): readonly string[] {
  return inFolder((path) => {
    writeFileSync(path('a.s'), words.map((word) => `.insn 4, 0x${(word >>> 0).toString(16)}`).join('\n') + '\n');
    const assembled = run('as', [...AS_OPTIONS, path('a.s'), '-o', path('a.o')]);
    if (!assembled.ok) throw new Error(assembled.text);
    const style = aliases ? [] : ['-M', 'no-aliases'];
    const { text } = run('objdump', ['-d', ...style, `--adjust-vma=0x${address.toString(16)}`, path('a.o')]);
    return [...text.matchAll(/^\s*[0-9a-f]+:\t[0-9a-f]{8}\s+(.*)$/gm)].map(([, line = '']) => line);
  });
}

/** Runs one of the tools on an ELF file. */
export function inspectElf(tool: 'readelf' | 'objdump' | 'nm', image: Uint8Array, options: readonly string[]): string {
  return inFolder((path) => {
    writeFileSync(path('a.elf'), image);
    return run(tool, [...options, path('a.elf')]).text;
  });
}
