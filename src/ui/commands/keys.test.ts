// Keys as people press them on the keyboards they have.
import { describe, expect, test } from 'vitest';
import { isWriting, keyOf } from './keys.ts';

const none = { code: '', ctrlKey: false, altKey: false, shiftKey: false, metaKey: false };

describe('a key has one name', () => {
  test.each([
    [{ ...none, key: 'F8' }, 'F8'],
    [{ ...none, key: 'F11', shiftKey: true }, 'Shift+F11'],
    [{ ...none, key: 'F10', altKey: true }, 'Alt+F10'],
    [{ ...none, key: 'F5', ctrlKey: true, shiftKey: true }, 'Ctrl+Shift+F5'],
    [{ ...none, key: 'e' }, 'E'],
    [{ ...none, key: 'E', shiftKey: true }, 'Shift+E'],
    [{ ...none, key: 'k', ctrlKey: true }, 'Ctrl+K'],
    [{ ...none, key: 'k', metaKey: true }, 'Ctrl+K'],
    [{ ...none, key: 'P', ctrlKey: true, shiftKey: true }, 'Ctrl+Shift+P'],
    [{ ...none, key: '?', shiftKey: true }, '?'],
    [{ ...none, key: '3', code: 'Digit3' }, '3'],
    [{ ...none, key: '"', code: 'Digit3' }, '3'],
    [{ ...none, key: '[' }, '['],
  ])('%j is %s', (event, name) => {
    expect(keyOf(event)).toBe(name);
  });

  test.each(['Control', 'Shift', 'Alt', 'Meta', 'Dead'])('%s alone is none', (key) => {
    expect(keyOf({ ...none, key })).toBeUndefined();
  });
});

test('what would write text is told apart from what commands', () => {
  expect(['E', '3', '?', ']'].every(isWriting)).toBe(true);
  expect(['F8', 'Ctrl+K', 'Shift+F11', 'Escape'].some(isWriting)).toBe(false);
});
