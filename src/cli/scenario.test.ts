// `ringside scenario`: the scenarios that ship come out as they say, twice the same; what is not met is told and is status 1;
// what is wrong with a file is told with its place and is status 2.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { assemble } from '../core/isa/assembly/assemble.ts';
import { scenarioPath, scenarios } from '../guests/scenarios.ts';
import { readScenario } from '../protocol/scenario/scenario.ts';
import { shippedFile } from './guest-source.ts';
import { assembleInto, LETTERS } from './letters.test-support.ts';
import { command } from './streams.test-support.ts';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'ringside-scenario-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

/** Writes a scenario. @returns its path */
function written(name: string, scenario: unknown): string {
  writeFileSync(at(name), JSON.stringify(scenario));
  return at(name);
}

const run = (...argv: readonly string[]) => command(['scenario', ...argv]);

describe('the scenarios that ship', () => {
  test('are the files of their folder, under their titles', () => {
    expect(readdirSync(shippedFile('scenarios')).sort()).toEqual(scenarios.map(({ name }) => `${name}.json`).sort());
    for (const row of scenarios) {
      const { title, about } = readScenario(readFileSync(shippedFile(scenarioPath(row)), 'utf8'));
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

const echo = `
_start: li s0, 0x10000000
1:      lbu t0, 5(s0)
        andi t0, t0, 1
        beqz t0, 1b
        lbu t1, 0(s0)
        sb t1, 0(s0)
        j 1b
`;

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

test('a guest whose interrupts are messages beside one with a PLIC, on one machine', async () => {
  const vm = {
    guest: 'io-paths',
    technique: 'hardware-assisted',
    expect: { exitCode: 0, console: 'that was every disk' },
  };
  const file = written('messages.json', {
    title: 'two boards',
    vms: [
      { name: 'messages', aia: 'aplic-imsic', ...vm },
      { name: 'wires', ...vm },
    ],
  });
  expect(await run(file)).toMatchObject({ status: 0 });
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

test('a guest is repaired where its machine is broken', async () => {
  const repaired = { name: 'a', guest: 'trap', repair: 'patching', expect: { console: 'ended with 0000002a' } };
  const broken = { ...repaired, name: 'b', repair: 'none', technique: 'trap-and-emulate' };
  const file = written('repaired.json', { title: 'Repaired', vms: [repaired, broken], break: 'sret', limit: '5M' });
  const { stdout, status } = await run(file);
  expect(status).toBe(1);
  expect(stdout.split('\n').filter((line) => line.includes('NOT MET'))).toEqual([expect.stringMatching(/^NOT MET b:/)]);
});

test('several rules are broken; a kernel that makes hypercalls stands for its twin', async () => {
  const vms = [
    { name: 'patched', guest: 'trap', repair: 'patching', expect: { console: 'ended with 0000002a' } },
    { name: 'twin', guest: 'unmodified', repair: 'paravirtualization', expect: { console: ['round 7', 'disk ok'] } },
  ];
  const file = written('several.json', { title: 'Several', vms, break: ['sret,sfence', 'sstatus'], limit: '5M' });
  const { stdout, status } = await run(file);
  expect(stdout).not.toContain('NOT MET');
  expect(status).toBe(0);
});

test('firmware of a guest’s own; interrupt controllers that send messages; a swapped page that takes its time', async () => {
  for (const [name, text] of [
    ['next-stage', '0x80000000'],
    ['flat-kernel', '0x80200000'],
  ] as const) {
    const source = new URL(`fixtures/${name}.s`, import.meta.url).pathname;
    expect(await command(['assemble', source, '-o', at(`${name}.elf`), '--text', text])).toMatchObject({ status: 0 });
  }
  const image = { image: 'flat-kernel.elf', firmware: 'next-stage.elf', expect: { console: '80200000', exitCode: 0 } };
  const assisted = { guest: 'hello', technique: 'hardware-assisted', aia: 'aplic-imsic', expect: { exitCode: 0 } };
  const vms = [
    { name: 'bare', ...image },
    { name: 'emulated', technique: 'trap-and-emulate', ...image },
    { name: 'messages', ...assisted },
  ];
  const { stdout, status } = await run(written('own.json', { title: 'Own', vms, swapLatency: 50, limit: '5M' }));
  expect(stdout).not.toContain('NOT MET');
  expect(status).toBe(0);
});

describe('what becomes of a VM on the way', () => {
  const letters = (fields: object) => ({
    image: 'letters.elf',
    technique: 'hardware-assisted',
    memory: '16M',
    ...fields,
  });
  const end = { console: 'xyz', exitCode: 0 };

  test('one is saved and goes on, and another goes on from there to the same end', async () => {
    assembleInto(at('letters.elf'), LETTERS);
    const saving = letters({ name: 'first', save: at('saved.vm'), saveAfter: '1M', expect: end });
    const first = await run(written('save.json', { title: 'Save', vms: [saving], limit: '50M' }));
    expect(first).toMatchObject({ status: 0, complaints: [] });
    expect(first.stdout).toMatch(/^first \* saved into ".*saved.vm" at 1000000 instructions/m);
    const vms = [
      letters({ name: 'again', restore: 'saved.vm', expect: { exitCode: 0, sameStateAs: 'whole' } }),
      letters({ name: 'whole', expect: end }),
    ];
    const second = await run(written('restore.json', { title: 'Restore', vms, limit: '50M' }));
    expect(second.stdout).not.toContain('NOT MET');
    expect(second.status).toBe(0);
    const bare = letters({ name: 'a', restore: 'saved.vm', technique: 'bare' });
    expect((await run(written('bare.json', { title: 't', vms: [bare] }))).complaints).toEqual([
      expect.stringMatching(/expected a guest of the hypervisor with --restore/),
    ]);
  });

  test('one moves, one is copied, and all three come to the same end, the same in every run', async () => {
    assembleInto(at('letters.elf'), LETTERS);
    const file = written('fates.json', {
      title: 'Fates',
      vms: [
        letters({ name: 'still', expect: end }),
        letters({
          name: 'moved',
          ...{ migrateAfter: '100K', bandwidth: '1G', downtime: 5, diverge: 'force' },
          expect: { ...end, migration: 'completed', sameStateAs: 'still' },
        }),
        letters({
          name: 'forked',
          cloneAfter: '1M',
          expect: { ...end, sameStateAs: 'copy' },
          clone: { name: 'copy', expect: { ...end, consoleLacks: 'a', sameStateAs: 'still' } },
        }),
      ],
    });
    const first = await run(file, '--stats', at('stats.json'));
    expect(first.complaints).toEqual([]);
    expect(first.stdout).not.toContain('NOT MET');
    expect(first.stdout).toMatch(/^moved \* migration completed: \d+ rounds/m);
    expect(first.stdout).toMatch(/^forked \* cloned at \d+ instructions: \d+ frames of 4 KiB shared, \d+ taken\.$/m);
    expect(first.stdout).toMatch(/^copy \| [b-z]+$/m);
    expect(first.status).toBe(0);
    const { vms } = JSON.parse(readFileSync(at('stats.json'), 'utf8')) as { vms: Record<string, unknown>[] };
    expect(vms.map(({ name }) => name)).toEqual(['still', 'moved', 'forked', 'copy']);
    expect(vms[1]).toMatchObject({ migration: { state: 'completed' } });
    expect(vms[2]).toMatchObject({ clone: { name: 'copy', at: 1_000_000 } });
    expect(vms[3]).toMatchObject({ stopped: 'finisher', exitCode: 0 });
    expect((await run(file)).stdout).toBe(first.stdout);
  });

  test('a copy that is never made, and one that is told something else', async () => {
    assembleInto(at('letters.elf'), LETTERS);
    assembleInto(at('echo.elf'), echo);
    const file = written('copies.json', {
      title: 'Copies',
      vms: [
        letters({ name: 'late', cloneAfter: '1G', clone: { expect: { exitCode: 0 } } }),
        letters({
          ...{ name: 'told', image: 'echo.elf', cloneAfter: 5000 },
          expect: { consoleLacks: 'other' },
          clone: { type: [{ text: 'other\n' }], expect: { console: 'other' } },
        }),
      ],
      limit: '5M',
    });
    const { status, stdout } = await run(file);
    expect(stdout).toMatch(/^late \* expected the guest to come to 1000000000 instructions for --clone-after/m);
    expect(stdout).toContain('NOT MET late (clone): late is cloned, which it did not come to');
    expect(stdout).toContain('met     told (clone): the console contains "other"');
    expect(stdout).toContain('met     told: the console does not contain "other"');
    expect(status).toBe(1);
  });

  test('the levels of a nested hypervisor are counted, expected and written; a Linux guest’s processes and calls are', async () => {
    const file = written('levels.json', {
      title: 'Levels',
      vms: [
        {
          ...{ name: 'nested', guest: 'nested', technique: 'bare', traceLevels: at('levels.jsonl') },
          expect: {
            crossings: [
              { from: 'VU', to: 'S', kind: 'trap' },
              { from: 'S', to: 'VS', kind: 'return', least: 2 },
              { from: 'VU', to: 'U', most: 0 },
              { from: 'M', to: 'VU', least: '1M' },
            ],
          },
        },
        {
          ...{ name: 'linux', guest: 'linux', technique: 'hardware-assisted', console: at('hvc.txt') },
          ...{ systemCalls: at('calls.jsonl'), processes: at('processes.json') },
          type: [
            { after: '/ # ', text: 'echo to the console > /dev/hvc1\n' },
            { after: '/ # ', text: 'exec sleep 1000\n' },
          ],
        },
      ],
      limit: '60M',
    });
    const { status, stdout, complaints } = await run(file, '--stats', at('stats.json'));
    expect(complaints).toEqual([]);
    expect(status).toBe(1);
    expect(stdout).toContain('met     nested: at least 1 traps from VU to S');
    expect(stdout).toContain('met     nested: at least 2 returns from S to VS');
    expect(stdout).toContain('met     nested: 0 to 0 crossings from VU to U');
    expect(stdout).toMatch(/^NOT MET nested: at least 1000000 crossings from M to VU, found \d+$/m);
    const lines = readFileSync(at('levels.jsonl'), 'utf8').trim().split('\n');
    const crossings = lines.map((line) => JSON.parse(line) as { kind: string; from: string; to: string });
    const { vms } = JSON.parse(readFileSync(at('stats.json'), 'utf8')) as {
      vms: { levels?: { kind: string; from: string; to: string; count: number }[] }[];
    };
    const trapped = ({ kind, from, to }: (typeof crossings)[number]) => kind === 'trap' && from === 'VU' && to === 'S';
    const counted = (vms[0]?.levels ?? []).filter(trapped).reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBeGreaterThan(0);
    expect(crossings.filter(trapped)).toHaveLength(counted);
    expect(vms[1]?.levels).toBeUndefined();
    expect(readFileSync(at('hvc.txt'), 'utf8')).toContain('to the console');
    expect(readFileSync(at('calls.jsonl'), 'utf8').split('\n').length).toBeGreaterThan(100);
    expect(readFileSync(at('processes.json'), 'utf8')).toContain('sleep');
  });
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
    ['a copy of nobody', vm({ clone: { name: 'b' } }), /vms\[0\]\.cloneAfter: expected a number with clone/],
    ['a copy on the bare machine', vm({ cloneAfter: 5 }), /guest of the hypervisor with --clone-after/],
    [
      'levels under a hypervisor',
      vm({ technique: 'trap-and-emulate', traceLevels: at('l') }),
      /bare with --trace-levels/,
    ],
    [
      'a level that is none',
      vm({ expect: { crossings: { from: 'HS', to: 'VS' } } }),
      /vms\[0\]\.expect\.crossings\.from: expected "M" or .*found "HS"/,
    ],
    ['an unmoved migration', vm({ expect: { migration: 'completed' } }), /vms\[0\]\.migrateAfter: expected a number/],
    ['a quirk that is none', { ...vm({}), break: 'all' }, /expected sret or .* at break\[0\], found "all"/],
    [
      'a repair under a technique that has none',
      vm({ repair: 'patching', technique: 'bare' }),
      /vms\[0\]\.technique: expected "trap-and-emulate" with repair "patching", found "bare": leave it out/,
    ],
    [
      'firmware in supervisor boot',
      vm({ firmware: 'f', boot: 'supervisor' }),
      /vms\[0\]\.boot: expected "machine" with firmware, found "supervisor"/,
    ],
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
