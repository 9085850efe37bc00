// A shared folder in memory: small, complete, and bounded, so that a guest cannot fill the host.

import {
  Errno,
  FolderError,
  type AttributeChange,
  type Attributes,
  type Creation,
  type NodeKind,
  type SharedFolder,
  type SharedNode,
} from './shared-folder.ts';

const BLOCK = 4096;
/** What a node takes besides its contents. */
const NODE_BYTES = 512;

export interface MemoryFolderOptions {
  /** Bytes of all files together. Default 64 MiB. */
  readonly capacity?: number;
  readonly readOnly?: boolean;
  /** Nanoseconds since 1970; default: it is always 1970. */
  readonly now?: () => bigint;
}

/** What all nodes of a folder share. */
class Volume {
  readonly capacity: number;
  readonly now: () => bigint;
  used = 0;
  files = 0;
  #identity = 0;

  constructor(options: MemoryFolderOptions) {
    this.capacity = options.capacity ?? 64 * 2 ** 20;
    this.now = options.now ?? (() => 0n);
  }

  nextIdentity(): number {
    return ++this.#identity;
  }

  /** @param bytes negative: they are free again @throws FolderError where there is no room */
  claim(bytes: number): void {
    if (bytes > 0 && this.used + bytes > this.capacity) throw new FolderError(Errno.noSpace);
    this.used += bytes;
  }
}

class MemoryNode implements SharedNode {
  readonly #volume: Volume;
  readonly #kind: NodeKind;
  readonly #identity: number;
  readonly #children = new Map<string, MemoryNode>();
  readonly #target: string;
  #bytes = new Uint8Array(0);
  #size = 0;
  #version = 0;
  #links = 0;
  #holds = 0;
  /** Of a directory: the one it is in. */
  #parent: MemoryNode | undefined;
  #mode: number;
  #user: number;
  #group: number;
  #accessed: bigint;
  #modified: bigint;
  #changed: bigint;

  readonly #root: boolean;

  constructor(volume: Volume, creation: Creation, root = false) {
    this.#root = root;
    volume.claim(NODE_BYTES);
    volume.files++;
    this.#volume = volume;
    this.#identity = volume.nextIdentity();
    this.#kind = creation.kind;
    this.#mode = creation.mode & 0o7777;
    this.#user = creation.user;
    this.#group = creation.group;
    this.#target = creation.target ?? '';
    this.#accessed = this.#modified = this.#changed = volume.now();
  }

  attributes(): Attributes {
    const directories = [...this.#children.values()].filter(({ kind }) => kind === 'directory').length;
    return {
      kind: this.#kind,
      identity: this.#identity,
      version: this.#version,
      mode: this.#mode,
      user: this.#user,
      group: this.#group,
      links: this.#kind === 'directory' ? 2 + directories : this.#links,
      size: this.#kind === 'symbolic-link' ? this.#target.length : this.#size,
      accessed: this.#accessed,
      modified: this.#modified,
      changed: this.#changed,
    };
  }

  get kind(): NodeKind {
    return this.#kind;
  }

  change({ mode, user, group, size, accessed, modified }: AttributeChange): void {
    const now = this.#volume.now();
    if (size !== undefined) this.#resize(size);
    this.#mode = mode === undefined ? this.#mode : mode & 0o7777;
    this.#user = user ?? this.#user;
    this.#group = group ?? this.#group;
    if (accessed !== undefined) this.#accessed = accessed === 'now' ? now : accessed;
    if (modified !== undefined) this.#modified = modified === 'now' ? now : modified;
    this.#changed = now;
  }

  lookup(name: string): MemoryNode {
    const child = this.#directory.get(name);
    if (child === undefined) throw new FolderError(Errno.noEntry);
    return child;
  }

  entries() {
    return [...this.#directory].map(([name, node]) => ({ name, node }));
  }

  create(name: string, creation: Creation): MemoryNode {
    if (this.#directory.has(name)) throw new FolderError(Errno.exists);
    const node = new MemoryNode(this.#volume, creation);
    this.#adopt(name, node);
    return node;
  }

  link(name: string, node: SharedNode): void {
    if (this.#directory.has(name)) throw new FolderError(Errno.exists);
    if (!(node instanceof MemoryNode) || node.#kind === 'directory') throw new FolderError(Errno.notPermitted);
    this.#adopt(name, node);
  }

  remove(name: string, kind: 'file' | 'directory'): void {
    const node = this.lookup(name);
    if (kind === 'directory') {
      if (node.#kind !== 'directory') throw new FolderError(Errno.notDirectory);
      if (node.#children.size > 0) throw new FolderError(Errno.notEmpty);
    } else if (node.#kind === 'directory') throw new FolderError(Errno.isDirectory);
    this.#abandon(name, node);
  }

  rename(name: string, to: SharedNode, newName: string): void {
    const node = this.lookup(name);
    if (!(to instanceof MemoryNode)) throw new FolderError(Errno.crossDevice);
    for (let above: MemoryNode | undefined = to; above !== undefined; above = above.#parent) {
      if (above === node) throw new FolderError(Errno.invalid); // into itself
    }
    const over = to.#directory.get(newName);
    if (over === node) return;
    if (over !== undefined) to.remove(newName, node.#kind === 'directory' ? 'directory' : 'file');
    node.#links++; // it is never without a name
    this.#abandon(name, node);
    to.#adopt(newName, node);
    node.#links--;
  }

  read(offset: number, into: Uint8Array): number {
    if (this.#kind !== 'file') throw new FolderError(Errno.isDirectory);
    const bytes = this.#bytes.subarray(Math.min(offset, this.#size), Math.min(offset + into.length, this.#size));
    into.set(bytes);
    this.#accessed = this.#volume.now();
    return bytes.length;
  }

  write(offset: number, bytes: Uint8Array): number {
    if (this.#kind !== 'file') throw new FolderError(Errno.isDirectory);
    if (offset + bytes.length > this.#size) this.#resize(offset + bytes.length);
    this.#bytes.set(bytes, offset);
    this.#touch();
    return bytes.length;
  }

  flush(): void {
    // Memory is all there is.
  }

  target(): string {
    if (this.#kind !== 'symbolic-link') throw new FolderError(Errno.invalid);
    return this.#target;
  }

  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#freeUnlessUsed();
  }

  get #directory(): Map<string, MemoryNode> {
    if (this.#kind !== 'directory') throw new FolderError(Errno.notDirectory);
    return this.#children;
  }

  #adopt(name: string, node: MemoryNode): void {
    this.#children.set(name, node);
    node.#links++;
    if (node.#kind === 'directory') node.#parent = this;
    node.#changed = this.#volume.now();
    this.#touch();
  }

  #abandon(name: string, node: MemoryNode): void {
    this.#children.delete(name);
    node.#links--;
    node.#changed = this.#volume.now();
    this.#touch();
    node.#freeUnlessUsed();
  }

  #freeUnlessUsed(): void {
    if (this.#links > 0 || this.#holds > 0 || this.#root) return;
    this.#volume.claim(-NODE_BYTES - this.#bytes.length);
    this.#volume.files--;
  }

  #touch(): void {
    this.#version++;
    this.#modified = this.#changed = this.#volume.now();
  }

  #resize(size: number): void {
    if (this.#kind !== 'file') throw new FolderError(Errno.isDirectory);
    if (!Number.isSafeInteger(size) || size < 0) throw new FolderError(Errno.tooLarge);
    const needed = Math.ceil(size / BLOCK) * BLOCK;
    if (needed > this.#bytes.length || needed < this.#bytes.length / 2) {
      // In large steps, or a file written in small ones would be copied each time.
      const room =
        needed > this.#bytes.length ? Math.max(needed, Math.min(2 * this.#bytes.length, this.#freeFor())) : needed;
      this.#volume.claim(room - this.#bytes.length);
      const bytes = new Uint8Array(room);
      bytes.set(this.#bytes.subarray(0, Math.min(this.#size, size, room)));
      this.#bytes = bytes;
    } else this.#bytes.fill(0, Math.min(size, this.#size), this.#size);
    this.#size = size;
    this.#touch();
  }

  /** Bytes this file could have. */
  #freeFor(): number {
    return this.#bytes.length + Math.floor((this.#volume.capacity - this.#volume.used) / BLOCK) * BLOCK;
  }
}

export class MemoryFolder implements SharedFolder {
  readonly root: SharedNode;
  readonly readOnly: boolean;
  readonly #volume: Volume;

  constructor(options: MemoryFolderOptions = {}) {
    this.#volume = new Volume(options);
    this.readOnly = options.readOnly ?? false;
    this.root = new MemoryNode(this.#volume, { kind: 'directory', mode: 0o755, user: 0, group: 0 }, true);
  }

  /** Puts a file at a path such as `notes/today.txt`, with the directories it needs. */
  put(path: string, contents: Uint8Array): void {
    const names = path.split('/').filter((name) => name !== '');
    const last = names.pop();
    if (last === undefined) throw new Error('expected the path of a file, found none');
    let directory = this.root;
    for (const name of names) {
      const found = directory.entries().find((entry) => entry.name === name)?.node;
      directory = found ?? directory.create(name, { kind: 'directory', mode: 0o755, user: 0, group: 0 });
    }
    directory.create(last, { kind: 'file', mode: 0o644, user: 0, group: 0 }).write(0, contents);
  }

  space() {
    const { capacity, used, files } = this.#volume;
    return { blocks: Math.floor(capacity / BLOCK), free: Math.floor(Math.max(0, capacity - used) / BLOCK), files };
  }
}
