// The network of a computer: frames arrive at exact ticks, at the same instruction in every run; a frame reaches the VM it is
// addressed to and nobody else; cables delay, lose and throttle; a VM that stands is left alone (issue 4, section 3).

import { describe, expect, test } from 'vitest';
import { consoleOf, drive, hashOf, hosted, newLab } from '../guest-rig.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { JourneyStep } from './frame-journeys.ts';
import { QUANTUM } from '../scheduling/scheduler.ts';
import type { Lab } from '../lab.ts';
import { askForGateway, frameTo, framesReceived, interruptsOf, networkGuest } from './network-guest.test-support.ts';
import { techniques, type Technique, type VirtualMachine } from '../virtual-machine.ts';
import { macOfVm, VirtualNetwork } from './virtual-network.ts';

/** Preamble, gap and check sequence make 84 octets of the shortest frame: 6.72 ticks at 1 Gbit/s; 100 ticks of way. */
const HOP = 107;

function start(technique: Technique, guests: readonly GuestImage[], translator = true) {
  const lab = newLab({ translator, memoryMiB: 80 });
  const vms = guests.map((guest) => lab.addVm({ technique, guest }));
  for (const { id } of vms) lab.start(id);
  return { lab, vms };
}

const networkOf = (lab: Lab, vm: VirtualMachine | undefined): VirtualNetwork => {
  const network = vm && lab.networkOf(vm);
  if (network === undefined) throw new Error('the VM has no network');
  return network;
};
const only = (vms: readonly VirtualMachine[]): VirtualMachine => {
  const [vm] = vms;
  if (vm === undefined) throw new Error('no VM');
  return vm;
};
const run = (lab: Lab, vm: VirtualMachine, instructions: number, slice = 1_000_000) =>
  drive(lab.computerOf(vm), { limit: instructions, slice });

/** Steps of the first frame, as text. */
const stepsOf = (network: VirtualNetwork, frame: number): readonly JourneyStep[] =>
  network.journeys.recent(1000).find((journey) => journey.frame === frame)?.steps ?? [];
const told = (steps: readonly JourneyStep[]): readonly string[] =>
  steps.map((step) => `${step.kind} ${step.port}${step.kind === 'taken' ? ` ${step.outcome}` : ''}`);

describe.each(techniques)('%s', (technique) => {
  test('a frame is there, and interrupts, at its tick and at no other', () => {
    const { lab, vms } = start(technique, [networkGuest({ frames: [askForGateway(1)] })]);
    const vm = only(vms);
    run(lab, vm, 100_000);
    const network = networkOf(lab, vm);
    const [answer, question] = network.journeys.recent(10);
    const sent = question?.steps[0]?.time ?? NaN;
    const arrival = sent + 4 * HOP;
    expect(answer?.steps.at(-1)).toEqual({ kind: 'taken', time: arrival, port: 1, outcome: 'interrupt' });
    const [interrupt, ...more] = interruptsOf(vm);
    expect(more).toEqual([]);
    // Entering the handler takes less than a tick on bare hardware; under a hypervisor there may be an exit before it.
    expect(interrupt?.time).toBeGreaterThanOrEqual(arrival);
    expect(interrupt?.time).toBeLessThanOrEqual(arrival + 2);
    // The loop of two instructions ran all the time.
    expect(Math.abs((interrupt?.counter ?? 0) * 2 - 4 * HOP * 10)).toBeLessThan(40);
  });

  test('where the host cuts its slices, and whether code is translated, changes nothing', () => {
    const results = [
      { slice: 1_000_000, translator: true },
      { slice: 777, translator: true },
      { slice: 1_000_000, translator: false },
    ].map(({ slice, translator }) => {
      const frames = [askForGateway(1), frameTo('all', 1), askForGateway(1)];
      const { lab, vms } = start(technique, [networkGuest({ frames })], translator);
      const vm = only(vms);
      run(lab, vm, 120_000, slice);
      return { interrupts: interruptsOf(vm), journeys: networkOf(lab, vm).journeys.recent(100) };
    });
    expect(results[0]?.interrupts.length).toBeGreaterThan(0);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test('it wakes a guest that waits, after exactly the time of the way', () => {
    const link = { delayTicks: 5_000_000 };
    const { lab, vms } = start(technique, [
      networkGuest({ frames: [askForGateway(1)], waits: true, network: { link } }),
    ]);
    const vm = only(vms);
    const computer = lab.computerOf(vm);
    expect(drive(computer, { limit: 1e9 })).toBe('asleep');
    const [interrupt] = interruptsOf(vm);
    const sent = stepsOf(networkOf(lab, vm), 1)[0]?.time ?? NaN;
    // Question and answer go over the guest's slow cable once each, and over the gateway's.
    expect((interrupt?.time ?? 0) - sent).toBeGreaterThanOrEqual(2 * (5_000_000 + 7) + 2 * HOP);
    expect((interrupt?.time ?? 0) - sent).toBeLessThan(2 * (5_000_000 + 7) + 2 * HOP + 3);
    expect(vm.instructions).toBeLessThan(10_000);
  });

  test('a cable that loses everything, or is unplugged, brings nothing; the drop says why', () => {
    for (const [link, why] of [
      [{ lossProbability: 1 }, 'lost'],
      [{ connected: false }, 'link-down'],
    ] as const) {
      const { lab, vms } = start(technique, [networkGuest({ frames: [askForGateway(1)], network: { link } })]);
      const vm = only(vms);
      run(lab, vm, 50_000);
      expect(interruptsOf(vm)).toEqual([]);
      expect(stepsOf(networkOf(lab, vm), 1).at(-1)).toMatchObject({ kind: 'dropped', reason: why, half: 'to-switch' });
    }
  });

  test('a slow cable sends one frame after the other', () => {
    const frames = [frameTo('all', 1, 1), frameTo('all', 1, 2), frameTo('all', 1, 3)];
    const network = { link: { bitsPerSecond: 1_000_000 } };
    const { lab, vms } = start(technique, [networkGuest({ frames, network })]);
    const vm = only(vms);
    run(lab, vm, 500_000);
    const entered = [1, 2, 3].map((frame) => {
      const steps = stepsOf(networkOf(lab, vm), frame);
      return (steps.find(({ kind }) => kind === 'entered')?.time ?? 0) - (steps[0]?.time ?? 0);
    });
    // 84 octets at 1 Mbit/s are 6720 ticks.
    expect(entered).toEqual([6820, 13540, 20260]);
  });
});

describe.each(hosted)('several VMs: %s', (technique) => {
  const others = [networkGuest({}), networkGuest({ waits: true })];

  test('a frame addressed to one VM raises no interrupt in another, before the switch has learned and after', () => {
    const sender = networkGuest({ frames: [frameTo(2, 1), frameTo(2, 1)], after: QUANTUM });
    const { lab, vms } = start(technique, [sender, ...others, networkGuest({})]);
    const vm = only(vms);
    run(lab, vm, 14 * QUANTUM);
    const network = networkOf(lab, vm);
    expect(vms.map(framesReceived)).toEqual([0, 2, 0, 0]);
    // Both may have come before the guest looked.
    expect(vms.map((each) => interruptsOf(each).length > 0)).toEqual([false, true, false, false]);
    expect(told(stepsOf(network, 1))).toEqual([
      'sent 1',
      'entered 1',
      'learned 1',
      'forwarded 1',
      'delivered 0',
      'delivered 2',
      expect.stringMatching(/^taken 2 (interrupt|silent)$/),
      'delivered 3',
      'taken 3 not-addressed',
      'delivered 4',
      'taken 4 not-addressed',
    ]);
    expect(lab.interrupts.recent(100).map((chain) => chain.vm)).toEqual(
      lab.interrupts.recent(100).map(() => vms[1]?.id),
    );
  });

  test('neighbours on the network leave no trace in a VM that is not addressed: the same state as without them', () => {
    const alone = start(technique, [networkGuest({ waits: true })]);
    run(alone.lab, only(alone.vms), 100_000);
    const listener = networkGuest({ waits: true });
    const talkers = [networkGuest({ frames: [frameTo(3, 2), frameTo(3, 2)] }), networkGuest({})];
    const { lab, vms } = start(technique, [listener, ...talkers]);
    run(lab, only(vms), 4 * QUANTUM);
    expect(framesReceived(only(vms))).toBe(0);
    expect(hashOf(only(vms))).toBe(hashOf(only(alone.vms)));
  });

  test('the exit that sent a frame is told: a store to QueueNotify', () => {
    const { lab, vms } = start(technique, [networkGuest({ frames: [askForGateway(1)] })]);
    run(lab, only(vms), 100_000);
    const [step] = stepsOf(networkOf(lab, only(vms)), 1);
    const exit = step?.kind === 'sent' ? step.exit : undefined;
    expect(lab.trace.read(exit ?? -1)).toMatchObject({ vm: 1, reason: 'device-access' });
  });

  test('a VM that a person holds is left alone; it gets its frames when it goes on', () => {
    const sender = networkGuest({ frames: [frameTo(2, 1)], after: QUANTUM });
    const { lab, vms } = start(technique, [sender, networkGuest({})]);
    const [first, second] = vms;
    if (!first || !second) throw new Error('two VMs');
    run(lab, first, 2 * QUANTUM);
    lab.pause(second.id);
    const before = hashOf(second);
    run(lab, first, 4 * QUANTUM);
    const network = networkOf(lab, first);
    expect(stepsOf(network, 1).at(-1)).toMatchObject({ kind: 'taken', port: 2, outcome: 'kept' });
    expect(hashOf(second)).toBe(before);
    lab.start(second.id);
    run(lab, first, 4 * QUANTUM);
    expect(stepsOf(network, 1).at(-1)).toMatchObject({ kind: 'taken', port: 2, outcome: 'interrupt' });
    expect(interruptsOf(second)).toHaveLength(1);
  });

  test('VMs come and go: a card goes with its VM, and its port is free for the next', () => {
    const { lab, vms } = start(technique, [
      networkGuest({}),
      networkGuest({ frames: [frameTo('all', 2)], after: QUANTUM }),
    ]);
    const [first, second] = vms;
    if (!first || !second) throw new Error('two VMs');
    const network = networkOf(lab, second);
    expect(network.stations.map(({ name, mac, port }) => [port, name, mac])).toEqual([
      [0, 'gateway', '52:55:0a:00:02:02'],
      [1, 'vm1', '52:54:00:00:00:01'],
      [2, 'vm2', '52:54:00:00:00:02'],
    ]);
    lab.removeVm(first.id);
    const third = lab.addVm({ technique, guest: networkGuest({}) });
    expect(network.stations.map(({ name }) => name)).toEqual(['gateway', 'vm3', 'vm2']);
    lab.start(third.id);
    run(lab, second, 8 * QUANTUM);
    expect(framesReceived(third)).toBe(1);
    expect(consoleOf(third)).toBe('');
  });

  test('a VM that cannot be made leaves no card behind', () => {
    const lab = newLab({ memoryMiB: 2 });
    lab.addVm({ technique, guest: networkGuest({}) });
    // Its page tables alone would not fit.
    const large = { ...networkGuest({}), memoryBytes: 2047 * 2 ** 20 };
    expect(() => lab.addVm({ technique, guest: large })).toThrow(/free machine memory/);
    expect(lab.hypervisor?.network?.stations.map(({ name }) => name)).toEqual(['gateway', 'vm1']);
  });
});

test('each bare machine has a network of its own', () => {
  const lab = newLab();
  const [first, second] = [1, 2].map((from) =>
    lab.addVm({ technique: 'bare', guest: networkGuest({ frames: [frameTo('all', from)] }) }),
  );
  if (!first || !second) throw new Error('two VMs');
  for (const vm of [first, second]) {
    lab.start(vm.id);
    run(lab, vm, 100_000);
  }
  expect(networkOf(lab, first)).not.toBe(networkOf(lab, second));
  expect([first, second].map(framesReceived)).toEqual([0, 0]);
});

test('a VM without a card has no network, and a cable cannot be out of range', () => {
  const lab = newLab();
  const plain = lab.addVm({ technique: 'bare', guest: { ...networkGuest({}), network: undefined } as never });
  expect(lab.networkOf(plain)).toBeUndefined();
  const link = { lossProbability: 2 };
  expect(() => lab.addVm({ technique: 'bare', guest: networkGuest({ network: { link } }) })).toThrow(/lossProbability/);
});

test('a card by programmed I/O cannot be a physical one', () => {
  for (const technique of ['bare', 'hardware-assisted'] as const) {
    const network = { programmed: true, assigned: true };
    const guest = networkGuest({ network });
    // On the bare machine every card is a physical one anyhow.
    if (technique === 'bare') expect(newLab().addVm({ technique, guest }).board.mounts.at(-1)?.base).toBe(0x1000_b000);
    else
      expect(() => newLab().addVm({ technique, guest })).toThrow(/virtio card to pass through, found programmed I\/O/);
  }
});

test('addresses are made from the number of the VM', () => {
  expect(macOfVm(1).toString(16)).toBe('525400000001');
  expect(macOfVm(300).toString(16)).toBe('52540000012c');
});

test('settings of a port that is not there', () => {
  const network = new VirtualNetwork({ now: () => 0 });
  expect(() => network.configure(3, { delayTicks: 5 })).toThrow(/port of the switch, found 3/);
  network.configure(0, { delayTicks: 5 });
  expect(network.switch.ports[0]?.settings.delayTicks).toBe(5);
});
