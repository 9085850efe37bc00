// The command rows: whatever stands on the screen, a key means one thing, and what cannot be done says why.
import { describe, expect, test, vi } from 'vitest';
import type { Frame, StageAnswer, VmSummary } from '../../protocol/frame.ts';
import { initialChoice } from '../choice.ts';
import { consolePanel } from '../console/console-panel.ts';
import type { Lab } from '../lab.ts';
import { panels } from '../panels/index.ts';
import { isWriting } from './keys.ts';
import type { Situation } from './command-row.ts';
import { commandRows, rowOfKey } from './rows.ts';
import { situationRows } from './situation-rows.ts';

const VM: VmSummary = {
  vm: 1,
  title: 'Hello',
  guest: 'hello',
  technique: 'trap-and-emulate',
  boot: 'supervisor',
  memoryBytes: 2 ** 24,
  state: 'paused',
  machine: 'A',
  vcpus: [],
  stopReason: undefined,
  stepping: false,
  mode: 'S',
  runner: 'guest-kernel',
  pc: 0x8040_0000,
  instructions: 0,
  exits: 0,
  lastExit: undefined,
  ending: undefined,
};

function situationOf(vm: VmSummary | undefined, inExit = false): Situation {
  const frame: Frame = {
    sequence: 1,
    vms: vm === undefined ? [] : [vm, { ...VM, vm: 2 }],
    machines: [],
    machine: { time: 0, mips: 0, exitsPerSecond: 0 },
    answers: inExit ? { stage: {} as StageAnswer } : {},
  };
  return { phase: 'ready', frame, vm, choice: { ...initialChoice, vm: vm?.vm } };
}

const situations: readonly (readonly [string, Situation])[] = [
  ['no VM', situationOf(undefined)],
  ['a running guest', situationOf({ ...VM, state: 'running' })],
  ['a waiting guest', situationOf({ ...VM, state: 'waiting' })],
  ['a step under way', situationOf({ ...VM, stepping: true })],
  ['a paused guest', situationOf(VM)],
  ['a guest within an exit', situationOf({ ...VM, runner: 'hypervisor' }, true)],
  ['an ended guest', situationOf({ ...VM, state: 'ended' })],
  ['a paused bare guest', situationOf({ ...VM, technique: 'bare' })],
  ['an ended bare guest', situationOf({ ...VM, technique: 'bare', state: 'ended' })],
  ['a dead core', { ...situationOf(VM), phase: 'dead' }],
];

const step = vi.fn();
const lab = {
  panels: [...panels, consolePanel],
  vms: { step },
  navigate: { toPanel: vi.fn() },
  dock: { isOpen: () => true },
  core: { status: () => ({ catalog: undefined }) },
} as unknown as Lab;
const rows = commandRows(lab);
const keys = [...new Set(rows.flatMap((row) => row.keys))];

describe.each(situations)('with %s', (_name, situation) => {
  test.each(keys)('%s runs at most one command', (key) => {
    const ready = rows.filter((row) => row.keys.includes(key) && row.unavailable(situation) === undefined);
    expect(ready.map(({ id }) => id)).toHaveLength(Math.min(ready.length, 1));
  });

  test('a command that cannot be run says why in a sentence', () => {
    for (const row of [...rows, ...situationRows(lab, situation)]) {
      const reason = row.unavailable(situation);
      if (reason !== undefined) expect(reason, row.id).toMatch(/^[A-Z].*\.$/);
    }
  });
});

test('ids and titles name one command each', () => {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length);
});

test('every panel has a way by the palette, and no two share a digit', () => {
  const digits = lab.panels.flatMap(({ key }) => (key === undefined ? [] : [key]));
  expect(new Set(digits).size).toBe(digits.length);
  expect(digits.every(isWriting)).toBe(true);
  for (const { id } of lab.panels) expect(rows.some((row) => row.id === `panel.${id}`)).toBe(true);
});

test.each([
  ['F8', 'running', 'run.pause'],
  ['F8', 'paused', 'run.continue'],
  ['F5', 'paused', 'run.continue'],
  ['F6', 'running', 'run.pause'],
  ['F10', 'paused', 'step.over'],
  ['Alt+F10', 'paused', 'step.over'],
  ['F11', 'paused', 'step.instruction'],
  ['Alt+F11', 'paused', 'step.instruction'],
  ['Shift+F11', 'paused', 'step.out'],
  ['F9', 'paused', 'breakpoint.toggle'],
  ['E', 'running', 'step.exit'],
  ['I', 'paused', 'step.interrupt'],
  ['S', 'running', 'step.stage'],
  ['Ctrl+K', 'running', 'palette'],
  ['Ctrl+Shift+P', 'running', 'palette'],
  ['F1', 'running', 'palette'],
] as const)('%s with a %s guest is %s, as in VS Code and Chrome', (key, state, id) => {
  expect(rowOfKey(rows, key, situationOf({ ...VM, state }))?.id).toBe(id);
});

test('running a row acts on the VM that is looked at', () => {
  const situation = situationOf(VM);
  rowOfKey(rows, 'F10', situation)?.run(situation);
  expect(step).toHaveBeenCalledExactlyOnceWith(1, 'over');
});
