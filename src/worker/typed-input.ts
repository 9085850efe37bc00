// The console input that VMs are added with, and how far it has come: typed while they run, and again after a reset.

import { ConsoleScript } from '../core/hypervisor/console-script.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import type { ScenarioInput } from '../protocol/scenario/scenario.ts';
import { followedVm } from './followed-vm.ts';

export class TypedInput {
  readonly #lab: Lab;
  /** What each VM was given. */
  readonly #inputs = new Map<number, readonly ScenarioInput[]>();
  /** Those that are not typed to their end. */
  readonly #scripts = new Map<number, ConsoleScript>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** From its first step. No steps change nothing. */
  give(vm: number, steps: readonly ScenarioInput[]): void {
    if (steps.length === 0) return;
    this.#inputs.set(vm, steps);
    const typed = (text: string) => new TextEncoder().encode(text);
    this.#scripts.set(vm, new ConsoleScript(followedVm(this.#lab, vm), steps, typed));
  }

  /** The VM begins anew, and so does its input. */
  restart(vm: number): void {
    this.give(vm, this.#inputs.get(vm) ?? []);
  }

  /** A copy goes on from where it is; it gets the same input when it is reset. */
  inherit(copy: number, from: number): void {
    const input = this.#inputs.get(from);
    if (input !== undefined) this.#inputs.set(copy, input);
  }

  forget(vm: number): void {
    this.#scripts.delete(vm);
    this.#inputs.delete(vm);
  }

  /** Types what is due. */
  look(): void {
    for (const [id, script] of this.#scripts) {
      const vm = this.#lab.vm(id);
      if (vm.ending || script.done) this.#scripts.delete(id);
      else if (vm.control.running) script.look(vm.waiting && this.#lab.computerOf(vm).idleUntil() === Infinity);
    }
  }
}
