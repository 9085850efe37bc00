// The checkout as surroundings of the benchmark's tests.

import { fileURLToPath } from 'node:url';
import { nodeSurroundings } from './hosts/node-engine.ts';
import type { Surroundings } from './surroundings.ts';

export const surroundings: Surroundings = nodeSurroundings(
  { root: fileURLToPath(new URL('../../', import.meta.url)), bundles: '' },
  'cpu',
);
