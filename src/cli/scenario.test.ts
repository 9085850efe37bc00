// `ringside scenario`: the scenarios that ship come out as they say, twice the same; what is not met is told and is status 1;
// what is wrong with a file is told with its place and is status 2.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { assemble } from '../core/isa/assembly/assemble.ts';
import { scenarioPath, scenarios } from '../guests/scenarios.ts';
import { readScenario } from '../protocol/scenario/scenario.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-scenario-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const shipped = (path: string) => fileURLToPath(new URL(`../../public/${path}`, import.meta.url));

/** Writes a scenario. @returns its path */
function written(name: string, scenario: unknown): string {
  writeFileSync(at(name), JSON.stringify(scenario));
  return at(name);
}

const run = (...argv: readonly string[]) => command(['scenario', ...argv]);

describe('the scenarios that ship', () => {
  test('are the files of their folder, under their titles', () => {
    expect(readdirSync(shipped('scenarios')).sort()).toEqual(scenarios.map(({ name }) => `${name}.json`).sort());
    for (const row of scenarios) {
      const { title, about } = readScenario(readFileSync(shipped(scenarioPath(row)), 'utf8'));
      expect(title).toBe(row.title);
      expect(about?.join(' ')).not.toBe('');
    }
  });

  test.each(scenarios)(
    '$name: everything expected is met',
    async ({ name, title }) => {
      const { status, stdout, complaints } = await run(name);
      expect(complaints).toEqual([]);
      expect(stdout).toContain(`\n${title}: `);
      expect(stdout).not.toContain('NOT MET');
      expect(status).toBe(0);
    },
    60_000,
  );

  test('two Linux VMs talk over one switch: each byte and each frame is the same in every run', async () => {
    const first = await run('two-linux', '--pcap', at('one.pcap'));
    const second = await run('two-linux', '--pcap', at('two.pcap'));
    expect(first.stdout).toContain('one | This is VM two');
    expect(first.stdout).toContain('two | This is VM one');
    expect(second.stdout).toBe(first.stdout);
    expect(readFileSync(at('one.pcap')).equals(readFileSync(at('two.pcap')))).toBe(true);
    expect(readFileSync(at('one.pcap')).length).toBeGreaterThan(1000);
  }, 60_000);
});

describe('a scenario of one’s own', () => {
  test('what is not met is told with what was found, and is status 1', async () => {
    const file = written('wrong.json', {
      title: 'Wrong',
      vms: [
        {
          name: 'a',
          guest: 'hello',
          technique: 'trap-and-emulate',
          expect: { console: 'goodbye', consoleLacks: 'hello', exitCode: 3, exits: { most: 1 }, sameStateAs: 'b' },
        },
        { name: 'b', guest: 'timer', technique: 'bare', expect: { instructions: { least: '1G' } } },
      ],
    });
    const { status, stdout } = await run(file);
    expect(status).toBe(1);
    expect(stdout).toContain('NOT MET a: the console contains "goodbye", which it never printed');
    expect(stdout).toMatch(/NOT MET a: it ends with code 3, found code 0 \(The guest shut down\.\)/);
    expect(stdout).toMatch(/NOT MET a: at most 1 exits, found \d+/);
    expect(stdout).toMatch(/NOT MET a: its state is that of b, found [0-9a-f]{16} here and [0-9a-f]{16} there/);
    expect(stdout).toMatch(/NOT MET b: at least 1000000000 instructions, found \d+/);
  });

  const echo = `
_start: li s0, 0x10000000
1:      lbu t0, 5(s0)
        andi t0, t0, 1
        beqz t0, 1b
        lbu t1, 0(s0)
        sb t1, 0(s0)
        j 1b
`;

  test('an image beside the file, typed at by instructions and by output; over when all is met', async () => {
    const assembled = assemble(echo, { textAddress: 0x8040_0000 });
    if (!assembled.ok) throw new Error('the program does not assemble');
    writeFileSync(at('echo.elf'), assembled.image);
    const file = written('echo.json', {
      title: 'Echo',
      vms: [
        {
          name: 'echo',
          image: 'echo.elf',
          technique: 'hardware-assisted',
          memory: '16M',
          type: [
            { at: 5000, text: 'one\n' },
            { after: 'one', text: 'grüße\n' },
          ],
          expect: { console: ['one', 'grüße'], instructions: { least: 5000, most: '1M' } },
        },
      ],
      ends: 'expected',
      limit: '10M',
    });
    const { status, stdout } = await run(file, '--stats', at('stats.json'));
    expect(stdout).toContain('echo | one\necho | grüße\n');
    expect(stdout).toContain('Echo: everything expected has come.');
    expect(status).toBe(0);
    const stats = JSON.parse(readFileSync(at('stats.json'), 'utf8')) as { end: string; vms: Record<string, unknown>[] };
    expect(stats).toMatchObject({ end: 'expected', vms: [{ name: 'echo', memory: 16 * 2 ** 20 }] });
    expect(stats.vms[0]?.['expectations']).toContainEqual({ met: true, sentence: 'the console contains "one"' });
  });

  test('a guest that waits for ever ends it, and one that never waits meets the limit', async () => {
    const assembled = assemble('_start: csrw sie, zero\n1: wfi\n j 1b\n', { textAddress: 0x8040_0000 });
    const busy = assemble('_start: j _start\n', { textAddress: 0x8040_0000 });
    if (!assembled.ok || !busy.ok) throw new Error('the programs do not assemble');
    writeFileSync(at('sleep.elf'), assembled.image);
    writeFileSync(at('busy.elf'), busy.image);
    for (const technique of ['bare', 'trap-and-emulate', 'hardware-assisted']) {
      const vm = (name: string) => ({ name, image: `${name}.elf`, technique, memory: '8M' });
      const asleep = await run(written('sleep.json', { title: 'S', vms: [vm('sleep')] }));
      expect(asleep.stdout).toContain('S: every VM has ended or sleeps, and nothing will wake it.');
      const limit = await run(written('busy.json', { title: 'B', vms: [vm('busy')], limit: 300_000 }));
      expect(limit.stdout).toContain('B: the limit of instructions is reached.');
      expect(limit.status).toBe(0);
    }
  });
});

test('virtual CPUs share physical harts by weight', async () => {
  const busy = assemble('_start: j _start\n', { textAddress: 0x8040_0000 });
  if (!busy.ok) throw new Error('the program does not assemble');
  writeFileSync(at('weighed.elf'), busy.image);
  const vm = (name: string, fields: object) => ({ name, image: 'weighed.elf', technique: 'hardware-assisted', memory: '8M', ...fields }); // prettier-ignore
  const file = written('weights.json', {
    title: 'Weights',
    vms: [
      vm('heavy', { weight: 300, expect: { instructions: { least: '52M' } } }),
      vm('light', { weight: 100, expect: { instructions: { least: '12M', most: '28M' } } }),
    ],
    limit: '80M',
    physicalHarts: 1,
    machineMemory: '72M',
    hugePages: 'on',
    merge: 100,
  });
  const { stdout, status } = await run(file);
  expect(stdout).not.toContain('NOT MET');
  expect(status).toBe(0);
  const bare = { title: 't', vms: [{ name: 'a', guest: 'hello', weight: 5 }] };
  expect((await run(written('bare.json', bare))).complaints).toEqual([expect.stringMatching(/--weight, found bare/)]);
});

describe('what is wrong is one line each, and status 2', () => {
  const vm = (fields: object) => ({ title: 't', vms: [{ name: 'a', guest: 'hello', ...fields }] });

  test.each([
    [
      'a value an option refuses',
      vm({ memory: '1' }),
      /expected a size from 2M .* at vms\[0\]\.memory, found "1": write 1M/,
    ],
    ['a cable', vm({ network: 'user,delay=x' }), /expected milliseconds .* at vms\[0\]\.network, found "user,delay=x"/],
    ['what the machine is', { ...vm({}), swap: 'much' }, /expected a size .* at swap, found "much"/],
    ['a guest that does not ship', vm({ guest: 'linus' }), /found "linus": did you mean linux\?/],
    ['a disk that is not there', vm({ disk: 'none.img' }), /none\.img/],
    ['an image and a guest', vm({ image: 'x.elf' }), /vms\[0\]: expected guest or image, found both/],
    ['frames without a network', { ...vm({}), captures: { pcap: at('no.pcap') } }, /expected a VM with "network"/],
    [
      'machine boot where it cannot be',
      vm({ boot: 'machine', technique: 'hardware-assisted' }),
      /expected a guest in supervisor boot for hardware-assisted/,
    ],
  ])('%s', async (_name, scenario, message) => {
    const { status, stdout, complaints } = await run(written('bad.json', scenario));
    expect(complaints.join('\n')).toMatch(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test('no file, no JSON, several problems at once', async () => {
    expect((await run(at('none.json'))).complaints).toEqual([expect.stringMatching(/a scenario at .*found none/)]);
    writeFileSync(at('text.json'), 'no');
    expect((await run(at('text.json'))).complaints).toEqual([
      expect.stringMatching(/text\.json: the scenario: expected JSON/),
    ]);
    const { complaints, status } = await run(written('many.json', { vms: [{ technique: 'fast' }] }));
    expect(complaints.length).toBeGreaterThanOrEqual(3);
    expect(status).toBe(2);
  });
});
