// The session as the page sees it: commands answered, frames that hold what was asked, failures in plain words.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { nodeHost } from '../cli/node-host.ts';
import { assembled } from '../core/isa/assembly/assembled.test-support.ts';
import { guests } from '../guests/manifest.ts';
import type { Frame, FrameRequest } from '../protocol/frame.ts';
import type { ScenarioExpectations } from '../protocol/scenario/scenario.ts';
import { MemoryDiskFolder } from './disks/memory-folder.test-support.ts';
import { Pacer } from './pacer.ts';

/** The worker's own location decides where guests are fetched from; here they come from the folder itself. */
beforeAll(() => {
  Object.assign(globalThis, { self: { location: new URL('http://lab.test/assets/core.worker.js') } });
  globalThis.fetch = (input) => {
    const path = new URL(input instanceof Request ? input.url : input).pathname;
    return Promise.resolve(new Response(new Uint8Array(readFileSync(`public${path}`))));
  };
});

async function start(disks = new MemoryDiskFolder()) {
  const { Session } = await import('./session.ts');
  let run: (() => void) | undefined;
  const session = new Session(
    nodeHost,
    (lab) =>
      new Pacer({
        lab,
        now: () => performance.now(),
        soon: (callback) => (run = callback),
        later: () => () => undefined,
      }),
    disks,
  );
  const settle = (turns = 2000) => {
    for (let turn = 0; turn < turns && run; turn++) {
      const next: () => void = run;
      run = undefined;
      next();
    }
  };
  const frame = (vm: number | undefined, queries: FrameRequest['queries'] = {}): Promise<Frame> =>
    session.answer('frame', { vm, queries });
  return { session, settle, frame };
}

const shipped = (name: string, technique: 'bare' | 'trap-and-emulate' | 'hardware-assisted', begin = true) => ({
  guest: { kind: 'shipped', name } as const,
  technique,
  memoryMiB: 16,
  start: begin,
});

test('describes the guests of the manifest and every exit reason', async () => {
  const { session } = await start();
  const catalog = await session.answer('describe', {});
  expect(catalog.guests.map(({ name }) => name)).toEqual(guests.map(({ name }) => name));
  for (const { perfName, vmxName, meaning } of catalog.exitReasons) {
    expect(perfName).toMatch(/EXC_|IRQ_/);
    expect(vmxName).not.toBe('');
    expect(meaning).toMatch(/\.$/);
  }
});

test('a guest with an APLIC and IMSICs gets the machine it needs, unless VMs of the hypervisor are there already', async () => {
  const { session, settle, frame } = await start();
  const wanting = (technique: 'bare' | 'trap-and-emulate' | 'hardware-assisted') =>
    session.answer('addVm', { ...shipped('hello', technique), aia: 'aplic-imsic' });
  const { vm } = await wanting('hardware-assisted');
  expect(session.lab.messageInterrupts).toBe(true);
  await session.answer('addVm', shipped('hello', 'hardware-assisted'));
  settle();
  const { vms, answers } = await frame(vm, { interrupts: { chains: 4 }, devices: true });
  expect(vms).toMatchObject([{ ending: { exitCode: 0 } }, { ending: { exitCode: 0 } }]);
  expect(answers.devices?.map(({ name }) => name).join()).toMatch(/APLIC/i);
  const other = await start();
  await other.session.answer('addVm', shipped('heartbeat', 'trap-and-emulate'));
  const refused = { ...shipped('hello', 'hardware-assisted'), aia: 'aplic-imsic' } as const;
  await expect(other.session.answer('addVm', refused)).rejects.toThrow(
    /expected no VM under the hypervisor, found some: remove them first, a machine cannot change its interrupt/,
  );
  for (const technique of ['bare', 'trap-and-emulate'] as const) {
    await other.session.answer('addVm', { ...refused, technique });
  }
});

test('firmware starts in machine mode; what is no saved VM is refused, and no VM stays behind', async () => {
  const { session, settle, frame } = await start();
  const fixture = (name: string, textAddress: number) =>
    assembled(readFileSync(`src/cli/fixtures/${name}.s`, 'utf8'), { textAddress }).image;
  const firmware = fixture('next-stage', 0x8000_0000);
  const image = {
    kind: 'image',
    title: 'kernel',
    bytes: fixture('flat-kernel', 0x8020_0000),
    boot: 'supervisor',
  } as const;
  for (const technique of ['bare', 'trap-and-emulate'] as const) {
    const { vm } = await session.answer('addVm', { ...shipped('hello', technique), guest: image, firmware });
    settle();
    const { vms, answers } = await frame(vm, { console: [{ vm, since: 0 }] });
    expect(vms).toMatchObject([{ boot: 'machine', ending: { exitCode: 0 } }]);
    expect(new TextDecoder().decode(answers.console?.[0]?.bytes)).toBe('80200000\nedfe0dd0\n');
    await session.answer('removeVm', { vm });
  }
  const saved = new TextEncoder().encode('no saved VM');
  await expect(session.answer('addVm', { ...shipped('hello', 'hardware-assisted'), saved })).rejects.toThrow(/stream/i);
  await expect(session.answer('addVm', { ...shipped('hello', 'bare'), saved })).rejects.toThrow(
    /expected a VM of the hypervisor, found one on the bare machine/,
  );
  expect((await frame(undefined)).vms).toEqual([]);
});

test('what a scenario expects of its VMs is judged while they run, anew after a reset, and goes with them', async () => {
  const { session, settle, frame } = await start();
  const scenarios = async () => (await frame(undefined, { scenarios: true })).answers.scenarios ?? [];
  const opened = { run: 7, title: 'T', about: '' };
  const add = (name: string, technique: 'bare' | 'trap-and-emulate', expected: ScenarioExpectations, clone?: string) =>
    session.answer('addVm', {
      ...shipped('paging', technique, false),
      scenario: { ...opened, name, expect: expected, ...(clone !== undefined && { clone }) },
    });
  expect(await scenarios()).toEqual([]);
  const alone = await add('alone', 'bare', { exitCode: 0 });
  const hosted = await add(
    'hosted',
    'trap-and-emulate',
    { sameStateAs: 'alone', consoleLacks: ['nothing of it'] },
    'copy',
  );
  await session.answer('addVm', shipped('hello', 'bare'));
  const standing = async () =>
    (await scenarios()).map(({ title, vms }) => [
      title,
      ...vms.map(({ name, judgements }) => [name, ...judgements.map(({ met, settled }) => `${met}/${settled}`)]),
    ]);
  const before = [['T', ['alone', 'false/false'], ['hosted', 'true/false', 'false/false'], ['copy', 'false/false']]];
  expect(await standing()).toEqual(before);
  const copy = { ...opened, name: 'copy', expect: { exitCode: 0 } };
  const { vm: cloned } = await session.answer('cloneVm', { vm: hosted.vm, title: 'copy', scenario: copy });
  for (const vm of [alone.vm, hosted.vm, cloned]) await session.answer('startVm', { vm });
  settle();
  expect(await standing()).toEqual([
    ['T', ['alone', 'true/true'], ['hosted', 'true/true', 'true/true'], ['copy', 'true/true']],
  ]);
  for (const vm of [alone.vm, cloned]) await session.answer('removeVm', { vm });
  expect(await standing()).toEqual([['T', ['hosted', 'true/true', 'false/false'], ['copy', 'false/true']]]);
  await session.answer('pauseVm', { vm: hosted.vm });
  await session.answer('resetVm', { vm: hosted.vm });
  expect((await standing())[0]?.[1]).toEqual(['hosted', 'true/false', 'false/false']);
  await session.answer('removeVm', { vm: hosted.vm });
  expect(await scenarios()).toEqual([]);
});

test('the rules that the lab breaks are told', async () => {
  const { session, frame } = await start();
  expect((await frame(undefined, { quirks: true })).answers.quirks).toEqual([]);
  await session.answer('setQuirk', { quirk: 'sstatus', on: true });
  await session.answer('setQuirk', { quirk: 'sret', on: true });
  expect((await frame(undefined, { quirks: true })).answers.quirks).toEqual(['sret', 'sstatus']);
  await session.answer('setQuirk', { quirk: 'sret', on: false });
  expect((await frame(undefined, { quirks: true })).answers.quirks).toEqual(['sstatus']);
});

describe.each(['bare', 'trap-and-emulate', 'hardware-assisted'] as const)('a guest under %s', (technique) => {
  test('runs to its end, and its console is what it printed', async () => {
    const { session, settle, frame } = await start();
    const { vm } = await session.answer('addVm', shipped('paging', technique));
    settle();
    const { vms, answers } = await frame(vm, { console: [{ vm, since: 0 }] });
    expect(vms[0]).toMatchObject({ vm, technique, state: 'ended', ending: { exitCode: 0 } });
    const text = new TextDecoder().decode(answers.console?.[0]?.bytes);
    expect(text).toBe(readFileSync('src/guests/expected/paging.txt', 'utf8'));
  });

  test('a walk leads where the guest’s bytes are', async () => {
    const { session, settle, frame } = await start();
    const { vm } = await session.answer('addVm', shipped('paging', technique));
    settle();
    const { answers } = await frame(vm, { walk: { gva: 0x8040_0000, access: 'load' } });
    const hpa = answers.walk?.hpa;
    expect(hpa).toBeDefined();
    const both = await Promise.all(
      [
        { space: 'gva', address: 0x8040_0000, length: 64 } as const,
        { space: 'hpa', address: hpa ?? 0, length: 64 } as const,
      ].map((memory) => frame(vm, { memory })),
    );
    const bytes = both.map((each) => each.answers.memory?.bytes);
    expect(bytes[0]).toEqual(bytes[1]);
    expect(bytes[0]?.some((byte) => byte !== 0 && byte !== undefined)).toBe(true);
  });

  test('every query answers at every moment, and looking changes nothing', async () => {
    const { session, settle, frame } = await start();
    const { vm } = await session.answer('addVm', shipped('paging', technique, false));
    const everything: FrameRequest['queries'] = {
      registers: true,
      disassembly: { around: 'pc', before: 4, after: 8 },
      exits: { vm, reasons: [], skip: 0, count: 10 },
      exitSummary: { vm },
      stage: true,
      interrupts: { chains: 5 },
      walk: { gva: 0xc000_0000, access: 'store' },
      tables: { table: 'guest', expanded: [0, 512, 513] },
      memory: { space: 'gva', address: 0xffff_fff0, length: 32 },
      frames: true,
      devices: true,
    };
    const first = await frame(vm, everything);
    const second = await frame(vm, everything);
    expect({ ...second, sequence: 0 }).toEqual({ ...first, sequence: 0 });
    for (let step = 0; step < 200; step++) {
      await session.answer('step', { vm, kind: 'instruction' });
      settle(1);
      await frame(vm, everything);
    }
    await session.answer('startVm', { vm });
    settle();
    const { answers } = await frame(vm, { console: [{ vm, since: 0 }] });
    expect(new TextDecoder().decode(answers.console?.[0]?.bytes)).toBe(
      readFileSync('src/guests/expected/paging.txt', 'utf8'),
    );
  });
});

test('steps into the hypervisor stage by stage', async () => {
  const { session, settle, frame } = await start();
  const { vm } = await session.answer('addVm', shipped('trap', 'trap-and-emulate', false));
  await session.answer('step', { vm, kind: 'exit' });
  settle(5);
  const trapped = await frame(vm, { stage: true });
  expect(trapped.vms[0]).toMatchObject({ state: 'paused', runner: 'hypervisor', mode: 'HS' });
  expect(trapped.answers.stage).toMatchObject({ stage: 'trapped', exit: { effects: [] } });
  await session.answer('step', { vm, kind: 'stage' });
  const handled = await frame(vm, { stage: true });
  expect(handled.answers.stage?.stage).toBe('handled');
  expect(handled.answers.stage?.exit.effects.length).toBeGreaterThan(0);
  await session.answer('step', { vm, kind: 'stage' });
  const resumed = await frame(vm, { stage: true });
  const { exit } = resumed.answers.stage ?? {};
  expect(resumed.answers.stage?.stage).toBe('resumed');
  expect(exit).toMatchObject({
    sequence: trapped.answers.stage?.exit.sequence,
    effects: handled.answers.stage?.exit.effects,
  });
  expect(resumed.vms[0]).toMatchObject({ runner: 'guest-kernel', pc: exit?.resumePc });
  await session.answer('step', { vm, kind: 'instruction' });
  settle(5);
  expect((await frame(vm, { stage: true })).answers.stage).toBeUndefined();
});

describe('what cannot be done is refused in one line', () => {
  test.each([
    [
      'an unknown guest',
      { guest: { kind: 'shipped', name: 'windows' }, technique: 'bare', memoryMiB: 16, start: true },
    ],
    ['too little memory', { guest: { kind: 'shipped', name: 'hello' }, technique: 'bare', memoryMiB: 1, start: true }],
    ['too much memory', { guest: { kind: 'shipped', name: 'hello' }, technique: 'bare', memoryMiB: 5000, start: true }],
    [
      'no program',
      {
        guest: { kind: 'image', title: 'x', bytes: new Uint8Array([1, 2, 3]), boot: 'supervisor' },
        technique: 'bare',
        memoryMiB: 16,
        start: true,
      },
    ],
  ] as const)('%s', async (_, options) => {
    const { session, frame } = await start();
    await expect(session.answer('addVm', options)).rejects.toThrow(/[Ee]xpected .*(found|holds).*/s);
    expect((await frame(undefined)).vms).toEqual([]);
  });

  test('a file named .bin is a flat binary, and lies where its boot mode says', async () => {
    const { session, frame } = await start();
    const bytes = new Uint8Array([0x6f, 0, 0, 0]); // j .
    for (const [boot, pc] of [
      ['machine', 0x8000_0000],
      ['supervisor', 0x8040_0000],
    ] as const) {
      const guest = { kind: 'image', title: 'kernel.bin', bytes, boot } as const;
      await session.answer('addVm', { guest, technique: 'bare', memoryMiB: 16, start: false });
      expect((await frame(undefined)).vms.at(-1)).toMatchObject({ title: 'kernel.bin', pc });
    }
  });

  test('exits of a bare machine, a VM that is gone, and a step of one that has ended', async () => {
    const { session, settle } = await start();
    const { vm } = await session.answer('addVm', shipped('hello', 'bare', false));
    await expect(session.answer('step', { vm, kind: 'exit' })).rejects.toThrow(/bare machine/);
    await expect(session.answer('pauseVm', { vm: 77 })).rejects.toThrow(/removed/);
    await session.answer('startVm', { vm });
    settle();
    await expect(session.answer('step', { vm, kind: 'instruction' })).rejects.toThrow(/has ended.*reset/);
  });
});

test('says how much memory guests can share, and whose board sets A and D', async () => {
  const { session, frame } = await start();
  const { machineMemoryBytes } = await session.answer('describe', {});
  const { vm } = await session.answer('addVm', { ...shipped('hello', 'hardware-assisted', false), adBits: 'hardware' });
  const { machines } = await frame(vm);
  const { memoryBytes: promisedBytes } = session.lab.vm(vm);
  expect(machines).toMatchObject([{ name: 'A', memoryBytes: machineMemoryBytes, promisedBytes }]);
  expect(session.lab.vm(vm).look().svadu).toBe(true);
  const other = await session.answer('addVm', shipped('hello', 'trap-and-emulate', false));
  expect(session.lab.vm(other.vm).look().svadu).toBe(false);
});

test('VMs asked for at once get their numbers in that order, whichever file comes first', async () => {
  const { session, frame } = await start();
  const names = ['linux', 'hello', 'trap'];
  const added = await Promise.all(
    names.map((name) => session.answer('addVm', { ...shipped(name, 'bare', false), memoryMiB: 64 })),
  );
  const { vms } = await frame(undefined);
  expect(added.map(({ vm }) => vms.find((summary) => summary.vm === vm)?.guest)).toEqual(names);
  expect(added.map(({ vm }) => vm)).toEqual([1, 2, 3]);
});

test('a file that the page brings is not fetched; what it cannot bring is', async () => {
  const { session } = await start();
  const ways = guests.filter(({ name }) => name === 'hello' || name === 'trap').map(({ image }) => image);
  const fetched = vi.spyOn(globalThis, 'fetch');
  try {
    const [hello = '', trap = ''] = ways;
    for (const path of ways) await session.answer('expectFile', { path });
    const added = [session.answer('addVm', shipped('hello', 'bare')), session.answer('addVm', shipped('trap', 'bare'))];
    await session.answer('giveFile', { path: hello, bytes: new Uint8Array(readFileSync(`public/${hello}`)) });
    expect(fetched).not.toHaveBeenCalled();
    await session.answer('giveFile', { path: trap, bytes: undefined });
    expect((await Promise.all(added)).map(({ vm }) => vm)).toEqual([1, 2]);
    expect(fetched.mock.calls.map(([url]) => String(url instanceof Request ? url.url : url))).toEqual([
      `http://lab.test/${trap}`,
    ]);
    // What nobody waits for changes nothing.
    await session.answer('giveFile', { path: hello, bytes: Uint8Array.of(1) });
    await session.answer('addVm', shipped('hello', 'hardware-assisted', false));
  } finally {
    fetched.mockRestore();
  }
});

test('one that cannot be added does not stop the next', async () => {
  const { session } = await start();
  const [first, second] = await Promise.allSettled([
    session.answer('addVm', shipped('nobody', 'bare')),
    session.answer('addVm', shipped('hello', 'bare')),
  ]);
  expect(first.status).toBe('rejected');
  expect(second.status).toBe('fulfilled');
});

test('a VM with a network card is on its network: ports, cables that can be set, a file of the frames', async () => {
  const { session, frame } = await start();
  const { vm } = await session.answer('addVm', { ...shipped('hello', 'hardware-assisted', false), network: true });
  const { vm: plain } = await session.answer('addVm', shipped('hello', 'hardware-assisted', false));
  await session.answer('setLink', { vm, port: 1, settings: { delayTicks: 5000, lossProbability: 0.5 } });
  const { answers } = await frame(vm, { network: { frames: 10 } });
  expect(answers.network?.ports.map(({ name, mac, addresses }) => [name, mac, ...addresses])).toEqual([
    ['gateway', '52:55:0a:00:02:02', '10.0.2.2', '10.0.2.3'],
    [`vm${vm}`, '52:54:00:00:00:01'],
  ]);
  expect(answers.network?.ports[1]?.settings).toMatchObject({ delayTicks: 5000, lossProbability: 0.5 });
  expect(answers.network?.frames).toEqual([]);
  expect((await frame(plain, { network: { frames: 10 } })).answers.network).toBeUndefined();
  const { pcap, frames } = await session.answer('capture', { vm });
  expect([pcap.length, frames]).toEqual([24, 0]);
  await expect(session.answer('capture', { vm: plain })).rejects.toThrow(/VM with a network card, found one without/);
  await expect(session.answer('setLink', { vm, port: 1, settings: { delayTicks: 0 } })).rejects.toThrow(/delayTicks/);
  await expect(session.answer('setLink', { vm, port: 9, settings: {} })).rejects.toThrow(/port of the switch, found 9/);
});

test('frames on the network are told with their way, in words of their protocol', async () => {
  const { session, settle, frame } = await start();
  const { networkGuest, askForGateway } =
    await import('../core/hypervisor/guest-devices/network-guest.test-support.ts');
  const { lab } = session;
  const { id } = lab.addVm({ technique: 'trap-and-emulate', guest: networkGuest({ frames: [askForGateway(1)] }) });
  await session.answer('startVm', { vm: id });
  settle(5);
  // What answers this is fetched when it is first asked for.
  await vi.waitFor(async () => expect((await frame(id, { network: { frames: 10 } })).answers.network).toBeDefined());
  const { answers } = await frame(id, { network: { frames: 10 } });
  expect(answers.network?.frames.map(({ protocol, summary }) => [protocol, summary])).toEqual([
    ['ARP', '10.0.2.2 is at 52:55:0a:00:02:02'],
    ['ARP', 'who has 10.0.2.2? tell 10.0.2.77'],
  ]);
  expect(answers.network?.frames[0]?.steps.at(-1)).toMatchObject({ kind: 'taken', outcome: 'interrupt' });
  expect(answers.network?.learned).toEqual([
    { mac: '52:54:00:00:00:01', port: 1 },
    { mac: '52:55:0a:00:02:02', port: 0 },
  ]);
});

test('a VM has the disks it was added with, and gives them back when it is removed', async () => {
  const { session } = await start();
  await session.answer('createDisk', { name: 'one', contents: { kind: 'empty', sizeMiB: 1 } });
  await session.answer('createDisk', { name: 'two', contents: { kind: 'image', bytes: new Uint8Array(4096).fill(5) } });
  const disks = [
    { name: 'one', model: 'virtio' },
    { name: 'two', model: 'programmed-io' },
  ] as const;
  const { vm } = await session.answer('addVm', {
    ...shipped('hello', 'hardware-assisted', false),
    disks,
    virtio: 'modern',
  });
  const { board } = session.lab.vm(vm);
  expect(board.virtio[7]?.function?.title).toBe('block device');
  expect(board.virtio[7]?.transport.version).toBe('modern');
  expect(board.mounts.some(({ device }) => device.name === 'disk')).toBe(true);
  const list = async () => (await session.answer('listDisks', {})).disks.map((disk) => [disk.name, disk.vm]);
  expect(await list()).toEqual([
    ['one', vm],
    ['two', vm],
  ]);
  expect((await session.answer('saveDisk', { name: 'two' })).bytes).toEqual(new Uint8Array(4096).fill(5));
  await expect(session.answer('deleteDisk', { name: 'one' })).rejects.toThrow(/found it in a VM/);
  await session.answer('removeVm', { vm });
  expect(await list()).toEqual([
    ['one', undefined],
    ['two', undefined],
  ]);
  // One that cannot be added holds no disk.
  await expect(
    session.answer('addVm', { ...shipped('hello', 'hardware-assisted', false), disks, memoryMiB: 1 }),
  ).rejects.toThrow();
  const missing = [...disks, { name: 'three', model: 'virtio' }] as const;
  await expect(session.answer('addVm', { ...shipped('hello', 'bare', false), disks: missing })).rejects.toThrow(
    /“three”/,
  );
  await session.answer('deleteDisk', { name: 'one' });
  expect(await list()).toEqual([['two', undefined]]);
});

describe('a VM that moves', () => {
  const way = { bytesPerSecond: 125_000_000, downtimeLimitTicks: 3_000_000, divergence: 'force' } as const;

  test('keeps its breakpoints, and whoever listens to its system calls, on the other machine', async () => {
    const { session, settle, frame } = await start();
    const { vm } = await session.answer('addVm', shipped('paging', 'hardware-assisted', false));
    const { pc } = (await frame(vm, {})).vms[0] ?? { pc: 0 };
    await session.answer('setBreakpoints', { vm, addresses: [pc] });
    await session.answer('watchSystemCalls', { vm, watch: true });
    expect((await frame(vm, { migration: true })).answers.migration).toBeUndefined();
    const before = session.lab.vm(vm);
    await session.answer('migrate', { vm, ...way });
    expect((await frame(vm, { migration: true })).answers.migration).toMatchObject({
      active: true,
      from: 'A',
      to: 'B',
    });
    const log = 'reads the dirty log itself: wait for it or cancel it';
    await expect(session.answer('collectDirtyLog', { vm })).rejects.toThrow(log);
    for (const on of [true, false]) await expect(session.answer('setDirtyLog', { vm, on })).rejects.toThrow(log);
    for (let turn = 0; turn < 400 && session.lab.migration?.active === true; turn++) {
      session.lab.computerOf(session.lab.vm(vm)).skipTo(Math.ceil(session.lab.migration.deadline()));
      settle(1);
      session.lab.computerOf(session.lab.vm(vm)).runSlice(1_000_000);
    }
    const { vms, answers } = await frame(vm, { migration: true });
    expect(answers.migration).toMatchObject({ state: 'completed', from: 'A', to: 'B' });
    expect(answers.migration?.hashes.destination).toBe(answers.migration?.hashes.source);
    expect(vms[0]).toMatchObject({ vm, machine: 'B' });
    const there = session.lab.vm(vm);
    expect(there).not.toBe(before);
    expect(there.control.breakpoints).toEqual(new Set([pc]));
    expect(there.userCalls).toBeDefined();

    // Each machine's memory is told as its own, and so is what is done about it.
    const { machines, answers: use } = await frame(vm, { memoryUse: true });
    expect(machines.map(({ name, promisedBytes }) => [name, promisedBytes])).toEqual([
      ['A', 0],
      ['B', 16 * 2 ** 20],
    ]);
    expect(use.memoryUse).toMatchObject({ machine: 'B', usedBytes: machines[1]?.memoryUsedBytes });
    await session.answer('setMemory', { machine: 'B', merging: true, hugePages: true });
    const [first, second] = session.lab.hypervisors.map(({ memory }) => [memory.merging.use.on, memory.hugePages]);
    expect([first, second]).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  test('to a machine that is off: there is no memory to deal out yet', async () => {
    const { session } = await start();
    await expect(session.answer('setMemory', { machine: 'A', merging: true })).rejects.toThrow('found none: add one');
    await session.answer('addVm', shipped('paging', 'hardware-assisted', false));
    await session.answer('setMemory', { machine: 'A', merging: true });
    await expect(session.answer('setMemory', { machine: 'B', merging: true })).rejects.toThrow('migrate a VM to it');
  });

  test('none under way: each command says what to do', async () => {
    const { session } = await start();
    for (const command of ['cancelMigration', 'cutMigrationLink', 'forceMigration'] as const)
      await expect(session.answer(command, {})).rejects.toThrow('start one in the panel Migration');
  });

  test('a bare one neither moves nor is copied', async () => {
    const { session } = await start();
    const { vm } = await session.answer('addVm', shipped('paging', 'bare', false));
    await expect(session.answer('migrate', { vm, ...way })).rejects.toThrow('found one on the bare machine');
    await expect(session.answer('cloneVm', { vm })).rejects.toThrow('found one on the bare machine');
  });
});

test('a copy says so in its title, and comes to the same end', async () => {
  const { session, settle, frame } = await start();
  const { vm } = await session.answer('addVm', shipped('paging', 'trap-and-emulate', false));
  const { vm: copy } = await session.answer('cloneVm', { vm });
  const { vm: copyOfCopy } = await session.answer('cloneVm', { vm: copy });
  await session.answer('startVm', { vm: copyOfCopy });
  settle();
  const { vms, answers } = await frame(copyOfCopy, { console: [{ vm: copyOfCopy, since: 0 }] });
  const [first, second, third] = vms;
  expect(second?.title).toBe(`${first?.title} (clone)`);
  expect(third).toMatchObject({ title: second?.title, guest: 'paging', machine: 'A', state: 'ended' });
  expect(new TextDecoder().decode(answers.console?.[0]?.bytes)).toBe(
    readFileSync('src/guests/expected/paging.txt', 'utf8'),
  );
});
