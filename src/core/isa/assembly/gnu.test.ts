// The assembler against GNU as and ld, byte for byte: every row with generated operands, the fixture programs, and all guest
// programs. Without binutils, the fixtures stand for them. With binutils, `RINGSIDE_CAPTURE=1` captures them anew.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { disassemble } from '../disassemble.ts';
import { gnuAssemble, hasBinutils } from '../gnu-binutils.test-support.ts';
import { sampleWords } from '../instruction-words.test-support.ts';
import { assembled, BASE, flatImage, hex } from './assembled.test-support.ts';

const folder = new URL('./fixtures/', import.meta.url);
const programs = ['instructions', 'directives', 'macros', 'relaxation'] as const;
const read = (url: URL): string => readFileSync(url, 'utf8');

/** Bytes as lines of hexadecimal, 16 a line; `* n` stands for n more lines like the one before. */
function dump(bytes: Uint8Array): string {
  const lines: string[] = [];
  let repeated = 0;
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const line = hex(bytes.slice(offset, offset + 16));
    const isRepeated = line === lines.at(repeated > 0 ? -2 : -1);
    if (repeated > 0 && isRepeated) lines.pop();
    repeated = isRepeated ? repeated + 1 : 0;
    lines.push(isRepeated ? `* ${repeated}` : line);
  }
  return `${lines.join('\n')}\n`;
}

function gnuBytes(source: string): Uint8Array {
  const result = gnuAssemble(source);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe.each(programs)('%s.s', (name) => {
  const source = read(new URL(`${name}.s`, folder));
  const captured = new URL(`${name}.gnu.txt`, folder);
  if (process.env.RINGSIDE_CAPTURE && hasBinutils) writeFileSync(captured, dump(gnuBytes(source)));

  test('becomes the bytes captured from GNU as', () => {
    expect(existsSync(captured)).toBe(true);
    expect(dump(flatImage(assembled(source)))).toBe(read(captured));
  });

  test.skipIf(!hasBinutils)('becomes the bytes of the GNU as installed', () => {
    expect(dump(flatImage(assembled(source)))).toBe(dump(gnuBytes(source)));
  });
});

describe.skipIf(!hasBinutils)('with binutils', () => {
  test.each([true, false])('every row with generated operands (pseudo-instructions: %s)', (pseudo) => {
    const lines = sampleWords(10).map((word, index) => disassemble(word, BASE + 4 * index, { pseudo }).text);
    // GNU as makes a branch to a bare address long; labels keep it short. It has no spelling for an empty fence set.
    const spelled = lines.filter((line) => !/^fence .*\b0\b/.test(line));
    const labelled = spelled.map((line, index) =>
      /^(b\w+|j|jal) /.test(line) ? line.replace(/0x[0-9a-f]+$/, `target${index % 3}`) : line,
    );
    const source = `.globl _start\n_start:\ntarget0:\n${labelled.join('\n')}\ntarget1: nop\ntarget2: nop\n`;
    expect(dump(flatImage(assembled(source)))).toBe(dump(gnuBytes(source)));
  });

  // Guests that are put together from parts lie in one piece where they ship.
  const folders = ['../../../../public/guests/', '../../../guests/hostile/'].map(
    (path) => new URL(path, import.meta.url),
  );
  const guests = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.s'))
      .map((name) => [name, folder] as const),
  );
  test.each(guests)('%s', (name, folder) => {
    const source = read(new URL(name, folder));
    expect(dump(flatImage(assembled(source)))).toBe(dump(gnuBytes(source)));
  });
});
