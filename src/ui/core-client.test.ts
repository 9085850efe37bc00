// The client against a worker made of promises: pairing, failures, and what happens when the worker dies or hangs.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Request, Response, VmOptions } from '../protocol/commands.ts';
import { createCoreClient, type CorePort } from './core-client.ts';

const CATALOG = {
  version: 1,
  guests: [],
  exitReasons: [],
  instructionsPerTick: 10,
  machineMemoryBytes: 2 ** 28,
} as const;
const HELLO: VmOptions = {
  guest: { kind: 'shipped', name: 'hello' },
  technique: 'trap-and-emulate',
  memoryMiB: 16,
  start: true,
};

class TestCore implements CorePort {
  onmessage: CorePort['onmessage'] = null;
  onerror: CorePort['onerror'] = null;
  readonly heard: Request[] = [];
  terminated = false;
  silent = false;
  readonly #firstVm: number;
  #vms = 0;

  constructor(firstVm: number) {
    this.#firstVm = firstVm;
  }
  terminate(): void {
    this.terminated = true;
  }
  answer(response: Response): void {
    this.onmessage?.({ data: response } as MessageEvent<Response>);
  }
  postMessage(request: Request): void {
    this.heard.push(request);
    if (this.silent) return;
    const { id, command } = request;
    queueMicrotask(() => {
      if (command === 'describe') this.answer({ id, ok: true, reply: CATALOG });
      else if (command === 'addVm') this.answer({ id, ok: true, reply: { vm: this.#firstVm + this.#vms++ } });
      else if (command === 'frame') this.answer({ id, ok: false, failure: { message: 'no frames here' } });
      else this.answer({ id, ok: true, reply: { done: true } });
    });
  }
}

function startClient() {
  const cores: TestCore[] = [];
  const client = createCoreClient(() => {
    const core = new TestCore(cores.length * 10);
    cores.push(core);
    return core;
  });
  const core = (index: number): TestCore => {
    const found = cores[index];
    if (found === undefined) throw new Error(`core ${index} was not started`);
    return found;
  };
  return { client, cores, core };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('describes the core first, and is ready then', async () => {
  const { client } = startClient();
  expect(client.status().phase).toBe('starting');
  await vi.advanceTimersByTimeAsync(0);
  expect(client.status()).toEqual({ phase: 'ready', catalog: CATALOG, trouble: undefined });
});

test('answers are paired by id, in whatever order they come, and failures are errors', async () => {
  const { client, core } = startClient();
  await vi.advanceTimersByTimeAsync(0);
  core(0).silent = true;
  const one = client.send('pauseVm', { vm: 1 });
  const two = client.send('consoleInput', { vm: 1, bytes: new Uint8Array(3) });
  const [first, second] = core(0).heard.slice(-2);
  core(0).answer({ id: second?.id ?? 0, ok: true, reply: { accepted: 2 } });
  core(0).answer({ id: first?.id ?? 0, ok: false, failure: { message: 'there is no VM 1' } });
  await expect(two).resolves.toEqual({ accepted: 2 });
  await expect(one).rejects.toThrow('there is no VM 1');
});

test('a worker that leaves a frame unanswered for three seconds is replaced, and its VMs are added anew', async () => {
  const { client, cores, core } = startClient();
  const restarted = vi.fn();
  client.onRestart(restarted);
  await vi.advanceTimersByTimeAsync(0);
  const kept = await client.send('addVm', HELLO);
  const removed = await client.send('addVm', { ...HELLO, technique: 'bare' });
  const paused = await client.send('addVm', { ...HELLO, memoryMiB: 32 });
  await client.send('removeVm', removed);
  await client.send('pauseVm', paused);

  core(0).silent = true;
  const frame = client.send('frame', { vm: undefined, queries: {} });
  const failed = expect(frame).rejects.toThrow('three seconds');
  await vi.advanceTimersByTimeAsync(2900);
  expect(cores).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  await failed;

  expect(core(0).terminated).toBe(true);
  expect(core(1).heard.map(({ command }) => command)).toEqual(['describe', 'addVm', 'addVm']);
  expect(
    core(1)
      .heard.slice(1)
      .map(({ request }) => request),
  ).toEqual([HELLO, { ...HELLO, memoryMiB: 32, start: false }]);
  expect(client.status().phase).toBe('ready');
  expect(client.status().trouble).toMatch(/did not answer for three seconds.*begin from their first instruction/s);
  expect(restarted).toHaveBeenCalledExactlyOnceWith(
    new Map([
      [kept.vm, 10],
      [paused.vm, 11],
    ]),
  );
});

test('silence is no hang while nothing was asked', async () => {
  const { cores } = startClient();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(cores).toHaveLength(1);
});

test('a worker that keeps dying is given up, says so, and can be started without its VMs', async () => {
  const { client, cores, core } = startClient();
  await vi.advanceTimersByTimeAsync(0);
  await client.send('addVm', HELLO);
  for (const index of [0, 1, 2]) {
    core(index).onerror?.({ message: 'boom', preventDefault: () => undefined } as ErrorEvent);
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(cores).toHaveLength(3);
  expect(client.status().phase).toBe('dead');
  expect(client.status().trouble).toContain('boom');
  await expect(client.send('startVm', { vm: 0 })).rejects.toThrow('has stopped');

  client.restart('forget');
  await vi.advanceTimersByTimeAsync(0);
  expect(client.status().phase).toBe('ready');
  expect(core(3).heard.map(({ command }) => command)).toEqual(['describe']);
});
