// The scenario format: what it takes, and that everything else is refused with path, expectation, finding and advice.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readScenario, ScenarioError } from './scenario.ts';

const problemsOf = (value: unknown): readonly string[] => {
  try {
    readScenario(typeof value === 'string' ? value : JSON.stringify(value));
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.split('\n');
    throw error;
  }
  return [];
};
const withVm = (vm: object) => ({ title: 't', vms: [{ name: 'a', guest: 'hello', ...vm }] });

test('a scenario with everything is read as it stands', () => {
  const whole = {
    title: 'Two of them',
    about: ['One sentence.', 'Another.'],
    vms: [
      {
        name: 'one',
        guest: 'linux',
        technique: 'hardware-assisted',
        memory: '64M',
        network: 'user,delay=2',
        disk: ['a.img,snapshot'],
        type: [{ after: '/ #', text: 'ls\n' }, { at: 5000, text: 'x' }, { text: 'y' }],
        expect: { console: ['a', 'b'], exitCode: 0, exits: { least: 1 }, sameStateAs: 'two' },
      },
      { name: 'two', image: 'kernel.elf', boot: 'machine' },
    ],
    ends: 'expected',
    limit: 1000,
    captures: { pcap: 'frames.pcap' },
  };
  expect(readScenario(JSON.stringify(whole))).toEqual(whole);
});

test('short forms: one item for a list, numbers for texts, K, M and G for counts', () => {
  const scenario = readScenario(
    JSON.stringify({
      title: 't',
      about: 'One.',
      limit: '5M',
      vms: [{ name: 'a', guest: 'hello', harts: 2, share: 'd' }],
    }),
  );
  expect(scenario).toMatchObject({ about: ['One.'], limit: 5_000_000, vms: [{ harts: '2', share: ['d'] }] });
});

describe('what is wrong is said with path, expectation, finding and advice', () => {
  test.each([
    ['{"title": 1,', /^the scenario: expected JSON, found .*: look for a missing comma/],
    [[], /^the scenario: expected an object, found an empty list: write it in \{ \}, with title, about, vms/],
    [{ vms: [], title: 't' }, /^vms: expected a list of at least 1, found an empty list/],
    [withVm({ technique: 'fast' }), /^vms\[0\]\.technique: expected "bare" or .*, found "fast": choose one of these$/],
    [withVm({ memroy: '64M' }), /^vms\[0\]\.memroy: expected one of name, guest, .*, found "memroy": correct the name/],
    [withVm({ image: 'x' }), /^vms\[0\]: expected guest or image, found both/],
    [{ title: 't', vms: [{ name: 'a' }] }, /^vms\[0\]: expected guest or image, found neither/],
    [withVm({ type: [{ after: 'x', at: 1, text: 'y' }] }), /^vms\[0\]\.type\[0\]: expected after or at, found both/],
    [withVm({ type: [{ at: -1, text: 'y' }] }), /^vms\[0\]\.type\[0\]\.at: expected a whole number, found -1/],
    [withVm({ expect: { exitCode: '0' } }), /^vms\[0\]\.expect\.exitCode: expected a whole number from 0 .*found "0"/],
    [withVm({ expect: { sameStateAs: 'b' } }), /^vms\[0\]\.expect\.sameStateAs: expected the name of another VM/],
    [
      {
        title: 't',
        vms: [
          { name: 'a', guest: 'hello' },
          { name: 'a', guest: 'hello' },
        ],
      },
      /^vms\[1\]\.name: expected a name of its own, found a/,
    ],
    [withVm({ __proto__: null, constructor: 1 }), /^vms\[0\]\.constructor: expected one of/],
  ])('%j', (value, message) => {
    const [first] = problemsOf(value);
    expect(first).toMatch(message);
  });

  test('all of it at once', () => {
    expect(problemsOf({ vms: [{ name: 1 }, { guest: 2 }] }).length).toBeGreaterThanOrEqual(4);
  });
});

test('whatever the file holds, it is read or refused in lines', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), fc.record({ title: fc.anything(), vms: fc.anything() })), (value) => {
      for (const line of problemsOf(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))) {
        expect(line).toMatch(/expected .*, found /s);
      }
    }),
    { numRuns: 300 },
  );
});
