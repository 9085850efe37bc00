// What a scenario expects of a VM, watched while it runs: which of it is met, and which of that can no longer become otherwise.
// Whoever drives the computer looks at it between slices, as at what is typed into it (console-script.ts).

import { BareMachine } from './techniques/bare-machine.ts';
import { byteText } from './console-script.ts';
import type { LiveMigration } from './migration/live-migration.ts';
import type { VirtualMachine } from './virtual-machine.ts';

export interface ExpectedLimits {
  readonly least?: number;
  readonly most?: number;
}

export interface ExpectedCrossing extends ExpectedLimits {
  readonly from: string;
  readonly to: string;
  /** Either where absent. */
  readonly kind?: 'trap' | 'return';
}

/** As the fields of a scenario's `expect`. */
export interface ExpectedOfVm {
  readonly console?: readonly string[];
  readonly consoleLacks?: readonly string[];
  readonly exitCode?: number;
  readonly instructions?: ExpectedLimits;
  readonly exits?: ExpectedLimits;
  readonly crossings?: readonly ExpectedCrossing[];
  readonly migration?: 'completed' | 'failed' | 'cancelled';
  readonly sameStateAs?: string;
}

/** One expectation and what has come of it. */
export interface Judgement {
  /** As things are now. */
  readonly met: boolean;
  /** It stays so, whatever the guest does yet. */
  readonly settled: boolean;
  /** `at least 30 exits` */
  readonly wanted: string;
  /** `found 12`; behind `wanted` where that is not met. */
  readonly found: string;
}

export const sentenceOf = ({ met, wanted, found }: Judgement): string => (met ? wanted : `${wanted}, ${found}`);

/** The state of a VM of the scenario, as a hash; that there is no such VM; that it is not asked for while the VM runs. */
export type KnownState =
  { readonly kind: 'hash'; readonly hash: string; readonly final: boolean } | { readonly kind: 'absent' | 'running' };

export interface AroundVm {
  /** @param name of a VM of the scenario; this one where absent */
  readonly stateOf: (name?: string) => KnownState;
  /** What came of its migration; undefined where it did not move. */
  readonly migration: Pick<LiveMigration, 'state' | 'message' | 'active'> | undefined;
}

/** A text that is looked for in what a console sends, byte for byte. */
class Needle {
  readonly text: string;
  readonly #bytes: string;
  #tail = '';
  found = false;

  constructor(text: string, bytes: Uint8Array) {
    this.text = text;
    this.#bytes = byteText(bytes);
  }

  look(bytes: string): void {
    if (this.found) return;
    const all = this.#tail + bytes;
    this.found = all.includes(this.#bytes);
    this.#tail = all.slice(Math.max(0, all.length - this.#bytes.length + 1));
  }
}

type Watched = Pick<VirtualMachine, 'console' | 'ending' | 'instructions' | 'exits'>;

export class Expectations {
  readonly #subject: { readonly vm: VirtualMachine };
  readonly #expected: ExpectedOfVm;
  readonly #wanted: readonly Needle[];
  readonly #unwanted: readonly Needle[];
  #since: number;

  /**
   * @param subject the VM, wherever it is
   * @param encode a text as the bytes of a console: UTF-8, which the core has no encoder for
   */
  constructor(subject: { readonly vm: VirtualMachine }, expected: ExpectedOfVm, encode: (text: string) => Uint8Array) {
    this.#subject = subject;
    this.#since = subject.vm.console.count;
    this.#expected = expected;
    this.#wanted = (expected.console ?? []).map((text) => new Needle(text, encode(text)));
    this.#unwanted = (expected.consoleLacks ?? []).map((text) => new Needle(text, encode(text)));
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

  judge(around: AroundVm): readonly Judgement[] {
    const { vm } = this.#subject;
    const { instructions, exits } = this.#expected;
    return [
      ...this.#texts(vm),
      ...this.#exitCode(vm),
      ...limits('instructions', instructions, vm.instructions, vm),
      ...limits('exits', exits, vm.exits, vm),
      ...this.#crossings(vm),
      ...this.#migration(vm, around.migration),
      ...this.#sameState(around.stateOf),
    ];
  }

  #texts({ ending }: Watched): readonly Judgement[] {
    const over = ending !== undefined;
    return [
      ...this.#wanted.map(({ text, found }) => ({
        met: found,
        settled: found || over,
        wanted: `the console contains ${JSON.stringify(text)}`,
        found: 'which it never printed',
      })),
      ...this.#unwanted.map(({ text, found }) => ({
        met: !found,
        settled: found || over,
        wanted: `the console does not contain ${JSON.stringify(text)}`,
        found: 'which it printed',
      })),
    ];
  }

  #exitCode({ ending }: Watched): readonly Judgement[] {
    const { exitCode } = this.#expected;
    if (exitCode === undefined) return [];
    return [
      {
        met: ending?.exitCode === exitCode,
        settled: ending !== undefined,
        wanted: `it ends with code ${exitCode}`,
        found: ending ? `found code ${ending.exitCode} (${ending.message})` : 'found that it has not ended',
      },
    ];
  }

  #crossings(vm: VirtualMachine): readonly Judgement[] {
    const counted = vm instanceof BareMachine ? vm.levels.counts() : [];
    return (this.#expected.crossings ?? []).map(
      ({ from, to, kind, most = Infinity, least = most === Infinity ? 1 : 0 }) => {
        const found = counted
          .filter((each) => each.from === from && each.to === to && (kind === undefined || each.kind === kind))
          .reduce((sum, each) => sum + each.count, 0);
        const wanted = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
        return {
          met: found >= least && found <= most,
          settled: vm.ending !== undefined || found > most || (found >= least && most === Infinity),
          wanted: `${wanted} ${kind === undefined ? 'crossings' : `${kind}s`} from ${from} to ${to}`,
          found: `found ${found}`,
        };
      },
    );
  }

  #migration({ ending }: Watched, migrated: AroundVm['migration']): readonly Judgement[] {
    const { migration } = this.#expected;
    if (migration === undefined) return [];
    return [
      {
        met: migrated?.state === migration,
        settled: migrated === undefined ? ending !== undefined : !migrated.active,
        wanted: `its migration is ${migration}`,
        found: migrated === undefined ? 'found that it did not move' : `found ${migrated.state}: ${migrated.message}`,
      },
    ];
  }

  #sameState(stateOf: AroundVm['stateOf']): readonly Judgement[] {
    const { sameStateAs } = this.#expected;
    if (sameStateAs === undefined) return [];
    const [own, other] = [stateOf(), stateOf(sameStateAs)];
    const known = own.kind === 'hash' && other.kind === 'hash';
    const words = (state: KnownState): string =>
      state.kind === 'hash' ? state.hash : state.kind === 'absent' ? 'no VM' : 'one that still runs';
    return [
      {
        met: known && own.hash === other.hash,
        settled: known && own.final && other.final,
        wanted: `its state is that of ${sameStateAs}`,
        found: `found ${words(own)} here and ${words(other)} there`,
      },
    ];
  }
}

/** Counts only grow: what is reached stays reached, and what is passed stays passed. */
function limits(what: string, wanted: ExpectedLimits | undefined, found: number, vm: Watched): readonly Judgement[] {
  const { least, most } = wanted ?? {};
  const over = vm.ending !== undefined;
  return [
    ...(least === undefined
      ? []
      : [
          {
            met: found >= least,
            settled: over || found >= least,
            wanted: `at least ${least} ${what}`,
            found: `found ${found}`,
          },
        ]),
    ...(most === undefined
      ? []
      : [
          {
            met: found <= most,
            settled: over || found > most,
            wanted: `at most ${most} ${what}`,
            found: `found ${found}`,
          },
        ]),
  ];
}
