// Console input without a person: in order, each step when it is due, and nothing lost where the guest takes little.

import { expect, test } from 'vitest';
import { byteText, ConsoleScript, type ConsoleStep } from './console-script.ts';
import { SerialConsole } from './guest-devices/serial-console.ts';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

function rig(steps: readonly ConsoleStep[], room = Infinity) {
  const console = new SerialConsole();
  const vm = {
    console,
    instructions: 0,
    typed: '',
    room,
    receive: (given: Uint8Array) => {
      const taken = Math.min(given.length, vm.room);
      vm.typed += byteText(given.subarray(0, taken));
      return taken;
    },
  };
  const print = (text: string) => bytes(text).forEach((byte) => console.write(byte));
  return { vm, print, script: new ConsoleScript(vm, steps, bytes) };
}

test('a step waits for what the console prints, also where it comes in pieces', () => {
  const { vm, print, script } = rig([{ after: '/ # ', text: 'ls\n' }]);
  expect(script.look()).toBe(false);
  print('boot\n/ ');
  expect(script.look()).toBe(false);
  print('# ');
  expect(script.look()).toBe(true);
  expect(vm.typed).toBe('ls\n');
  expect(script.done).toBe(true);
});

test('the same words again are for the next step: one behind the other', () => {
  const step = (text: string) => ({ after: '$', text: text });
  const { vm, print, script } = rig([step('1'), step('2'), step('3')]);
  print('$$');
  script.look();
  expect(vm.typed).toBe('12');
  print('x$');
  script.look();
  expect(vm.typed).toBe('123');
});

test('a step waits for instructions, and says when it is due; a guest that sleeps gets it at once', () => {
  const { vm, script } = rig([
    { at: 100, text: 'a' },
    { at: 200, text: 'b' },
  ]);
  expect(script.due).toBe(100);
  vm.instructions = 99;
  expect(script.look()).toBe(false);
  vm.instructions = 100;
  expect(script.look()).toBe(true);
  expect(vm.typed).toBe('a');
  expect(script.due).toBe(200);
  expect(script.look(true)).toBe(true);
  expect(vm.typed).toBe('ab');
});

test('what the guest does not take is typed later, before the next step', () => {
  const { vm, script } = rig([{ text: 'abcdef' }, { text: 'g' }], 4);
  script.look();
  expect(vm.typed).toBe('abcd');
  expect(script.done).toBe(false);
  script.look();
  vm.room = Infinity;
  script.look();
  expect(vm.typed).toBe('abcdefg');
});

test('a flood of output is searched whole', () => {
  const { vm, print, script } = rig([{ after: 'needle', text: 'x' }]);
  print(`${'y'.repeat(100_000)}needle${'z'.repeat(50_000)}`);
  script.look();
  expect(vm.typed).toBe('x');
});
