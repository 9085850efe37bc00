// The messages of 9P2000.L, one row each: what a request says, what it does to the session, what is answered (Linux
// include/net/9p/9p.h; diod's protocol.md).

import { checkedName, listedNode, nodeOf, walk, type Fid, type FidTable, type Step } from './nine-p-fids.ts';
import type { MessageReader, MessageWriter } from './nine-p-wire.ts';
import {
  Errno,
  FolderError,
  type Attributes,
  type NodeKind,
  type SharedFolder,
  type SharedNode,
} from './shared-folder.ts';

const VERSION = '9P2000.L';
/** Bytes of the shortest longest message that is worth while. */
export const SMALLEST_MESSAGE = 4096;
const BLOCK = 4096;
const MOST_NAMES = 16;

/** open(2), as Linux numbers the flags on RISC-V. */
const Open = { accessMode: 3, truncate: 0o1000 } as const;
const REMOVE_DIRECTORY = 0x200;
/** Tsetattr's `valid`. */
const Set = {
  mode: 1,
  user: 2,
  group: 4,
  size: 8,
  accessed: 16,
  modified: 32,
  changed: 64,
  accessedTo: 128,
  modifiedTo: 256,
} as const;
/** Everything of Tgetattr's answer up to ctime. */
const BASIC_ATTRIBUTES = 0x7ff;

const KINDS: Readonly<Record<NodeKind, { readonly qid: number; readonly mode: number; readonly entry: number }>> = {
  file: { qid: 0, mode: 0o100000, entry: 8 },
  directory: { qid: 0x80, mode: 0o040000, entry: 4 },
  'symbolic-link': { qid: 0x02, mode: 0o120000, entry: 10 },
};

/** What a client and the server have agreed on, and the client's files. */
export interface NinePSession {
  readonly folder: SharedFolder;
  readonly fids: FidTable;
  /** A new session with messages of at most so many bytes. @returns what the server agrees to */
  begin(largest: number): number;
  /** Most bytes of content in the answer to a read. */
  content(): number;
}

type Handler = (session: NinePSession, message: MessageReader, answer: MessageWriter) => void;

const fidOf = (session: NinePSession, message: MessageReader): Fid => session.fids.get(message.u32());

function writable(session: NinePSession): void {
  if (session.folder.readOnly) throw new FolderError(Errno.readOnly);
}

function qid(answer: MessageWriter, node: SharedNode, attributes: Attributes = node.attributes()): void {
  answer
    .u8(KINDS[attributes.kind].qid)
    .u32(attributes.version >>> 0)
    .u64(attributes.identity);
}

const seconds = (time: bigint): bigint => time / 1_000_000_000n;
const nanoseconds = (time: bigint): bigint => time % 1_000_000_000n;

function create(
  session: NinePSession,
  message: MessageReader,
  kind: NodeKind,
  read: (message: MessageReader) => { readonly mode: number; readonly group: number; readonly target?: string },
): { readonly step: Step; readonly fid: Fid; readonly number: number } {
  writable(session);
  const number = message.u32();
  const fid = session.fids.get(number);
  const name = checkedName(message.text());
  const node = nodeOf(fid).create(name, { kind, user: fid.user, ...read(message) });
  return { step: { name, node }, fid, number };
}

function rename(session: NinePSession, fid: Fid, name: string, to: Fid, newName: string): void {
  writable(session);
  const directory = nodeOf(fid);
  const node = directory.lookup(checkedName(name));
  directory.rename(name, nodeOf(to), checkedName(newName));
  session.fids.moved(node, [...to.trail, { name: newName, node }]);
}

const parentOf = (fid: Fid): { readonly directory: Fid; readonly name: string } => {
  const last = fid.trail.at(-1);
  if (last === undefined) throw new FolderError(Errno.notPermitted);
  return { directory: { ...fid, trail: fid.trail.slice(0, -1) }, name: last.name };
};

const row = (name: string, serve: Handler) => ({ name, serve });

/** By message type. */
export const HANDLERS: Readonly<Record<number, ReturnType<typeof row>>> = {
  8: row('statfs', (session, message, answer) => {
    fidOf(session, message);
    const { blocks, free, files } = session.folder.space();
    const V9FS_MAGIC = 0x01021997;
    answer.u32(V9FS_MAGIC).u32(BLOCK).u64(blocks).u64(free).u64(free).u64(files).u64(0xffff).u64(0).u32(255);
  }),
  12: row('lopen', (session, message, answer) => {
    const fid = fidOf(session, message);
    const flags = message.u32();
    const node = nodeOf(fid);
    const { kind } = node.attributes();
    if (kind === 'symbolic-link') throw new FolderError(Errno.loop);
    const writes = (flags & Open.accessMode) !== 0 || (flags & Open.truncate) !== 0;
    if (writes && kind === 'directory') throw new FolderError(Errno.isDirectory);
    if (writes) writable(session);
    if ((flags & Open.truncate) !== 0) node.change({ size: 0 });
    fid.open = true;
    qid(answer, node);
    answer.u32(0); // iounit: whatever fits a message
  }),
  14: row('lcreate', (session, message, answer) => {
    const { step, fid, number } = create(session, message, 'file', (rest) => {
      rest.u32(); // flags: the file is new and empty
      return { mode: rest.u32(), group: rest.u32() };
    });
    session.fids.move(number, [...fid.trail, step]);
    fid.open = true;
    qid(answer, step.node);
    answer.u32(0);
  }),
  16: row('symlink', (session, message, answer) => {
    const { step } = create(session, message, 'symbolic-link', (rest) => ({
      target: rest.text(),
      mode: 0o777,
      group: rest.u32(),
    }));
    qid(answer, step.node);
  }),
  20: row('rename', (session, message) => {
    const fid = fidOf(session, message);
    const to = fidOf(session, message);
    const { directory, name } = parentOf(fid);
    rename(session, directory, name, to, message.text());
  }),
  22: row('readlink', (session, message, answer) => {
    answer.text(nodeOf(fidOf(session, message)).target());
  }),
  24: row('getattr', (session, message, answer) => {
    const node = nodeOf(fidOf(session, message));
    const found = node.attributes();
    answer.u64(BASIC_ATTRIBUTES);
    qid(answer, node, found);
    answer
      .u32(KINDS[found.kind].mode | found.mode)
      .u32(found.user)
      .u32(found.group)
      .u64(found.links)
      .u64(0);
    answer
      .u64(found.size)
      .u64(BLOCK)
      .u64(Math.ceil(found.size / 512));
    for (const time of [found.accessed, found.modified, found.changed])
      answer.u64(seconds(time)).u64(nanoseconds(time));
    answer.u64(0).u64(0).u64(0).u64(found.version); // no birth, no generation
  }),
  26: row('setattr', (session, message) => {
    writable(session);
    const node = nodeOf(fidOf(session, message));
    const valid = message.u32();
    const [mode, user, group] = [message.u32(), message.u32(), message.u32()];
    const size = message.u64();
    const times = [0, 1].map(() => message.u64() * 1_000_000_000n + message.u64());
    if ((valid & Set.size) !== 0 && size > BigInt(Number.MAX_SAFE_INTEGER)) throw new FolderError(Errno.tooLarge);
    const time = (is: number, to: number, value: bigint | undefined) =>
      (valid & is) === 0 ? undefined : (valid & to) === 0 ? ('now' as const) : value;
    const accessed = time(Set.accessed, Set.accessedTo, times[0]);
    const modified = time(Set.modified, Set.modifiedTo, times[1]);
    node.change({
      ...((valid & Set.mode) !== 0 && { mode }),
      ...((valid & Set.user) !== 0 && { user }),
      ...((valid & Set.group) !== 0 && { group }),
      ...((valid & Set.size) !== 0 && { size: Number(size) }),
      ...(accessed !== undefined && { accessed }),
      ...(modified !== undefined && { modified }),
    });
  }),
  40: row('readdir', (session, message, answer) => {
    const fid = fidOf(session, message);
    const offset = message.position();
    const room = Math.min(message.u32(), session.content());
    if (!fid.open) throw new FolderError(Errno.badFile);
    if (offset === 0 || fid.listing === undefined) {
      const self = nodeOf(fid);
      const parent = fid.trail.at(-2)?.node ?? fid.root;
      fid.listing = [{ name: '.', node: self }, { name: '..', node: parent }, ...self.entries()];
    }
    answer.u32(0);
    const start = answer.length;
    for (let index = offset; index < fid.listing.length; index++) {
      const entry = fid.listing[index];
      const node = entry && listedNode(fid, entry);
      if (entry === undefined || node === undefined) continue;
      const before = answer.length;
      const found = node.attributes();
      qid(answer, node, found);
      answer
        .u64(index + 1)
        .u8(KINDS[found.kind].entry)
        .text(entry.name);
      if (answer.length - start <= room) continue;
      answer.truncate(before);
      break;
    }
    answer.setCount(start - 4, answer.length - start);
  }),
  50: row('fsync', (session, message) => {
    nodeOf(fidOf(session, message)).flush();
  }),
  52: row('lock', (session, message, answer) => {
    fidOf(session, message);
    answer.u8(0); // granted: there is one client
  }),
  54: row('getlock', (session, message, answer) => {
    fidOf(session, message);
    message.u8();
    const UNLOCKED = 2;
    answer.u8(UNLOCKED).u64(message.u64()).u64(message.u64()).u32(message.u32()).text(message.text());
  }),
  70: row('link', (session, message) => {
    writable(session);
    const directory = fidOf(session, message);
    const fid = fidOf(session, message);
    nodeOf(directory).link(checkedName(message.text()), nodeOf(fid));
  }),
  72: row('mkdir', (session, message, answer) => {
    const { step } = create(session, message, 'directory', (rest) => ({ mode: rest.u32(), group: rest.u32() }));
    qid(answer, step.node);
  }),
  74: row('renameat', (session, message) => {
    const from = fidOf(session, message);
    const name = message.text();
    const to = fidOf(session, message);
    rename(session, from, name, to, message.text());
  }),
  76: row('unlinkat', (session, message) => {
    writable(session);
    const fid = fidOf(session, message);
    const name = checkedName(message.text());
    nodeOf(fid).remove(name, (message.u32() & REMOVE_DIRECTORY) !== 0 ? 'directory' : 'file');
  }),
  100: row('version', (session, message, answer) => {
    const largest = message.u32();
    const version = message.text();
    if (largest < SMALLEST_MESSAGE) throw new FolderError(Errno.invalid);
    answer.u32(session.begin(largest)).text(version === VERSION ? VERSION : 'unknown');
  }),
  104: row('attach', (session, message, answer) => {
    const number = message.u32();
    message.u32(); // afid: nobody has to prove who they are
    message.text();
    message.text();
    const { root } = session.folder;
    const user = message.u32();
    session.fids.add(number, { root, trail: [], user: user === 0xffff_ffff ? 0 : user });
    qid(answer, root);
  }),
  108: row('flush', () => {
    // Every request has been answered before the next one is looked at.
  }),
  110: row('walk', (session, message, answer) => {
    const number = message.u32();
    const fid = session.fids.get(number);
    const newNumber = message.u32();
    const names = Array.from({ length: Math.min(message.u16(), MOST_NAMES + 1) }, () => message.text());
    if (names.length > MOST_NAMES) throw new FolderError(Errno.invalid);
    if (fid.open && names.length > 0) throw new FolderError(Errno.badFile);
    let { trail } = fid;
    const found: Step['node'][] = [];
    for (const name of names) {
      try {
        trail = walk(fid.root, trail, [name]);
      } catch (error) {
        // Part of the way counts, but not none of it (walk(5)).
        if (!(error instanceof FolderError) || found.length === 0) throw error;
        break;
      }
      found.push(trail.at(-1)?.node ?? fid.root);
    }
    if (found.length === names.length) {
      if (newNumber === number) session.fids.move(number, trail);
      else session.fids.add(newNumber, { root: fid.root, trail, user: fid.user });
    }
    answer.u16(found.length);
    for (const node of found) qid(answer, node);
  }),
  116: row('read', (session, message, answer) => {
    const fid = fidOf(session, message);
    const offset = message.position();
    const into = new Uint8Array(Math.min(message.u32(), session.content()));
    if (!fid.open) throw new FolderError(Errno.badFile);
    const length = nodeOf(fid).read(offset, into);
    answer.u32(length).bytes(into.subarray(0, length));
  }),
  118: row('write', (session, message, answer) => {
    writable(session);
    const fid = fidOf(session, message);
    const offset = message.position();
    const bytes = message.rest(message.u32());
    if (!fid.open) throw new FolderError(Errno.badFile);
    answer.u32(nodeOf(fid).write(offset, bytes));
  }),
  120: row('clunk', (session, message) => {
    session.fids.remove(message.u32());
  }),
  122: row('remove', (session, message) => {
    const number = message.u32();
    const fid = session.fids.get(number);
    try {
      writable(session);
      const { directory, name } = parentOf(fid);
      const { kind } = nodeOf(fid).attributes();
      nodeOf(directory).remove(name, kind === 'directory' ? 'directory' : 'file');
    } finally {
      session.fids.remove(number); // also where it failed (remove(5))
    }
  }),
};
