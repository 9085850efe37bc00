// The fids of a 9P session: the numbers by which a client names the files it has walked to. Each remembers the way it came, since
// `..` leads back along it, and since a snapshot can name a file only by its path. How far a client has read a directory is a
// number that only it knows: an index into the listing as it was when reading began, so the listing is part of the session.

import { Errno, FolderError, type SharedNode } from './shared-folder.ts';

export interface Step {
  readonly name: string;
  readonly node: SharedNode;
}

/** One entry of a directory as it was listed. */
export interface Listed {
  readonly name: string;
  /** Undefined: the session came from elsewhere, and what has this name now is looked up when it is asked for. */
  readonly node: SharedNode | undefined;
}

export interface Fid {
  readonly root: SharedNode;
  /** From the root; empty at the root itself. */
  trail: readonly Step[];
  /** Who walked here, for the files made from here. */
  readonly user: number;
  open: boolean;
  /** A directory's entries as they were when reading began: removing some of them must not make it skip others. */
  listing: readonly Listed[] | undefined;
}

/** A client needs one for each file in use; Linux also for each cached name. */
const MOST_FIDS = 1 << 14;

/** Bytes of one component. */
const LONGEST_NAME = 255;
/** Directories below each other that can be walked to. */
const DEEPEST = 256;
/** Numbers that the ways to a client's files may take in a snapshot, and those ways with all listings. */
const MOST_WAYS = 1 << 20;
export const MOST_FID_NUMBERS = 3 * MOST_WAYS;
/** Of every listing: `.` and `..`, which are in no directory's entries. */
const IMPLIED = 2;
const Flag = { open: 1, listed: 2 } as const;

export const nodeOf = ({ trail, root }: Pick<Fid, 'trail' | 'root'>): SharedNode => trail.at(-1)?.node ?? root;

export class FidTable {
  readonly #fids = new Map<number, Fid>();
  /** Numbers that all of them take in a snapshot, without their listings. */
  #numbers = 0;

  /** @throws FolderError (EBADF) */
  get(number: number): Fid {
    const fid = this.#fids.get(number);
    if (fid === undefined) throw new FolderError(Errno.badFile);
    return fid;
  }

  add(number: number, fid: Pick<Fid, 'root' | 'trail' | 'user'>): void {
    if (this.#fids.has(number)) throw new FolderError(Errno.badFile);
    const numbers = this.#numbers + numbersOf(fid.trail);
    if (this.#fids.size >= MOST_FIDS || numbers > MOST_WAYS) throw new FolderError(Errno.tooManyOpen);
    this.#numbers = numbers;
    nodeOf(fid).hold();
    this.#fids.set(number, { ...fid, open: false, listing: undefined });
  }

  /** The fid goes on to another file. */
  move(number: number, trail: readonly Step[]): void {
    const fid = this.get(number);
    const numbers = this.#numbers + numbersOf(trail) - numbersOf(fid.trail);
    if (numbers > MOST_WAYS) throw new FolderError(Errno.tooManyOpen);
    this.#numbers = numbers;
    nodeOf({ trail, root: fid.root }).hold();
    nodeOf(fid).release();
    fid.trail = trail;
  }

  remove(number: number): void {
    const fid = this.get(number);
    this.#fids.delete(number);
    this.#numbers -= numbersOf(fid.trail);
    nodeOf(fid).release();
  }

  clear(): void {
    for (const number of [...this.#fids.keys()]) this.remove(number);
  }

  /** A node has moved: every way that led through it leads through its new place. */
  moved(node: SharedNode, place: readonly Step[]): void {
    for (const fid of this.#fids.values()) {
      const at = fid.trail.findIndex((step) => step.node === node);
      if (at < 0) continue;
      const trail = [...place, ...fid.trail.slice(at + 1)];
      this.#numbers += numbersOf(trail) - numbersOf(fid.trail);
      fid.trail = trail;
    }
  }

  /**
   * As numbers: fid, user, flags, then how many steps led to it, and where it was listed how many entries there were; each name
   * is its length and its characters. Listings that would make it too long are left out: those directories are listed anew.
   */
  snapshot(): readonly number[] {
    let room = MOST_FID_NUMBERS - this.#numbers;
    const all: number[] = [];
    for (const [number, { trail, user, open, listing }] of this.#fids) {
      const entries = listing?.slice(IMPLIED);
      const listed = entries !== undefined && numbersOf(entries) <= room;
      all.push(number, user, (open ? Flag.open : 0) | (listed ? Flag.listed : 0));
      putNames(all, trail);
      if (!listed) continue;
      room -= numbersOf(entries);
      putNames(all, entries);
    }
    return all;
  }

  /**
   * Walks to every file again; those that are gone are forgotten, and their users get EBADF.
   * @throws Error, one line for a person, for numbers that no session has
   */
  restore(numbers: readonly number[], root: SharedNode): void {
    this.clear();
    const reader = new NumberReader(numbers);
    while (reader.left > 0) {
      const [number, user, flags] = [reader.next(), reader.next(), reader.next()];
      if (flags > (Flag.open | Flag.listed)) throw strange('flags of a file', flags);
      const names = reader.names(DEEPEST);
      const listed = (flags & Flag.listed) === 0 ? undefined : reader.names(Infinity);
      if (this.#fids.has(number)) throw strange('each fid once', number);
      try {
        this.add(number, { root, user, trail: walk(root, [], names) });
        const fid = this.get(number);
        fid.open = (flags & Flag.open) !== 0;
        fid.listing = listed && ['.', '..', ...listed].map((name) => ({ name, node: undefined }));
      } catch (error) {
        if (!(error instanceof FolderError)) throw error;
      }
    }
  }
}

const strange = (expected: string, found: number): Error =>
  new Error(`The saved session of the shared folder is damaged: expected ${expected}, found ${found}. Save it again.`);

/** What names take in a snapshot, with their count and what else is said of a fid. */
const numbersOf = (names: readonly { readonly name: string }[]): number =>
  names.reduce((sum, { name }) => sum + 1 + name.length, 4);

function putNames(into: number[], names: readonly { readonly name: string }[]): void {
  into.push(names.length);
  for (const { name } of names) {
    into.push(name.length);
    for (let index = 0; index < name.length; index++) into.push(name.charCodeAt(index));
  }
}

/** Reads what `snapshot` wrote, or somebody else. */
class NumberReader {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get left(): number {
    return this.#numbers.length - this.#at;
  }

  next(): number {
    const number = this.#numbers[this.#at];
    if (number === undefined) throw strange('another number', this.#at);
    this.#at++;
    return number;
  }

  /** @param most names */
  names(most: number): readonly string[] {
    const count = this.next();
    if (count > most || count > this.left) throw strange(`at most ${Math.min(most, this.left)} names`, count);
    return Array.from({ length: count }, () => {
      const length = this.next();
      if (length > LONGEST_NAME || length > this.left) throw strange(`a name of up to ${LONGEST_NAME} bytes`, length);
      const letters = this.#numbers.slice(this.#at, this.#at + length);
      const wrong = letters.find((letter) => letter > 0xff);
      if (wrong !== undefined) throw strange('bytes in a name', wrong);
      this.#at += length;
      return String.fromCharCode(...letters);
    });
  }
}

/** What an entry of a fid's listing is; undefined where it has gone since its name was listed elsewhere. */
export function listedNode(fid: Fid, { name, node }: Listed): SharedNode | undefined {
  if (node !== undefined) return node;
  if (name === '.') return nodeOf(fid);
  if (name === '..') return fid.trail.at(-2)?.node ?? fid.root;
  try {
    return nodeOf(fid).lookup(checkedName(name));
  } catch (error) {
    if (!(error instanceof FolderError)) throw error;
    return undefined;
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
