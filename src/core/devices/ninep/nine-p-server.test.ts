// The file server message by message, from the client's side of 9P2000.L: what works, what is refused and with which errno, and
// that no message, however broken, does more than that.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceState } from '../device.ts';
import { MemoryFolder } from './memory-folder.ts';
import { NinePServer } from './nine-p-server.ts';

/** Message types (Linux include/net/9p/9p.h). */
const T = {
  statfs: 8, lopen: 12, lcreate: 14, symlink: 16, readlink: 22, getattr: 24, setattr: 26, readdir: 40, fsync: 50, link: 70,
  mkdir: 72, renameat: 74, unlinkat: 76, version: 100, attach: 104, walk: 110, read: 116, write: 118, clunk: 120, remove: 122,
} as const; // prettier-ignore
/** errno(3) on Linux. */
const E = { EPERM: 1, ENOENT: 2, EBADF: 9, EEXIST: 17, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, EFBIG: 27, ENOSPC: 28, EROFS: 30, ENOTEMPTY: 39, ELOOP: 40, EPROTO: 71, EOPNOTSUPP: 95 } as const; // prettier-ignore

type Field = { readonly w: 1 | 2 | 4 | 8; readonly v: number | bigint } | string | Uint8Array;
const u8 = (v: number): Field => ({ w: 1, v });
const u16 = (v: number): Field => ({ w: 2, v });
const u32 = (v: number): Field => ({ w: 4, v });
const u64 = (v: number | bigint): Field => ({ w: 8, v });

function encode(type: number, fields: readonly Field[]): Uint8Array {
  const parts = fields.flatMap((field): number[] => {
    if (field instanceof Uint8Array) return [...field];
    if (typeof field === 'string') return [field.length & 255, field.length >> 8, ...Buffer.from(field, 'latin1')];
    return Array.from({ length: field.w }, (_, index) => Number((BigInt(field.v) >> BigInt(8 * index)) & 255n));
  });
  const size = 7 + parts.length;
  return Uint8Array.from([size & 255, (size >> 8) & 255, (size >> 16) & 255, 0, type, 5, 0, ...parts]);
}

class Client {
  readonly server: NinePServer;
  readonly folder: MemoryFolder;
  constructor(folder = new MemoryFolder()) {
    this.folder = folder;
    this.server = new NinePServer(folder);
    this.ask(T.version, u32(65536), '9P2000.L');
    this.ask(T.attach, u32(0), u32(0xffff_ffff), 'root', '', u32(1000));
  }

  /** @returns the answer's body. @throws its errno as an Error */
  ask(type: number, ...fields: readonly Field[]): DataView {
    const { answer } = this.server.serve(encode(type, fields), 65536);
    const view = new DataView(answer.buffer);
    expect(view.getUint32(0, true)).toBe(answer.length);
    expect(view.getUint16(5, true)).toBe(5); // the question's tag
    if (answer[4] === 7) throw new Error(`errno ${view.getUint32(7, true)}`);
    expect(answer[4]).toBe(type + 1);
    return new DataView(answer.buffer, 7);
  }

  refused(errno: number, type: number, ...fields: readonly Field[]): void {
    expect(() => this.ask(type, ...fields)).toThrow(`errno ${errno}`);
  }

  walk(from: number, to: number, ...names: readonly string[]): number {
    return this.ask(T.walk, u32(from), u32(to), u16(names.length), ...names).getUint16(0, true);
  }

  create(fid: number, name: string): void {
    this.walk(0, fid);
    this.ask(T.lcreate, u32(fid), name, u32(0o102), u32(0o640), u32(100));
  }

  write(fid: number, offset: number, text: string): number {
    const bytes = Buffer.from(text, 'latin1');
    return this.ask(T.write, u32(fid), u64(offset), u32(bytes.length), new Uint8Array(bytes)).getUint32(0, true);
  }

  read(fid: number, offset: number, count: number): string {
    const answer = this.ask(T.read, u32(fid), u64(offset), u32(count));
    return Buffer.from(answer.buffer, 11, answer.getUint32(0, true)).toString('latin1');
  }

  /** One answer's names, and where the next one begins. */
  listFrom(fid: number, from: bigint, count: number): { readonly names: readonly string[]; readonly offset: bigint } {
    const view = this.ask(T.readdir, u32(fid), u64(from), u32(count));
    const end = 4 + view.getUint32(0, true);
    const names: string[] = [];
    let offset = from;
    for (let at = 4; at < end;) {
      offset = view.getBigUint64(at + 13, true);
      const length = view.getUint16(at + 22, true);
      names.push(Buffer.from(view.buffer, 7 + at + 24, length).toString('latin1'));
      at += 24 + length;
    }
    return { names, offset };
  }

  /** Names, in the pieces that the server sends. */
  list(fid: number, count = 4096): string[][] {
    const pieces: string[][] = [];
    for (let offset = 0n; ;) {
      const piece = this.listFrom(fid, offset, count);
      if (piece.names.length === 0) return pieces;
      pieces.push([...piece.names]);
      ({ offset } = piece);
    }
  }

  size(fid: number): bigint {
    // valid 8, qid 13, mode 4, uid 4, gid 4, nlink 8, rdev 8, then size
    return this.ask(T.getattr, u32(fid), u64(0x7ff)).getBigUint64(49, true);
  }
}

describe('files', () => {
  test('made, written, read and removed', () => {
    const client = new Client();
    client.create(1, 'a.txt');
    expect(client.write(1, 0, 'hello world')).toBe(11);
    expect(client.write(1, 20, 'x')).toBe(1);
    expect(client.read(1, 0, 100)).toBe('hello world\0\0\0\0\0\0\0\0\0x');
    expect(client.read(1, 6, 5)).toBe('world');
    expect(client.read(1, 500, 5)).toBe('');
    expect(client.size(1)).toBe(21n);
    client.ask(T.fsync, u32(1), u32(0));
    client.ask(T.clunk, u32(1));
    expect(client.walk(0, 1, 'a.txt')).toBe(1);
    client.ask(T.unlinkat, u32(0), 'a.txt', u32(0));
    expect(() => client.walk(0, 2, 'a.txt')).toThrow(`errno ${E.ENOENT}`);
    client.ask(T.getattr, u32(1), u64(0)); // who has it still has it
  });

  test('truncated and given a mode', () => {
    const client = new Client();
    client.create(1, 'f');
    client.write(1, 0, 'abcdef');
    const none = [u64(0), u64(0), u64(0), u64(0)] as const;
    client.ask(T.setattr, u32(1), u32(1 | 8), u32(0o600), u32(0), u32(0), u64(3), ...none);
    expect(client.read(1, 0, 9)).toBe('abc');
    client.ask(T.setattr, u32(1), u32(8), u32(0), u32(0), u32(0), u64(5), ...none);
    expect(client.read(1, 0, 9)).toBe('abc\0\0');
    const view = client.ask(T.getattr, u32(1), u64(0x7ff));
    expect(view.getUint32(21, true)).toBe(0o100600);
    expect([view.getUint32(25, true), view.getUint32(29, true)]).toEqual([1000, 100]); // who attached; what lcreate said
    client.refused(E.EFBIG, T.setattr, u32(1), u32(8), u32(0), u32(0), u32(0), u64(2n ** 63n), ...none);
  });

  test('renamed: who came through the old name comes through the new one', () => {
    const client = new Client();
    client.ask(T.mkdir, u32(0), 'd', u32(0o755), u32(0));
    client.walk(0, 1, 'd');
    client.walk(0, 2, 'd');
    client.ask(T.lcreate, u32(2), 'f', u32(2), u32(0o644), u32(0));
    client.ask(T.renameat, u32(0), 'd', u32(0), 'e');
    client.write(2, 0, 'still here');
    client.walk(0, 3, 'e', 'f');
    client.ask(T.lopen, u32(3), u32(0));
    expect(client.read(3, 0, 99)).toBe('still here');
    client.refused(E.EINVAL, T.renameat, u32(0), 'e', u32(1), 'inside-itself');
    expect(client.walk(1, 4, 'f', '..', '..')).toBe(3);
    expect(client.walk(1, 5, '..', '..', '..', 'e')).toBe(4); // nothing is above the root
  });

  test('symbolic links say where, hard links are the same file', () => {
    const client = new Client();
    client.create(1, 'f');
    client.write(1, 0, 'one');
    client.ask(T.symlink, u32(0), 's', '../../etc/passwd', u32(0));
    client.walk(0, 2, 's');
    const view = client.ask(T.readlink, u32(2));
    expect(Buffer.from(view.buffer, 9, view.getUint16(0, true)).toString()).toBe('../../etc/passwd');
    client.refused(E.ELOOP, T.lopen, u32(2), u32(0));
    expect(() => client.walk(2, 3, 'etc')).toThrow(`errno ${E.ENOTDIR}`); // nobody follows it here
    client.ask(T.link, u32(0), u32(1), 'g');
    client.walk(0, 4, 'g');
    client.ask(T.lopen, u32(4), u32(0));
    expect(client.read(4, 0, 9)).toBe('one');
  });

  test('a directory in pieces, and whole although it shrinks meanwhile', () => {
    const client = new Client();
    const names = Array.from({ length: 60 }, (_, index) => `file-${index}`);
    for (const name of names) client.folder.put(name, new Uint8Array(0));
    client.walk(0, 1);
    client.ask(T.lopen, u32(1), u32(0));
    const pieces = client.list(1, 400);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.flat()).toEqual(['.', '..', ...names]);
    const first = client.ask(T.readdir, u32(1), u64(0), u32(400)).getUint32(0, true);
    expect(first).toBeGreaterThan(0);
    for (const name of names) client.ask(T.unlinkat, u32(0), name, u32(0));
    expect(client.list(1)).toEqual([['.', '..']]);
  });
});

describe('refused', () => {
  test.each([
    ['a name with a slash', E.EINVAL, T.mkdir, [u32(0), 'a/b', u32(0), u32(0)]],
    ['the name ..', E.EINVAL, T.mkdir, [u32(0), '..', u32(0), u32(0)]],
    ['no name', E.EINVAL, T.mkdir, [u32(0), '', u32(0), u32(0)]],
    ['a name that exists', E.EEXIST, T.mkdir, [u32(0), 'd', u32(0), u32(0)]],
    ['a fid that nobody made', E.EBADF, T.getattr, [u32(77), u64(0)]],
    ['a fid that is taken', E.EBADF, T.walk, [u32(0), u32(1), u16(0)]],
    ['rmdir of a file', E.ENOTDIR, T.unlinkat, [u32(0), 'f', u32(0x200)]],
    ['unlink of a directory', E.EISDIR, T.unlinkat, [u32(0), 'd', u32(0)]],
    ['rmdir of a full directory', E.ENOTEMPTY, T.unlinkat, [u32(0), 'full', u32(0x200)]],
    ['reading a file that is not open', E.EBADF, T.read, [u32(1), u64(0), u32(9)]],
    ['writing a directory', E.EISDIR, T.lopen, [u32(0), u32(1)]],
    ['removing the root', E.EPERM, T.remove, [u32(0)]],
    ['a walk of seventeen names', E.EINVAL, T.walk, [u32(0), u32(9), u16(17), ...Array<string>(17).fill('d')]],
    ['a message that is cut off', E.EPROTO, T.mkdir, [u32(0), u16(500)]],
    ['a type that does not exist', E.EOPNOTSUPP, 99, []],
    ['extended attributes', E.EOPNOTSUPP, 30, [u32(0), u32(9), '']],
    ['a link to a directory', E.EPERM, T.link, [u32(0), u32(2), 'again']],
  ] as const)('%s', (_, errno, type, fields) => {
    const client = new Client();
    client.folder.put('f', Uint8Array.of(1));
    client.folder.put('full/x', Uint8Array.of(1));
    client.ask(T.mkdir, u32(0), 'd', u32(0o755), u32(0));
    client.walk(0, 1, 'f');
    client.walk(0, 2, 'd');
    client.refused(errno, type, ...fields);
  });

  test('everything that changes a read-only folder', () => {
    const folder = new MemoryFolder({ readOnly: true });
    folder.put('f', Uint8Array.of(65));
    const client = new Client(folder);
    client.walk(0, 1, 'f');
    client.refused(E.EROFS, T.mkdir, u32(0), 'd', u32(0), u32(0));
    client.refused(E.EROFS, T.unlinkat, u32(0), 'f', u32(0));
    client.refused(E.EROFS, T.lopen, u32(1), u32(1));
    client.ask(T.lopen, u32(1), u32(0));
    client.refused(E.EROFS, T.write, u32(1), u64(0), u32(1), u8(66));
    expect(client.read(1, 0, 9)).toBe('A');
  });

  test('more than the folder holds; removing makes room, once nobody uses the file', () => {
    const client = new Client(new MemoryFolder({ capacity: 64 * 1024 }));
    client.create(1, 'big');
    client.write(1, 0, 'x'.repeat(40_000));
    client.refused(E.ENOSPC, T.write, u32(1), u64(60_000), u32(5000), new Uint8Array(5000));
    client.ask(T.unlinkat, u32(0), 'big', u32(0));
    client.create(2, 'other');
    client.refused(E.ENOSPC, T.write, u32(2), u64(0), u32(40_000), new Uint8Array(40_000));
    client.ask(T.clunk, u32(1));
    expect(client.write(2, 0, 'y'.repeat(40_000))).toBe(40_000);
  });
});

test('directories without end', () => {
  const client = new Client();
  client.walk(0, 1);
  let depth = 0;
  const deeper = () => {
    client.ask(T.mkdir, u32(1), 'd', u32(0o755), u32(0));
    return client.walk(1, 1, 'd');
  };
  expect(() => {
    for (; depth < 1000; depth++) deeper();
  }).toThrow(/errno 36/); // ENAMETOOLONG
  expect(depth).toBeGreaterThan(100);
});

test('a session goes on from a snapshot', () => {
  const client = new Client();
  client.ask(T.mkdir, u32(0), 'd', u32(0o755), u32(0));
  client.walk(0, 1, 'd');
  client.ask(T.lcreate, u32(1), 'f', u32(2), u32(0o644), u32(0));
  client.write(1, 0, 'before');
  const state = JSON.parse(JSON.stringify(client.server.snapshot())) as ReturnType<NinePServer['snapshot']>;
  const other = new Client(client.folder);
  other.server.restore(state);
  expect(other.read(1, 0, 9)).toBe('before');
  expect(other.server.snapshot()).toEqual(client.server.snapshot());
});

describe('a directory that is half read', () => {
  const names = Array.from({ length: 60 }, (_, index) => `file-${index}`);
  /** Reads a part, moves the session to another server, and reads the rest there. */
  const movedAfterReading = (between: (client: Client) => void) => {
    const client = new Client();
    for (const name of names) client.folder.put(name, new Uint8Array(0));
    client.walk(0, 1);
    client.ask(T.lopen, u32(1), u32(0));
    const read = client.listFrom(1, 0n, 400);
    between(client);
    const other = new Client(client.folder);
    other.server.restore(JSON.parse(JSON.stringify(client.server.snapshot())) as DeviceState);
    expect(other.server.snapshot()).toEqual(client.server.snapshot());
    const rest: string[] = [];
    for (let { offset } = read; ;) {
      const piece = other.listFrom(1, offset, 400);
      if (piece.names.length === 0) return { first: read.names, rest };
      rest.push(...piece.names);
      ({ offset } = piece);
    }
  };

  test('goes on where it was, in the session that came from a snapshot', () => {
    const { first, rest } = movedAfterReading(() => undefined);
    expect(first.length).toBeGreaterThan(5);
    expect([...first, ...rest]).toEqual(['.', '..', ...names]);
  });

  test('names that have gone meanwhile are left out, none is told twice, and new ones are for who reads anew', () => {
    const { first, rest } = movedAfterReading((client) => {
      // Removing what was read already moves everything in the directory itself.
      for (const name of ['file-0', 'file-1', 'file-2', 'file-40']) client.ask(T.unlinkat, u32(0), name, u32(0));
      client.folder.put('new', new Uint8Array(0));
    });
    expect(first).toContain('file-2');
    expect([...first, ...rest]).toEqual(['.', '..', ...names.filter((name) => name !== 'file-40')]);
  });

  test('of a saved session that is no session: an error in words, whatever the numbers are', () => {
    const client = new Client();
    for (const name of names) client.folder.put(name, new Uint8Array(0));
    client.walk(0, 1);
    client.ask(T.lopen, u32(1), u32(0));
    client.listFrom(1, 0n, 400);
    const { largest, fids } = client.server.snapshot() as { largest: number; fids: readonly number[] };
    const restored = (numbers: readonly number[]) => {
      const other = new Client(client.folder);
      other.server.restore({ largest, fids: numbers });
      return other;
    };
    expect(() => restored(fids.slice(0, -1))).toThrow(/session of the shared folder is damaged: expected .*, found/);
    expect(() => restored([...fids, ...fids])).toThrow(/each fid once/);
    expect(() => restored([7, 0, 4, 0])).toThrow(/flags of a file/);
    expect(() => restored([7, 0, 3, 0, 0xffff_ffff])).toThrow(/names, found 4294967295/);
    expect(() => restored([7, 0, 1, 1, 1, 256])).toThrow(/bytes in a name, found 256/);
    const number = fc.oneof(fc.nat(4), fc.nat(300), fc.nat(0xffff_ffff));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(fids.length - 1), number), { minLength: 1, maxLength: 4 }), (changes) => {
        const forged = [...fids];
        for (const [at, value] of changes) forged[at] = value;
        try {
          const other = restored(forged);
          for (const type of [T.readdir, T.read]) other.server.serve(encode(type, [u32(1), u64(3), u32(900)]), 1000);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).toMatch(/is damaged|does not fit/);
        }
      }),
      { numRuns: 200 },
    );
  });
});

test('a client with files at the end of long ways gets no more of them than a snapshot can name', () => {
  const client = new Client();
  const name = 'n'.repeat(255);
  client.walk(0, 1);
  for (let depth = 0; depth < 200; depth++) {
    client.ask(T.mkdir, u32(1), name, u32(0o755), u32(0));
    client.walk(1, 1, name);
  }
  expect(() => {
    for (let fid = 2; fid < 16_000; fid++) client.walk(1, fid);
  }).toThrow(/errno 24/); // EMFILE
  const { fids } = client.server.snapshot() as { fids: readonly number[] };
  const other = new Client(client.folder);
  other.server.restore({ largest: 65536, fids });
  const again = other.server.snapshot() as { fids: readonly number[] };
  expect(again.fids.length).toBe(fids.length);
  expect(again.fids.every((value, index) => value === fids[index])).toBe(true);
  client.ask(T.clunk, u32(2));
  client.walk(1, 2);
});

test('no message, however broken, throws or answers more than there is room for', () => {
  const field = fc.oneof(
    fc.nat(4).map(u32),
    fc.constantFrom(u32(0xffff_ffff), u64(2n ** 64n - 1n), u64(0), u16(0xffff), u8(255)),
    fc.constantFrom('d', 'f', '..', 'x'.repeat(300), '\0'),
    fc.uint8Array({ maxLength: 40 }),
  );
  const message = fc.tuple(
    fc.oneof(fc.constantFrom(...Object.values(T)), fc.nat(255)),
    fc.array(field, { maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 25 }), fc.nat(300), (messages, room) => {
      const client = new Client(new MemoryFolder({ capacity: 2 ** 20 }));
      for (const [type, fields] of messages) {
        const { answer } = client.server.serve(encode(type, fields), room);
        expect(answer.length).toBeLessThanOrEqual(Math.max(room, 11)); // an error takes eleven bytes
      }
      client.server.serve(Uint8Array.of(1, 2, 3), room);
      client.server.reset();
    }),
    { numRuns: 300 },
  );
});
