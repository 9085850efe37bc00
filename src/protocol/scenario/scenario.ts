// A scenario: several VMs, what is typed into them, and what must come of it, in one JSON file that the command line runs
// (`ringside scenario FILE`) and the page opens. The format is the schema below and nothing else.
// To add a field of a VM: one line in `vmFields`, named as the option of `ringside run` that it stands for.

import { choices } from '../option-values/choices.ts';
import { techniqueOfRepair } from '../option-values/repair.ts';
import type { LevelName } from '../vocabulary.ts';
import {
  count,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  text,
  textOrNumber,
  wholeNumber,
  withRule,
  type Problem,
  type ValueOf,
} from './schema.ts';

const levels = { M: true, S: true, U: true, VS: true, VU: true } as const satisfies Readonly<Record<LevelName, true>>;
const levelNames = Object.keys(levels) as readonly LevelName[];

/** What a VM is made of, and what becomes of it: each is the option of `ringside run` of that name, with the same values. */
export const vmFields = {
  guest: optional(text('A guest that ships with the lab; see `ringside guests`.', 'the name of a guest')),
  image: optional(text('A file of yours to run instead: an ELF or a Linux Image.', 'the path of a file')),
  technique: optional(oneOf('How it is run.', choices.technique)),
  memory: optional(textOrNumber('RAM, with K, M or G.', 'a size such as "64M"')),
  boot: optional(oneOf('The mode it starts in.', choices.boot)),
  harts: optional(textOrNumber('How many CPUs.', 'a number')),
  weight: optional(
    textOrNumber('Share of the physical harts against other virtual CPUs.', 'a number, or one for each'),
  ),
  cap: optional(textOrNumber('Percent of a physical hart at most.', 'a number, or one for each')),
  pin: optional(textOrNumber('Physical harts it may run on.', 'harts such as "0-1"')),
  firmware: optional(text('Firmware of its own, below what it runs.', 'the path of a file')),
  initrd: optional(text('Initial RAM disk.', 'the path of a file')),
  append: optional(text('Command line of the kernel.')),
  adBits: optional(oneOf('Who sets A and D in page tables.', choices.adBits)),
  aia: optional(oneOf('Interrupt controllers of its board, as QEMU names them.', choices.aia)),
  repair: optional(oneOf('What makes up for an instruction that does not trap (break).', choices.repair)),
  disk: optional(oneOrMore('Disks: FILE, FILE,readonly, FILE,snapshot, FILE,slot=N …', text('A disk.', 'FILE[,HOW]'))),
  share: optional(oneOrMore('Directories for the guest: DIR or DIR,readonly.', text('A directory.', 'DIR[,HOW]'))),
  rng: optional(textOrNumber('Seed of an entropy device.', 'a number')),
  network: optional(
    text('A card on the network, and its cable: user,model=MODEL,delay=MS,loss=PERCENT,rate=BITS.', 'user[,HOW]'),
  ),
  virtio: optional(oneOf('Interface of the virtio devices.', choices.virtio)),
  balloon: optional(textOrNumber('Memory that the guest is asked to give back.', 'a size such as "16M"')),
  console: optional(text('A virtio console; what the guest prints there goes into the file.', 'FILE[,slot=N]')),
  migrateAfter: optional(
    textOrNumber('It moves to a second machine, from so many of its instructions on.', 'a number'),
  ),
  bandwidth: optional(textOrNumber('Of the link between the machines, in bytes a second.', 'a number such as "10M"')),
  downtime: optional(textOrNumber('Milliseconds for which it may stand still when it moves.', 'a number')),
  diverge: optional(oneOf('What to do where it writes faster than the link carries.', choices.diverge)),
  cloneAfter: optional(textOrNumber('It is copied after so many of its instructions; see "clone".', 'a number')),
  save: optional(
    text('A file into which it is written, after so many instructions (saveAfter); it goes on.', 'the path of a file'),
  ),
  saveAfter: optional(textOrNumber('See "save".', 'a number')),
  restore: optional(text('A file that "save" wrote: it goes on from there.', 'the path of a file')),
  traceLevels: optional(
    text('A file for every crossing from level to level, on the bare machine.', 'the path of a file'),
  ),
  processes: optional(text('A file for the processes that a Linux guest has at the end.', 'the path of a file')),
  systemCalls: optional(text('A file for every system call of its programs.', 'the path of a file')),
};

/** What the machine is that the hypervisor shares out: options of `ringside run` as well. */
export const machineFields = {
  physicalHarts: optional(textOrNumber('Its harts.', 'a number')),
  machineMemory: optional(textOrNumber('Its RAM; less than was promised is possible.', 'a size such as "96M"')),
  swap: optional(textOrNumber('Most that is swapped out.', 'a size such as "64M"')),
  swapLatency: optional(textOrNumber('Virtual microseconds to wait for a swapped page.', 'a number')),
  merge: optional(textOrNumber('Same-page merging: pages looked at every 20 ms.', 'a number')),
  hugePages: optional(oneOf('RAM comes 4 MiB at once.', choices.hugePages)),
  break: optional(
    oneOrMore(
      'Rules of the manual that are broken; see `ringside run --help`.',
      text('Their names.', 'the name of one'),
    ),
  ),
};

const inputStep = withRule(
  object('Something typed, once the condition holds; the steps of a VM happen one after the other.', {
    after: optional(text('When the console has printed this since the step before.')),
    at: optional(count('When the guest has executed so many instructions.')),
    text: text('What is typed; \\n is the Enter key.'),
  }),
  ({ after, at }, path): readonly Problem[] =>
    after !== undefined && at !== undefined
      ? [{ path, expected: 'after or at', found: 'both', advice: 'leave one out, or make two steps of it' }]
      : [],
);

const limits = object('How much or how many.', {
  least: optional(count('Not fewer.')),
  most: optional(count('Not more.')),
});

const crossing = object('How often a hart went from one level to another.', {
  from: oneOf('The level it was at.', levelNames),
  to: oneOf('The level it went to.', levelNames),
  kind: optional(oneOf('By a trap, or by a return from one; by either where absent.', ['trap', 'return'])),
  least: optional(count('Not fewer.')),
  most: optional(count('Not more.')),
});

const expectations = object('What must come of it.', {
  console: optional(oneOrMore('The console contains each of these.', text('A text.'))),
  consoleLacks: optional(oneOrMore('It contains none of these.', text('A text.'))),
  exitCode: optional(wholeNumber('It ends with this code.', 0, 0xffff_ffff)),
  instructions: optional(limits),
  exits: optional(limits),
  crossings: optional(oneOrMore('Between the levels of a guest on the bare machine.', crossing)),
  migration: optional(oneOf('What came of its migration.', ['completed', 'failed', 'cancelled'])),
  sameStateAs: optional(text('Its state hash is that of another VM of the scenario.', 'the name of a VM')),
});

const copy = object('The copy that is made of it, which goes on beside it on a console of its own.', {
  name: optional(text('What it is called here; the name of the VM and "(clone)" where absent.', 'a name')),
  type: optional(list('Console input, from when it is made.', inputStep)),
  expect: optional(expectations),
});

const vm = withRule(
  object('A virtual machine.', {
    name: text('What it is called here.', 'a name'),
    ...vmFields,
    type: optional(list('Console input.', inputStep)),
    expect: optional(expectations),
    clone: optional(copy),
  }),
  ({ guest, image, technique, repair, ...fields }, path): readonly Problem[] => {
    const problems: Problem[] = [];
    if ((guest === undefined) === (image === undefined)) {
      problems.push({
        path,
        expected: 'guest or image',
        found: guest === undefined ? 'neither' : 'both',
        advice: 'write "guest": "linux", or "image" and the path of a file',
      });
    }
    const repaired = techniqueOfRepair(repair);
    if (repaired !== undefined && technique !== undefined && technique !== repaired) {
      const expected = `${JSON.stringify(repaired)} with repair ${JSON.stringify(repair)}`;
      problems.push({ path: `${path}.technique`, expected, found: JSON.stringify(technique), advice: 'leave it out' });
    }
    if (fields.firmware !== undefined && fields.boot === 'supervisor') {
      const advice = 'leave out one of the two: firmware starts in machine mode';
      problems.push({ path: `${path}.boot`, expected: '"machine" with firmware', found: '"supervisor"', advice });
    }
    if (fields.clone !== undefined && fields.cloneAfter === undefined) {
      const advice = 'write after how many instructions it is made, or leave the clone out';
      problems.push({ path: `${path}.cloneAfter`, expected: 'a number with clone', found: 'nothing', advice });
    }
    if (fields.expect?.migration !== undefined && fields.migrateAfter === undefined) {
      const advice = 'write after how many instructions it moves, or leave the expectation out';
      const where = `${path}.migrateAfter`;
      problems.push({ path: where, expected: 'a number with expect.migration', found: 'nothing', advice });
    }
    if (fields.expect?.crossings !== undefined && (technique ?? repaired ?? 'bare') !== 'bare') {
      const advice = 'under a hypervisor, exits are the crossings: expect those';
      const where = `${path}.expect.crossings`;
      problems.push({
        path: where,
        expected: 'a guest on the bare machine',
        found: technique ?? repaired ?? 'bare',
        advice,
      });
    }
    return problems;
  },
);

/** What the copy of a VM is called. */
export const cloneNameOf = ({
  name,
  clone,
}: {
  readonly name: string;
  readonly clone?: { readonly name?: string };
}): string => clone?.name ?? `${name} (clone)`;

const captures = object('Files to write.', {
  pcap: optional(text('Every frame on the network of the hypervisor, for Wireshark.', 'the path of a file')),
  trace: optional(text('Every exit, one JSON object a line.', 'the path of a file')),
  stats: optional(text('How it went, as JSON, VM by VM.', 'the path of a file')),
});

const scenario = withRule(
  object('A scenario.', {
    title: text('What it is called.'),
    about: optional(oneOrMore('What it shows.', text('A sentence.'))),
    vms: list('The virtual machines, in the order in which they start.', vm, 1),
    ...machineFields,
    ends: optional(
      oneOf('When it is over: when every VM has ended (or sleeps for ever), or as soon as every expectation holds.', [
        'ended',
        'expected',
      ]),
    ),
    limit: optional(count('Instructions of virtual time after which it is over in any case. 2G where absent.')),
    captures: optional(captures),
  }),
  ({ vms }): readonly Problem[] => {
    const all = vms.flatMap((each, index) => {
      const path = `vms[${index}]`;
      const { name, expect, clone, cloneAfter } = each;
      const copied = { path: `${path}.clone`, name: cloneNameOf(each), expect: clone?.expect };
      return [{ path, name, expect }, ...(cloneAfter === undefined ? [] : [copied])];
    });
    const names = all.map(({ name }) => name);
    return all.flatMap(({ path, name, expect }, index) => {
      const twice = names.indexOf(name) !== index;
      const other = expect?.sameStateAs;
      return [
        ...(twice
          ? [{ path: `${path}.name`, expected: 'a name of its own', found: name, advice: 'choose another one' }]
          : []),
        ...(other !== undefined && (!names.includes(other) || other === name)
          ? [
              {
                path: `${path}.expect.sameStateAs`,
                expected: `the name of another VM: ${names.filter((each) => each !== name).join(', ') || 'there is none'}`,
                found: JSON.stringify(other),
                advice: 'name one of the scenario',
              },
            ]
          : []),
      ];
    });
  },
);

export type Scenario = ValueOf<typeof scenario>;
export type ScenarioVm = Scenario['vms'][number];
export type ScenarioInput = NonNullable<ScenarioVm['type']>[number];
export type ScenarioExpectations = NonNullable<ScenarioVm['expect']>;

/** Instructions after which a scenario without a limit is over. */
export const DEFAULT_SCENARIO_LIMIT = 2e9;
/** A file that is larger is no scenario. */
export const SCENARIO_BYTES_LIMIT = 1 << 20;

/** What is wrong with a file, all of it, a line each. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemLine).join('\n'));
    this.problems = problems;
  }
}

const problemLine = ({ path, expected, found, advice }: Problem): string =>
  `${path === '' ? 'the scenario' : path}: expected ${expected}, found ${found}: ${advice}`;

/**
 * Reads a scenario.
 * @param json the text of the file
 * @throws ScenarioError
 */
export function readScenario(json: string): Scenario {
  const problems: Problem[] = [];
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const found = error instanceof Error ? error.message : 'something else';
    throw new ScenarioError([
      { path: '', expected: 'JSON', found, advice: 'look for a missing comma, quote or bracket there' },
    ]);
  }
  const read = scenario.read(value, '', problems);
  if (problems.length > 0) throw new ScenarioError(problems);
  return read;
}
