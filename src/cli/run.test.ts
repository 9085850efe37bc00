// Whole runs, headless: what a guest prints, how its end becomes the exit status, what the statistics and the trace say.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { exitReasons, verdicts } from '../core/hypervisor/exits/exits.ts';
import { techniques } from '../core/hypervisor/virtual-machine.ts';
import { assemble } from '../core/isa/assembly/assemble.ts';
import { guests } from '../guests/manifest.ts';
import type { Statistics } from './stats.ts';
import { command, type Finished } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const expectedOutput = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../guests/${path}`, import.meta.url)), 'utf8');

/** Assembles a program. @returns the path of the ELF */
function program(name: string, source: string, textAddress = 0x8040_0000): string {
  const assembled = assemble(source, { textAddress });
  if (!assembled.ok) throw new Error(assembled.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  writeFileSync(at(name), assembled.image);
  return at(name);
}

interface WithStatistics extends Finished {
  readonly statistics: Statistics;
}

async function run(argv: readonly string[], typed: string | Uint8Array = ''): Promise<WithStatistics> {
  const stats = at('stats.json');
  // Little memory, because all of it is hashed.
  const memory = argv[0] === '--guest' ? [] : ['--memory=16M'];
  const finished = await command(['run', ...argv, ...memory, '--stats', stats], typed);
  return { ...finished, statistics: JSON.parse(readFileSync(stats, 'utf8')) as Statistics };
}

const HASH = /^[0-9a-f]{16}$/;
/** The test finisher of QEMU's virt board (hw/misc/sifive_test.c): 0x5555 passes, 0x3333 fails with the code above. */
const finish = (value: number) => `_start: li t0, 0x100000\n li t1, ${value}\n sw t1, 0(t0)\n1: j 1b\n`;

describe('the guests that ship', () => {
  const teaching = guests.filter(({ expectedOutput: expected }) => expected !== undefined);

  test.each(teaching.map((guest) => [guest.name, guest.expectedOutput ?? '', guest.techniques] as const))(
    '%s prints the same and becomes the same under every technique',
    async (name, expected, possible) => {
      const runs = [];
      for (const technique of possible) runs.push(await run(['--guest', name, '--technique', technique]));
      for (const { status, stdout, complaints, statistics } of runs) {
        expect(stdout).toBe(expectedOutput(expected));
        expect(complaints).toEqual([]);
        expect(status).toBe(0);
        expect(statistics.stateHash).toMatch(HASH);
      }
      expect(new Set(runs.map(({ statistics }) => statistics.stateHash)).size).toBe(1);
    },
  );
});

describe('Linux', () => {
  test('boots to a prompt, obeys what is piped in, and poweroff is status 0; twice the same', async () => {
    const commands = '\nuname -a\necho $((6 * 7))\npoweroff -f\n';
    const first = await run(['--guest', 'linux'], commands);
    expect(first.stdout).toMatch(/^Linux \S+ 6\.1\.\S+ .*riscv32 GNU\/Linux\r$/m);
    expect(first.stdout).toMatch(/^42\r$/m);
    expect(first.status).toBe(0);
    expect(first.statistics).toMatchObject({ stopped: 'shutdown', image: 'linux', memory: 64 * 2 ** 20 });
    const second = await run(['--guest', 'linux'], commands);
    expect(second.stdout).toBe(first.stdout);
    expect(second.statistics.stateHash).toBe(first.statistics.stateHash);
    expect(second.statistics.instructions).toBe(first.statistics.instructions);
  });

  test.each(['trap-and-emulate', 'hardware-assisted'])('runs under %s', async (technique) => {
    const { stdout, status, statistics } = await run(
      ['--guest', 'linux', '--technique', technique],
      '\necho $((6 * 7))\npoweroff -f\n',
    );
    expect(stdout).toMatch(/^42\r$/m);
    expect(status).toBe(0);
    expect(statistics.exits['sbi-call']?.count).toBeGreaterThan(0);
  });
});

describe('the exit status', () => {
  test.each([
    ['pass', 0x5555, 0, 0],
    ['fail 1', 0x1_3333, 1, 1],
    ['fail 255', 0xff_3333, 255, 255],
    ['fail 258: what eight bits hold', 0x102_3333, 258, 2],
    ['fail 256: never a pass', 0x100_3333, 256, 255],
  ])('test finisher, %s', async (_name, value, exitCode, expected) => {
    const { status, statistics } = await run([program('finish.elf', finish(value))]);
    expect(statistics).toMatchObject({ stopped: 'finisher', exitCode });
    expect(status).toBe(expected);
  });

  test.each([
    [1, 0],
    [3, 1],
    [(5 << 1) | 1, 5],
  ])('tohost, as on Spike: %i is %i', async (value, expected) => {
    const source = `.globl tohost\n_start: la t0, tohost\n li t1, ${value}\n sw t1, 0(t0)\n1: j 1b\n.data\n.balign 64\ntohost: .dword 0\n`;
    const { status, statistics } = await run([program('tohost.elf', source, 0x8000_0000)]);
    expect(statistics).toMatchObject({ stopped: 'finisher', exitCode: expected, boot: 'machine' });
    expect(status).toBe(expected);
  });

  test('SBI shutdown is 0, whatever came before', async () => {
    const source = '_start: li a7, 0x53525354\n li a6, 0\n li a0, 0\n li a1, 0\n ecall\n1: j 1b\n';
    const { status, statistics } = await run([program('srst.elf', source)]);
    expect(statistics).toMatchObject({ stopped: 'shutdown', exitCode: 0 });
    expect(status).toBe(0);
  });

  test('the instruction limit is 124, and the guest has executed exactly so many', async () => {
    const loop = program('loop.elf', '_start: j _start\n');
    for (const technique of techniques) {
      const { status, statistics, complaints } = await run([
        loop,
        '--technique',
        technique,
        '--max-instructions=300001',
      ]);
      expect(statistics).toMatchObject({ stopped: 'limit', exitCode: 124, instructions: 300_001 });
      expect(complaints).toEqual([expect.stringMatching(/limit of 300001 instructions/)]);
      expect(status).toBe(124);
    }
  });

  test.each([
    ['sleeps for ever', '_start: csrw sie, zero\n1: wfi\n j 1b\n', /waits for an interrupt/],
    ['sleeps for ever behind a timer turned off', '_start: li t0, -1\n csrw stimecmp, t0\n csrw stimecmph, t0\n li t1, 32\n csrw sie, t1\n1: wfi\n j 1b\n', /waits for an interrupt/], // prettier-ignore
    ['has a trap handler that traps', '_start: la t0, 1f\n csrw stvec, t0\n.balign 4\n1: .word 0\n', /trap handler at 0x80400\w+ cannot run/], // prettier-ignore
  ])('a guest that %s is dead: 125', async (_name, source, message) => {
    const elf = program('dead.elf', source);
    for (const technique of techniques) {
      const { status, statistics, complaints } = await run([elf, '--technique', technique]);
      expect(statistics).toMatchObject({ stopped: 'dead', exitCode: 125 });
      expect(complaints).toEqual([expect.stringMatching(message)]);
      expect(status).toBe(125);
    }
  });
});

describe('the boot mode, when nobody says', () => {
  // mstatus can be read in M-mode only; without a handler the attempt is the end.
  const probe = `_start: csrr a0, mstatus\n${finish(0x5555).replace('_start:', '')}`;

  test.each([
    ['at the start of RAM, where firmware would lie: machine', 0x8000_0000, 'machine', 0],
    ['behind the firmware: supervisor', 0x8020_0000, 'supervisor', 125],
  ])('an ELF %s', async (_name, textAddress, boot, expected) => {
    const { status, statistics } = await run([program('probe.elf', probe, textAddress)]);
    expect(statistics.boot).toBe(boot);
    expect(status).toBe(expected);
  });

  test('--boot wins', async () => {
    const { status } = await run([program('probe.elf', probe, 0x8020_0000), '--boot', 'machine']);
    expect(status).toBe(0);
  });
});

describe('the console', () => {
  /** Polls the UART and sends back what comes, each byte plus one, until it sees a zero. */
  const echo = `
_start: li s0, 0x10000000
1:      lbu t0, 5(s0)
        andi t0, t0, 1
        beqz t0, 1b
        lbu t1, 0(s0)
        beqz t1, 2f
        addi t1, t1, 1
        sb t1, 0(s0)
        j 1b
2:      li t0, 0x100000
        li t1, 0x5555
        sw t1, 0(t0)
`;

  test.each(techniques)('carries every byte unchanged in both directions (%s)', async (technique) => {
    const typed = Uint8Array.from([...Array.from({ length: 255 }, (_, index) => index + 1), 0]);
    const { bytes, status } = await run([program('echo.elf', echo), '--technique', technique], typed);
    expect([...bytes]).toEqual(Array.from({ length: 255 }, (_, index) => (index + 2) & 0xff));
    expect(status).toBe(0);
  });

  test('takes more input than the serial port queues', async () => {
    const typed = new Uint8Array(70_001).fill(0x61, 0, 70_000);
    const { bytes, status } = await run([program('echo.elf', echo)], typed);
    expect(bytes.length).toBe(70_000);
    expect(bytes.every((byte) => byte === 0x62)).toBe(true);
    expect(status).toBe(0);
  });
});

describe('--stats', () => {
  test('says how it went, for a program to read', async () => {
    const { statistics } = await run(['--guest', 'timer', '--technique', 'trap-and-emulate', '--memory=32M']);
    expect(statistics).toEqual({
      image: 'timer',
      technique: 'trap-and-emulate',
      boot: 'supervisor',
      memory: 32 * 2 ** 20,
      harts: 1,
      stopped: 'shutdown',
      exitCode: 0,
      message: 'The guest shut down.',
      instructions: expect.any(Number) as number,
      seconds: expect.any(Number) as number,
      mips: expect.any(Number) as number,
      exits: expect.any(Object) as object,
      direct: {
        exited: expect.any(Number) as number,
        share: expect.any(Number) as number,
        exitTimeShare: expect.any(Number) as number,
      },
      memoryUse: expect.any(Object) as object,
      virtio: [],
      interrupts: expect.any(Object) as object,
      vcpus: [
        {
          instructions: statistics.instructions,
          exits: Object.values(statistics.exits).reduce((sum, { count }) => sum + count, 0),
          run: statistics.instructions / 1e8,
          wait: expect.any(Number) as number,
          steal: 0,
          swap: 0,
        },
      ],
      stateHash: expect.stringMatching(HASH) as string,
    });
    expect(statistics.mips).toBeCloseTo(statistics.instructions / statistics.seconds / 1e6, 6);
    expect(statistics.interrupts['supervisor timer interrupt']).toBeGreaterThan(0);
    for (const { count, min, mean, max } of Object.values(statistics.exits)) {
      expect(count).toBeGreaterThan(0);
      expect(min).toBeLessThanOrEqual(mean);
      expect(mean).toBeLessThanOrEqual(max);
    }
  });

  test('the bare machine has no exits', async () => {
    expect((await run(['--guest', 'hello'])).statistics.exits).toEqual({});
  });
});

describe('--trace', () => {
  test.each(['trap-and-emulate', 'hardware-assisted'])(
    'has every exit, one JSON object a line (%s)',
    async (technique) => {
      const { statistics } = await run(['--guest', 'trap', '--technique', technique, '--trace', at('trace')]);
      const text = readFileSync(at('trace'), 'utf8');
      expect(text.endsWith('\n')).toBe(true);
      const lines = text
        .slice(0, -1)
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const total = Object.values(statistics.exits).reduce((sum, { count }) => sum + count, 0);
      expect(lines.map(({ sequence }) => sequence)).toEqual(Array.from({ length: total }, (_, index) => index));
      for (const line of lines) {
        expect(exitReasons).toContain(line['reason']);
        expect(verdicts).toContain(line['verdict']);
        expect(line['perfName']).toMatch(/^(EXC|IRQ)_[A-Z_]+$/);
        for (const name of ['pc', 'resumePc', 'cause']) expect(line[name]).toMatch(/^0x[0-9a-f]{8}$/);
        expect(line['nanoseconds']).toBeGreaterThanOrEqual(0);
      }
      const calls = lines.filter(({ reason }) => reason === 'sbi-call');
      expect(calls.length).toBe(statistics.exits['sbi-call']?.count);
      for (const call of calls) expect(call).toMatchObject({ instruction: '0x00000073', disassembly: 'ecall' });
      const sbi = calls
        .flatMap(({ effects }) => effects as { kind: string; what: string }[])
        .filter(({ kind }) => kind === 'sbi');
      expect(sbi.map(({ what }) => what)).toContain('SRST');
    },
  );
});

describe('--trace-levels', () => {
  test('has every trap and every return, one JSON object a line', async () => {
    const { status } = await run(['--guest', 'nested', '--trace-levels', at('levels')]);
    expect(status).toBe(0);
    const lines = readFileSync(at('levels'), 'utf8').trimEnd().split('\n');
    const crossings = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(crossings.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index));
    expect(crossings[0]).toMatchObject({ kind: 'return', from: 'M', to: 'S', disassembly: 'mret' });
    expect(crossings).toContainEqual(
      expect.objectContaining({ kind: 'trap', from: 'VU', to: 'VS', cause: '0x00000008', disassembly: 'ecall' }),
    );
    expect(crossings).toContainEqual(
      expect.objectContaining({ from: 'VU', to: 'S', causeName: 'store/AMO guest-page fault', htinst: '0x00002000' }),
    );
  });

  test('wants the bare machine', async () => {
    const { status, complaints } = await command([
      ...['run', '--guest', 'hello', '--technique', 'hardware-assisted', '--trace-levels', at('levels')],
    ]);
    expect(status).toBe(2);
    expect(complaints).toEqual([expect.stringMatching(/expected --technique bare with --trace-levels.*write --trace/)]);
  });
});

describe('a Linux guest from outside', () => {
  test('--system-calls and --processes tell what its programs did, and what its kernel had at the end', async () => {
    const { status, complaints } = await run(
      ['--guest', 'linux', '--system-calls', at('calls'), '--processes', at('processes')],
      'poweroff -f\n',
    );
    expect([status, complaints]).toEqual([0, []]);
    const lines = readFileSync(at('calls'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const calls = lines.filter((line) => 'sequence' in line);
    expect(lines.at(-1)).toBe(calls.at(-1)); // the last call never returns
    expect(calls.at(-1)).toMatchObject({ process: 'poweroff', name: 'reboot', sequence: calls.length - 1 });
    const returned = new Map(lines.filter((line) => 'returned' in line).map((line) => [line['returned'], line]));
    const [write] = calls.filter(({ text }) => String(text).startsWith('write(1, '));
    const length = Number(/, (\d+)\)$/.exec(String(write?.['text']))?.[1]);
    expect(length).toBeGreaterThan(0);
    expect(returned.get(write?.['sequence'])).toMatchObject({ value: length, text: String(length), failed: false });
    const picture = JSON.parse(readFileSync(at('processes'), 'utf8')) as { processes: { name: string; pid: number }[] };
    expect(picture.processes.find(({ pid }) => pid === 1)?.name).toBe('init');
  });

  test('a guest that is no Linux is told as such', async () => {
    await run(['--guest', 'hello', '--processes', at('none')]);
    expect(readFileSync(at('none'), 'utf8')).toContain('found another');
  });
});
