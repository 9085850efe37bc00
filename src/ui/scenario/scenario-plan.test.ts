// A scenario as the page's VMs and machine: the same fields with the same values as on the command line, the files it wants, and
// everything the page has no place for.

import { describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { scenarioPath, scenarios } from '../../guests/scenarios.ts';
import { guests } from '../../guests/manifest.ts';
import { readScenario } from '../../protocol/scenario/scenario.ts';
import { planOf, type FoundFiles } from './scenario-plan.ts';

const planned = (scenario: object) => planOf(readScenario(JSON.stringify(scenario)), guests);
const withVm = (vm: object, more: object = {}) =>
  planned({ title: 't', vms: [{ name: 'a', guest: 'linux', ...vm }], ...more });
const none: FoundFiles = { files: new Map(), folders: new Map() };

test.each(scenarios)('$name can be opened, whole', (row) => {
  const { vms, leftOut, wants } = planOf(readScenario(readFileSync(`public/${scenarioPath(row)}`, 'utf8')), guests);
  expect(vms.length).toBeGreaterThan(0);
  expect(leftOut).toEqual([]);
  expect(wants).toEqual([]);
});

test('fields become options, and what is typed goes along', () => {
  const { vms, leftOut } = withVm({
    ...{ technique: 'trap-and-emulate', memory: '48M', harts: 2, network: 'user,delay=2,loss=1,rate=10M,slot=3' },
    ...{
      weight: '200,100',
      cap: 50,
      pin: '0-1,1',
      rng: '7,slot=1',
      balloon: '8M',
      virtio: 'modern',
      adBits: 'hardware',
    },
    type: [{ after: '#', text: 'ls\n' }],
    expect: { exitCode: 0 },
  });
  expect(leftOut).toEqual([]);
  expect(vms[0]?.options(none)).toEqual({
    guest: { kind: 'shipped', name: 'linux' },
    title: 'a: Linux',
    technique: 'trap-and-emulate',
    memoryMiB: 48,
    harts: 2,
    network: true,
    card: { model: 'virtio', link: { delayTicks: 20_000, lossProbability: 0.01, bitsPerSecond: 1e7 }, slot: 3 },
    entitlements: [
      { weight: 200, cap: 50, pin: 3 },
      { weight: 100, cap: 50, pin: 2 },
    ],
    rng: { seed: 7, slot: 1 },
    balloon: { targetBytes: 8 * 2 ** 20 },
    virtio: 'modern',
    adBits: 'hardware',
    start: false,
    input: [{ after: '#', text: 'ls\n' }],
  });
});

test('what is expected of a VM and of its copy goes along', () => {
  const expected = { exitCode: 0 };
  const { vms } = withVm({
    ...{ technique: 'hardware-assisted', expect: { console: '#' } },
    ...{ cloneAfter: 5, clone: { name: 'b', expect: expected } },
  });
  expect(vms[0]?.expected).toEqual({ name: 'a', expect: { console: ['#'] }, clone: 'b' });
  expect(vms[0]?.fate.clone).toMatchObject({ title: 'b', expect: expected });
});

test('a VM that is repaired by patching runs where that is done', () => {
  expect(withVm({ repair: 'patching' }).vms[0]?.options(none)).toMatchObject({
    technique: 'trap-and-emulate',
    binaryPatching: true,
  });
  expect(withVm({ repair: 'none' }).vms[0]?.options(none)).not.toHaveProperty('binaryPatching');
});

test('one that is repaired by paravirtualization is its twin, under the technique of that', () => {
  expect(withVm({ guest: 'unmodified', repair: 'paravirtualization' }).vms[0]?.options(none)).toMatchObject({
    guest: { kind: 'shipped', name: 'paravirtual' },
    technique: 'paravirtual',
  });
});

test('interrupt controllers and firmware of its own; the machine has what a guest under hardware assistance needs', () => {
  const { vms, wants, machine } = withVm({ aia: 'aplic-imsic', firmware: 'fw.bin', technique: 'trap-and-emulate' });
  const bytes = Uint8Array.of(1);
  expect(wants).toEqual([{ path: 'fw.bin', kind: 'file', what: 'the firmware of “a”' }]);
  expect(vms[0]?.options({ files: new Map([['fw.bin', bytes]]), folders: new Map() })).toMatchObject({
    aia: 'aplic-imsic',
    firmware: bytes,
  });
  expect(machine).toEqual({});
  expect(withVm({ aia: 'aplic-imsic', technique: 'hardware-assisted' }).machine).toEqual({ messageInterrupts: true });
});

test('rules of the manual are broken, one or several', () => {
  expect(withVm({}, { break: 'sret' }).broken).toEqual(['sret']);
  expect(withVm({}, { break: ['sret,sfence', 'sstatus'] }).broken).toEqual(['sret', 'sfence', 'sstatus']);
  expect(() => withVm({}, { break: 'mret' })).toThrow(/Expected sret or .* at break\[0\], found “mret”/);
});

test('the machine, and what becomes of a VM', () => {
  const { machine, vms } = withVm(
    {
      ...{ technique: 'hardware-assisted', cloneAfter: '5M', clone: { name: 'b', type: [{ text: 'x' }] } },
      ...{ migrateAfter: '7M', bandwidth: '10M', downtime: 50, diverge: 'force' },
    },
    { physicalHarts: 2, machineMemory: '96M', swap: '1M', swapLatency: 50, merge: 500, hugePages: 'on' },
  );
  expect(machine).toEqual({
    harts: 2,
    memoryMiB: 96,
    swapMiB: 1,
    swapLatencyTicks: 500,
    pagesPerScan: 500,
    hugePages: true,
  });
  expect(vms[0]?.fate).toEqual({
    clone: { after: 5e6, title: 'b', input: [{ text: 'x' }] },
    migrate: { after: 7e6, bytesPerSecond: 1e7, downtimeLimitTicks: 500_000, divergence: 'force' },
  });
});

describe('files', () => {
  test('each is wanted once, with what it is for; kept disks only where the guest’s writes are to stay', () => {
    const { wants } = planned({
      title: 't',
      vms: [
        {
          name: 'a',
          image: 'k/kernel.elf',
          initrd: 'root.gz',
          disk: ['d/my disk.img', 'e.img,snapshot'],
          share: 'work',
        },
        { name: 'b', guest: 'linux', disk: 'e.img,readonly', share: 'work,readonly' },
      ],
    });
    expect(wants).toEqual([
      { path: 'k/kernel.elf', kind: 'file', what: 'what “a” runs' },
      { path: 'root.gz', kind: 'file', what: 'the initial RAM disk of “a”' },
      { path: 'd/my disk.img', kind: 'file', what: 'a disk of “a”', keptAs: 'my-disk.img' },
      { path: 'e.img', kind: 'file', what: 'a disk of “a”' },
      { path: 'work', kind: 'folder', what: 'the folder share0 of “a”' },
    ]);
  });

  test('what was found is in the options; what was not is asked for in a line', () => {
    const { vms } = planned({
      title: 't',
      vms: [
        {
          name: 'a',
          image: 'kernel',
          disk: ['w.img,slot=0', 'r.img,readonly', 's.img,snapshot,model=passthrough'],
          share: 'f',
        },
      ],
    });
    const bytes = new Uint8Array(512);
    const folder = [{ path: 'x/y', bytes }];
    const files = new Map(['kernel', 'r.img', 's.img'].map((path) => [path, bytes]));
    expect(vms[0]?.options({ files, folders: new Map([['f', folder]]) })).toMatchObject({
      guest: { kind: 'image', bytes, boot: 'supervisor' },
      disks: [
        { name: 'w.img', model: 'virtio', slot: 0 },
        { name: 'r.img', model: 'virtio', image: bytes, readOnly: true },
        { name: 's.img', model: 'passthrough', image: bytes },
      ],
      shares: [{ files: folder }],
    });
    expect(() => vms[0]?.options(none)).toThrow('Expected the file kernel, found none. Choose it.');
  });
});

test('what the page has no place for is named, with where the same is to be seen', () => {
  const { leftOut } = withVm(
    { technique: 'hardware-assisted', console: 'c', processes: 'p', systemCalls: 's' },
    { captures: { pcap: 'p', trace: 't', stats: 's' } },
  );
  expect(leftOut).toEqual([
    'vms[0].console (there is no file here that could take it)',
    'vms[0].processes (see the panel Processes)',
    'vms[0].systemCalls (see the panel Processes)',
    'captures.pcap (save the frames in the panel Network)',
    'captures.trace (see the panel Exits)',
    'captures.stats',
  ]);
});

test.each([
  [{ guest: 'linus' }, /Expected the name of a guest that ships at vms\[0\]\.guest, found “linus”/],
  [{ memory: 'much' }, /Expected a size from 2M to 2G at vms\[0\]\.memory, found “much”/],
  [{ memory: '4097K' }, /Expected whole pages of 4K at vms\[0\]\.memory, found “4097K”/],
  [{ memory: '4100K' }, /Expected whole MiB at vms\[0\]\.memory, found “4100K”/],
  [
    { repair: 'paravirtualization' },
    /Expected a guest that has a paravirtual twin .* at vms\[0\]\.guest, found “linux”/,
  ],
  [{ harts: 9 }, /Expected a whole number from 1 to 8 at vms\[0\]\.harts, found “9”/],
  [{ disk: 'd,quick' }, /Expected a file name and readonly or .* at vms\[0\]\.disk\[0\], found “d,quick”/],
  [{ network: 'user,loss=200' }, /Expected a percentage from 0 to 100 .* at vms\[0\]\.network/],
  [{ technique: 'hardware-assisted', harts: 2, cap: '1,2,3' }, /Expected one value, or 2, at vms\[0\]\.cap, found 3/],
  [{ weight: 5 }, /Expected a technique of the hypervisor at vms\[0\] for weight, cap and pin/],
  [{ cloneAfter: 5 }, /Expected a technique of the hypervisor with vms\[0\]\.cloneAfter/],
])('%j is refused in a line', (vm, message) => {
  expect(() => withVm(vm)).toThrow(message);
});
