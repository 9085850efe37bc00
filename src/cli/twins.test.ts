// `ringside twins`: a table with a column for each way of running the pair, the same numbers as each run alone gives.

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TwinRun } from '../core/hypervisor/measurements/twins.ts';
import { command } from './streams.test-support.ts';

test('prints a column for each run; the paravirtual kernel uses no privileged instruction', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'ringside-twins-')), 'twins.json');
  const { status, stdout } = await command(['twins', '--stats', file]);
  expect(status).toBe(0);
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s\s+/));
  expect(lines[1]).toEqual(['technique', 'bare', 'trap-and-emulate', 'paravirtual', 'hardware-assisted']);
  const row = (title: string) =>
    lines
      .find(([first]) => first === title)
      ?.slice(1)
      .map(Number) ?? [];
  expect(row('csr-access')[1]).toBeGreaterThan(0);
  expect(row('csr-access')[2]).toBe(0);
  expect(row('hypercall')[2]).toBeGreaterThan(0);
  const runs = JSON.parse(readFileSync(file, 'utf8')) as readonly TwinRun[];
  expect(runs.map(({ exits }) => exits.reduce((sum, { count }) => sum + count, 0))).toEqual(row('exits'));
});

test.each([[['hello']], [['nobody']], [['paravirtual', 'unmodified']]])(
  '%j is no guest with a twin',
  async (operands) => {
    const { status, complaints } = await command(['twins', ...operands]);
    expect(status).toBe(2);
    expect(complaints.join()).toMatch(/expected the name of a guest that has a twin.*choose unmodified or paravirtual/);
  },
);
