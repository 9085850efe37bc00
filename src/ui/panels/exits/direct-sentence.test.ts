// The sentence counts every exit but interrupts as one instruction (Popek and Goldberg 1974, "efficiency").

import { expect, test } from 'vitest';
import { directSentence } from './direct-sentence.ts';

const row = (reason: string, samples: number, meanNanoseconds = 0) => ({ reason, samples, meanNanoseconds });

test('what ran directly is what led to no exit', () => {
  expect(directSentence(1000, [row('csr-access', 4), row('host-timer', 100), row('sbi-call', 1)])).toMatch(
    /^99\.500 % of its 1,000 instructions ran directly; 5 led to an exit\./,
  );
  expect(directSentence(0, [])).toMatch(/^100\.000 % of its 0 instructions/);
});
