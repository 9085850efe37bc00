// Is this instruction set virtualizable? Popek and Goldberg's test (1974), run for real: every instruction row and every CSR
// is executed on a hart in each mode, in several states, and the sets are drawn from what happened.
//
// Operational definitions, over the states tried; an execution that ends in a trap has no effect of its own, since control
// is then the hypervisor's, and pairs in which either ends in a memory trap say nothing (section 3 there):
//   privileged           in user mode it traps in every state, and in some mode above it executes in every state
//   control-sensitive    somewhere it executes and changes what is not the program's: the mode, a CSR, the translations a
//                        hart holds, memory that is not the program's, or that the hart executes at all (WFI)
//   behaviour-sensitive  two executions that differ only in the mode, in where the program lies in real memory, or in the
//                        resources a hypervisor manages (CSRs, time, pending interrupts), end with different results
//   innocuous            neither
// Theorem 1: a hypervisor can be built if every sensitive instruction is privileged. Theorem 3: a hybrid one, which
// interprets all of the guest's kernel, if every user-sensitive one is; user-sensitive: sensitive already in user mode.
// What the hypervisor sets up so that something traps (scounteren) is part of the state: the test has it as the hypervisor has.

import { csrs, type Csr } from '../../isa/csrs.ts';
import { instructions } from '../../isa/instructions.ts';
import { encodeFields } from '../../isa/pattern.ts';
import type { InstructionRow } from '../../isa/row.ts';
import {
  TRIED,
  TrialHart,
  trapName,
  triedModes,
  type Situation,
  type Trial,
  type TrialOptions,
  type TriedMode,
} from './trial-hart.ts';

export { triedModes, type TriedMode } from './trial-hart.ts';

export type SubjectKind = 'instruction' | 'csr-read' | 'csr-write';

/** What became of it in one mode, over all states that were tried. */
export interface ModeOutcome {
  /** `executes` and `traps`: always, but for memory traps. */
  readonly kind: 'executes' | 'traps' | 'depends';
  /** Names of the traps it took. */
  readonly traps: readonly string[];
  /** What it changed that is not the program's. */
  readonly changes: readonly string[];
}

/** Where each instruction belongs. `always traps`: in every mode, as ECALL does. */
export type InstructionSet = 'privileged and sensitive' | 'privileged only' | 'innocuous' | 'always traps' | 'violates';
export const instructionSets: readonly InstructionSet[] = [
  'violates',
  'privileged and sensitive',
  'privileged only',
  'always traps',
  'innocuous',
];

export interface SubjectResult {
  /** Mnemonic, or the CSR's name. */
  readonly name: string;
  readonly kind: SubjectKind;
  readonly meaning: string;
  readonly modes: Readonly<Record<TriedMode, ModeOutcome>>;
  readonly privileged: boolean;
  /** One sentence of evidence each; undefined where there is none. */
  readonly controlSensitive: string | undefined;
  readonly behaviourSensitive: string | undefined;
  /** Sensitive already in user mode. */
  readonly userSensitive: boolean;
  readonly set: InstructionSet;
}

export interface Verdict {
  readonly counts: Readonly<Record<InstructionSet, number>>;
  /** Sensitive and not privileged. */
  readonly violations: readonly SubjectResult[];
  /** Theorem 1: every sensitive instruction is privileged. */
  readonly virtualizable: boolean;
  /** Theorem 3: every user-sensitive instruction is privileged. */
  readonly hybridVirtualizable: boolean;
}

interface Subject {
  readonly name: string;
  readonly kind: SubjectKind;
  readonly meaning: string;
  /** The forms it is tried in. */
  readonly words: readonly number[];
}

const instructionSubject = (row: InstructionRow): Subject => {
  const words = [encodeFields(row.pattern, TRIED)];
  // x0 in place of an address means all of them.
  if (row.mnemonic.includes('fence.')) words.push(encodeFields(row.pattern, {}));
  return { name: row.mnemonic, kind: 'instruction', meaning: row.meaning, words };
};

const csrRow = (mnemonic: string): InstructionRow => {
  const row = instructions.find((each) => each.mnemonic === mnemonic);
  if (row === undefined) throw new Error(`no row for ${mnemonic}`);
  return row;
};
const csrSubjects = ({ name, row }: Csr): readonly Subject[] => [
  {
    name,
    kind: 'csr-read',
    meaning: row.meaning,
    words: [encodeFields(csrRow('csrrs').pattern, { rd: TRIED.rd, rs1: 0, immediate: row.number })],
  },
  {
    name,
    kind: 'csr-write',
    meaning: row.meaning,
    words: (['csrrw', 'csrrs', 'csrrc'] as const).map((mnemonic) =>
      encodeFields(csrRow(mnemonic).pattern, { rd: 0, rs1: TRIED.rs2, immediate: row.number }),
    ),
  },
];

/** The six forms of CSR access are tried through every CSR; each other row is tried as itself. */
const subjects: readonly Subject[] = [
  ...instructions.filter(({ extension }) => extension !== 'Zicsr').map(instructionSubject),
  ...csrs.flatMap(csrSubjects),
];

const plain: Situation = { place: 'untranslated', operands: 'different', resource: 'as it was' };
const resources: readonly Situation['resource'][] = ['status', 'registers', 'time', 'interrupts'];

/** The states one form is tried in; the machine's own mode has no translation to move it by. */
function situationsOf({ kind }: Subject, mode: TriedMode): readonly Situation[] {
  const places: readonly Situation['place'][] = mode === 'M' ? [] : ['home', 'away'];
  return [
    plain,
    { ...plain, operands: 'equal' },
    ...places.map((place) => ({ ...plain, place })),
    ...resources.map((resource) => ({ ...plain, resource })),
    // What may be granted to user mode is the hypervisor's to decide: above it, it is one more resource.
    ...(kind === 'instruction' || mode === 'U' || mode === 'VU' ? [] : [{ ...plain, resource: 'grants' as const }]),
  ];
}

interface Tried {
  readonly mode: TriedMode;
  readonly word: number;
  readonly situation: Situation;
  readonly trial: Trial;
}

/** The whole test, one instruction or CSR access at a time, so that a host may do something else in between. */
export class VirtualizabilityTest {
  readonly total = subjects.length;
  readonly results: SubjectResult[] = [];
  readonly #hart: TrialHart;

  constructor(options: TrialOptions) {
    this.#hart = new TrialHart(options);
  }

  get done(): boolean {
    return this.results.length === this.total;
  }

  /** Tries the next one. It takes a fraction of a millisecond. */
  step(): void {
    const subject = subjects[this.results.length];
    if (subject === undefined) return;
    this.results.push(judge(subject, tryIn(triedModes, subject, this.#hart)));
  }

  run(): readonly SubjectResult[] {
    while (!this.done) this.step();
    return this.results;
  }
}

const tryIn = (modes: readonly TriedMode[], subject: Subject, hart: TrialHart): readonly Tried[] =>
  subject.words.flatMap((word) =>
    modes.flatMap((mode) =>
      situationsOf(subject, mode).map((situation): Tried => ({
        mode,
        word,
        situation,
        trial: hart.try(word, mode, situation),
      })),
    ),
  );

/**
 * The test for those alone that execute in user mode in some state, and for `also`: no other can violate anything. Takes a
 * fifth of the time.
 * @param also names of instructions
 */
export function resultsInUserMode(options: TrialOptions, also: readonly string[]): readonly SubjectResult[] {
  const hart = new TrialHart(options);
  return subjects
    .filter(
      (subject) =>
        also.includes(subject.name) || tryIn(['U'], subject, hart).some(({ trial }) => trial.trap === undefined),
    )
    .map((subject) => judge(subject, tryIn(triedModes, subject, hart)));
}

/** Modes of the machine as it was before the H extension: the ones the theorem is about. */
const classicModes = ['U', 'S', 'M'] as const satisfies readonly TriedMode[];

function judge({ name, kind, meaning }: Subject, all: readonly Tried[]): SubjectResult {
  const modes = Object.fromEntries(
    triedModes.map((mode) => [mode, outcomeOf(all.filter((each) => each.mode === mode))]),
  ) as Record<TriedMode, ModeOutcome>;
  const tried = all.filter(({ mode, trial }) => isClassic(mode) && !trial.memoryTrap);
  const executed = tried.filter(({ trial }) => trial.trap === undefined);
  const privileged = modes.U.kind === 'traps' && (modes.S.kind === 'executes' || modes.M.kind === 'executes');
  const control = controlEvidence(executed);
  const behaviour = behaviourEvidence(executed);
  const inUser = executed.filter(({ mode }) => mode === 'U');
  const sensitive = control !== undefined || behaviour !== undefined;
  const set: InstructionSet =
    executed.length === 0
      ? 'always traps'
      : sensitive
        ? privileged
          ? 'privileged and sensitive'
          : 'violates'
        : privileged
          ? 'privileged only'
          : 'innocuous';
  return {
    name,
    kind,
    meaning,
    modes,
    privileged,
    controlSensitive: control,
    behaviourSensitive: behaviour,
    userSensitive: controlEvidence(inUser) !== undefined || behaviourEvidence(inUser) !== undefined,
    set,
  };
}

const isClassic = (mode: TriedMode): boolean => (classicModes as readonly TriedMode[]).includes(mode);

function outcomeOf(tried: readonly Tried[]): ModeOutcome {
  const telling = tried.filter(({ trial, situation }) => !trial.memoryTrap && situation.resource !== 'grants');
  const traps = [...new Set(telling.flatMap(({ trial }) => (trial.trap === undefined ? [] : [trapName(trial.trap)])))];
  const executes = telling.some(({ trial }) => trial.trap === undefined);
  return {
    kind: traps.length === 0 ? 'executes' : executes ? 'depends' : 'traps',
    traps,
    changes: [...new Set(tried.flatMap(({ trial }) => trial.changes.map(({ what }) => what)))],
  };
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function controlEvidence(executed: readonly Tried[]): string | undefined {
  for (const { mode, trial } of executed) {
    const [change] = trial.changes;
    if (change === undefined) continue;
    if (change.what === 'translations') return `in ${mode}: the hart forgot the translations it held`;
    if (change.what === 'memory outside the program') return `in ${mode}: stored to memory that is not the program’s`;
    if (change.what === 'waiting') return `in ${mode}: the hart executes no more until an interrupt comes`;
    return `in ${mode}: ${change.what} was ${hex(change.before)}, is ${hex(change.after)}`;
  }
  return undefined;
}

/** Two executions of the same form that differ in one thing alone, and end differently. */
function behaviourEvidence(executed: readonly Tried[]): string | undefined {
  for (const [index, one] of executed.entries()) {
    for (const other of executed.slice(index + 1)) {
      const differs = onlyDifference(one, other);
      if (differs === undefined || one.trial.result === other.trial.result) continue;
      return `${differs}: ${one.trial.result} here, ${other.trial.result} there`;
    }
  }
  return undefined;
}

function onlyDifference(one: Tried, other: Tried): string | undefined {
  const a = one.situation;
  const b = other.situation;
  if (one.word !== other.word || a.operands !== b.operands) return undefined;
  if (one.mode !== other.mode) {
    return a.place === b.place && a.resource === b.resource ? `the mode, ${one.mode} or ${other.mode}` : undefined;
  }
  if (a.resource !== b.resource) {
    if (a.place !== b.place) return undefined;
    const resource = a.resource === 'as it was' ? b.resource : a.resource;
    return a.resource === 'as it was' || b.resource === 'as it was'
      ? `${resourceNames[resource]}, in ${one.mode}`
      : undefined;
  }
  const places = [a.place, b.place];
  return places.includes('home') && places.includes('away')
    ? `where it lies in real memory, in ${one.mode}`
    : undefined;
}

const resourceNames: Readonly<Record<Situation['resource'], string>> = {
  'as it was': '',
  status: 'the status registers',
  registers: 'another CSR',
  time: 'the time and the counters',
  interrupts: 'pending interrupts',
  grants: 'what was granted to lower modes',
};

/** What the results say of the machine. */
export function verdictOf(results: readonly SubjectResult[]): Verdict {
  const violations = results.filter(({ set }) => set === 'violates');
  return {
    counts: Object.fromEntries(
      instructionSets.map((set) => [set, results.filter((result) => result.set === set).length]),
    ) as Record<InstructionSet, number>,
    violations,
    virtualizable: violations.length === 0,
    hybridVirtualizable: !results.some(({ userSensitive, privileged }) => userSensitive && !privileged),
  };
}

/** How a subject is written: `sret`, `sstatus, read`. */
export const subjectName = ({ name, kind }: Pick<SubjectResult, 'name' | 'kind'>): string =>
  kind === 'instruction' ? name : `${name}, ${kind === 'csr-read' ? 'read' : 'write'}`;
