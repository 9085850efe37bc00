// No input may make the assembler throw or hang, and it is fast enough to run at every keystroke.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disassemble } from '../disassemble.ts';
import { sampleWords } from '../instruction-words.test-support.ts';
import { assemble, directiveNames } from './assemble.ts';
import { errorsOf } from './assembled.test-support.ts';
import { mnemonics } from './instruction-statement.ts';

const fixtures = ['instructions', 'directives', 'macros', 'relaxation'].map((name) =>
  readFileSync(new URL(`./fixtures/${name}.s`, import.meta.url), 'utf8'),
);

/** What shows that a message was made of something that has no words; a source may contain it too, and be quoted. */
const OURS = /undefined|NaN|\[object|\u0001/;

/** Whatever comes in: a result, whose messages all lie inside the source. */
function check(source: string): void {
  const result = assemble(source);
  const lines = source.split('\n').length;
  for (const { line, column, length, message } of [...(result.ok ? [] : result.errors), ...result.warnings]) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(length).toBeGreaterThanOrEqual(1);
    if (!OURS.test(source)) expect(message).not.toMatch(OURS);
  }
  if (!result.ok) expect(result.errors.length).toBeGreaterThan(0);
}

describe('any text gives a result', () => {
  test('random characters', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), check), { numRuns: 200 });
  });

  test('random words of the language', () => {
    const part = fc.constantFrom(
      ...mnemonics, ...directiveNames, 'a0', 'sp', 'x', 'x:', '1:', '1b', '1f', '0x10', '-1', '4(a0)', '%hi(x)', '%pcrel_lo(x)', '"s"', '\'c\'',
      ',', ',', ',', '\n', '\n', '\n', ';', '(', ')', '+', '-', '*', '/', '<<', '=', '.', '\\a', '\\@', '\\()', '#', '/*', '*/', '@nobits', '99999999999',
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => check(parts.join(' '))),
      { numRuns: 1500 },
    );
  });

  test('mutations of valid programs', () => {
    const mutation = fc.record({
      at: fc.nat(),
      remove: fc.nat({ max: 12 }),
      insert: fc.string({ maxLength: 4 }),
      from: fc.nat(),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...fixtures),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (source, mutations) => {
          const mutated = mutations.reduce((text, { at, remove, insert, from }) => {
            const position = at % (text.length + 1);
            const copied = from % 3 === 0 ? text.slice(from % text.length, (from % text.length) + 20) : '';
            return text.slice(0, position) + insert + copied + text.slice(position + remove);
          }, source);
          check(mutated);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('sources made to run forever end with an error', () => {
  test.each([
    ['a macro that invokes itself', '.macro m\nm\n.endm\nm', 'does the macro invoke itself'],
    ['a macro that doubles itself', '.macro m\nm\nm\n.endm\nm', 'does the macro invoke itself'],
    ['text that doubles itself', '.macro m a\nm \\a\\a\\a\\a\n.endm\nm "abcdefgh"', 'characters in a line'],
    ['nested repetitions', '.rept 1000000\n.rept 1000000\nnop\n.endr\n.endr', 'does a macro expand without end'],
    ['repetitions of a skipped block', `.rept 1000000\n.rept 0\n${'nop\n'.repeat(2000)}.endr\n.endr`, 'statements'],
    [
      'macros that leave at once',
      `.macro m\n.exitm\n${'nop\n'.repeat(2000)}.endm\n.rept 1000000\nm\n.endr`,
      'statements',
    ],
    ['room without end', '.rept 1000000\n.space 1000000\n.endr', 'program of at most'],
    ['alignment without end', '.rept 1000\n.byte 1\n.align 24\n.endr', 'image of at most'],
    ['deep parentheses', `.word ${'('.repeat(100_000)}1`, 'levels'],
    ['many signs', `.word ${'-'.repeat(100_000)}1`, 'levels'],
    ['a long sum', `.word ${'1+'.repeat(100_000)}1`, 'terms'],
    [
      'symbols that double',
      `${Array.from({ length: 60 }, (_, i) => `.set sum${i}, sum${i + 1} + sum${i + 1}`).join('\n')}\n.word sum0`,
      'sum60',
    ],
    ['a symbol that grows', `.set s, later\n${'.set s, s + s\n'.repeat(60)}later: .word s`, 'terms'],
  ])('%s', (_name, source, message) => {
    const start = performance.now();
    const errors = errorsOf(source);
    expect(
      errors.some((error) => error.message.includes(message)),
      JSON.stringify(errors.slice(0, 3)),
    ).toBe(true);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('a long chain of symbols neither overflows the stack nor takes long', () => {
    const chain = (length: number) =>
      `.word link0\n${Array.from({ length }, (_, i) => `.set link${i}, link${i + 1} + 1`).join('\n')}\n.set link${length}, 1`;
    expect(assemble(chain(500)).ok).toBe(true);
    check(chain(50_000));
  });

  test('branches that push one another out of reach settle', () => {
    const body = Array.from({ length: 3000 }, (_, i) => `l${i}: beq a0, a1, l${Math.min(2999, i + 1023)}`).join('\n');
    expect(assemble(body).ok).toBe(true);
  });
});

test('10 000 lines take less than 200 ms', () => {
  const lines = sampleWords(30).map((word, index) => {
    const { text } = disassemble(word, 0x8000_0000 + 4 * index);
    return `label${index}: ${/^(b|j|jal )/.test(text) ? `beqz a0, label${Math.max(0, index - 20)}` : text} # comment`;
  });
  const source = Array.from({ length: Math.ceil(10_000 / lines.length) }, (_, round) =>
    lines.map((line) => line.replaceAll('label', `label${round}_`)).join('\n'),
  )
    .join('\n')
    .split('\n')
    .slice(0, 10_000)
    .join('\n');
  const times = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    const result = assemble(source);
    if (!result.ok) throw new Error(result.errors[0]?.message);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  // Processor time, and the best of five: other work on the machine shall not decide, nor the compilation of this code.
  expect(Math.min(...times)).toBeLessThan(200);
});
