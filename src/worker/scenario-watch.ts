// The VMs of scenarios that were opened in the page: what is expected of each, watched while they run, judged as the command line
// judges it when it is over.

import { Expectations, type Judgement, type KnownState } from '../core/hypervisor/expectations.ts';
import { hashOfVm } from '../core/hypervisor/inspection/state-hash.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import type { LiveMigration } from '../core/hypervisor/migration/live-migration.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import type { ScenarioAnswer, ScenarioVmRow } from '../protocol/frame.ts';
import type { ScenarioPart } from '../protocol/commands.ts';

interface WatchedVm {
  readonly part: ScenarioPart;
  readonly expectations: Expectations;
  /** The last one of it. */
  migration: LiveMigration | undefined;
  /** Its state when it was last hashed, which takes a while. */
  hashed: { readonly at: number; readonly hash: string } | undefined;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export class ScenarioWatch {
  readonly #lab: Lab;
  readonly #watched = new Map<number, WatchedVm>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** Begins with a VM, which has not executed anything yet; or anew with one that was reset. */
  begin(id: number, part: ScenarioPart | undefined = this.#watched.get(id)?.part): void {
    if (part === undefined) return;
    const lab = this.#lab;
    // One that moves to another machine is another object there.
    const subject = {
      get vm() {
        return lab.vm(id);
      },
    };
    const expectations = new Expectations(subject, part.expect ?? {}, encode);
    this.#watched.set(id, { part, expectations, migration: undefined, hashed: undefined });
  }

  forget(id: number): void {
    this.#watched.delete(id);
  }

  /** Reads what the consoles have sent. To be called between slices. */
  look(): void {
    if (this.#watched.size === 0) return;
    const { migration } = this.#lab;
    for (const [id, watched] of this.#watched) {
      watched.expectations.watch();
      if (migration?.vm === id) watched.migration = migration;
    }
  }

  /** Every scenario of which a VM is there, the one that was opened last first. */
  answer(): readonly ScenarioAnswer[] {
    this.look();
    const runs = new Map<number, (readonly [number, WatchedVm])[]>();
    for (const entry of this.#watched) {
      const { run } = entry[1].part;
      runs.set(run, [...(runs.get(run) ?? []), entry]);
    }
    return [...runs].reverse().map(([run, all]) => {
      const { title, about } = all[0]?.[1].part ?? { title: '', about: '' };
      return { run, title, about, vms: [...all.map(([id, each]) => this.#row(id, each, all)), ...this.#awaited(all)] };
    });
  }

  #row(id: number, watched: WatchedVm, all: readonly (readonly [number, WatchedVm])[]): ScenarioVmRow {
    const { part, expectations, migration } = watched;
    const stateOf = (name = part.name): KnownState => {
      const found = all.find(([, { part: other }]) => other.name === name);
      return found === undefined ? { kind: 'absent' } : this.#stateOf(this.#lab.vm(found[0]), found[1]);
    };
    return { name: part.name, vm: id, judgements: expectations.judge({ stateOf, migration }) };
  }

  /** A state is told once nothing changes it any more by itself: hashing it all the time would slow down what it is of. */
  #stateOf(vm: VirtualMachine, watched: WatchedVm): KnownState {
    const asleep = vm.waiting && this.#lab.computerOf(vm).idleUntil() === Infinity;
    if (vm.ending === undefined && !asleep) return { kind: 'running' };
    if (watched.hashed?.at !== vm.instructions) {
      watched.hashed = { at: vm.instructions, hash: hashOfVm(vm) };
    }
    return { kind: 'hash', hash: watched.hashed.hash, final: vm.ending !== undefined };
  }

  /** Copies of which something is expected, and which are not there yet. */
  #awaited(all: readonly (readonly [number, WatchedVm])[]): readonly ScenarioVmRow[] {
    return all.flatMap(([id, { part }]) => {
      const { clone } = part;
      if (clone === undefined || all.some(([, other]) => other.part.name === clone)) return [];
      const settled = this.#lab.vm(id).ending !== undefined;
      const judgement: Judgement = {
        met: false,
        settled,
        wanted: `${part.name} is cloned`,
        found: 'which it did not come to',
      };
      return [{ name: clone, vm: undefined, judgements: [judgement] }];
    });
  }
}
