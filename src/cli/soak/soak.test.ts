// The soak in short: Linux boots, is given its load, and after the same number of instructions is the same, translated or not
// (the long form: npm run soak -- --verify).

import { expect, test } from 'vitest';
import { BurdenedLinux } from './burdened-linux.ts';
import { checksumIn } from './load.ts';

const INSTRUCTIONS = 250_000_000;

test('Linux at work comes to the same with the translator on and off', async () => {
  const [translated, interpreted] = [true, false].map(
    (translator) => new BurdenedLinux('hardware-assisted', translator),
  );
  if (translated === undefined || interpreted === undefined) throw new Error('expected two guests');
  await translated.runTo(INSTRUCTIONS);
  await interpreted.runTo(INSTRUCTIONS);
  expect(translated.machine.translator?.counts.standing).toBeGreaterThan(50);
  expect(interpreted.machine.translator).toBeUndefined();
  expect(translated.vm.instructions).toBe(INSTRUCTIONS);
  expect(translated.hash).toBe(interpreted.hash);
  expect(translated.vm.console.count).toBe(interpreted.vm.console.count);
  expect(translated.vm.console.count).toBeGreaterThan(1_000); // the load has been typed
}, 120_000);

test('a round is told by its line', () => {
  expect(checksumIn('round 3 6fcb6e2d 78e8ca6aa7fadc80 30\r')).toBe('6fcb6e2d 78e8ca6aa7fadc80 30');
  expect(checksumIn('  echo round $n $sum')).toBeUndefined();
});
