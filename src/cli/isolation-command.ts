// `isolation`: guests that try to get out, one at a time between two neighbours; what stopped each of them.

import { attemptOf, ISOLATION_MEMORY } from '../core/hypervisor/properties/isolation-attempts.ts';
import { IsolationSuite, type AttemptResult } from '../core/hypervisor/properties/isolation-suite.ts';
import { unmodifiedHosted } from '../core/hypervisor/virtual-machine.ts';
import { isolationAttempts } from '../guests/hostile/attempts.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../guests/manifest.ts';
import type { Command } from './command.ts';
import { chooseGuest } from './guest-source.ts';
import { nodeHost } from './node-host.ts';
import { noOperands, option, repeatedOption } from './options.ts';
import { oneOf } from '../protocol/option-values/values.ts';

const names = isolationAttempts.map(({ name }) => name);

const isolationOptions = {
  technique: repeatedOption(
    '--technique',
    'NAME',
    oneOf(unmodifiedHosted),
    `${unmodifiedHosted.join(', ')}; may be repeated. Default: both`,
  ),
  only: repeatedOption('--only', 'NAME', oneOf(names), 'one attempt; may be repeated. Default: all'),
  rows: option('--rows', 'WHICH', oneOf(['failed', 'all'] as const), 'which attempts get a line each. Default: all'),
} as const;

export const isolationCommand: Command<typeof isolationOptions> = {
  name: 'isolation',
  operands: '',
  summary: 'let hostile guests try to get out, and name the check that stops each',
  details: [
    'Each attempt runs between two neighbours whose state must be what it is without it. Exit status: 0 if every attempt is',
    'stopped and no neighbour can tell, 1 if not.',
  ],
  options: isolationOptions,
  run(operands, options, { stdout }) {
    noOperands('isolation', operands);
    const { guest } = chooseGuest([], { guest: 'paging', memory: ISOLATION_MEMORY });
    const suite = new IsolationSuite({
      host: nodeHost,
      attempts: isolationAttempts
        .filter(({ name }) => options.only?.includes(name) ?? true)
        .map((row) => attemptOf(row, SUPERVISOR_TEXT_ADDRESS)),
      techniques: options.technique ?? unmodifiedHosted,
      neighbour: () => guest,
    });
    while (!suite.done) {
      const before = suite.results.length;
      suite.step();
      for (const result of suite.results.slice(before)) {
        if (options.rows !== 'failed' || !result.held) stdout.write(lineOf(result));
      }
    }
    const failed = suite.results.filter(({ held }) => !held).length;
    stdout.write(
      `${suite.results.length - failed} of ${suite.total} attempts were stopped, with nothing of their neighbours changed.\n`,
    );
    return failed === 0 ? 0 : 1;
  },
};

const lineOf = ({ technique, title, denial, neighboursUnchanged, foreignEntries, held }: AttemptResult): string => {
  const who = denial === undefined ? 'nothing that is known stopped it' : `${denial.by}: ${denial.check}`;
  const harm = [
    ...(neighboursUnchanged ? [] : ['a neighbour has changed']),
    ...(foreignEntries === 0 ? [] : [`${foreignEntries} table entries lead to what is not its own`]),
  ];
  return `${held ? 'stopped' : 'NOT STOPPED'}  ${technique}: ${title}\n  ${[who, ...harm].join('; ')}\n`;
};
