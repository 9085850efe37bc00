// A paravirtual guest's tables are filled before anything faults: with its memory swapped out, merged, logged or promised twice
// that must cost nothing of what the hypervisor has won; and devices are reached through its own tables too.

import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import {
  consoleOf,
  drive,
  expectedOutput,
  newLab,
  shippedGuest,
  SHUTDOWN,
  sourceGuest,
} from '../guest-rig.test-support.ts';
import type { HostedVm } from '../hosted-vm.ts';
import { HypercallError, hypercallRows, type HypercallName } from './hypercalls.ts';
import { restoreVm, saveVm } from '../migration/vm-stream.ts';

const call = (name: HypercallName, ...values: readonly (number | string)[]): string =>
  [
    ...values.map((value, index) => (typeof value === 'string' ? `la a${index}, ${value}` : `li a${index}, ${value}`)),
    `li a6, ${hypercallRows[name].number}`,
    'li a7, 0x09000000',
    'ecall',
    'bnez a0, bad',
    '',
  ].join('\n');

/** Puts a pair into the list at s1: the address in a register, the value in another. */
const pair = (address: string, value: string): string => `sw ${address}, 0(s1)\n sw ${value}, 4(s1)\n addi s1, s1, 8\n`;
/** The entry for the page in a register, in t1. */
const entry = (page: string, flags: number): string => `srli t1, ${page}, 2\n ori t1, t1, ${flags}\n`;
const [POINTER, CODE, DATA, READ] = [1, 0xf, 7, 3];
const UART = 0x1000_0000;
const SLOT = 0x1000_1000;

/**
 * Sets a root, and only then maps the serial port and a virtio device, and uses them: a letter, and four random bytes by the
 * legacy interface. Then it tries to fetch from a device.
 */
const AFTER_ROOT = `
        .globl  _start
_start: ${call('pin-table', 'root', 1)}
        ${call('pin-table', 'low', 0)}
        ${call('pin-table', 'high', 0)}
        la      s1, list
        la      t0, root
        addi    t0, t0, 0x100           # 0x10000000
        la      t2, low
        ${entry('t2', POINTER)} ${pair('t0', 't1')}
        la      t0, root
        li      t1, 0x804               # 0x80400000
        add     t0, t0, t1
        la      t2, high
        ${entry('t2', POINTER)} ${pair('t0', 't1')}
        ${call('update-tables', 'list', 2)}
        la      s1, list
        li      s0, 0x80400000          # itself, page by page, where it lies
        la      s2, high
        li      s3, 64
1:      ${entry('s0', CODE)}
        la      t2, root
        beq     s0, t2, 2f
        la      t2, low
        beq     s0, t2, 2f
        la      t2, high
        bne     s0, t2, 3f
2:      ${entry('s0', READ)}
3:      ${pair('s2', 't1')}
        addi    s2, s2, 4
        li      t2, 4096
        add     s0, s0, t2
        addi    s3, s3, -1
        bnez    s3, 1b
        ${call('update-tables', 'list', 64)}
        ${call('set-root', 'root')}
        la      s1, list
        la      t0, low
        li      t2, ${UART}
        ${entry('t2', DATA)} ${pair('t0', 't1')}
        addi    t0, t0, 4
        li      s0, ${SLOT}
        ${entry('s0', DATA)} ${pair('t0', 't1')}
        ${call('update-tables', 'list', 2)}
        li      t0, ${UART}
        li      t1, 'P'
        sb      t1, 0(t0)
        lw      s4, 8(s0)               # DeviceID
        sw      zero, 0x70(s0)          # Status
        li      t0, 3
        sw      t0, 0x70(s0)
        sw      zero, 0x20(s0)          # no features
        li      t0, 4096
        sw      t0, 0x28(s0)            # GuestPageSize
        sw      zero, 0x30(s0)          # QueueSel
        li      t1, 8
        sw      t1, 0x38(s0)            # QueueNum
        sw      t0, 0x3c(s0)            # QueueAlign
        la      s5, queue
        srli    t0, s5, 12
        sw      t0, 0x40(s0)            # QueuePFN
        li      t0, 7
        sw      t0, 0x70(s0)
        la      t0, bytes
        sw      t0, 0(s5)
        sw      zero, 4(s5)
        li      t0, 4
        sw      t0, 8(s5)
        li      t0, 2                   # the device writes
        sh      t0, 12(s5)
        li      t0, 1
        sh      t0, 130(s5)             # one is available: descriptor 0
        sw      zero, 0x50(s0)          # QueueNotify
        li      t1, 4096
        add     t1, t1, s5
4:      lhu     t0, 2(t1)               # used
        beqz    t0, 4b
        la      s7, bytes
        lw      s6, 0(s7)
        la      s1, list
        la      t0, low
        li      t2, ${UART}
        ${entry('t2', CODE)} ${pair('t0', 't1')}
        la      a0, list
        li      a1, 1
        li      a6, ${hypercallRows['update-tables'].number}
        ecall
        mv      s8, a0
        ${SHUTDOWN}
bad:    li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 1
        ecall
        .data
        .balign 4096
list:   .space  4096
root:   .space  4096
low:    .space  4096
high:   .space  4096
queue:  .space  8192
bytes:  .space  4
`;

test('devices of the board are reached through tables that a root was set with, and nothing is fetched from them', () => {
  const lab = newLab();
  const vm = lab.addVm({
    technique: 'paravirtual',
    guest: {
      ...sourceGuest(AFTER_ROOT),
      devices: { virtio: [{ device: virtioEntropy(new SeededEntropy(11)), slot: 0 }] },
    },
  });
  lab.start(vm.id);
  drive(lab.computerOf(vm), { until: () => vm.ending !== undefined });
  expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  expect(consoleOf(vm)).toBe('P');
  const hart = vm.look();
  const expected = new Uint8Array(4);
  new SeededEntropy(11).fill(expected);
  expect(hart.x(20)).toBe(4); // an entropy device
  expect(hart.x(22) >>> 0).toBe(new DataView(expected.buffer).getUint32(0, true));
  expect(hart.x(24)).toBe(HypercallError.denied);
});

describe('the twin, its root set again and again,', () => {
  const guest = () => ({
    ...shippedGuest('paravirtual'),
    devices: { programmedIo: { disk: { store: new MemoryStore(new Uint8Array(64 * 512)) } } },
  });
  const run = (each: (lab: ReturnType<typeof newLab>, vm: HostedVm) => void, memoryMiB = 24) => {
    const lab = newLab({ memoryMiB, memory: { swapLatency: 5, swapBytes: 2 ** 26 } });
    const vm = lab.addVm({ technique: 'paravirtual', guest: guest() }) as HostedVm;
    lab.start(vm.id);
    let next = 0;
    drive(lab.computerOf(vm), {
      slice: 3000,
      until: () => {
        const { elapsed } = vm.physical;
        if (vm.ending === undefined && elapsed >= next) {
          next = elapsed + 3000; // and not each time that it waits for a page
          each(lab, vm);
        }
        return vm.ending !== undefined;
      },
    });
    expect(consoleOf(vm)).toBe(expectedOutput('paravirtual'));
    expect(vm.ending).toMatchObject({ exitCode: 0 });
    return { lab, vm };
  };

  test('comes to the same with its pages swapped out, and only those come back that it uses', () => {
    const { vm } = run((lab) => lab.hypervisor?.memory.reclaim(10_000));
    expect(vm.memory.use.swapOuts).toBeGreaterThan(50);
    expect(vm.memory.use.swapIns).toBeLessThanOrEqual(vm.memory.use.swapOuts);
  });

  test.each([
    ['with its pages merged with another one’s', 24, true],
    ['on a machine that is too small, beside another one', 4, false],
  ] as const)('comes to the same %s', (_, memoryMiB, merges) => {
    const lab = newLab({ memoryMiB, memory: { swapBytes: 2 ** 26, swapLatency: 5 } });
    const vms = [0, 1].map(() => lab.addVm({ technique: 'paravirtual', guest: guest() }));
    for (const { id } of vms) lab.start(id);
    const [first] = vms;
    const { merging } = lab.hypervisor?.memory ?? {};
    const until = () => {
      if (merges) merging?.scan(300);
      return vms.every(({ ending }) => ending !== undefined);
    };
    if (first) drive(lab.computerOf(first), { slice: 3000, until });
    for (const vm of vms) expect(consoleOf(vm)).toBe(expectedOutput('paravirtual'));
    if (merges) expect(merging?.use.merged).toBeGreaterThan(5);
  });

  test('comes to the same with its dirty log collected all the time; a copy of what was collected is its memory', () => {
    let copy = new Map<number, Uint8Array>();
    const collected: number[] = [];
    const { vm } = run((_, { memory }) => {
      const { dirtyLog } = memory;
      const fresh = dirtyLog.active ? dirtyLog.collect() : [...memory.touchedPages()];
      if (!dirtyLog.active) {
        dirtyLog.start();
        copy = new Map();
      }
      collected.push(fresh.length);
      for (const gpa of fresh) {
        const bytes = new Uint8Array(4096);
        memory.copyPage(gpa, bytes);
        copy.set(gpa, bytes);
      }
    });
    for (const gpa of vm.memory.dirtyLog.collect()) {
      const bytes = new Uint8Array(4096);
      vm.memory.copyPage(gpa, bytes);
      copy.set(gpa, bytes);
    }
    let page = 0x8000_0000;
    const zeros = new Uint8Array(4096);
    for (const view of vm.memory.views()) {
      expect(Buffer.compare(view, copy.get(page) ?? zeros), `page 0x${page.toString(16)}`).toBe(0);
      page += 4096;
    }
    // Filling tables is no store: a round has what the guest has written, not all that it could.
    expect(Math.min(...collected.slice(1))).toBeLessThan(20);
  });

  test('set anew, does not copy the pages that a clone shares with it', () => {
    const lab = newLab();
    const image = guest();
    const { id } = lab.addVm({ technique: 'paravirtual', guest: { ...image, devices: {} } });
    lab.start(id);
    const parent = lab.vm(id) as HostedVm;
    drive(lab.computerOf(parent), { slice: 100, until: () => parent.instructions > 6000 });
    const clone = lab.cloneVm(id) as HostedVm;
    const stream = saveVm(clone);
    expect(stream.length).toBeGreaterThan(1000);
    restoreVm(clone, stream);
    for (const each of [parent, clone]) {
      drive(lab.computerOf(each), { until: () => each.ending !== undefined });
      expect(each.ending?.message).toBe(parent.ending?.message);
      expect(consoleOf(parent)).toContain(consoleOf(clone).slice(-20));
    }
    expect(parent.memory.use.copies).toBeLessThan(parent.memory.use.resident / 2);
  });
});
