// The transport from the driver's side: identity, negotiation, queues, interrupts, errors (virtio 1.2, sections 2, 3.1, 4.2).

import { describe, expect, it, test } from 'vitest';
import { BUS_ERROR, type AccessWidth } from '../device.ts';
import { HAS_QEMU, startQemuBoard } from '../qemu-board.test-support.ts';
import { FakeMemory, F, PAGE, R, RAM, Rig, S, startOne } from './virtio-driver.test-support.ts';
import type { Served, VirtioFactory, VirtioLink } from './virtio-function.ts';
import { VirtioMmio } from './virtio-mmio.ts';

/** Answers each request with its own bytes in reverse order. */
const mirror: VirtioFactory = () => ({
  deviceId: 42,
  title: 'mirror',
  features: [{ bit: 3, name: 'MIRROR_F_TEST', meaning: 'A bit to negotiate.' }],
  queues: [
    {
      name: 'requestq',
      serve: (chain): Served => {
        const bytes = chain.take(0, chain.readableBytes) ?? new Uint8Array(0);
        const written = chain.write(0, bytes.reverse());
        return { written, operation: 'mirror', argument: bytes.length, status: 'OK' };
      },
    },
  ],
  configuration: () => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
  reset: () => undefined,
  snapshot: () => ({}),
  restore: () => undefined,
});

const both = ['legacy', 'modern'] as const;
const text = (value: string) => new TextEncoder().encode(value);

describe.each(both)('%s', (version) => {
  const newRig = (options = {}) => new Rig({ version, device: mirror, ...options });

  test('identifies itself (section 4.2.2)', () => {
    const rig = newRig();
    expect(rig.read(R.magic)).toBe(0x74726976);
    expect(rig.read(R.version)).toBe(version === 'legacy' ? 1 : 2);
    expect(rig.read(R.deviceId)).toBe(42);
    expect(rig.read(R.status)).toBe(0);
  });

  test('offers features in two words, and VERSION_1 only where it is true', () => {
    const rig = newRig();
    expect(rig.read(R.features) & (1 << 3)).not.toBe(0);
    expect(rig.read(R.features) & (1 << F.indirect)).not.toBe(0);
    expect(rig.read(R.features) & (1 << F.eventIndex)).not.toBe(0);
    rig.write(R.featuresSel, 1);
    expect(rig.read(R.features) & 1).toBe(version === 'legacy' ? 0 : 1);
    rig.write(R.featuresSel, 2);
    expect(rig.read(R.features)).toBe(0);
  });

  test('serves a request and interrupts; the acknowledgement takes the wire down', () => {
    const rig = newRig();
    const queue = startOne(rig);
    const reply = rig.empty(5);
    const head = queue.send([rig.filled(text('hello')), reply]);
    expect(queue.collect()).toEqual([{ head, written: 5 }]);
    expect(rig.bytes(reply)).toEqual(text('olleh'));
    expect(rig.line).toBe(true);
    expect(rig.read(R.interruptStatus)).toBe(1);
    rig.write(R.interruptAck, 1);
    expect(rig.line).toBe(false);
    expect(rig.read(R.interruptStatus)).toBe(0);
  });

  test('a request may be cut into buffers anyhow (section 2.7.4.4)', () => {
    const rig = newRig();
    const queue = startOne(rig);
    const replies = [rig.empty(1), rig.empty(3), rig.empty(7)];
    queue.send([rig.filled(text('ab')), rig.filled(text('c')), rig.filled(text('defgh')), ...replies]);
    expect(queue.collect()).toEqual([{ head: 0, written: 8 }]);
    expect(replies.map((reply) => [...rig.bytes(reply)].map((byte) => String.fromCharCode(byte)).join(''))).toEqual([
      'h',
      'gfe',
      'dcba\0\0\0',
    ]);
  });

  test('several requests at one notification, in their order, one interrupt', () => {
    const rig = newRig();
    const queue = startOne(rig);
    const replies = ['one', 'two', 'three'].map((word) => {
      const reply = rig.empty(word.length);
      queue.offer(queue.chain([rig.filled(text(word)), reply]));
      return reply;
    });
    expect(queue.collect()).toEqual([]);
    queue.notify();
    expect(queue.collect()).toEqual([
      { head: 0, written: 3 },
      { head: 2, written: 3 },
      { head: 4, written: 5 },
    ]);
    expect(rig.bytes(replies[2] ?? rig.empty(0))).toEqual(text('eerht'));
    expect(rig.interrupts).toBe(1);
  });

  test('counts what goes through it: notifications, requests, bytes each way, interrupts; a reset forgets none of it', () => {
    const rig = newRig();
    const nothing = { name: 'requestq', notifications: 0, requests: 0, readable: 0, written: 0 };
    expect(rig.slot.transport.traffic).toEqual({ interrupts: 0, queues: [nothing] });
    const queue = startOne(rig);
    for (const word of ['one', 'three']) queue.offer(queue.chain([rig.filled(text(word)), rig.empty(4)]));
    queue.notify();
    queue.availableFlags = 1; // VIRTQ_AVAIL_F_NO_INTERRUPT
    queue.send([rig.filled(text('four'))]);
    const before = { ...nothing, notifications: 2, requests: 3, readable: 3 + 5 + 4, written: 3 + 4 };
    expect(rig.slot.transport.traffic).toEqual({ interrupts: 1, queues: [before] });
    const snapshot = rig.slot.snapshot();
    rig.write(R.status, 0);
    queue.notify(); // of a queue that is no more: nobody hears it
    expect(rig.slot.transport.traffic).toEqual({ interrupts: 1, queues: [before] });
    const other = newRig();
    other.slot.restore(snapshot);
    expect(other.slot.transport.traffic).toEqual({ interrupts: 0, queues: [nothing] });
  });

  test('no interrupt where the driver set VIRTQ_AVAIL_F_NO_INTERRUPT (section 2.7.7)', () => {
    const rig = newRig();
    const queue = startOne(rig);
    queue.availableFlags = 1;
    queue.send([rig.filled(text('x')), rig.empty(1)]);
    expect(queue.collect()).toHaveLength(1);
    expect(rig.interrupts).toBe(0);
  });

  test('event index: interrupts at used_event, and avail_event asks for the next notification (section 2.7.10)', () => {
    const rig = newRig({ features: [F.eventIndex] });
    const queue = startOne(rig);
    queue.usedEvent = 2;
    for (let index = 0; index < 5; index++) {
      queue.send([rig.filled(text('x')), rig.empty(1)]);
      expect(rig.interrupts).toBe(index < 2 ? 0 : 1);
      expect(queue.availableEvent).toBe(index + 1);
    }
    queue.availableFlags = 1; // section 2.7.7.1: is ignored then
    queue.usedEvent = 5;
    queue.send([rig.filled(text('x')), rig.empty(1)]);
    expect(rig.interrupts).toBe(2);
  });

  test('the ring goes round, and its indices pass 65535', () => {
    const rig = newRig({ features: [F.eventIndex] });
    const queue = startOne(rig, 2);
    const request = rig.filled(text('ab'));
    const reply = rig.empty(2);
    for (let index = 0; index < 65540; index++) {
      queue.usedEvent = index & 0xffff;
      queue.send([request, reply]);
      if (queue.collect().length !== 1) throw new Error(`lost at ${index}`);
    }
    expect(rig.interrupts).toBe(65540);
  });

  test('indirect descriptors where they were negotiated (section 2.7.5.3)', () => {
    const rig = newRig({ features: [F.indirect] });
    const queue = startOne(rig, 1);
    const reply = rig.empty(4);
    queue.offer(queue.indirect(rig.allocate(64), [rig.filled(text('wx')), rig.filled(text('yz')), reply]));
    queue.notify();
    expect(queue.collect()).toEqual([{ head: 0, written: 4 }]);
    expect(rig.bytes(reply)).toEqual(text('zyxw'));
    expect(rig.served[0]).toMatchObject({ descriptors: 3, readable: 4, written: 4, operation: 'mirror' });
  });

  test('with a latency requests are in flight until their time, and are served then', () => {
    const rig = newRig({ latency: 100 });
    const queue = startOne(rig);
    queue.send([rig.filled(text('a')), rig.empty(1)]);
    rig.now = 30;
    queue.send([rig.filled(text('b')), rig.empty(1)]);
    expect(rig.slot.transport.requestsInFlight).toBe(2);
    expect(rig.rescheduled).toBe(2);
    expect(rig.slot.deadline()).toBe(100);
    rig.passTime(99);
    expect(queue.collect()).toEqual([]);
    rig.passTime(100);
    expect(queue.collect()).toHaveLength(1);
    expect(rig.slot.deadline()).toBe(130);
    rig.passTime(1000);
    expect(queue.collect()).toHaveLength(1);
    expect(rig.slot.deadline()).toBe(Infinity);
    expect(rig.served.map(({ takenAt, usedAt }) => [takenAt, usedAt])).toEqual([[0, 100], [30, 130]]); // prettier-ignore
  });

  test('a snapshot in the middle of requests, restored elsewhere, completes them there', () => {
    const rig = newRig({ latency: 10 });
    const queue = startOne(rig);
    queue.send([rig.filled(text('abc')), rig.empty(3)]);
    const other = newRig({ latency: 10, memory: rig.memory });
    const state = JSON.parse(JSON.stringify(rig.slot.snapshot())) as ReturnType<VirtioMmio['snapshot']>;
    other.slot.restore(state);
    expect(other.slot.snapshot()).toEqual(rig.slot.snapshot());
    other.passTime(10);
    expect(queue.collect()).toEqual([{ head: 0, written: 3 }]);
    expect(other.line).toBe(true);
  });

  test('a reset forgets queues, requests and the interrupt (section 2.4)', () => {
    const rig = newRig({ latency: 10 });
    const queue = startOne(rig);
    queue.send([rig.filled(text('abc')), rig.empty(3)]);
    rig.write(R.status, 0);
    expect(rig.slot.deadline()).toBe(Infinity);
    rig.passTime(100);
    expect(queue.collect()).toEqual([]);
    expect(rig.read(R.status)).toBe(0);
    expect(rig.line).toBe(false);
    queue.notify();
    expect(queue.collect()).toEqual([]);
  });

  test('the configuration space is read in bytes, halves and words; behind its end are ones', () => {
    const { slot } = newRig();
    expect(slot.read(0x100, 4)).toBe(0x04030201);
    expect(slot.read(0x102, 2)).toBe(0x0403);
    expect(slot.read(0x108, 1)).toBe(9);
    expect(slot.read(0x108, 4)).toBe(0xffff_ffff);
    expect(slot.read(0x110, 2)).toBe(0xffff);
    expect(slot.write(0x100, 1, 7)).toBe(true);
    expect(slot.read(0x101, 2)).toBe(BUS_ERROR);
    expect(slot.read(0x200, 4)).toBe(BUS_ERROR);
    expect(slot.write(0x1fe, 4, 0)).toBe(false);
  });

  test('looking changes nothing', () => {
    const rig = newRig();
    const queue = startOne(rig);
    queue.send([rig.filled(text('abc')), rig.empty(3)]);
    const before = JSON.stringify(rig.slot.snapshot());
    const { bytes } = rig.memory;
    const memory = bytes.slice();
    rig.slot.inspect();
    expect(JSON.stringify(rig.slot.snapshot())).toBe(before);
    expect(Buffer.compare(bytes, memory)).toBe(0);
  });

  test('a queue that does not exist has no room, and is not written', () => {
    const rig = newRig();
    rig.write(R.queueSel, 1);
    expect(rig.read(R.queueNumMax)).toBe(0);
    rig.write(R.queueNum, 8);
    rig.write(R.queueReady, 1);
    rig.write(R.queuePfn, 1);
    rig.write(R.notify, 1);
    rig.write(R.notify, 0xffff_ffff);
    expect(rig.failures).toEqual([]);
  });

  describe('stops, says why, and goes on after a reset', () => {
    /** Sets something wrong up; the device must stop at the notification. */
    const wrong: Readonly<
      Record<
        string,
        {
          readonly says: RegExp;
          readonly features?: readonly number[];
          readonly prepare: (rig: Rig, queue: ReturnType<typeof startOne>) => void;
        }
      >
    > = {
      'a head beyond the table': { says: /descriptor number below 16/, prepare: (_, queue) => queue.offer(16) },
      'more available than the queue holds': {
        says: /at most 16 available/,
        prepare: (rig, queue) => void rig.memory.store(queue.available + 2, 2, 17),
      },
      'a chain that bites its tail': {
        says: /a loop/,
        prepare: (rig, queue) => {
          const buffer = rig.filled(text('a'));
          queue.describe(0, buffer, 1);
          queue.describe(1, buffer, 0);
          queue.offer(0);
        },
      },
      'a next beyond the table': {
        says: /below 16/,
        prepare: (rig, queue) => {
          queue.describe(0, rig.filled(text('a')), 999);
          queue.offer(0);
        },
      },
      'a buffer outside RAM': {
        says: /in the guest’s RAM/,
        prepare: (_, queue) => queue.offer(queue.chain([{ address: RAM - 1, length: 2 }])),
      },
      'a buffer that ends outside RAM': {
        says: /in the guest’s RAM/,
        prepare: (rig, queue) =>
          queue.offer(queue.chain([{ address: RAM + rig.memory.bytes.length - 4, length: 5, write: true }])),
      },
      'a buffer whose end wraps around 2^64': {
        says: /in the guest’s RAM/,
        prepare: (_, queue) => queue.offer(queue.chain([{ address: 2 ** 64 - 2 ** 11, length: 4096 }])),
      },
      'a buffer to read behind one to write (section 2.7.4.2)': {
        says: /before those that it writes/,
        prepare: (rig, queue) => queue.offer(queue.chain([rig.empty(1), rig.filled(text('a'))])),
      },
      'an indirect descriptor that was not negotiated': {
        says: /not negotiated/,
        prepare: (rig, queue) => queue.offer(queue.indirect(rig.allocate(16), [rig.filled(text('a'))])),
      },
      'an indirect table of half a descriptor': {
        says: /whole descriptors/,
        features: [F.indirect],
        prepare: (rig, queue) => {
          queue.describe(0, { address: rig.allocate(16), length: 24 }, undefined, queue.descriptors, 4);
          queue.offer(0);
        },
      },
      'an indirect table in an indirect table': {
        says: /found an indirect one/,
        features: [F.indirect],
        prepare: (rig, queue) => {
          const table = rig.allocate(32);
          queue.describe(0, { address: table, length: 16 }, undefined, table, 4);
          queue.describe(0, { address: table, length: 16 }, undefined, queue.descriptors, 4);
          queue.offer(0);
        },
      },
      'an indirect descriptor with a next (section 2.7.5.3.1)': {
        says: /end of its chain/,
        features: [F.indirect],
        prepare: (rig, queue) => {
          queue.describe(0, { address: rig.allocate(16), length: 16 }, 1, queue.descriptors, 4);
          queue.offer(0);
        },
      },
      'an indirect table outside RAM': {
        says: /indirect table in the guest’s RAM/,
        features: [F.indirect],
        prepare: (_, queue) => {
          queue.describe(0, { address: 16, length: 16 }, undefined, queue.descriptors, 4);
          queue.offer(0);
        },
      },
    };

    test.each(Object.entries(wrong))('%s', (_, { says, features = [], prepare }) => {
      const rig = newRig({ features });
      const queue = startOne(rig);
      prepare(rig, queue);
      queue.notify();
      expect(rig.failures).toHaveLength(1);
      expect(rig.failures[0]).toMatch(says);
      expect(queue.collect()).toEqual([]);
      if (version === 'modern') {
        expect(rig.read(R.status) & S.needsReset).toBe(S.needsReset);
        expect(rig.read(R.interruptStatus)).toBe(2); // a configuration change (section 2.1.1)
        expect(rig.line).toBe(true);
      }
      // Nothing more until the driver resets it.
      queue.notify();
      expect(rig.failures).toHaveLength(1);
      const again = startOne(rig);
      expect(rig.line).toBe(false);
      again.send([rig.filled(text('ok')), rig.empty(2)]);
      expect(again.collect()).toHaveLength(1);
    });

    test('a queue size that is no power of two', () => {
      const rig = newRig();
      rig.negotiate();
      rig.queue(0, 12);
      expect(rig.failures[0]).toMatch(/power of two up to 1024 in QueueNum expected, found 12/);
    });

    test('rings outside RAM', () => {
      const rig = newRig();
      rig.negotiate();
      rig.allocate(rig.memory.bytes.length - PAGE);
      rig.queue(0, 64);
      expect(rig.failures[0]).toMatch(/ring in the guest’s RAM expected/);
    });
  });

  test('a flood over the same memory is spread over board time, and ends', () => {
    const rig = newRig({ memory: new FakeMemory(20 * 2 ** 20) });
    const queue = startOne(rig, 64);
    const big = rig.allocate(8 * 2 ** 20);
    const reply = rig.empty(1);
    for (let index = 0; index < 16; index++) {
      queue.offer(queue.chain([{ address: big, length: 8 * 2 ** 20 }, reply]));
    }
    queue.notify();
    const atOnce = queue.collect().length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(5);
    expect(rig.slot.deadline()).toBeGreaterThan(0);
    rig.passTime(10_000_000);
    expect(queue.collect()).toHaveLength(16 - atOnce);
  });
});

describe('modern', () => {
  test('FEATURES_OK does not stay where a feature was not offered (section 3.1.1)', () => {
    for (const bit of [63, 7]) {
      const rig = new Rig({ device: mirror });
      rig.write(R.status, S.acknowledge | S.driver);
      for (const word of [0, 1]) {
        rig.write(R.driverFeaturesSel, word);
        const chosen = bit >> 5 === word ? 1 << (bit & 31) : 0;
        rig.write(R.driverFeatures, word === 1 ? chosen | 1 : chosen);
      }
      rig.write(R.status, S.acknowledge | S.driver | S.featuresOk);
      expect(rig.read(R.status)).toBe(S.acknowledge | S.driver);
    }
  });

  test('a driver that does not take VERSION_1 is served, as by QEMU (section 6.2: a device may refuse it)', () => {
    const rig = new Rig({ device: mirror });
    rig.write(R.status, S.acknowledge | S.driver);
    rig.write(R.driverFeatures, 1 << 3);
    rig.write(R.status, S.acknowledge | S.driver | S.featuresOk);
    expect(rig.read(R.status)).toBe(S.acknowledge | S.driver | S.featuresOk);
    const queue = rig.queue(0);
    rig.write(R.status, S.acknowledge | S.driver | S.featuresOk | S.driverOk);
    queue.send([rig.filled(text('ab')), rig.empty(2)]);
    expect(queue.collect()).toHaveLength(1);
  });

  test('buffers made available before DRIVER_OK are served only then (section 3.1.1, step 8)', () => {
    const rig = new Rig({ device: mirror });
    rig.negotiate();
    const queue = rig.queue(0);
    queue.send([rig.filled(text('a')), rig.empty(1)]);
    expect(queue.collect()).toEqual([]);
    rig.ready();
    expect(queue.collect()).toHaveLength(1);
  });

  test('a misaligned ring is refused (section 2.7)', () => {
    for (const [register, offset] of [
      [R.driverLow, 1],
      [R.deviceLow, 2],
    ] as const) {
      // prettier-ignore
      const rig = new Rig({ device: mirror });
      rig.negotiate();
      rig.write(R.queueNum, 4);
      for (const each of [R.descLow, R.driverLow, R.deviceLow]) rig.write(each, RAM);
      rig.write(register, RAM + offset);
      rig.write(R.queueReady, 1);
      expect(rig.failures[0]).toMatch(/aligned to/);
      expect(rig.read(R.queueReady)).toBe(0);
    }
  });

  test('a queue in use cannot be moved', () => {
    const rig = new Rig({ device: mirror });
    const queue = startOne(rig);
    rig.write(R.descLow, 0);
    rig.write(R.queueNum, 1024);
    queue.send([rig.filled(text('a')), rig.empty(1)]);
    expect(queue.collect()).toHaveLength(1);
    rig.write(R.queueReady, 0);
    expect(rig.read(R.queueReady)).toBe(0);
  });

  test('ConfigGeneration moves and the driver is interrupted when the configuration changes (section 4.2.2)', () => {
    let link: VirtioLink | undefined;
    const rig = new Rig({ device: (found) => mirror((link = found)) });
    startOne(rig);
    const before = rig.read(R.generation);
    link?.configurationChanged();
    expect(rig.read(R.generation)).not.toBe(before);
    expect(rig.read(R.interruptStatus)).toBe(2);
  });

  test('there are no shared memory regions: length −1 (section 4.2.2)', () => {
    const rig = new Rig({ device: mirror });
    expect([rig.read(0xb0), rig.read(0xb4)]).toEqual([0xffff_ffff, 0xffff_ffff]);
  });
});

describe('legacy', () => {
  test('a driver may use the device before DRIVER_OK (section 3.1.2)', () => {
    const rig = new Rig({ version: 'legacy', device: mirror });
    rig.negotiate();
    const queue = rig.queue(0);
    queue.send([rig.filled(text('a')), rig.empty(1)]);
    expect(queue.collect()).toHaveLength(1);
  });

  test('GuestPageSize outlives a reset by the driver, as Linux expects of QEMU', () => {
    const rig = new Rig({ version: 'legacy', device: mirror });
    rig.write(R.guestPageSize, PAGE);
    rig.write(R.status, 0);
    rig.write(R.queueNum, 4);
    rig.write(R.queuePfn, RAM / PAGE);
    expect(rig.failures).toEqual([]);
  });

  test('writing 0 into QueuePFN takes the queue back (section 4.2.4)', () => {
    const rig = new Rig({ version: 'legacy', device: mirror });
    startOne(rig);
    expect(rig.read(R.queuePfn)).not.toBe(0);
    rig.write(R.queuePfn, 0);
    expect(rig.read(R.queuePfn)).toBe(0);
  });

  // Section 4.2.4 demands both; QEMU does without, and kernels that were only ever tried on it come without.
  test.each([
    [0, RAM],
    [1, RAM],
    [4096, RAM / 4096],
    [0x3000, RAM / 4096],
  ])('GuestPageSize %i, and 0 in QueueAlign: QueuePFN %i is the queue', (pageSize, pageFrame) => {
    const rig = new Rig({ version: 'legacy', device: mirror });
    if (pageSize > 0) rig.write(R.guestPageSize, pageSize);
    rig.write(R.queueNum, 4);
    rig.write(R.queueAlign, 0);
    rig.write(R.queuePfn, pageFrame);
    expect(rig.failures).toEqual([]);
    expect(rig.read(R.queuePfn)).toBe(pageFrame);
    expect(rig.slot.snapshot()).toMatchObject({
      queues: { 0: { ready: true, descriptorLow: RAM, driverLow: RAM + 64, deviceLow: RAM + 4096 } },
    });
  });
});

describe('a snapshot that does not fit', () => {
  test.each([
    ['another device', { deviceId: 2 }],
    ['another version', { version: 1 }],
    ['a request of no queue', { inFlight: [7, 0, 0] }],
    ['a head beyond the queue', { inFlight: [0, 4000, 0] }],
  ])('%s', (_, change) => {
    const rig = new Rig({ device: mirror });
    startOne(rig);
    const state = rig.slot.snapshot();
    expect(() => rig.slot.restore({ ...state, ...change })).toThrow(/expected one of the same device/);
    expect(rig.slot.snapshot()).toEqual(state);
  });
});

describe('an empty slot', () => {
  const slot = () =>
    new VirtioMmio({ version: 'legacy', memory: new FakeMemory(), interrupt: () => undefined, clock: () => 0 });

  it('identifies itself and says it is empty (section 4.2.3.1.1)', () => {
    expect([0, 4, 8, 12].map((offset) => slot().read(offset, 4))).toEqual([0x74726976, 1, 0, 0x554d4551]);
  });

  it('ignores writes in its half-kilobyte and refuses the rest', () => {
    const empty = slot();
    for (const offset of [0x28, 0x40, 0x50, 0x70, 0x100]) expect(empty.write(offset, 4, 0xff)).toBe(true);
    expect(empty.read(0x70, 4)).toBe(0);
    expect(empty.write(0x1ff, 1, 0)).toBe(true);
    expect(empty.write(0x200, 4, 0)).toBe(false);
    expect(empty.read(0x200, 4)).toBe(BUS_ERROR);
  });

  it.skipIf(!HAS_QEMU)('answers every aligned read as QEMU’s do', async () => {
    const empty = slot();
    const qemu = startQemuBoard();
    try {
      for (const width of [1, 2, 4] satisfies AccessWidth[]) {
        for (let offset = 0; offset < 0x110; offset += width) {
          expect(empty.read(offset, width)).toBe(await qemu.read(0x10008000 + offset, width));
        }
      }
    } finally {
      qemu.close();
    }
  });
});
