// A driver that is out to hurt: random rings, descriptors, registers and addresses at every device. Nothing may throw, nothing may
// go on for ever, nothing may reach outside the guest's RAM; and after a reset the device serves an honest driver again.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../block-store.ts';
import type { AccessWidth } from '../device.ts';
import { virtioBalloon } from './virtio-balloon.ts';
import { virtioBlock } from './virtio-block.ts';
import { virtioConsole } from './virtio-console.ts';
import { FakeMemory, PAGE, R, RAM, Rig, S } from './virtio-driver.test-support.ts';
import { SeededEntropy, virtioEntropy } from './virtio-entropy.ts';
import type { VirtioFactory } from './virtio-function.ts';
import { virtioNetwork } from './virtio-network.ts';

const PAGES = 16;
const END = RAM + PAGES * PAGE;

/** Writes directly: what the device may not touch is noticed by comparing. */
class GuardedMemory extends FakeMemory {
  accesses = 0;
  override read(address: number, into: Uint8Array): boolean {
    this.#count(address, into.length);
    return super.read(address, into);
  }
  override write(address: number, from: Uint8Array): boolean {
    this.#count(address, from.length);
    return super.write(address, from);
  }
  #count(address: number, length: number): void {
    if (++this.accesses > 200_000) throw new Error('the device does not come to an end');
    if (Number.isNaN(address) || length < 0) throw new Error('no address');
  }
}

const devices: Readonly<Record<string, () => VirtioFactory>> = {
  block: () => virtioBlock({ store: new MemoryStore(new Uint8Array(32 * 512)) }),
  network: () => {
    let receive: (frame: Uint8Array) => boolean = () => false;
    // What is sent comes straight back in: the card is entered while it sends.
    const cable = {
      send: (frame: Uint8Array) => void receive(frame),
      attach: (into: typeof receive) => void (receive = into),
    };
    return virtioNetwork({ cable, mac: new Uint8Array(6) });
  },
  console: () => virtioConsole({ transmit: () => undefined }),
  entropy: () => virtioEntropy(new SeededEntropy(3)),
  balloon: () => virtioBalloon({ given: () => true, taken: () => false }),
};

const address = fc.oneof(
  fc.integer({ min: RAM, max: END - 1 }),
  fc.constantFrom(0, RAM - 1, RAM, END - 1, END, 0xffff_ffff, 2 ** 32, 2 ** 53, 2 ** 64 - 1, 2 ** 64 - PAGE),
);
const length = fc.oneof(
  fc.nat(64),
  fc.constantFrom(0, 1, 16, 17, 512, 513, PAGE, 2 ** 16, 2 ** 20, 2 ** 31, 2 ** 32 - 1),
);
const descriptor = fc.record({
  address,
  length,
  flags: fc.oneof(fc.nat(7), fc.nat(0xffff)),
  next: fc.oneof(fc.nat(9), fc.nat(0xffff)),
});
const SIZE = 8;

const attack = fc.record({
  features: fc.subarray([28, 29]),
  latency: fc.constantFrom(0, 0, 5),
  descriptors: fc.array(descriptor, { minLength: SIZE, maxLength: SIZE }),
  heads: fc.array(fc.oneof(fc.nat(SIZE - 1), fc.nat(0xffff)), { minLength: SIZE, maxLength: SIZE }),
  index: fc.oneof(fc.nat(SIZE), fc.nat(0xffff)),
  headers: fc.array(fc.nat(15), { minLength: 16, maxLength: 16 }),
  usedAt: fc.constantFrom('own', 'over the descriptors', 'over the available ring'),
  rounds: fc.integer({ min: 1, max: 4 }),
});

describe.each(Object.entries(devices))('%s', (_, device) => {
  test('random rings', () => {
    fc.assert(
      fc.property(attack, fc.constantFrom('legacy' as const, 'modern' as const), (plan, version) => {
        const memory = new GuardedMemory(PAGES * PAGE);
        const rig = new Rig({ version, device: device(), features: plan.features, latency: plan.latency, memory });
        const count = rig.slot.function?.queues.length ?? 0;
        rig.negotiate();
        const queues = Array.from({ length: count }, (_each, index) => rig.queue(index, SIZE));
        rig.ready();
        for (const queue of queues) {
          plan.descriptors.forEach((each, index) => {
            queue.describe(index, each, undefined);
            const at = queue.descriptors + 16 * index;
            memory.store(at + 12, 2, each.flags);
            memory.store(at + 14, 2, each.next);
          });
          plan.heads.forEach((head, index) => memory.store(queue.available + 4 + 2 * index, 2, head));
          memory.store(queue.available + 2, 2, plan.index);
        }
        // Request headers that mean something, at the start of RAM and wherever the descriptors point.
        for (const each of plan.descriptors) memory.write(each.address, Uint8Array.from(plan.headers));
        for (let round = 0; round < plan.rounds; round++) {
          for (const queue of queues) queue.notify();
          rig.passTime(rig.now + 10);
        }
        rig.passTime(rig.now + 1_000_000);
        expect(rig.slot.deadline()).toBe(Infinity);
        // Reset; an honest driver finds it in order.
        rig.negotiate();
        rig.ready();
        expect(rig.read(R.status) & S.needsReset).toBe(0);
        expect(rig.slot.transport.failed).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test('random registers', () => {
    const access = fc.record({
      offset: fc.oneof(fc.constantFrom(...Object.values(R)), fc.integer({ min: -8, max: 0x210 })),
      width: fc.constantFrom<AccessWidth>(1, 2, 4),
      value: fc.oneof(
        fc.nat(16),
        fc.constantFrom(RAM, RAM / PAGE, PAGE, 0xffff_ffff, 8, 15, 0x80),
        fc.nat(0xffff_ffff),
      ),
      write: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(access, { maxLength: 60 }),
        fc.constantFrom('legacy' as const, 'modern' as const),
        (accesses, version) => {
          const memory = new GuardedMemory(PAGES * PAGE);
          const rig = new Rig({ version, device: device(), memory });
          for (const { offset, width, value, write } of accesses) {
            if (write) rig.slot.write(offset, width, value);
            else {
              const found = rig.slot.read(offset, width);
              expect(found === -1 || (found >= 0 && found < 2 ** (8 * width))).toBe(true);
            }
          }
          rig.passTime(rig.now + 1000);
          rig.slot.restore(rig.slot.snapshot());
        },
      ),
      { numRuns: 150 },
    );
  });
});

test('a device that writes over its own rings comes to an end', () => {
  // Random bytes land in the available ring, again and again: each round the device believes there is more to do.
  const memory = new GuardedMemory(PAGES * PAGE);
  const rig = new Rig({ device: virtioEntropy(new SeededEntropy(11)), memory });
  rig.negotiate();
  const queue = rig.queue(0, 4);
  rig.ready();
  for (let round = 0; round < 50; round++) {
    queue.describe(0, { address: queue.available, length: 12, write: true }, undefined);
    memory.store(queue.available + 2, 2, (queue.availableIndex + 1) & 0xffff);
    memory.store(queue.available + 4, 2, 0);
    queue.notify();
  }
  expect(memory.accesses).toBeLessThan(2000);
});
