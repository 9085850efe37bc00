// The words of the status strip that explain themselves. Apart from the glossary they belong to, because the strip is there
// before any panel and the glossary is not.

import { explained } from '../glossary-row.ts';

export const statusWords = {
  exit: explained(
    'VM exit',
    'The hart stopped running the guest because the hypervisor must act.',
    undefined,
    'VM exit',
    'trap to EL2',
  ),
  mips: explained('MIPS', 'Million guest instructions a second of real time, over the last second.'),
};
