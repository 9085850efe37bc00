// Two Linux VMs of one hypervisor on its network: each gets an address and a name by DHCP, they ping each other, and one fetches
// a page and a long file from the other's web server. The same under every technique (issue 4, section 3).

import { describe, expect, test } from 'vitest';
import { consoleOf, drive, hosted, newLab, shippedGuest } from '../guest-rig.test-support.ts';
import type { Technique, VirtualMachine } from '../virtual-machine.ts';
import { networkChoice } from '../guest-devices/virtual-network.ts';

const PROMPT = /# $/;
const BYTES = 200_000;

function network(technique: Technique) {
  const lab = newLab({ memoryMiB: 160, traceCapacity: 1024 });
  const failures: string[] = [];
  const guest = { ...shippedGuest('linux'), network: networkChoice({ failed: (message) => failures.push(message) }) };
  const one = lab.addVm({ technique, guest });
  const two = lab.addVm({ technique, guest });
  const computer = lab.computerOf(one);
  const atPrompt = (vm: VirtualMachine) => PROMPT.test(consoleOf(vm)) || vm.ending !== undefined;
  for (const vm of [one, two]) lab.start(vm.id);
  expect(drive(computer, { limit: 1e10, slice: 5_000_000, until: () => atPrompt(one) && atPrompt(two) })).toBe('until');
  const say = (vm: VirtualMachine, line: string): string => {
    const before = consoleOf(vm).length;
    vm.receive(new TextEncoder().encode(`${line}\n`));
    drive(computer, { limit: 20_000_000, slice: 100_000, until: () => !atPrompt(vm) });
    expect(drive(computer, { limit: 1e10, slice: 1_000_000, until: () => atPrompt(vm) })).toBe('until');
    return consoleOf(vm).slice(before).split('\r\n').slice(1, -1).join('\n');
  };
  for (const vm of [one, two]) say(vm, 'stty cols 1000');
  const answers = [
    say(one, 'ip link set eth0 up; udhcpc -i eth0 -n -q -x hostname:one 2>&1 | tail -1'),
    say(two, 'ip link set eth0 up; udhcpc -i eth0 -n -q -x hostname:two 2>&1 | tail -1'),
    say(
      one,
      `cd /tmp; echo hello from one > index.html; head -c ${BYTES} /bin/busybox > long; httpd -h /tmp; md5sum < long`,
    ),
    say(two, 'ping -c 2 one.ringside | grep packets'),
    say(one, 'ping -c 2 10.0.2.16 | grep packets'),
    say(two, 'wget -q -O - http://one.ringside/index.html'),
    say(two, 'wget -q -O - http://one.ringside/long | md5sum'),
  ];
  const virtual = lab.networkOf(one);
  return { answers, failures, ports: virtual?.switch.ports, leases: virtual?.gateway.leases(computer.now) };
}

describe('two Linux VMs', () => {
  test.each(hosted)(
    'find, ping and serve each other: %s',
    (technique) => {
      const { answers, failures, ports, leases } = network(technique);
      const [first, second, sum, ...rest] = answers;
      expect(first).toBe('udhcpc: lease of 10.0.2.15 obtained from 10.0.2.2, lease time 86400');
      expect(second).toBe('udhcpc: lease of 10.0.2.16 obtained from 10.0.2.2, lease time 86400');
      expect(sum).toMatch(/^[0-9a-f]{32} {2}-$/);
      expect(rest).toEqual([
        '2 packets transmitted, 2 packets received, 0% packet loss',
        '2 packets transmitted, 2 packets received, 0% packet loss',
        'hello from one',
        sum,
      ]);
      expect(leases?.map(({ hostName }) => hostName)).toEqual(['one', 'two']);
      expect(failures).toEqual([]);
      const [gateway, one, two] = ports ?? [];
      expect(two?.counters.toStation.bytes).toBeGreaterThan(BYTES);
      expect(one?.counters.fromStation.bytes).toBeGreaterThan(BYTES);
      // What they say to each other does not pass by the gateway, once the switch knows where they are.
      expect(gateway?.counters.toStation.bytes).toBeLessThan(10_000);
      for (const port of [gateway, one, two]) {
        expect(Object.values(port?.counters.dropped ?? { none: NaN }).reduce((sum, count) => sum + count, 0)).toBe(0);
      }
    },
    240_000,
  );
});
