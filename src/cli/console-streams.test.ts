// Output that waits for a slow reader, notices one that has gone, and input that reads no more than is wanted.

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { FileInput, inputFrom, StreamInput, type Stdin } from './console-input.ts';
import { ConsoleOutput } from './console-output.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A stdin that is a pipe. */
const pipe = () => Object.assign(new PassThrough(), { fd: -1, isTTY: false }) as unknown as PassThrough & Stdin;

describe('ConsoleOutput', () => {
  test('hands on every byte, in order, however much there is', async () => {
    const stream = new PassThrough({ highWaterMark: 2 ** 24 });
    const output = new ConsoleOutput(stream);
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
    for (const [index, byte] of bytes.entries()) {
      output.write(byte);
      if (index % 100_000 === 77) await output.flush();
    }
    await output.flush();
    expect(Buffer.compare(stream.read() as Buffer, bytes)).toBe(0);
  });

  test('waits until a slow reader has taken what it was given', async () => {
    let taken: (() => void) | undefined;
    const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => (taken = done) });
    const output = new ConsoleOutput(slow);
    output.write(0x61);
    let flushed = false;
    const flush = output.flush().then(() => (flushed = true));
    await delay(20);
    expect(flushed).toBe(false);
    taken?.();
    await flush;
    expect(flushed).toBe(true);
  });

  test('leaves no listener behind', async () => {
    const slow = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void setImmediate(done) });
    const output = new ConsoleOutput(slow);
    for (let turn = 0; turn < 30; turn++) {
      output.write(0x61);
      await output.flush();
    }
    expect(slow.listenerCount('drain')).toBe(0);
    expect(slow.listenerCount('close')).toBe(0);
  });

  test('a reader that has gone is noticed, not an error', async () => {
    const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const output = new ConsoleOutput(gone);
    output.write(0x61);
    await output.flush();
    await delay(1);
    expect(output.closed).toBe(true);
    output.write(0x62);
    await output.flush();
  });
});

describe('ConsoleInput', () => {
  test('what is in the pipe is there before the guest starts', async () => {
    const stream = pipe();
    stream.write('one ');
    setImmediate(() => stream.end('two'));
    const input = inputFrom(stream);
    await input.start();
    expect(input.ended).toBe(true);
    const taken: number[] = [];
    const receive = (bytes: Uint8Array) => {
      taken.push(...bytes);
      return bytes.length;
    };
    expect(input.offer(receive)).toBe(7);
    expect(Buffer.from(taken).toString()).toBe('one two');
  });

  test('a pipe that is silent does not hold the guest up', async () => {
    const input = inputFrom(pipe());
    const started = performance.now();
    await input.start();
    expect(performance.now() - started).toBeLessThan(5000);
    expect(input.ended).toBe(false);
    input.stop();
  });

  test('reading pauses while the guest takes nothing, and nothing is lost when it goes on', async () => {
    const stream = pipe();
    const total = 2 ** 20;
    let offered = 0;
    const more = () => {
      while (offered < total && stream.write(Buffer.alloc(4096, (offered / 4096) % 256))) offered += 4096;
      offered += 4096;
      if (offered >= total) stream.end();
    };
    stream.on('drain', () => offered < total && more());
    more();
    const input = new StreamInput(stream, false);
    await input.start();
    expect(input.pending).toBeLessThan(2 ** 18);
    let taken = 0;
    while (!input.ended || input.pending > 0) {
      taken += input.offer((bytes) => Math.min(bytes.length, 1000));
      await delay(0);
      while (input.pending > 0) taken += input.offer((bytes) => Math.min(bytes.length, 50_000));
    }
    expect(taken).toBe(total);
  });

  test('news is told once', async () => {
    const stream = pipe();
    const input = new StreamInput(stream, false);
    await input.start();
    let told = 0;
    input.onNews(() => told++);
    stream.write('a');
    await delay(5);
    stream.write('b');
    await delay(5);
    expect(told).toBe(1);
    input.stop();
  });

  test('a file is read as far as the guest takes it', async () => {
    const path = join(folder, 'typed');
    writeFileSync(path, Buffer.alloc(150_000, 'x'));
    const descriptor = openSync(path, 'r');
    const input = new FileInput(descriptor);
    await input.start();
    expect(input.ended).toBe(false);
    expect(input.pending).toBe(65_536);
    expect(input.offer(() => 0)).toBe(0);
    let taken = 0;
    while (input.pending > 0) taken += input.offer((bytes) => bytes.length);
    expect(taken).toBe(150_000);
    expect(input.ended).toBe(true);
    closeSync(descriptor);
  });
});
