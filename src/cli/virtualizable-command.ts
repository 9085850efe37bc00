// `virtualizable`: Popek and Goldberg's test, run on this machine or on one with a rule broken; the sets and the verdict.

import {
  instructionSets,
  subjectName,
  triedModes,
  VirtualizabilityTest,
  verdictOf,
  type ModeOutcome,
  type SubjectResult,
} from '../core/hypervisor/properties/virtualizability.ts';
import { quirksOf } from '../core/machine/quirks.ts';
import { tryRepair } from '../core/hypervisor/properties/repair-trial.ts';
import type { Command } from './command.ts';
import { chooseGuest } from './guest-source.ts';
import { nodeHost } from './node-host.ts';
import { noOperands, option, UsageError, type Given } from './options.ts';
import { patchLines } from './patch-lines.ts';
import { techniqueOf } from './repair.ts';
import { breakOption, runOptions } from './run-options.ts';
import { anyText, oneOf } from '../protocol/option-values/values.ts';

const virtualizableOptions = {
  break: breakOption(''),
  grant: option(
    '--grant',
    'WHAT',
    oneOf(['counters'] as const),
    'counters: the hypervisor lets user mode read time, cycle and instret (scounteren), as an operating system may',
  ),
  rows: option(
    '--rows',
    'WHICH',
    oneOf(['sensitive', 'all'] as const),
    'one line for each instruction and CSR, with the evidence',
  ),
  guest: option(
    '--guest',
    'NAME',
    anyText,
    'then run this guest on the machine of --break, its kernel deprivileged, and compare it with itself on the machine of the manual',
  ),
  repair: runOptions.repair,
} as const;

const letters: Readonly<Record<ModeOutcome['kind'], string>> = { executes: 'runs', traps: 'traps', depends: 'depends' };

export const virtualizableCommand: Command<typeof virtualizableOptions> = {
  name: 'virtualizable',
  operands: '',
  summary: 'run Popek and Goldberg’s test on the simulated hart',
  details: [
    'Every instruction and every CSR access is executed in each mode and in several states; what happens decides whether it',
    'is privileged and whether it is sensitive. Exit status: 0 if every sensitive one is privileged, 1 if not; with --guest,',
    '0 if the guest came to the same on both machines, 1 if not.',
  ],
  options: virtualizableOptions,
  run(operands, options, { stdout }) {
    noOperands('virtualizable', operands);
    const results = new VirtualizabilityTest({
      host: nodeHost,
      quirks: quirksOf(options.break),
      countersGranted: options.grant === 'counters',
    }).run();
    const verdict = verdictOf(results);
    if (options.rows !== undefined) stdout.write(rowsOf(results, options.rows === 'all'));
    for (const set of instructionSets) {
      const members = results.filter((result) => result.set === set);
      stdout.write(`${set} (${members.length}): ${listed(members) || 'none'}\n\n`);
    }
    for (const result of verdict.violations) {
      stdout.write(`${subjectName(result)} is sensitive (${evidenceOf(result)}) and does not trap in user mode.\n`);
    }
    stdout.write(
      verdict.virtualizable
        ? 'Every sensitive instruction is privileged: a hypervisor can be built by trapping them (theorem 1).\n'
        : `Not every sensitive instruction is privileged: trapping them is not enough (theorem 1). ${
            verdict.hybridVirtualizable
              ? 'None of them is sensitive in user mode, so one that interprets or patches the guest’s kernel can be (theorem 3).'
              : 'Some are sensitive even in user mode, so interpreting the guest’s kernel is not enough either (theorem 3).'
          }\n`,
    );
    if (options.guest === undefined) return verdict.virtualizable ? 0 : 1;
    const { same, text } = repaired(options.guest, options);
    stdout.write(`\n${text}`);
    return same ? 0 : 1;
  },
};

/** The first lines that differ, where any do. */
function parting(right: string, wrong: string): string {
  const [ours, theirs] = [wrong.split('\n'), right.split('\n')];
  const index = theirs.findIndex((line, each) => line !== ours[each]);
  if (index < 0) return '';
  return `  it prints: ${ours[index] ?? 'nothing more'}\n  it should: ${theirs[index] ?? ''}\n`;
}

/** The guest on the broken machine, held against itself on one that is whole. */
function repaired(name: string, { repair = 'none', break: quirks = [] }: Given<typeof virtualizableOptions>) {
  const technique = repair === 'none' ? 'trap-and-emulate' : techniqueOf(repair, undefined);
  if (technique === 'bare') throw new UsageError('a technique of the hypervisor', technique, 'choose another --repair');
  const twin = repair === 'paravirtualization' ? chooseGuest([], { guest: name, repair }) : undefined;
  const { same, bare, hosted, patches } = tryRepair({
    host: nodeHost,
    guest: () => chooseGuest([], { guest: name }).guest,
    patched: repair === 'patching',
    technique,
    quirks,
    ...(twin && { twin: () => twin.guest }),
  });
  const what = twin === undefined ? name : `${twin.name}, the twin of ${name}`;
  const how = repair === 'none' ? '' : `, repaired by ${repair}`;
  return {
    same,
    text:
      `${what} under ${technique} on this machine${how}: ${hosted.message}\n` +
      (same
        ? `It printed what ${name} prints on the bare machine of the manual${twin ? '' : `, and ended in the same state (${bare.hash})`}.\n`
        : `It is not what ${name} does on the bare machine of the manual: ${bare.message}\n${parting(bare.output, hosted.output)}`) +
      (patches ? patchLines(patches) : ''),
  };
}

/** Names in a line: both accesses of a CSR as one, neighbours that differ in their number as a range. */
function listed(members: readonly SubjectResult[]): string {
  const accesses = new Map<string, string>();
  for (const { name, kind } of members) {
    const access = kind === 'instruction' ? '' : kind === 'csr-read' ? 'r' : 'w';
    accesses.set(name, (accesses.get(name) ?? '') + access);
  }
  const runs: { first: string; last: string; next: string; access: string }[] = [];
  for (const [name, access] of accesses) {
    const run = runs.at(-1);
    const next = name.replace(/\d+/, (digits) => String(Number(digits) + 1));
    if (run?.next === name && run.access === access) Object.assign(run, { last: name, next });
    else runs.push({ first: name, last: name, next: next === name ? '' : next, access });
  }
  return runs
    .map(({ first, last, access }) => `${first}${first === last ? '' : `…${last}`}${access && `:${access}`}`)
    .join(' ');
}

const evidenceOf = ({ controlSensitive, behaviourSensitive }: SubjectResult): string =>
  [controlSensitive, behaviourSensitive].filter((each) => each !== undefined).join('; ');

function rowsOf(results: readonly SubjectResult[], all: boolean): string {
  const lines = results
    .filter((result) => all || evidenceOf(result) !== '')
    .map((result) => {
      const modes = triedModes.map((mode) => `${mode} ${letters[result.modes[mode].kind]}`.padEnd(11)).join('');
      return `${subjectName(result).padEnd(20)} ${result.set.padEnd(25)}${modes}${evidenceOf(result)}`.trimEnd();
    });
  return `${lines.join('\n')}\n\n`;
}
