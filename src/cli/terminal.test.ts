// Ctrl-A at the terminal: what goes to the guest and what is meant for the host.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EscapeKeys } from './terminal.ts';

/** Types the pieces one after the other. @returns what the guest gets, and how often the person asked to quit */
function type(...pieces: readonly string[]): { sent: string; quits: number } {
  let quits = 0;
  const keys = new EscapeKeys(() => quits++);
  const sent = pieces.map((piece) => Buffer.from(keys.translate(Buffer.from(piece))).toString()).join('');
  return { sent, quits };
}

test.each([
  ['ls\r', 'ls\r', 0],
  ['\u0003', '\u0003', 0],
  ['\u0001x', '', 1],
  ['\u0001X', '', 1],
  ['\u0001\u0001', '\u0001', 0],
  ['a\u0001bc', 'ac', 0],
  ['x', 'x', 0],
])('%j sends %j', (typed, sent, quits) => {
  expect(type(typed)).toEqual({ sent, quits });
});

test('the two keys may come apart', () => {
  expect(type('a\u0001', 'x')).toEqual({ sent: 'a', quits: 1 });
});

test('where a text is cut changes nothing; without Ctrl-A nothing is lost', () => {
  const text = fc.string({ unit: fc.constantFrom('\u0001', 'x', 'a', '\r', '\u0003') });
  fc.assert(
    fc.property(text, fc.nat(), (typed, at) => {
      const cut = at % (typed.length + 1);
      expect(type(typed.slice(0, cut), typed.slice(cut))).toEqual(type(typed));
      const plain = typed.replaceAll('\u0001', '');
      expect(type(plain)).toEqual({ sent: plain, quits: 0 });
    }),
  );
});
