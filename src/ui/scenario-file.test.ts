// A scenario as the page's VMs: the same fields, and everything the page cannot do is named.

import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { scenarioPath, scenarios } from '../guests/scenarios.ts';
import { guests } from '../guests/manifest.ts';
import { readScenario } from '../protocol/scenario/scenario.ts';
import { scenarioHere } from './scenario-file.ts';

const here = (scenario: object) => scenarioHere(readScenario(JSON.stringify(scenario)), guests);

test.each(scenarios)('$name can be opened', (row) => {
  const { vms, leftOut } = scenarioHere(readScenario(readFileSync(`public/${scenarioPath(row)}`, 'utf8')), guests);
  expect(vms.length).toBeGreaterThan(0);
  for (const field of leftOut) expect(field).toMatch(/^the cable of/);
});

test('fields become options, and what is typed goes along', () => {
  const { vms, leftOut } = here({
    title: 't',
    vms: [
      {
        name: 'a',
        guest: 'linux',
        technique: 'trap-and-emulate',
        memory: '48M',
        network: 'user',
        type: [{ after: '#', text: 'ls\n' }],
        expect: { exitCode: 0 },
      },
    ],
  });
  expect(leftOut).toEqual([]);
  expect(vms).toEqual([
    {
      guest: { kind: 'shipped', name: 'linux' },
      technique: 'trap-and-emulate',
      memoryMiB: 48,
      network: true,
      start: true,
      input: [{ after: '#', text: 'ls\n' }],
    },
  ]);
});

describe('what the page cannot do', () => {
  test('is named', () => {
    const { leftOut } = here({
      title: 't',
      vms: [{ name: 'a', guest: 'linux', share: 'x', disk: 'y', network: 'user,delay=3' }],
      captures: { pcap: 'p' },
    });
    expect(leftOut).toEqual([
      'vms[0].disk',
      'vms[0].share',
      'the cable of vms[0].network (see the Network panel)',
      'captures',
    ]);
  });

  test.each([
    [{ name: 'a', image: 'x.elf' }, /found the file x\.elf at vms\[0\]\.image/],
    [{ name: 'a', guest: 'linus' }, /Expected the name of a guest that ships at vms\[0\]\.guest, found “linus”/],
    [{ name: 'a', guest: 'linux', memory: 'much' }, /Expected a size in whole MiB at vms\[0\]\.memory, found “much”/],
  ])('%j is refused in a line', (vm, message) => {
    expect(() => here({ title: 't', vms: [vm] })).toThrow(message);
  });
});
