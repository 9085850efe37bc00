// Linux with something to do: booted, given the load at its prompt, and run by instructions alone, so that two such runs are the
// same run, translated or not.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Computer } from '../../core/hypervisor/computer.ts';
import { BareMachine } from '../../core/hypervisor/techniques/bare-machine.ts';
import { Lab } from '../../core/hypervisor/lab.ts';
import { hashOfVm } from '../../core/hypervisor/inspection/state-hash.ts';
import type { Technique, VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { Machine } from '../../core/machine/machine.ts';
import { chooseGuest } from '../guest-source.ts';
import { nodeHost } from '../node-host.ts';
import { checksumIn, LOAD } from './load.ts';

/** Instructions between two turns of Node's own: a few milliseconds, in which compiled code also arrives. */
const SLICE = 1 << 19;
const NEWLINE = 10;
const HYPERVISOR_BYTES = 64 * 2 ** 20;

export class BurdenedLinux {
  readonly vm: VirtualMachine;
  readonly #lab: Lab;
  readonly #computer: Computer;
  #typed = 0;
  #line = '';
  /** Rounds of the load that were announced, and the checksums among them. */
  rounds = 0;
  readonly checksums = new Set<string>();

  constructor(technique: Technique, translator: boolean) {
    const { guest } = chooseGuest([], { guest: 'linux', technique });
    this.#lab = new Lab({
      host: nodeHost,
      memoryBytes: guest.memoryBytes + HYPERVISOR_BYTES,
      epochNanoseconds: { high: 0, low: 0 },
      translator,
    });
    this.vm = this.#lab.addVm({ technique, guest });
    this.vm.console.sink = (byte) => this.#listen(byte);
    this.#computer = this.#lab.computerOf(this.vm);
    this.#lab.start(this.vm.id);
  }

  get machine(): Machine {
    const machine = this.vm instanceof BareMachine ? this.vm.machine : this.#lab.hypervisor?.machine;
    if (machine === undefined) throw new Error('expected a machine below the VM, found none');
    return machine;
  }

  /** What the guest has become, as `--stats` tells it. */
  get hash(): string {
    return hashOfVm(this.vm);
  }

  /**
   * Runs to a number of instructions of the guest.
   * @throws Error if it ends, or waits for ever
   */
  async runTo(instructions: number): Promise<void> {
    const { vm } = this;
    while (vm.instructions < instructions) {
      if (vm.ending) throw new Error(`expected Linux to go on, found that it ended: ${vm.ending.message}`);
      if (this.#prompted) this.#type();
      const end = this.#computer.runSlice(Math.min(SLICE, instructions - vm.instructions));
      if (end === 'idle') {
        const until = this.#computer.idleUntil();
        if (until === Infinity) throw new Error('expected Linux to go on, found it asleep');
        if (until !== undefined) this.#computer.skipTo(until);
      }
      await nextTurn();
    }
  }

  get #prompted(): boolean {
    return this.#typed > 0 || this.#line.endsWith('# ');
  }

  #type(): void {
    if (this.#typed === LOAD.length) return;
    const next = new TextEncoder().encode(LOAD.slice(this.#typed));
    this.#typed += this.vm.receive(next);
  }

  #listen(byte: number): void {
    if (byte !== NEWLINE) {
      this.#line += String.fromCharCode(byte);
      return;
    }
    const sum = checksumIn(this.#line);
    this.#line = '';
    if (sum === undefined) return;
    this.rounds++;
    this.checksums.add(sum);
  }
}
