// Guests with several harts (SBI specification 2.0, "Hart State Management", "IPI" and "RFENCE" extensions): the same memory
// in the end under every technique, on one physical hart and on several, whoever ran when.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { HostedVm } from '../hosted-vm.ts';
import {
  consoleOf,
  drive,
  hashOf,
  hosted,
  newLab,
  runAlone,
  shippedGuest,
  sourceGuest,
} from '../guest-rig.test-support.ts';

const HARTS = readFileSync(new URL('./harts.test-support.s', import.meta.url), 'utf8');
const GOOD = 'All harts have counted, slept, woken and seen the new page.\n';

const linuxForSeveralHarts = () =>
  new Uint8Array(gunzipSync(readFileSync(new URL('../../../../public/guests/linux/Image-smp.gz', import.meta.url))));

describe('HSM, IPI and RFENCE', () => {
  const bare = (harts: number) => runAlone('bare', sourceGuest(HARTS, { harts }));

  test.each([2, 4, 8])('%i harts: one final state, however they share the physical harts', (harts) => {
    const expected = bare(harts);
    expect(expected.console).toBe(GOOD);
    expect(expected.vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    for (const technique of hosted) {
      for (const physicalHarts of harts === 4 ? [1, 2, 3, 8] : [1, 2]) {
        const { vm, console, hash } = runAlone(technique, sourceGuest(HARTS, { harts }), { physicalHarts });
        const which = `${technique} on ${physicalHarts}`;
        expect(console, which).toBe(GOOD);
        expect(vm.ending, which).toMatchObject({ kind: 'shutdown', exitCode: 0 });
        expect(hash, which).toBe(expected.hash);
      }
    }
  });

  test.each(hosted)('%s: where the host cuts its slices is not seen', (technique) => {
    const run = (slice: number) => {
      const { vm, lab } = runAlone(technique, sourceGuest(HARTS, { harts: 3 }), { physicalHarts: 2, slice });
      const vcpus = (vm as HostedVm).vcpus.map(({ instructions, exits }) => [instructions, exits]);
      return { hash: hashOf(vm), vcpus, elapsed: lab.hypervisor?.machine.elapsed };
    };
    const whole = run(1_000_000);
    expect(run(977)).toEqual(whole);
    expect(run(20_011)).toEqual(whole);
  });

  test.each(hosted)('%s: the same with the translator off', (technique) => {
    const run = (translator: boolean) => {
      const { vm, lab } = runAlone(technique, sourceGuest(HARTS, { harts: 4 }), { physicalHarts: 2, translator });
      return { hash: hashOf(vm), instructions: vm.instructions, elapsed: lab.hypervisor?.machine.elapsed };
    };
    expect(run(false)).toEqual(run(true));
  });

  test.each(hosted)('%s: several such guests side by side, on fewer harts than they have', (technique) => {
    const expected = bare(4);
    const lab = newLab({ memoryMiB: 80, physicalHarts: 3 });
    const vms = Array.from({ length: 3 }, () => lab.addVm({ technique, guest: sourceGuest(HARTS, { harts: 4 }) }));
    for (const { id } of vms) lab.start(id);
    drive(lab.computerOf(lab.vm(1)));
    for (const vm of vms) {
      expect(consoleOf(vm)).toBe(GOOD);
      expect(hashOf(vm)).toBe(expected.hash);
    }
  });
});

describe('Linux', () => {
  const type = (text: string) => new TextEncoder().encode(text);
  const guest = { ...shippedGuest('linux'), image: linuxForSeveralHarts(), harts: 4, bootArguments: 'quiet' };

  test.each(hosted.flatMap((technique) => [1, 3].map((physicalHarts) => [technique, physicalHarts] as const)))(
    '%s: boots with four vCPUs on %i harts, and runs something on each',
    (technique, physicalHarts) => {
      const lab = newLab({ memoryMiB: 96, traceCapacity: 1024, physicalHarts });
      const vm = lab.addVm({ technique, guest }) as HostedVm;
      lab.start(vm.id);
      const prompt = () => /# $/.test(consoleOf(vm));
      const run = (until: () => boolean) => drive(lab.computerOf(vm), { limit: 4e9, slice: 5_000_000, until });
      expect(run(prompt)).toBe('until');
      vm.receive(type('nproc; for i in 0 1 2 3; do taskset -c $i grep processor /proc/self/stat; done; poweroff -f\n'));
      run(() => vm.ending !== undefined);
      expect(consoleOf(vm)).toMatch(/\n4\r\n/);
      expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
      for (const { instructions } of vm.vcpus) expect(instructions).toBeGreaterThan(1_000_000);
    },
    120_000,
  );
});
