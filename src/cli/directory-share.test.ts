// A shared directory: the guest may do in it what it likes, and reaches nothing outside, whatever it makes of links and renames.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FolderError, type SharedNode } from '../core/devices/ninep/shared-folder.ts';
import { DirectoryShare } from './directory-share.ts';
import { command } from './streams.test-support.ts';

const base = mkdtempSync(join(tmpdir(), 'ringside-share-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A directory to share, and one beside it that nobody may reach. */
function place() {
  const folder = mkdtempSync(join(base, 'case-'));
  const shared = join(folder, 'shared');
  const secret = join(folder, 'secret');
  for (const path of [shared, secret]) mkdirSync(path);
  writeFileSync(join(secret, 'f'), 'not for the guest');
  return { shared, secret, root: new DirectoryShare(shared, { readOnly: false }).root };
}

const file = { kind: 'file', mode: 0o644, user: 0, group: 0 } as const;
const directory = { kind: 'directory', mode: 0o755, user: 0, group: 0 } as const;
const text = (value: string) => Uint8Array.from(Buffer.from(value));

function contents(node: SharedNode): string {
  const into = new Uint8Array(100);
  return Buffer.from(into.subarray(0, node.read(0, into))).toString();
}

test('what the guest does is done to the files', () => {
  const { root, shared } = place();
  const a = root.create('a', directory);
  a.hold();
  const f = a.create('f', file);
  f.hold();
  f.write(0, text('hello'));
  f.write(5, text(' there'));
  expect(readFileSync(join(shared, 'a/f'), 'utf8')).toBe('hello there');
  f.change({ size: 5, mode: 0o600 });
  expect(f.attributes()).toMatchObject({ kind: 'file', size: 5, mode: 0o600 });
  root.rename('a', root, 'b');
  expect(contents(f)).toBe('hello'); // by its new path
  expect(existsSync(join(shared, 'b/f'))).toBe(true);
  a.remove('f', 'file');
  expect(() => f.attributes()).toThrow(FolderError);
  root.remove('b', 'directory');
  expect(root.entries()).toEqual([]);
});

describe('no way out', () => {
  test('by a link in the directory, made by the host or the guest', () => {
    const { root, shared, secret } = place();
    symlinkSync(secret, join(shared, 'host'));
    root.create('guest', { ...file, kind: 'symbolic-link', target: secret });
    for (const name of ['host', 'guest']) {
      const link = root.lookup(name);
      expect(link.attributes().kind).toBe('symbolic-link');
      expect(link.target()).toBe(secret);
      expect(() => link.lookup('f')).toThrow(FolderError);
      expect(() => link.entries()).toThrow(FolderError);
      expect(() => link.create('new', file)).toThrow(FolderError);
      expect(() => link.remove('f', 'file')).toThrow(FolderError);
      expect(() => link.change({ mode: 0o777 })).toThrow(FolderError);
    }
    root.create('direct', { ...file, kind: 'symbolic-link', target: join(secret, 'f') });
    expect(() => contents(root.lookup('direct'))).toThrow(FolderError);
    expect(() => root.lookup('direct').write(0, text('x'))).toThrow(FolderError);
  });

  test('by a link put where a directory was that the guest still has', () => {
    const { root, shared, secret } = place();
    const a = root.create('a', directory);
    const f = a.create('f', file);
    rmSync(join(shared, 'a'), { recursive: true });
    symlinkSync(secret, join(shared, 'a'));
    const mode = statSync(secret).mode;
    for (const act of [
      () => f.attributes(),
      () => contents(f),
      () => f.write(0, text('x')),
      () => f.change({ size: 0 }),
      () => a.create('g', file),
      () => a.rename('f', root, 'stolen'),
      () => root.link('stolen', f),
      () => a.change({ mode: 0o777 }),
      () => a.entries(),
    ]) {
      expect(act).toThrow(FolderError);
    }
    expect(readFileSync(join(secret, 'f'), 'utf8')).toBe('not for the guest');
    expect(statSync(secret).mode).toBe(mode);
    expect(existsSync(join(shared, 'stolen'))).toBe(false);
  });
});

test('Linux mounts it and works in it', async () => {
  const { shared } = place();
  writeFileSync(join(shared, 'from-host'), 'good morning\n');
  const commands =
    'mkdir /s; mount -t 9p -o trans=virtio,version=9p2000.L share0 /s; cat /s/from-host; echo back > /s/from-guest; mkdir /s/d; mv /s/from-guest /s/d/moved; umount /s\npoweroff -f\n';
  const { stdout, status } = await command(['run', '--guest', 'linux', '--share', shared, '--rng', '1'], commands);
  expect(status).toBe(0);
  expect(stdout).toContain('\r\ngood morning\r\n');
  expect(readFileSync(join(shared, 'd/moved'), 'utf8')).toBe('back\n');
}, 120_000);

test.each([
  ['a directory that is not there', () => join(base, 'absent'), /a directory to share at .*, found none/],
  ['a file', () => join(place().secret, 'f'), /found a file: name the directory it is in/],
])('%s', async (_, path, message) => {
  const { status, complaints } = await command(['run', '--guest', 'linux', '--share', path()], '');
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(message)]);
});
