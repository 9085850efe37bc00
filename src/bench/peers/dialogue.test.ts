// What is said over the guest's serial port.

import { expect, test } from 'vitest';
import { answerIn, boardOrder, kernelOrder, LineReader } from './dialogue.ts';

test('orders are a letter, a number and the end of the line', () => {
  expect(kernelOrder(0, 1)).toBe('a1\n');
  expect(kernelOrder(7, 400)).toBe('h400\n');
  expect(boardOrder('pagingOn', 16)).toBe('P16\n');
});

test('a line is heard at its last byte', () => {
  const heard: string[] = [];
  const reader = new LineReader((line) => heard.push(line));
  for (const byte of new TextEncoder().encode('ready\nabc')) reader.take(byte);
  expect(heard).toEqual(['ready']);
  reader.take(10);
  expect(heard).toEqual(['ready', 'abc']);
});

test('an answer is an unsigned word', () => {
  expect(answerIn('ffffffff')).toBe(0xffff_ffff);
});

test.each(['', '!', 'ready', '0x000001', '123456789'])('“%s” is no answer', (line) => {
  expect(() => answerIn(line)).toThrow();
});
