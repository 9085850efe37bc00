// Binary patching: on a machine where a sensitive instruction does not trap, an unmodified guest under trap-and-emulate comes
// to what it comes to on the bare machine (Popek and Goldberg, "equivalence"), and no patch can be seen from inside.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../../cli/node-host.ts';
import { guests } from '../../../../guests/manifest.ts';
import { quirkNames, quirksOf } from '../../../machine/quirks.ts';
import { drive, expectedOutput, newLab, shippedGuest, sourceGuest } from '../../guest-rig.test-support.ts';
import { HostedVm } from '../../hosted-vm.ts';
import { actions, comeTo, patched, programOf } from './changing-programs.test-support.ts';
import type { PatchReport } from './code-patches.ts';
import { subjectName, verdictOf, VirtualizabilityTest } from '../../properties/virtualizability.ts';
import { sensitiveOn } from './sensitive-instructions.ts';

function reportOf(vm: unknown): PatchReport {
  if (!(vm instanceof HostedVm) || vm.patches === undefined) throw new Error('expected a VM with patches');
  return vm.patches.report;
}

test('the short way to find them finds what the whole test finds', () => {
  const quirks = quirksOf(quirkNames);
  const whole = new VirtualizabilityTest({ host: nodeHost, quirks, countersGranted: false }).run();
  expect(sensitiveOn(nodeHost, quirks).names).toEqual(verdictOf(whole).violations.map(subjectName));
});

test('what is patched is what the test found on this machine, and nothing on one that keeps to the manual', () => {
  expect(sensitiveOn(nodeHost, quirksOf()).none).toBe(true);
  const all = sensitiveOn(nodeHost, quirksOf(quirkNames));
  expect(all.names).toEqual(['sret', 'sfence.vma', 'sstatus, read']);
  expect(all.inUserMode).toBe(true);
  expect(sensitiveOn(nodeHost, quirksOf(['sret', 'sfence'])).inUserMode).toBe(false);
  const found = (word: number) => all.find(word)?.row.mnemonic;
  expect([0x1020_0073, 0x1200_0073, 0x1205_0073, 0x1000_2573].map(found)).toEqual([
    'sret',
    'sfence.vma',
    'sfence.vma',
    'csrrs',
  ]);
  // A write of sstatus traps as it should, with or without a read; so do MRET, other CSRs, and words that are no instruction.
  for (const word of [0x1005_2573, 0x1000_1073, 0x1000_9573, 0x1001_6073, 0x3020_0073, 0x1410_2573, 0x1020_00f3, 0]) {
    expect(found(word)).toBeUndefined();
  }
});

const teaching = guests
  .filter(({ expectedOutput: output, techniques }) => output !== undefined && techniques.includes('trap-and-emulate'))
  .map(({ name }) => name);

const bare = newLab();
const alone = new Map(teaching.map((name) => [name, comeTo('bare', shippedGuest(name), bare)]));

describe.each([...quirkNames.map((quirk) => [quirk]), quirkNames])('repaired where %s is broken', (...broken) => {
  const lab = newLab({ quirks: broken, memoryMiB: 96, traceCapacity: 256 });

  test.each(teaching)('%s prints what it should and ends in the state of the bare machine', (name) => {
    const found = comeTo('trap-and-emulate', patched(shippedGuest(name)), lab);
    expect(found).toMatchObject({ console: expectedOutput(name), ending: { exitCode: 0 } });
    expect(found).toEqual(alone.get(name));
  });
});

/** The same address through two tables entries, one after the other. */
const remapping = sourceGuest(
  programOf([
    { kind: 'store', place: 's1', slot: 0, word: 'ebreak', how: 0 },
    { kind: 'sum', place: 's5', width: 4, odd: false },
    { kind: 'remap', to: 's1', all: true },
    { kind: 'sum', place: 's5', width: 4, odd: false },
  ]),
);
const relying = { sret: shippedGuest('trap'), sstatus: shippedGuest('trap'), sfence: remapping };

test.each(quirkNames)('without the repair a guest fails where %s is broken; with it its sites are told', (quirk) => {
  const lab = newLab({ quirks: [quirk], traceCapacity: 256 });
  const guest = relying[quirk];
  const right = comeTo('bare', guest, lab);
  expect(right.ending).toMatchObject({ exitCode: 0 });
  expect(comeTo('trap-and-emulate', guest, lab)).not.toEqual(right);
  const vm = lab.addVm({ technique: 'trap-and-emulate', guest: patched(guest) });
  lab.start(vm.id);
  drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, limit: 3_000_000 });
  const { pages, copies } = reportOf(vm);
  expect(copies).toBeGreaterThan(0);
  const sites = pages.flatMap((page) => page.sites);
  const trapped = sites.reduce((sum, site) => sum + site.trapped, 0);
  expect(trapped).toBeGreaterThan(0);
  expect(trapped).toBe(lab.trace.statistics(vm.id)['patched-instruction'].count);
  for (const { gpa, original } of sites) expect(vm.memory.readEntry(gpa)).toBe(original);
});

describe('made kernels that change, read and remap their patched code', () => {
  test('come to what they come to on the bare machine with the same switches, translated or not', () => {
    const labs = [true, false].map((translator) =>
      newLab({ quirks: quirkNames, memoryMiB: 40, traceCapacity: 256, translator }),
    );
    const [lab] = labs;
    if (lab === undefined) throw new Error('no lab');
    fc.assert(
      fc.property(actions, (list) => {
        const guest = sourceGuest(programOf(list));
        const bare = comeTo('bare', guest, lab);
        expect(bare.ending).toMatchObject({ exitCode: 0 });
        for (const each of labs) expect(comeTo('trap-and-emulate', patched(guest), each)).toEqual(bare);
      }),
      { numRuns: 15 },
    );
  }, 120_000);

  test('without patches they do not', () => {
    const lab = newLab({ quirks: quirkNames, memoryMiB: 40, traceCapacity: 256 });
    const list = [{ kind: 'call', place: 's0', slot: 1 }] as const;
    const guest = sourceGuest(programOf(list));
    expect(comeTo('trap-and-emulate', guest, lab)).not.toEqual(comeTo('bare', guest, lab));
  });
});
