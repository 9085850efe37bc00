// `ringside containers`: a table with a column for each way of running the same program. What is measured is not compared with
// numbers, but with what must hold between the columns wherever it is measured.

import { describe, expect, test, vi } from 'vitest';
import { command } from './streams.test-support.ts';

vi.setConfig({ testTimeout: 60_000 });

/** The cells of each row, by its title. */
function readTable(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.trimEnd().split('\n');
  // Columns begin where their titles do; the cells of the first line hold spaces, but never two.
  const starts = [...(lines[0] ?? '').matchAll(/(?<=\s\s)\S/g)].map(({ index }) => index);
  return new Map(
    lines.map((line) => {
      const cells = starts.map((start, column) => line.slice(start, starts[column + 1]).trim());
      return [line.slice(0, starts[0]).trim(), cells];
    }),
  );
}

describe('the table', async () => {
  const { status, stdout, complaints } = await command(['containers']);
  const table = readTable(stdout);
  const row = (title: string): readonly string[] => table.get(title) ?? [];
  /** [process, container, VM, container in a VM] */
  const numbers = (title: string) =>
    row(title).map((cell) => Number.parseFloat(cell)) as [number, number, number, number];

  test('has a column for each way, and a number wherever one is promised', () => {
    expect(complaints).toEqual([]);
    expect(status).toBe(0);
    expect(row('')).toEqual(['process', 'container', 'VM', 'container in a VM']);
    expect(row('technique')).toEqual(['bare', 'bare', 'hardware-assisted', 'hardware-assisted']);
    const measured = [...table].filter(([title]) => /^(start|work|memory)/.test(title));
    expect(measured).toHaveLength(10);
    for (const [title, cells] of measured) {
      const unit = title.endsWith('time')
        ? ' ms'
        : title.endsWith('instructions')
          ? ' M'
          : title === 'memory'
            ? ' KiB'
            : '';
      for (const cell of cells) expect(`${title}: ${cell}`).toMatch(new RegExp(`^${title}: \\d+(\\.\\d+)?${unit}$`));
    }
  });

  test('only a guest of the hypervisor exits', () => {
    for (const title of ['start: exits', 'work: exits']) {
      const [process, container, vm, both] = numbers(title);
      expect([process, container]).toEqual([0, 0]);
      expect(Math.min(vm, both)).toBeGreaterThan(0);
    }
  });

  test('the program makes the same system calls everywhere, and executes about the same', () => {
    const [process, container, vm, both] = numbers('work: system calls');
    expect(vm).toBe(process);
    expect(both).toBe(container);
    expect(Math.abs(container - process)).toBeLessThan(process / 100);
    const instructions = numbers('work: instructions');
    expect(Math.max(...instructions) / Math.min(...instructions)).toBeLessThan(1.2);
  });

  test('a container costs more system calls to start than a process, a VM a whole kernel', () => {
    const [process, container, , both] = numbers('start: system calls');
    expect(container).toBeGreaterThan(10 * process);
    expect(both).toBeGreaterThan(container);
    const [alone, contained, vm, nested] = numbers('start: virtual time');
    expect(contained).toBeGreaterThan(10 * alone);
    expect(vm).toBeGreaterThan(10 * alone);
    expect(nested).toBeGreaterThan(vm + contained / 2);
    const [small, more, guest, most] = numbers('memory');
    expect(more).toBeGreaterThan(small);
    expect(guest).toBeGreaterThan(10 * more);
    expect(most).toBeGreaterThan(guest);
  });

  test('a container sees itself alone, under its own name', () => {
    const seen = numbers('sees: processes');
    expect([seen[1], seen[3]]).toEqual([2, 2]);
    expect(Math.min(seen[0], seen[2])).toBeGreaterThan(10);
    expect(row('sees: host')).toEqual(['ringside', 'c1', 'ringside', 'c1']);
    expect(new Set(row('sees: user'))).toEqual(new Set(['0']));
  });
});

test.each([
  [['bare'], /expected nothing after "containers", found "bare"/],
  [['--technique', 'bare'], /expected trap-and-emulate or hardware-assisted after --technique, found "bare"/],
  [['--techniques', 'bare'], /expected an option of "containers".*did you mean --technique/],
])('%j is refused', async (argv, message) => {
  const { status, stdout, complaints } = await command(['containers', ...argv]);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(complaints).toEqual([expect.stringMatching(message)]);
});
