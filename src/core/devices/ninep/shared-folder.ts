// A folder that a host shares with a guest, as the 9P server sees it: a tree of nodes. Whether it lies in memory, on a host's
// disk or in a browser's storage is the implementation's affair. Names and links are byte strings, one character a byte, since a
// guest's names need not be UTF-8. Failures are thrown as `FolderError` and reach the guest as errno.

/** Linux's numbers (asm-generic/errno-base.h, errno.h), which 9P2000.L sends as they are. */
export const Errno = {
  notPermitted: 1,
  noEntry: 2,
  ioError: 5,
  badFile: 9,
  exists: 17,
  crossDevice: 18,
  notDirectory: 20,
  isDirectory: 21,
  invalid: 22,
  tooManyOpen: 24,
  tooLarge: 27,
  noSpace: 28,
  readOnly: 30,
  nameTooLong: 36,
  notEmpty: 39,
  loop: 40,
  protocol: 71,
  notSupported: 95,
} as const;

export class FolderError extends Error {
  override readonly name = 'FolderError';
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

export type NodeKind = 'file' | 'directory' | 'symbolic-link';

/** What `stat` shows. Times are nanoseconds since 1970. */
export interface Attributes {
  readonly kind: NodeKind;
  /** The same for the same file as long as it exists; unlike all others. */
  readonly identity: number;
  /** Changes when the contents do. */
  readonly version: number;
  /** Permission bits, without the kind. */
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  readonly links: number;
  /** Bytes. */
  readonly size: number;
  readonly accessed: bigint;
  readonly modified: bigint;
  readonly changed: bigint;
}

/** What may be changed of a node; what is absent stays. */
export interface AttributeChange {
  readonly mode?: number;
  readonly user?: number;
  readonly group?: number;
  readonly size?: number;
  /** `now`: whatever time the folder has. */
  readonly accessed?: bigint | 'now';
  readonly modified?: bigint | 'now';
}

export interface Creation {
  readonly kind: NodeKind;
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  /** Of a symbolic link: what it says. Nothing here follows it; the guest does. */
  readonly target?: string;
}

/** Every function may throw FolderError. Names are one component: neither empty, nor `.` or `..`, without `/` or NUL. */
export interface SharedNode {
  attributes(): Attributes;
  change(change: AttributeChange): void;
  /** What lies in a directory under a name. */
  lookup(name: string): SharedNode;
  /** Everything in a directory, in the same order as long as it does not change. */
  entries(): readonly { readonly name: string; readonly node: SharedNode }[];
  create(name: string, creation: Creation): SharedNode;
  /** Another name for a file. */
  link(name: string, node: SharedNode): void;
  remove(name: string, kind: 'file' | 'directory'): void;
  /** Moves an entry of this directory to another one, over a file or an empty directory that has the name. */
  rename(name: string, to: SharedNode, newName: string): void;
  /** @returns bytes read: fewer at the end of the file */
  read(offset: number, into: Uint8Array): number;
  write(offset: number, bytes: Uint8Array): number;
  /** What was written survives the loss of the host. */
  flush(): void;
  /** What a symbolic link says. */
  target(): string;
  /** Somebody uses the node, and may go on when it has lost its last name; each hold is released once. */
  hold(): void;
  release(): void;
}

export interface SharedFolder {
  readonly root: SharedNode;
  readonly readOnly: boolean;
  /** Of the whole file system, in blocks of 4 KiB. */
  space(): { readonly blocks: number; readonly free: number; readonly files: number };
}
