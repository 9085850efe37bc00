// Steal time, end to end: two Linux VMs want the one hart all the time, and each kernel says in /proc/stat how much of it the other
// had (SBI STA; user, nice, system, idle, iowait, irq, softirq, steal in proc(5)).

import { expect, test } from 'vitest';
import { consoleOf, drive, newLab, shippedGuest } from '../hypervisor/guest-rig.test-support.ts';

const PROMPT = /# $/;
const BUSY = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; head -1 /proc/stat\n';

test('a guest knows what its neighbour took', () => {
  const lab = newLab({ memoryMiB: 160, traceCapacity: 1024 });
  const vms = [0, 1].map(() => lab.addVm({ technique: 'hardware-assisted', guest: shippedGuest('linux') }));
  const [one] = vms;
  if (one === undefined) throw new Error('no VM');
  const computer = lab.computerOf(one);
  const atPrompt = () => vms.every((vm) => PROMPT.test(consoleOf(vm)));
  for (const vm of vms) lab.start(vm.id);
  expect(drive(computer, { limit: 1e10, slice: 5_000_000, until: atPrompt })).toBe('until');
  for (const vm of vms) vm.receive(new TextEncoder().encode(BUSY));
  drive(computer, { limit: 2e9, slice: 100_000, until: () => !vms.some((vm) => PROMPT.test(consoleOf(vm))) });
  expect(drive(computer, { limit: 1e10, slice: 1_000_000, until: atPrompt })).toBe('until');
  for (const vm of vms) {
    const [user = 0, , , , , , , steal = 0] = (/cpu +([\d ]+)/.exec(consoleOf(vm))?.[1] ?? '').split(' ').map(Number);
    expect(user).toBeGreaterThan(20); // jiffies of 10 ms
    // They have the same weight, so each had about half.
    expect(steal / user).toBeGreaterThan(0.6);
    expect(steal / user).toBeLessThan(1.6);
  }
}, 120_000);
