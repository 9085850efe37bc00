// The paravirtual technique: the twins do the same work, one of them with far fewer exits; and a guest may ask for anything:
// it gets an error code, and nothing that is not its own. Calling convention and error codes: SBI specification, "Binary
// Encoding", "SBI Error Codes", "Vendor-Specific SBI Extension Space".

import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { exitReasons } from '../exits/exits.ts';
import {
  consoleOf,
  expectedOutput,
  hashOf,
  MIB,
  newLab,
  recordsOf,
  runAlone,
  shippedGuest,
  SHUTDOWN,
  sourceGuest,
  timelessRecordsOf,
  drive,
  wordAt,
} from '../guest-rig.test-support.ts';
import { HostedVm } from '../hosted-vm.ts';
import { HypercallError, hypercallNames, hypercallRows, type HypercallName } from './hypercalls.ts';
import { restoreVm, saveVm } from '../migration/vm-stream.ts';
import type { Technique } from '../virtual-machine.ts';

const exitsOf = ({ lab, vm }: ReturnType<typeof runAlone>) => {
  const statistics = lab.trace.statistics(vm.id);
  return Object.fromEntries(exitReasons.map((reason) => [reason, statistics[reason].count]));
};

describe('the twins', () => {
  const unmodified = runAlone('trap-and-emulate', shippedGuest('unmodified'));
  const paravirtual = runAlone('paravirtual', shippedGuest('paravirtual'));

  test('print the same', () => {
    expect(unmodified.console).toBe(expectedOutput('unmodified'));
    expect(paravirtual.console).toBe(unmodified.console);
    expect(paravirtual.vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  });

  test('leave the same on the disk', () => {
    const [one, other] = (['trap-and-emulate', 'paravirtual'] satisfies Technique[]).map((technique) => {
      const store = new MemoryStore(new Uint8Array(64 * 512));
      const name = technique === 'paravirtual' ? technique : 'unmodified';
      runAlone(technique, { ...shippedGuest(name), devices: { programmedIo: { disk: { store } } } });
      return store.bytes;
    });
    expect(one?.some((byte) => byte !== 0)).toBe(true);
    expect(other).toEqual(one);
  });

  test('the paravirtual one uses no privileged instruction, no fence, no device, and hardly ever misses a page', () => {
    const exits = exitsOf(paravirtual);
    for (const reason of ['csr-access', 'supervisor-return', 'address-fence', 'wait-for-interrupt', 'device-access']) {
      expect(exits[reason], reason).toBe(0);
    }
    expect(exits['missing-page']).toBeLessThan(10);
    expect(exits['system-call']).toBe(exitsOf(unmodified)['system-call']);
    expect(paravirtual.vm.exits * 20).toBeLessThan(unmodified.vm.exits);
  });

  test('a run can be repeated, and slices are invisible', () => {
    const account = (slice: number) => {
      const run = runAlone('paravirtual', shippedGuest('paravirtual'), { slice });
      return [run.hash, run.vm.instructions, run.vm.exits, timelessRecordsOf(run.lab.trace)];
    };
    expect(account(7)).toEqual(account(1_000_000));
  });

  test.each(['bare', 'trap-and-emulate', 'hardware-assisted'] satisfies Technique[])(
    'under %s the paravirtual one says what it needs, and fails',
    (technique) => {
      const { console, vm } = runAlone(technique, shippedGuest('paravirtual'));
      expect(console).toMatch(/needs a hypervisor that it can call/);
      expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 1 });
    },
  );

  test('the unmodified one comes to the same state under paravirtual, where it asks for nothing', () => {
    expect(runAlone('paravirtual', shippedGuest('unmodified')).hash).toBe(unmodified.hash);
  });
});

test('probing finds the extension only where it is served (Base Extension, "Probe SBI extension")', () => {
  const source = `_start: li a7, 0x10\n li a6, 3\n li a0, 0x09000000\n ecall\n la t0, answer\n sw a1, 0(t0)\n ${SHUTDOWN}\n.data\nanswer: .word 7\n`;
  const found = (['bare', 'trap-and-emulate', 'paravirtual', 'hardware-assisted'] satisfies Technique[]).map(
    (technique) => {
      const { vm } = runAlone(technique, sourceGuest(source));
      return wordAt(vm, vm.look().x(5) >>> 0);
    },
  );
  expect(found).toEqual([0, 0, 1, 0]);
});

/** Makes hypercalls one after the other and keeps what each returned. */
function answersOf(
  calls: readonly (readonly [name: HypercallName | number, ...values: (number | string)[]])[],
  options: { readonly data?: string; readonly disk?: number } = {},
) {
  const made = calls.map(([name, ...values]) => {
    const set = values.map((value, index) =>
      typeof value === 'string' ? `la a${index}, ${value}` : `li a${index}, ${value}`,
    );
    const number = typeof name === 'number' ? name : hypercallRows[name].number;
    return `${set.join('\n')}\n li a6, ${number}\n li a7, 0x09000000\n ecall\n sw a0, 0(s0)\n sw a1, 4(s0)\n addi s0, s0, 8\n`;
  });
  const source = `_start: la s0, answers\n la s1, answers\n ${made.join('\n')}\n ${SHUTDOWN}
        .data
        ${options.data ?? ''}
        .bss
        .balign 4096
root:   .space 4096
leaf:   .space 4096
page:   .space 4096
answers: .space ${8 * calls.length + 8}
`;
  const run = runAlone('paravirtual', {
    ...sourceGuest(source),
    ...(options.disk !== undefined && { scratchSectors: options.disk }),
  });
  expect(run.vm.ending).toMatchObject({ kind: 'shutdown' });
  const answers = run.vm.look().x(9) >>> 0;
  return {
    run,
    answers: calls.map((_, index) => [
      wordAt(run.vm, answers + 8 * index) | 0,
      wordAt(run.vm, answers + 8 * index + 4),
    ]),
  };
}

const errorOf = (...call: readonly [HypercallName | number, ...(number | string)[]]) =>
  answersOf([call]).answers[0]?.[0];

describe('hostile calls', () => {
  test.each([
    ['a function that is none', [999], HypercallError.notSupported],
    ['a shared page outside RAM', ['share-page', 0x1000_0000], HypercallError.invalidAddress],
    ['a shared page that is no page', ['share-page', 0x8040_0004], HypercallError.invalidAddress],
    ['a handler at an odd address', ['set-trap-entry', 0x8040_0001, 0], HypercallError.invalidAddress],
    ['a table outside RAM', ['pin-table', 0x9000_0000, 0], HypercallError.invalidAddress],
    ['a root that is none', ['set-root', 0x8040_0000], HypercallError.denied],
    ['a root outside RAM', ['set-root', 0xffff_f000], HypercallError.denied],
    ['more entries than a list may have', ['update-tables', 0x8040_0000, 1025], HypercallError.invalidParameter],
    ['−1 entries', ['update-tables', 0x8040_0000, -1], HypercallError.invalidParameter],
    ['a list outside RAM', ['update-tables', 0x1000_0000, 1], HypercallError.invalidAddress],
    ['a list that runs out of RAM', ['update-tables', 0x80ff_fffc, 1], HypercallError.invalidAddress],
    ['a list that wraps around', ['update-tables', 0xffff_fffc, 2], HypercallError.invalidAddress],
    ['an entry outside every table', ['update-tables', 'entries', 1], HypercallError.invalidAddress],
    ['bytes outside RAM', ['console-write', 0x9000_0000, 16], HypercallError.invalidAddress],
    ['too many bytes', ['console-write', 0x8040_0000, 4097], HypercallError.invalidParameter],
    ['a disk it has not', ['disk-read', 0, 1, 'page'], HypercallError.notSupported],
    ['a frame where none is mapped', ['unpin-table', 0x8040_0000], HypercallError.invalidAddress],
  ] as const)('%s: an error code', (_, call, error) => {
    const { answers, run } = answersOf([call], { data: 'entries: .word 0x80400000, 0' });
    expect(answers[0]?.[0]).toBe(error);
    const effects = recordsOf(run.lab.trace).flatMap(({ effects: each }) => each);
    expect(effects.some(({ kind }) => kind === 'deny')).toBe(true);
  });

  test('a list stops at the first entry that is refused, and says where', () => {
    const { answers, run } = answersOf(
      [
        ['pin-table', 'leaf', 0],
        ['update-tables', 'list', 3],
      ],
      // Own memory, read-only; memory of somebody else; never looked at.
      { data: 'list: .word leaf, 0x20100003, leaf + 4, 0x24000003, leaf + 8, 0x20100003' },
    );
    expect(answers).toEqual([
      [0, 0],
      [HypercallError.denied, 1],
    ]);
    const denied = recordsOf(run.lab.trace)
      .flatMap(({ effects }) => effects)
      .filter(({ kind }) => kind === 'deny');
    expect(denied[0]).toMatchObject({ before: 0x2400_0003 });
  });

  test.each([
    ['behind the end', 8, 1],
    ['across the end', 7, 2],
    ['nothing at all', 0, 0],
    ['too many', 0, 129],
    ['at −1', -1, 1],
  ])('sectors %s: an error code, and the memory is as it was', (_, sector, count) => {
    const { answers } = answersOf([['disk-read', sector, count, 'page']], { disk: 8 });
    expect(answers[0]?.[0]).toBe(HypercallError.invalidParameter);
  });

  test.each(['disk-read', 'disk-write'] as const)('%s with memory that is not the guest’s', (name) => {
    const { answers } = answersOf([[name, 0, 1, 0x8100_0000 - 256]], { disk: 8 });
    expect(answers[0]?.[0]).toBe(HypercallError.invalidAddress);
  });

  test('a frame outside memory is no way back', () => {
    const { answers } = answersOf([['trap-return']]);
    expect(answers[0]?.[0]).toBe(HypercallError.invalidAddress);
  });

  test('from user mode a hypercall is a system call like any other', () => {
    const source = `
_start: la t0, 1f\n csrw stvec, t0\n la t0, user\n csrw sepc, t0\n li t0, 0x100\n csrc sstatus, t0\n sret
        .balign 4
1:      csrr s1, scause\n ${SHUTDOWN}
user:   li a7, 0x09000000\n li a6, 10\n ecall`;
    const { vm } = runAlone('paravirtual', sourceGuest(source));
    expect(vm.look().x(9)).toBe(8);
  });

  test('a kernel stack that is not there ends the guest with a sentence, and its neighbour does not notice', () => {
    const bad = sourceGuest(
      `_start: la a0, trap\n li a1, 0x100000\n li a6, 2\n li a7, 0x09000000\n ecall\n la sp, 1f\n li sp, 0x40\n .word 0\n1: j 1b\n.balign 4\ntrap: j trap\n`,
    );
    const alone = runAlone('hardware-assisted', shippedGuest('hello'));
    const lab = newLab({ memoryMiB: 64 });
    const vm = lab.addVm({ technique: 'paravirtual', guest: bad });
    const neighbour = lab.addVm({ technique: 'hardware-assisted', guest: shippedGuest('hello') });
    lab.start(vm.id);
    lab.start(neighbour.id);
    drive(lab.computerOf(vm), { until: () => vm.ending !== undefined && neighbour.ending !== undefined });
    expect(vm.ending?.kind).toBe('dead');
    expect(vm.ending?.message).toMatch(/Expected a writable kernel stack at 0x\w+ .* found no such page/);
    expect(hashOf(neighbour)).toBe(alone.hash);
  });
});

describe('saved and restored elsewhere', () => {
  const store = new MemoryStore(new Uint8Array(64 * 512));
  const guest = { ...shippedGuest('paravirtual'), devices: { programmedIo: { disk: { store } } } };
  const place = (technique: Technique = 'paravirtual') => {
    const lab = newLab();
    const vm = lab.addVm({ technique, guest });
    if (!(vm instanceof HostedVm)) throw new Error('expected a VM of the hypervisor');
    return { lab, vm, computer: lab.computerOf(vm) };
  };
  const saved = (instructions: number) => {
    const { lab, vm, computer } = place();
    lab.start(vm.id);
    drive(computer, { slice: 100, until: () => vm.instructions >= instructions });
    return { stream: saveVm(vm), printed: consoleOf(vm) };
  };

  test.each([100, 700, 5_000, 40_000])(
    'at instruction %i it goes on with its tables, its flag and its way in',
    (at) => {
      const { stream, printed } = saved(at);
      const { lab, vm, computer } = place();
      restoreVm(vm, stream);
      lab.start(vm.id);
      drive(computer, { until: () => vm.ending !== undefined });
      expect(printed + consoleOf(vm)).toBe(expectedOutput('paravirtual'));
      expect(vm.ending).toMatchObject({ exitCode: 0 });
    },
  );

  test('into a VM of another technique it is refused in words', () => {
    const { stream } = saved(5_000);
    expect(() => restoreVm(place('trap-and-emulate').vm, stream)).toThrow(/make the VM paravirtual|technique/);
  });

  test('with an agreement that no guest can have it is refused', () => {
    const { stream } = saved(5_000);
    const { vm } = place();
    restoreVm(vm, stream);
    const state = vm.saveState();
    const [first] = state.vcpus;
    const words: unknown = first?.['agreement'];
    if (first === undefined || !Array.isArray(words)) throw new Error('expected an agreement');
    expect(words.length).toBe(5 + 6);
    for (const [index, value] of [
      [0, 9],
      [1, 0x1000_0000],
      [2, 2],
      [4, 0x8040_0000],
      [5, 0x9000_0000],
      [6, 2],
      [7, words[5] ?? 0],
    ] as const) {
      const forged: readonly number[] = words.with(index, value);
      expect(() => vm.restoreState({ ...state, vcpus: [{ ...first, agreement: forged }] }), `word ${index}`).toThrow();
    }
  });
});

test('every call is known by one number', () => {
  expect(hypercallNames.map((name) => hypercallRows[name].number)).toEqual(hypercallNames.map((_, index) => index));
  expect(errorOf(hypercallNames.length)).toBe(HypercallError.notSupported);
});

test('machine boot and several harts are refused in words', () => {
  const lab = newLab({ memoryMiB: 32 });
  const guest = { ...sourceGuest('_start: j _start'), memoryBytes: 4 * MIB };
  expect(() => lab.addVm({ technique: 'paravirtual', guest: { ...guest, boot: 'machine' } })).toThrow(
    /supervisor boot/,
  );
});

test('more than one hart is refused: what is agreed on by hypercalls is one virtual CPU’s', () => {
  const guest = { ...sourceGuest('.globl _start\n_start: j _start'), harts: 2 };
  expect(() => newLab().addVm({ technique: 'paravirtual', guest })).toThrow(
    /^expected 1 hart for paravirtual, found 2/,
  );
});
