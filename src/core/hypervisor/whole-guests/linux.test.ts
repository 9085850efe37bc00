// Linux, unmodified, under every technique: it boots to a prompt, obeys what is typed, and powers the machine off
// (issue, "It is done when": a Linux guest boots to a prompt … `poweroff` ends the run with status 0).

import { describe, expect, test } from 'vitest';
import { consoleOf, drive, newLab, shippedGuest } from '../guest-rig.test-support.ts';
import { linuxShell, PROMPT } from './linux-shell.test-support.ts';
import { techniques, type Technique } from '../virtual-machine.ts';

const COMMANDS =
  'echo $((6*7)) answers\ncat /proc/cpuinfo | grep isa\nls /proc/self/fd | wc -l\n(exit 3) || echo status $?\n';

function session(technique: Technique) {
  const lab = newLab({ memoryMiB: 80, traceCapacity: 1024 });
  const vm = lab.addVm({ technique, guest: shippedGuest('linux') });
  const shell = linuxShell(lab, vm);
  const greeting = consoleOf(vm);
  for (const line of COMMANDS.trimEnd().split('\n')) {
    shell.type(line);
  }
  const answers = consoleOf(vm).slice(greeting.length);
  vm.receive(new TextEncoder().encode('poweroff -f\n'));
  drive(lab.computerOf(vm), { limit: 1e10, slice: 5_000_000, until: () => vm.ending !== undefined });
  return { vm, lab, greeting, answers };
}

describe('Linux', () => {
  test('boots, obeys and powers off under every technique, and says the same', () => {
    const sessions = techniques.map(session);
    for (const { vm, greeting, answers } of sessions) {
      expect(greeting, vm.technique).toMatch(PROMPT);
      expect(answers, vm.technique).toContain('\n42 answers\r\n');
      expect(answers, vm.technique).toMatch(/isa\s*: rv32ima/);
      expect(answers, vm.technique).toContain('\nstatus 3\r\n');
      expect(vm.ending, vm.technique).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    }
    const [bare] = sessions;
    for (const { vm, greeting, answers } of sessions) {
      expect(greeting, vm.technique).toBe(bare?.greeting);
      expect(answers, vm.technique).toBe(bare?.answers);
    }
    const exits = sessions.map(({ vm, lab }) => ({ vm, statistics: lab.trace.statistics(vm.id) }));
    for (const { vm, statistics } of exits) {
      const counted = Object.values(statistics).reduce((sum, { count }) => sum + count, 0);
      expect(counted).toBe(vm.exits); // the ring keeps a thousand, the counts forget nothing
    }
    // Trap-and-emulate pays for every system call and CSR; the H extension for none of them.
    const of = (technique: Technique) => exits.find(({ vm }) => vm.technique === technique);
    const emulated = of('trap-and-emulate');
    const assisted = of('hardware-assisted');
    expect(emulated?.statistics['csr-access'].count).toBeGreaterThan(10_000);
    expect(emulated?.statistics['system-call'].count).toBeGreaterThan(100);
    expect(assisted?.statistics['csr-access'].count).toBe(0);
    expect(assisted?.statistics['system-call'].count).toBe(0);
  }, 240_000);
});
