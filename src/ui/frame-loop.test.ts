// The frame loop's promises: one question at a time, numbers four times a second, a stop at once, nothing lost on a refusal.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Frame, FrameRequest, VmSummary } from '../protocol/frame.ts';
import { choose, initialChoice, useChoice } from './choice.ts';
import type { Consoles } from './console/consoles.ts';
import type { CoreClient } from './core-client.ts';
import { createFrameLoop } from './frame-loop.ts';
import { useFrameState } from './frame-store.ts';
import type { Panel } from './panel.ts';

const VM: VmSummary = {
  vm: 1,
  title: 'hello',
  guest: 'hello',
  technique: 'trap-and-emulate',
  boot: 'supervisor',
  memoryBytes: 2 ** 24,
  state: 'running',
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

const panel: Panel = {
  id: 'walk',
  topic: 'Memory',
  about: 'One address through the tables.',
  title: 'Walk',
  key: undefined,
  place: 'left',
  queries: (choice, vm) => ({
    walk: { gva: choice.walk.gva === 'pc' ? (vm?.pc ?? 0) : choice.walk.gva, access: 'load' },
  }),
  Component: () => null,
};

interface Asked {
  readonly at: number;
  readonly request: FrameRequest;
}

/** A core that answers frames after `delay` milliseconds from what `vm` is then. */
function setUp(delay = 2) {
  const asked: Asked[] = [];
  const lab = { vm: VM, refuse: false, outstanding: 0, mostOutstanding: 0 };
  const send = async (_command: string, request: FrameRequest): Promise<Frame> => {
    asked.push({ at: performance.now(), request });
    lab.outstanding += 1;
    lab.mostOutstanding = Math.max(lab.mostOutstanding, lab.outstanding);
    await new Promise((resolve) => setTimeout(resolve, delay));
    lab.outstanding -= 1;
    if (lab.refuse) throw new Error('expected a VM, found none: choose another');
    return {
      sequence: asked.length,
      vms: [lab.vm],
      machines: [],
      machine: { time: 0, mips: 0, exitsPerSecond: 0 },
      answers: {},
    };
  };
  const loop = createFrameLoop({
    core: { send, status: () => ({ phase: 'ready' }) } as unknown as CoreClient,
    consoles: { questions: () => [], deliver: () => undefined, busy: () => false } as unknown as Consoles,
    visiblePanels: () => [panel],
  });
  const full = (since: number) => asked.filter(({ at, request }) => at >= since && 'walk' in request.queries);
  return { asked, full, lab, loop };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => setTimeout(callback, 16));
  useChoice.setState({ ...initialChoice, vm: 1 });
  useFrameState.setState({ frame: undefined, before: undefined, refusal: undefined });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('one question is under way at a time, however slow the answers are', async () => {
  const { asked, lab } = setUp(400);
  await vi.advanceTimersByTimeAsync(5000);
  expect(lab.mostOutstanding).toBe(1);
  expect(asked.length).toBeGreaterThan(10);
});

test('while a guest runs the panels are asked four times a second, the summaries more often', async () => {
  const { asked, full } = setUp();
  await vi.advanceTimersByTimeAsync(1000);
  const since = performance.now();
  await vi.advanceTimersByTimeAsync(2000);
  expect(full(since).length).toBeGreaterThanOrEqual(7);
  expect(full(since).length).toBeLessThanOrEqual(8);
  expect(asked.filter(({ at }) => at >= since).length).toBeGreaterThan(30);
});

test('a stop is on the screen at once', async () => {
  const { lab } = setUp();
  await vi.advanceTimersByTimeAsync(1000);
  lab.vm = { ...VM, state: 'paused', instructions: 77, pc: 0x8040_1000 };
  await vi.advanceTimersByTimeAsync(110);
  expect(useFrameState.getState().frame?.vms[0]?.instructions).toBe(77);
});

test('what follows the pc is asked again when the pc moved under the question', async () => {
  const { full, lab } = setUp();
  await vi.advanceTimersByTimeAsync(1000);
  lab.vm = { ...VM, state: 'paused', pc: 0x8040_1000 };
  const since = performance.now();
  await vi.advanceTimersByTimeAsync(200);
  expect(full(since).at(-1)?.request.queries.walk?.gva).toBe(0x8040_1000);
});

test('while nothing moves, nothing is asked in a hurry; a choice is answered at once', async () => {
  const { asked, full, lab } = setUp();
  lab.vm = { ...VM, state: 'paused' };
  await vi.advanceTimersByTimeAsync(1000);
  const since = performance.now();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked.filter(({ at }) => at >= since).length).toBeLessThan(15);
  const chosen = performance.now();
  choose({ walk: { gva: 0x1234, access: 'store' } });
  await vi.advanceTimersByTimeAsync(40);
  expect(full(chosen)[0]?.request.queries.walk?.gva).toBe(0x1234);
});

test('a command that changed something asks at once, even while an older question is under way', async () => {
  const { full, lab, loop } = setUp(100);
  lab.vm = { ...VM, state: 'paused' };
  await vi.advanceTimersByTimeAsync(3050);
  const since = performance.now();
  loop.refresh();
  await vi.advanceTimersByTimeAsync(250);
  expect(full(since).length).toBeGreaterThanOrEqual(1);
});

test('a refused frame is said, is not repeated in a hurry, and what was there stays', async () => {
  const { asked, lab } = setUp();
  await vi.advanceTimersByTimeAsync(1000);
  const { frame } = useFrameState.getState();
  lab.refuse = true;
  await vi.advanceTimersByTimeAsync(500);
  const since = performance.now();
  await vi.advanceTimersByTimeAsync(3000);
  expect(useFrameState.getState().refusal).toContain('expected a VM');
  expect(useFrameState.getState().frame?.vms).toEqual(frame?.vms);
  expect(asked.filter(({ at }) => at >= since).length).toBeLessThanOrEqual(4);
  lab.refuse = false;
  await vi.advanceTimersByTimeAsync(2000);
  expect(useFrameState.getState().refusal).toBeUndefined();
});
