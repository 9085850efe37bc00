// The option tables: whatever is typed is either understood or answered with one line.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { option, parseArguments, UsageError } from './options.ts';
import { runOptions } from './run-options.ts';
import { anyText, wholeNumber } from '../protocol/option-values/values.ts';

const table = {
  count: option('--count', 'N', wholeNumber(0, 1000), 'a number'),
  text: option('--text', 'TEXT', anyText, 'a text'),
  output: option('-o', 'OUT', anyText, 'a file'),
} as const;

const operand = fc.string({ minLength: 1 }).filter((text) => !text.startsWith('-'));
const given = fc.record(
  {
    count: fc.integer({ min: 0, max: 1000 }),
    text: fc.string().filter((text) => !/^(--?[a-z])/.test(text)),
    output: operand,
  },
  { requiredKeys: [] },
);

describe('parseArguments', () => {
  test('understands every choice of options, in both forms, in any order, among operands', () => {
    fc.assert(
      fc.property(given, fc.array(operand, { maxLength: 3 }), fc.infiniteStream(fc.nat()), (values, operands, dice) => {
        const roll = (sides: number) => dice.next().value % sides;
        const pieces: string[][] = operands.map((each) => [each]);
        for (const [key, value] of Object.entries(values)) {
          const { name } = table[key as keyof typeof table];
          const joined = name.startsWith('--') && roll(2) === 0;
          const piece = joined ? [`${name}=${value}`] : [name, String(value)];
          pieces.splice(roll(pieces.length + 1), 0, piece);
        }
        const parsed = parseArguments('do', table, pieces.flat());
        expect(parsed).toEqual({ options: values, operands, help: false });
      }),
    );
  });

  test('never fails but with one line that says what was expected, what was found and what to do', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.values(runOptions).map(({ name }) => name), '--', '-', '--=', '-o'),
      fc.string().map((text) => `--${text}`),
      fc.tuple(fc.constantFrom(...Object.values(runOptions).map(({ name }) => name)), fc.string()).map(([name, text]) => `${name}=${text}`), // prettier-ignore
    );
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        try {
          parseArguments('run', runOptions, argv);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          expect((error as Error).message).toMatch(
            /^expected [^\u0000-\u001f]+, found [^\u0000-\u001f]+: [^\u0000-\u001f]+$/,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('-- ends the options', () => {
    expect(parseArguments('do', table, ['--', '--count', '-o']).operands).toEqual(['--count', '-o']);
  });

  test('the last of a repeated option counts', () => {
    expect(parseArguments('do', table, ['--count', '1', '--count=2']).options).toEqual({ count: 2 });
  });

  test('a value may begin with a dash where it is not an option, and --name=value takes anything', () => {
    expect(parseArguments('do', table, ['--text', '-x']).options).toEqual({ text: '-x' });
    expect(parseArguments('do', table, ['--text=--count=3']).options).toEqual({ text: '--count=3' });
    expect(parseArguments('do', table, ['--text=']).options).toEqual({ text: '' });
  });

  test.each([
    [['--cuont', '3'], 'expected an option of "do", found "--cuont": did you mean --count? see ringside do --help'],
    [['--count'], 'expected N after --count, found nothing: write --count N'],
    [['--count', '--text', 'x'], 'expected N after --count, found the option "--text": write --count N'],
    [
      ['--count', '1001'],
      'expected a whole number from 0 to 1000 after --count, found "1001": choose one within these limits',
    ],
    [
      ['--count='],
      'expected a whole number from 0 to 1000 after --count, found nothing: choose one within these limits',
    ],
    [
      ['--count', '1e2'],
      'expected a whole number from 0 to 1000 after --count, found "1e2": choose one within these limits',
    ],
    [['--zebra\n\u001b[31m'], 'expected an option of "do", found "--zebra??[31m": see ringside do --help'],
  ])('%j: %s', (argv, message) => {
    expect(() => parseArguments('do', table, argv)).toThrow(UsageError);
    expect(() => parseArguments('do', table, argv)).toThrow(message);
  });

  test.each([['--help'], ['-h'], ['--count', '5', '--help']])('help is help: %j', (...argv) => {
    expect(parseArguments('do', table, argv).help).toBe(true);
  });
});
