// What a scenario expects of a VM, watched while it runs and judged when it is over.

import { stateHash } from '../core/hypervisor/inspection/state-hash.ts';
import { byteText } from '../core/hypervisor/console-script.ts';
import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import type { LiveMigration } from '../core/hypervisor/migration/live-migration.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import type { ScenarioExpectations } from '../protocol/scenario/scenario.ts';
import type { LabVm } from './lab-vm.ts';

/** One expectation and what came of it. */
export interface Judgement {
  readonly met: boolean;
  /** What was expected and, where it was not met, what was found. */
  readonly sentence: string;
}

/** A text that is looked for in what a console sends, byte for byte. */
class Needle {
  readonly text: string;
  readonly #bytes: string;
  #tail = '';
  found = false;

  constructor(text: string) {
    this.text = text;
    this.#bytes = byteText(new TextEncoder().encode(text));
  }

  look(bytes: string): void {
    if (this.found) return;
    const all = this.#tail + bytes;
    this.found = all.includes(this.#bytes);
    this.#tail = all.slice(Math.max(0, all.length - this.#bytes.length + 1));
  }
}

export class Expectations {
  readonly #subject: Pick<LabVm, 'vm'>;
  readonly #expected: ScenarioExpectations;
  readonly #wanted: readonly Needle[];
  readonly #unwanted: readonly Needle[];
  #since: number;

  constructor(subject: Pick<LabVm, 'vm'>, expected: ScenarioExpectations) {
    this.#subject = subject;
    this.#since = subject.vm.console.count;
    this.#expected = expected;
    this.#wanted = (expected.console ?? []).map((text) => new Needle(text));
    this.#unwanted = (expected.consoleLacks ?? []).map((text) => new Needle(text));
  }

  /** Whether it is to be known how its guest goes from level to level. */
  get wantsLevels(): boolean {
    return this.#expected.crossings !== undefined;
  }

  /** Reads what the console has sent since the last time. Often enough, so that nothing falls out of its ring. */
  watch(): void {
    for (;;) {
      const { from, bytes } = this.#subject.vm.console.read(this.#since, 1 << 16);
      if (bytes.length === 0) return;
      this.#since = from + bytes.length;
      const text = byteText(bytes);
      for (const needle of [...this.#wanted, ...this.#unwanted]) needle.look(text);
    }
  }

  /**
   * @param hashOf the state hash of another VM of the scenario; undefined where it was never made
   * @param migrated what came of its migration; undefined where it did not move
   */
  judge(
    hashOf: (name: string) => string | undefined,
    migrated?: Pick<LiveMigration, 'state' | 'message'>,
  ): readonly Judgement[] {
    const { vm } = this.#subject;
    const { exitCode, instructions, exits, crossings = [], migration, sameStateAs } = this.#expected;
    const judgements: Judgement[] = [
      ...this.#wanted.map(({ text, found }) => ({
        met: found,
        sentence: `the console contains ${JSON.stringify(text)}${found ? '' : ', which it never printed'}`,
      })),
      ...this.#unwanted.map(({ text, found }) => ({
        met: !found,
        sentence: `the console does not contain ${JSON.stringify(text)}${found ? ', which it printed' : ''}`,
      })),
    ];
    const judge = (met: boolean, wanted: string, found: string) =>
      judgements.push({ met, sentence: met ? wanted : `${wanted}, found ${found}` });
    if (exitCode !== undefined) {
      const found = vm.ending ? `code ${vm.ending.exitCode} (${vm.ending.message})` : 'that it has not ended';
      judge(vm.ending?.exitCode === exitCode, `it ends with code ${exitCode}`, found);
    }
    for (const [what, limits, found] of [
      ['instructions', instructions, vm.instructions],
      ['exits', exits, vm.exits],
    ] as const) {
      if (limits?.least !== undefined) judge(found >= limits.least, `at least ${limits.least} ${what}`, `${found}`);
      if (limits?.most !== undefined) judge(found <= limits.most, `at most ${limits.most} ${what}`, `${found}`);
    }
    for (const { from, to, kind, most = Infinity, least = most === Infinity ? 1 : 0 } of crossings) {
      const counted = vm instanceof BareMachine ? vm.levels.counts() : [];
      const found = counted
        .filter((each) => each.from === from && each.to === to && (kind === undefined || each.kind === kind))
        .reduce((sum, each) => sum + each.count, 0);
      const wanted = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
      const what = `${wanted} ${kind === undefined ? 'crossings' : `${kind}s`} from ${from} to ${to}`;
      judge(found >= least && found <= most, what, `${found}`);
    }
    if (migration !== undefined) {
      const found = migrated === undefined ? 'that it did not move' : `${migrated.state}: ${migrated.message}`;
      judge(migrated?.state === migration, `its migration is ${migration}`, found);
    }
    if (sameStateAs !== undefined) {
      const own = hashOfVm(vm);
      const other = hashOf(sameStateAs) ?? 'no VM';
      judge(own === other, `its state is that of ${sameStateAs}`, `${own} here and ${other} there`);
    }
    return judgements;
  }
}

export const hashOfVm = (vm: VirtualMachine): string => stateHash(vm.look(), vm.memory, !vm.guest.supervisor);
