// The fids of a 9P session: the numbers by which a client names the files it has walked to. Each remembers the way it came, since
// `..` leads back along it, and since a snapshot can name a file only by its path.

import { Errno, FolderError, type SharedNode } from './shared-folder.ts';

export interface Step {
  readonly name: string;
  readonly node: SharedNode;
}

export interface Fid {
  readonly root: SharedNode;
  /** From the root; empty at the root itself. */
  trail: readonly Step[];
  /** Who walked here, for the files made from here. */
  readonly user: number;
  open: boolean;
  /** A directory's entries as they were when reading began: removing some of them must not make it skip others. */
  listing: readonly Step[] | undefined;
}

/** A client needs one for each file in use; Linux also for each cached name. */
const MOST_FIDS = 1 << 14;

/** Bytes of one component. */
const LONGEST_NAME = 255;
/** Directories below each other that can be walked to. */
const DEEPEST = 256;

export const nodeOf = ({ trail, root }: Pick<Fid, 'trail' | 'root'>): SharedNode => trail.at(-1)?.node ?? root;

export class FidTable {
  readonly #fids = new Map<number, Fid>();

  /** @throws FolderError (EBADF) */
  get(number: number): Fid {
    const fid = this.#fids.get(number);
    if (fid === undefined) throw new FolderError(Errno.badFile);
    return fid;
  }

  add(number: number, fid: Pick<Fid, 'root' | 'trail' | 'user'>): void {
    if (this.#fids.has(number)) throw new FolderError(Errno.badFile);
    if (this.#fids.size >= MOST_FIDS) throw new FolderError(Errno.tooManyOpen);
    nodeOf(fid).hold();
    this.#fids.set(number, { ...fid, open: false, listing: undefined });
  }

  /** The fid goes on to another file. */
  move(number: number, trail: readonly Step[]): void {
    const fid = this.get(number);
    nodeOf({ trail, root: fid.root }).hold();
    nodeOf(fid).release();
    fid.trail = trail;
  }

  remove(number: number): void {
    const fid = this.get(number);
    this.#fids.delete(number);
    nodeOf(fid).release();
  }

  clear(): void {
    for (const number of [...this.#fids.keys()]) this.remove(number);
  }

  /** A node has moved: every way that led through it leads through its new place. */
  moved(node: SharedNode, place: readonly Step[]): void {
    for (const fid of this.#fids.values()) {
      const at = fid.trail.findIndex((step) => step.node === node);
      if (at >= 0) fid.trail = [...place, ...fid.trail.slice(at + 1)];
    }
  }

  /** As numbers: fid, user, open, steps; for each step its length and its characters. */
  snapshot(): readonly number[] {
    return [...this.#fids].flatMap(([number, { trail, user, open }]) => [
      number,
      user,
      open ? 1 : 0,
      trail.length,
      ...trail.flatMap(({ name }) => [name.length, ...Array.from(name, (letter) => letter.charCodeAt(0))]),
    ]);
  }

  /** Walks to every file again; those that are gone are forgotten, and their users get EBADF. */
  restore(numbers: readonly number[], root: SharedNode): void {
    this.clear();
    for (let at = 0; at < numbers.length;) {
      const [number = 0, user = 0, open = 0, steps = 0] = numbers.slice(at, at + 4);
      at += 4;
      const names: string[] = [];
      for (let step = 0; step < steps && at < numbers.length; step++) {
        const length = Math.min(LONGEST_NAME, numbers[at] ?? 0);
        names.push(String.fromCharCode(...numbers.slice(at + 1, at + 1 + length)));
        at += 1 + Math.max(0, length);
      }
      try {
        this.add(number, { root, user, trail: walk(root, [], names) });
        this.get(number).open = open === 1;
      } catch (error) {
        if (!(error instanceof FolderError)) throw error;
      }
    }
  }
}

/** @throws FolderError where a name is not there */
export function walk(root: SharedNode, from: readonly Step[], names: readonly string[]): readonly Step[] {
  let trail = from;
  for (const name of names) {
    if (name === '..') trail = trail.slice(0, -1);
    else if (trail.length >= DEEPEST) throw new FolderError(Errno.nameTooLong);
    else if (name !== '.') trail = [...trail, { name, node: (trail.at(-1)?.node ?? root).lookup(checkedName(name)) }];
  }
  return trail;
}

/** One component that may name something in a directory. @throws FolderError */
export function checkedName(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) throw new FolderError(Errno.invalid);
  if (name.length > LONGEST_NAME) throw new FolderError(Errno.nameTooLong);
  return name;
}
