// Isolation as an instrument: guests that try to get out, one at a time, each between two neighbours that mind their own
// business. What stopped it is told (denial.ts); that it changed nothing of the neighbours is shown by their state hash, which
// must be what it is when nobody else is there; and every entry of its tables is looked at, wherever it leads.

import type { Host } from '../../machine/linear-memory.ts';
import { Pte } from '../../machine/walker.ts';
import { runOrSkip } from '../computer.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { HostedVm } from '../hosted-vm.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { Lab } from '../lab.ts';
import { stateHash } from '../inspection/state-hash.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import { denialOf, type Denial } from './denial.ts';

/** A guest that tries something. */
export interface Attempt {
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly endless: boolean;
  /** Made anew for each run. @param failed hears what a device says when it stops */
  readonly guest: (failed: (message: string) => void) => GuestImage;
  /** Guest virtual address of the instruction that tries it. */
  readonly offence: number;
}

export interface IsolationOptions {
  readonly host: Host;
  readonly attempts: readonly Attempt[];
  readonly techniques: readonly HostedTechnique[];
  /** A guest that ends by itself, in a state that does not depend on when it runs. */
  readonly neighbour: () => GuestImage;
}

export interface AttemptResult {
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly technique: HostedTechnique;
  /** What stopped it; undefined: nothing that is known. */
  readonly denial: Denial | undefined;
  /** The neighbours ended as they do alone. */
  readonly neighboursUnchanged: boolean;
  readonly neighbourHash: string;
  /** Valid entries of its tables in the machine's memory, and those of them that lead to what is not its own. */
  readonly entries: number;
  readonly foreignEntries: number;
  readonly exits: number;
  readonly instructions: number;
  /** How it ended; undefined where it was stopped. */
  readonly ending: string | undefined;
  readonly held: boolean;
}

const MEMORY_BYTES = 56 * 2 ** 20;
const EPOCH = { high: 0, low: 0 };
/** Instructions after which an attempt that is not over is stopped; it has then lost the hart several times. */
const ATTEMPT_LIMIT = 1_050_000;
/** Instructions of one step: some milliseconds, exits included. */
const STEP = 20_000;
/** Steps after which a neighbour that is not done counts as starved. */
const PATIENCE = 5000;
const RECORDS = 1 << 12;
/** Where the guests leave what became of them (guests/hostile/attempts.ts). */
const Left = { cause: 26, answer: 23 } as const;

const newLab = (host: Host): Lab =>
  new Lab({ host, memoryBytes: MEMORY_BYTES, epochNanoseconds: EPOCH, traceCapacity: RECORDS });

const hypervisorOf = (lab: Lab): Hypervisor => {
  if (lab.hypervisor === undefined) throw new Error('a hosted VM needs the hypervisor');
  return lab.hypervisor;
};

const fateOf = (vm: HostedVm): string =>
  `${vm.ending?.exitCode ?? 'none'} ${vm.console.count} ${stateHash(vm.look(), vm.memory, false)}`;

/** One attempt between its neighbours. */
class Trial {
  readonly technique: HostedTechnique;
  readonly #attempt: Attempt;
  readonly #lab: Lab;
  readonly #vm: HostedVm;
  readonly #neighbours: readonly HostedVm[];
  #deviceMessage: string | undefined;
  #steps = 0;
  #neighboursDone: { readonly elapsed: number; readonly own: number } | undefined;

  constructor(options: IsolationOptions, attempt: Attempt, technique: HostedTechnique) {
    this.technique = technique;
    this.#attempt = attempt;
    this.#lab = newLab(options.host);
    const add = (guest: GuestImage) => this.#lab.addVm({ technique, guest }).id;
    const ids = [
      add(options.neighbour()),
      add(attempt.guest((message) => (this.#deviceMessage ??= message))),
      add(options.neighbour()),
    ];
    const vms = ids.map((id) => hypervisorOf(this.#lab).vms.get(id));
    const [left, own, right] = vms;
    if (left === undefined || own === undefined || right === undefined) throw new Error('a VM is missing');
    this.#vm = own;
    this.#neighbours = [left, right];
    for (const id of ids) this.#lab.start(id);
  }

  /** @returns whether it is over */
  step(): boolean {
    this.#steps++;
    const hypervisor = hypervisorOf(this.#lab);
    const awake = runOrSkip(hypervisor, STEP);
    const calm = this.#neighbours.every(({ ending }) => ending !== undefined);
    if (calm) this.#neighboursDone ??= { elapsed: hypervisor.machine.elapsed, own: this.#vm.instructions };
    if (calm && this.#vm.instructions > ATTEMPT_LIMIT) return true;
    return !awake || this.#steps > PATIENCE || (calm && this.#vm.ending !== undefined);
  }

  result(alone: string): AttemptResult {
    const { name, kind, title, endless, offence } = this.#attempt;
    const vm = this.#vm;
    const { trace } = this.#lab;
    const hypervisor = hypervisorOf(this.#lab);
    const statistics = trace.statistics(vm.id);
    const records = [];
    for (let sequence = trace.oldest; sequence < trace.total; sequence++) {
      const record = trace.vmOf(sequence) === vm.id ? trace.read(sequence) : undefined;
      // A jump that fails does so at its target.
      const given = record?.reason === 'guest-exception' && record.verdict === 'reflect';
      if (record && (record.pc === offence || given)) records.push(record);
    }
    const state = vm.look();
    const denial = denialOf({
      vm,
      machine: hypervisor.machine,
      records,
      cause: state.x(Left.cause),
      answer: state.x(Left.answer),
      deviceMessage: this.#deviceMessage,
      turnsEnded: statistics['host-timer'].count,
      neighboursDone: this.#neighboursDone,
      endless,
    });
    const fates = this.#neighbours.map(fateOf);
    const neighboursUnchanged = fates.every((fate) => fate === alone);
    const { entries, foreign } = entriesOf(hypervisor, vm);
    return {
      name,
      kind,
      title,
      technique: this.technique,
      denial,
      neighboursUnchanged,
      neighbourHash: fates[0]?.split(' ').at(-1) ?? '',
      entries,
      foreignEntries: foreign,
      exits: vm.exits,
      instructions: vm.instructions,
      ending: vm.ending?.message,
      held: denial !== undefined && neighboursUnchanged && foreign === 0,
    };
  }
}

/** Every valid entry of the VM's tables in the machine's memory: a leaf must lead to its RAM, a pointer to a table of its own. */
function entriesOf({ frames, machine }: Hypervisor, vm: HostedVm): { entries: number; foreign: number } {
  const own = frames.runs().filter(({ owner }) => owner?.vm === vm.id);
  const holds = (target: number, ram: boolean) =>
    own.some(
      ({ hpa, frames: count, owner }) => target >= hpa && target < hpa + count * 4096 && (owner?.use === 'ram') === ram,
    );
  let entries = 0;
  let foreign = 0;
  for (const { hpa, frames: count, owner } of own) {
    if (owner?.use === 'ram') continue;
    const bytes = machine.ram.view(hpa, count * 4096);
    for (const entry of new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)) {
      if ((entry & Pte.V) === 0) continue;
      entries++;
      const leaf = (entry & (Pte.R | Pte.X)) !== 0;
      if (!holds((entry >>> 10) * 4096, leaf)) foreign++;
    }
  }
  return { entries, foreign };
}

/** The whole suite. A host calls `step` until it is done; each takes some milliseconds. */
export class IsolationSuite {
  readonly results: AttemptResult[] = [];
  readonly total: number;
  readonly #options: IsolationOptions;
  readonly #queue: readonly (readonly [HostedTechnique, Attempt])[];
  /** What becomes of the neighbour alone, by technique. */
  readonly #alone = new Map<HostedTechnique, string>();
  #trial: Trial | undefined;

  constructor(options: IsolationOptions) {
    this.#options = options;
    this.#queue = options.techniques.flatMap((technique) => options.attempts.map((each) => [technique, each] as const));
    this.total = this.#queue.length;
  }

  get done(): boolean {
    return this.results.length === this.total;
  }

  step(): void {
    const [technique, attempt] = this.#queue[this.results.length] ?? [];
    if (technique === undefined || attempt === undefined) return;
    const alone = this.#alone.get(technique);
    if (alone === undefined) {
      this.#alone.set(technique, aloneFate(this.#options, technique));
      return;
    }
    if (this.#trial === undefined) {
      this.#trial = new Trial(this.#options, attempt, technique);
      return;
    }
    if (!this.#trial.step()) return;
    this.results.push(this.#trial.result(alone));
    this.#trial = undefined;
  }

  run(): readonly AttemptResult[] {
    while (!this.done) this.step();
    return this.results;
  }
}

function aloneFate({ host, neighbour }: IsolationOptions, technique: HostedTechnique): string {
  const lab = newLab(host);
  const { id } = lab.addVm({ technique, guest: neighbour() });
  lab.start(id);
  const hypervisor = hypervisorOf(lab);
  const vm = hypervisor.vms.get(id);
  if (vm === undefined) throw new Error('the VM is missing');
  for (let steps = 0; vm.ending === undefined && steps < PATIENCE; steps++) {
    if (!runOrSkip(hypervisor, STEP)) break;
  }
  return fateOf(vm);
}
