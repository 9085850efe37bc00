// The command as it is typed: a process with real pipes, real signals and a real exit status.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function launch(argv: readonly string[]) {
  const child = spawn(process.execPath, ['.ci/ringside.mjs', ...argv], { cwd: root });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('latin1')));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const closed = once(child, 'close').then(([status]) => status as number | null);
  return { child, output, closed };
}

describe('ringside', () => {
  test('runs a guest: its output alone on stdout, its fate in the status', async () => {
    const { child, output, closed } = launch(['run', '--guest', 'hello']);
    child.stdin.end();
    expect(await closed).toBe(0);
    expect(output.stdout).toBe('hello from the UART registers\nhello by way of the firmware.\n');
    expect(output.stderr).toBe('');
  });

  test('a bad option is one line on stderr and status 2', async () => {
    const { output, closed } = launch(['run', '--guset', 'hello']);
    expect(await closed).toBe(2);
    expect(output.stdout).toBe('');
    expect(output.stderr).toBe(
      'ringside: expected an option of "run", found "--guset": did you mean --guest? see ringside run --help\n',
    );
  });

  test('Linux answers what is typed while it waits; SIGINT ends it', async () => {
    const { child, output, closed } = launch(['run', '--guest', 'linux']);
    const until = async (text: string) => {
      while (!output.stdout.includes(text)) await once(child.stdout, 'data');
    };
    await until('/ # ');
    child.stdin.write('echo $((123 * 1000 + 456))\n');
    await until('123456');
    child.kill('SIGINT');
    expect(await closed).toBe(130);
    expect(output.stderr).toBe('ringside: Stopped by SIGINT.\n');
  });

  test('a reader that goes away ends the run quietly', async () => {
    const { child, output, closed } = launch(['run', '--guest', 'linux']);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    child.stdin.write('yes\n');
    expect(await closed).toBe(141);
    expect(output.stderr).toBe('');
  });
});
