// Linux at its prompt: started, and told line by line what to do.

import { expect } from 'vitest';
import { consoleOf, drive } from '../guest-rig.test-support.ts';
import type { Lab } from '../lab.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

export const PROMPT = /# $/;

export interface LinuxShell {
  /** Types a line and waits for the next prompt. @returns what the console got, the echo and the prompt with it */
  type(line: string): string;
}

/** Starts a Linux VM and waits for its prompt. */
export function linuxShell(lab: Lab, vm: VirtualMachine): LinuxShell {
  lab.start(vm.id);
  const computer = lab.computerOf(vm);
  const untilPrompt = () => {
    const until = () => PROMPT.test(consoleOf(vm)) || vm.ending !== undefined;
    expect(drive(computer, { limit: 1e10, slice: 5_000_000, until })).toBe('until');
  };
  untilPrompt();
  return {
    type(line) {
      const before = consoleOf(vm).length;
      const bytes = new TextEncoder().encode(`${line}\n`);
      expect(vm.receive(bytes)).toBe(bytes.length);
      drive(computer, { limit: 2_000_000, slice: 100_000, until: () => !PROMPT.test(consoleOf(vm)) });
      untilPrompt();
      return consoleOf(vm).slice(before);
    },
  };
}
