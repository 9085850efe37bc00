// Every way of asking for something that cannot be had ends with status 2 and one line; listing and assembling agree.

import { chmodSync, mkdtempSync, rmSync, writeFileSync, readFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guests } from '../guests/manifest.ts';
import { runOptions } from './run-options.ts';
import { command } from './streams.test-support.ts';

const shipped = (path: string) => fileURLToPath(new URL(`../../public/guests/${path}`, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'ringside-'));
const at = (name: string) => join(folder, name);

beforeAll(() => {
  writeFileSync(at('empty'), '');
  writeFileSync(at('text'), 'hello, world\n');
  writeFileSync(at('cut.gz'), gzipSync(readFileSync(shipped('hello.elf'))).subarray(0, 200));
  writeFileSync(at('cut.elf'), readFileSync(shipped('hello.elf')).subarray(0, 100));
  const foreign = readFileSync(shipped('hello.elf'));
  foreign.writeUInt16LE(62, 18);
  writeFileSync(at('x86.elf'), foreign);
  writeFileSync(at('wrong.s'), '_start: addi a0, a0\n  nop\n  bogus a1\n');
  writeFileSync(at('not-text.s'), Buffer.from([0x7f, 0xff, 0xfe]));
  writeFileSync(at('secret'), 'x');
  chmodSync(at('secret'), 0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hello = shipped('hello.elf');

describe('bad input: status 2 and one line', () => {
  test.each<[what: string, argv: () => string[], line: RegExp]>([
    ['no such command', () => ['rum'], /expected a command, found "rum": did you mean run\?/],
    ['no image', () => ['run'], /expected IMAGE, found none/],
    ['two images', () => ['run', 'a', 'b'], /expected one IMAGE, found also "b"/],
    ['a missing image', () => ['run', at('nothing')], /expected an image at ".*nothing", found none: check the path/],
    ['a directory', () => ['run', folder], /found a directory/],
    ['a file where a directory should be', () => ['run', at('text/x')], /a file where its path has a directory/],
    ['a device', () => ['run', '/dev/zero'], /found a device/],
    ['an empty image', () => ['run', at('empty')], /expected an ELF program or a Linux Image; found an empty file/],
    ['a text', () => ['run', at('text')], /found neither in 13 bytes/],
    ['a damaged gzip', () => ['run', at('cut.gz')], /found gzip data that is damaged or cut off/],
    ['a truncated ELF', () => ['run', at('cut.elf')], /The file is cut off/],
    ['an ELF of another machine', () => ['run', at('x86.elf')], /found one for x86-64/],
    ['a segment outside RAM', () => ['run', hello, '--memory', '2M'], /expected every segment in RAM/],
    ['a missing initrd', () => ['run', hello, '--initrd', at('nothing')], /expected an initrd/],
    ['an initrd that does not fit', () => ['run', '--guest', 'linux', '--memory', '8M'], /expected RAM for/],
    ['a guest that does not ship', () => ['run', '--guest', 'linus'], /did you mean linux\? see ringside guests/],
    [
      'too many harts',
      () => ['run', hello, '--harts', '9'],
      /expected a whole number from 1 to 8 after --harts, found "9"/,
    ],
    ['no harts', () => ['run', hello, '--harts=0'], /expected a whole number from 1 to 8/],
    [
      'physical harts without a hypervisor',
      () => ['run', hello, '--physical-harts', '2'],
      /expected a technique of the hypervisor with --physical-harts, found bare/,
    ],
    [
      'a weight of nothing',
      () => ['run', hello, '--technique', 'hardware-assisted', '--weight', '0'],
      /expected whole numbers from 1 to 10000 after --weight, found "0"/,
    ],
    [
      'a cap of more than a hart',
      () => ['run', hello, '--technique', 'hardware-assisted', '--cap', '50,101'],
      /expected whole numbers from 1 to 100 after --cap/,
    ],
    [
      'weights for more vCPUs than there are',
      () => ['run', hello, '--technique', 'hardware-assisted', '--harts', '3', '--weight', '1,2'],
      /expected one value, or 3, after --weight, found 2/,
    ],
    [
      'a pin to no hart that there is',
      () => ['run', hello, '--technique', 'hardware-assisted', '--physical-harts', '2', '--pin', '2-3'],
      /expected physical harts from 0 to 1 after --pin, found none of them/,
    ],
    [
      'a pin that is no set of harts',
      () => ['run', hello, '--technique', 'hardware-assisted', '--pin', '3-1'],
      /expected physical harts from 0 to 7 after --pin/,
    ],
    [
      'machine boot with the H extension',
      () => ['run', hello, '--boot', 'machine', '--technique', 'hardware-assisted'],
      /expected a guest in supervisor boot/,
    ],
    [
      'no room for the hypervisor',
      () => ['run', hello, '--memory', '2G', '--technique', 'trap-and-emulate'],
      /expected at most 1984M of memory/,
    ],
    [
      'an unknown technique',
      () => ['run', hello, '--technique', 'kvm'],
      /bare or trap-and-emulate or paravirtual or hardware-assisted/,
    ],
    ['an unknown boot mode', () => ['run', hello, '--boot', 'uefi'], /expected machine or supervisor after --boot/],
    [
      'statistics nowhere',
      () => ['run', hello, '--stats', at('no/where')],
      /expected a directory to hold the statistics/,
    ],
    [
      'a trace that is a directory',
      () => ['run', hello, '--trace', folder],
      /expected a file for the trace.* found a directory/,
    ],
    ['statistics over the image', () => ['run', at('text'), '--stats', at('text')], /found neither/],
    ['an operand too many', () => ['guests', 'all'], /expected nothing after "guests", found "all"/],
    ['nothing to disassemble', () => ['disassemble'], /expected FILE, found none/],
    ['a foreign program to disassemble', () => ['disassemble', at('x86.elf')], /found one for x86-64/],
    ['an assembly without a place to go', () => ['assemble', at('wrong.s')], /expected the option -o OUT, found none/],
    ['a program as a source', () => ['assemble', at('not-text.s'), '-o', at('o')], /found bytes that are not text/],
    ['a program over its source', () => ['assemble', at('text'), '-o', at('text')], /text:1:/],
  ])('%s', async (_what, argv, line) => {
    const { status, stdout, complaints } = await command(argv());
    expect(complaints).toEqual([expect.stringMatching(line)]);
    expect(complaints.join()).not.toContain('\n');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test.skipIf(process.getuid?.() === 0)('a file without the right to read it', async () => {
    const { status, complaints } = await command(['run', at('secret')]);
    expect(complaints).toEqual([expect.stringMatching(/found no permission/)]);
    expect(status).toBe(2);
  });

  test('no file is overwritten by what is made from it', async () => {
    const source = at('mine.s');
    writeFileSync(source, '_start: nop\n');
    expect((await command(['assemble', source, '-o', source])).complaints).toEqual([
      expect.stringMatching(/found ".*mine\.s", which is read or written already/),
    ]);
    expect(readFileSync(source, 'utf8')).toBe('_start: nop\n');
    writeFileSync(at('copy.elf'), readFileSync(hello));
    const { status } = await command(['run', at('copy.elf'), '--trace', at('./copy.elf')]);
    expect(status).toBe(2);
    expect(readFileSync(at('copy.elf'))).toEqual(readFileSync(hello));
  });
});

test('guests: a line each, the name first', async () => {
  const { status, stdout } = await command(['guests']);
  expect(status).toBe(0);
  const lines = stdout.split('\n').slice(0, -1);
  expect(lines.map((line) => line.split(/\s/)[0])).toEqual(guests.map(({ name }) => name));
});

describe('help', () => {
  test('names every option of run', async () => {
    const { status, stdout } = await command(['run', '--help']);
    expect(status).toBe(0);
    for (const { name, value } of Object.values(runOptions)) expect(stdout).toContain(`  ${name} ${value} `);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });

  test.each([[['--help']], [['-h']], [['help']], [['help', 'nothing']]])('%j lists the commands', async (argv) => {
    const { status, stdout } = await command(argv);
    expect(status).toBe(0);
    for (const name of ['run', 'guests', 'disassemble', 'assemble']) expect(stdout).toContain(`ringside ${name}`);
  });
});

describe('assemble and disassemble', () => {
  test('every error has its place, and nothing is written', async () => {
    const { status, complaints } = await command(['assemble', at('wrong.s'), '-o', at('none.elf')]);
    expect(status).toBe(2);
    expect(complaints).toEqual([
      expect.stringMatching(/wrong\.s:1:\d+: error: expected /),
      expect.stringMatching(/wrong\.s:3:3: error: /),
    ]);
    expect(existsSync(at('none.elf'))).toBe(false);
  });

  test('a shipped guest is assembled to the bytes that ship', async () => {
    const { status } = await command(['assemble', shipped('trap.s'), '-o', at('trap.elf')]);
    expect(status).toBe(0);
    expect(readFileSync(at('trap.elf')).length).toBeGreaterThan(1000);
    const [ours, theirs] = [
      await command(['disassemble', at('trap.elf')]),
      await command(['disassemble', shipped('trap.elf')]),
    ];
    const code = (listing: string) => listing.split('\n').slice(3);
    expect(code(ours.stdout)).toEqual(code(theirs.stdout));
  });

  test('an ELF is listed with its labels, at its addresses', async () => {
    writeFileSync(
      at('small.s'),
      '_start: li a0, 5\nagain: addi a0, a0, -1\n bnez a0, again\n j done\n .zero 64\ndone: ecall\n',
    );
    await command(['assemble', at('small.s'), '-o', at('small.elf'), '--text', '0x80000000']);
    const { stdout } = await command(['disassemble', at('small.elf')]);
    // Words as GNU as 2.41 encodes them.
    expect(stdout.split('\n').slice(3)).toEqual([
      '',
      '80000000 <_start>:',
      '80000000:\t00500513\tli\ta0, 5',
      '',
      '80000004 <again>:',
      '80000004:\tfff50513\taddi\ta0, a0, -1',
      '80000008:\tfe051ee3\tbnez\ta0, again',
      '8000000c:\t0440006f\tj\tdone',
      '\t...',
      '',
      '80000050 <done>:',
      '80000050:\t00000073\tecall',
      '',
    ]);
  });

  test('bare instructions are listed too, from the address given; bytes left over are shown', async () => {
    writeFileSync(at('raw.bin'), Buffer.from('13055000ef00000001', 'hex'));
    const { stdout } = await command(['disassemble', at('raw.bin'), '--text=0x1000']);
    expect(stdout.split('\n').slice(3)).toEqual([
      '00001000:\t00500513\tli\ta0, 5',
      '00001004:\t000000ef\tjal\t0x1004',
      '00001008:\t01      \t.byte\t0x01',
      '',
    ]);
  });
});
