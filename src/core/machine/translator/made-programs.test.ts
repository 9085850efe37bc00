// Programs made by chance, in every environment, side by side: whatever is translated, and whenever, nothing differs.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assembledFor, environments, settleIn } from './environment.test-support.ts';
import { madeProgram } from './made-program.test-support.ts';
import { sideBySide, translatedBy } from './side-by-side.test-support.ts';

const RUNS = Number(process.env['RINGSIDE_MADE_PROGRAMS'] ?? 4);

describe.each(environments)('in %s', (environment) => {
  test('made programs come to the same', () => {
    let translated = 0;
    fc.assert(
      fc.property(madeProgram(environment), fc.integer({ min: 1, max: 4000 }), (source, cut) => {
        const program = assembledFor(environment, source);
        const runners = sideBySide(program, {
          setUp: (machine) => settleIn(environment, machine, program),
          at: [cut, 5003, 12_000],
        });
        translated += translatedBy(runners);
      }),
      { numRuns: RUNS, ...(process.env['RINGSIDE_SEED'] && { seed: Number(process.env['RINGSIDE_SEED']) }) },
    );
    expect(translated).toBeGreaterThan(RUNS);
  }, 3_600_000);
});
