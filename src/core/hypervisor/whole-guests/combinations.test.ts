// Whatever is done to a VM while it runs, in whatever order — moved, saved, copied, its pages swapped out, merged, logged, given
// up, put into huge blocks, on one physical hart or several —, its guest ends as it would have ended alone (issue, section 2).
// `RINGSIDE_COMBINATIONS=2000 npx vitest run src/core/hypervisor/whole-guests/combinations.test.ts` tries more; `RINGSIDE_SEED` repeats.

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { acts, carryOut, teachingGuests, undisturbed, type Plan } from './combinations-rig.test-support.ts';

const RUNS = Number(process.env['RINGSIDE_COMBINATIONS'] ?? 3);
const SEED = process.env['RINGSIDE_SEED'];
vi.setConfig({ testTimeout: 20_000 + 2000 * RUNS });

const harts = fc.integer({ min: 1, max: 4 });

describe.each(teachingGuests.flatMap((guest) => guest.techniques.map((technique) => ({ guest, technique }))))(
  '$guest.name under $technique',
  ({ guest, technique }) => {
    const alone = undisturbed(guest, technique);
    const plan: fc.Arbitrary<Plan> = fc.record({
      guest: fc.constant(guest),
      technique: fc.constant(technique),
      physicalHarts: fc.tuple(harts, harts),
      hugePages: fc.boolean(),
      steps: fc.array(fc.record({ at: fc.nat(1000), act: fc.constantFrom(...acts) }), { minLength: 2, maxLength: 7 }),
    });

    test('ends as it does alone', () => {
      expect(alone.time).toBeGreaterThan(0);
      fc.assert(
        fc.property(plan, (each) => {
          carryOut(each, alone);
        }),
        { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) },
      );
    });
  },
);
