// `guests`: what ships, a line each, the name first.

import { guests } from '../guests/manifest.ts';
import type { Command } from './command.ts';
import { noOperands } from './options.ts';

export const guestsCommand: Command<Record<never, never>> = {
  name: 'guests',
  operands: '',
  summary: 'list the guests that ship',
  details: ['A line for each guest: its name (for run --guest), its title, what it teaches.'],
  options: {},
  run(operands, _options, { stdout }) {
    noOperands('guests', operands);
    const width = Math.max(...guests.map(({ name }) => name.length)) + 2;
    for (const { name, title, teaches } of guests) stdout.write(`${name.padEnd(width)}${title}: ${teaches}\n`);
    return 0;
  },
};
