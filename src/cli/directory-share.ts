// A directory of the host as a shared folder. The guest gets this directory and nothing beside it: a name is one component, and
// symbolic links are shown to the guest but never followed here. Times are the host's own, so runs that look at them may differ.

import {
  closeSync, constants, fsyncSync, ftruncateSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync, readdirSync, readlinkSync,
  readSync, realpathSync, renameSync, rmdirSync, statfsSync, symlinkSync, unlinkSync, writeSync, fchmodSync, chmodSync, type BigIntStats,
} from 'node:fs'; // prettier-ignore
import {
  Errno,
  FolderError,
  type AttributeChange,
  type Attributes,
  type Creation,
  type SharedFolder,
  type SharedNode,
} from '../core/devices/ninep/shared-folder.ts';
import { fileError } from './files.ts';
import { quoted, UsageError } from './options.ts';

const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
const SEPARATOR = 0x2f;

/** The host's errno, which is Linux's own wherever this runs as a lab; other systems' numbers become EIO. */
function errnoOf(error: unknown): number {
  if (error instanceof FolderError) return error.errno;
  const found = error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? -error.errno : 0;
  return process.platform === 'linux' && found > 0 ? found : Errno.ioError;
}

function guarded<Result>(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw new FolderError(errnoOf(error));
  }
}

const below = (directory: Buffer, name: string): Buffer =>
  Buffer.concat([directory, Buffer.of(SEPARATOR), Buffer.from(name, 'latin1')]);

/**
 * A file, by its name in a directory. Nodes that somebody holds are the directory's only ones of that name, and so are all above
 * them: a file that is renamed has its new path at once, for everybody who has it.
 */
class DirectoryNode implements SharedNode {
  readonly #folder: DirectoryShare;
  #parent: DirectoryNode | undefined;
  #name: string;
  /** Its name was taken from it. */
  #gone = false;
  #holds = 0;
  readonly #held = new Map<string, DirectoryNode>();

  constructor(folder: DirectoryShare, parent?: DirectoryNode, name = '') {
    this.#folder = folder;
    this.#parent = parent;
    this.#name = name;
  }

  /**
   * Where it lies. A component that is a symbolic link, the guest's or the host's, would lead elsewhere: then there is no such path.
   * @throws FolderError
   */
  get #path(): Buffer {
    if (this.#gone) throw new FolderError(Errno.noEntry);
    if (this.#parent === undefined) return this.#folder.real;
    const directory = this.#parent.#place;
    if (!guarded(() => realpathSync.native(directory, 'buffer')).equals(directory))
      throw new FolderError(Errno.notPermitted);
    return below(directory, this.#name);
  }

  /** The path, not checked. */
  get #place(): Buffer {
    return this.#parent === undefined ? this.#folder.real : below(this.#parent.#place, this.#name);
  }

  get #stat(): BigIntStats {
    return guarded(() => lstatSync(this.#path, { bigint: true }));
  }

  attributes(): Attributes {
    const found = this.#stat;
    const kind = found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'symbolic-link' : 'file';
    return {
      kind,
      identity: Number(BigInt.asUintN(53, found.ino)),
      version: Number(BigInt.asUintN(32, found.mtimeNs)),
      mode: Number(found.mode) & 0o7777,
      user: Number(found.uid),
      group: Number(found.gid),
      links: Number(found.nlink),
      size: Number(found.size),
      accessed: found.atimeNs,
      modified: found.mtimeNs,
      changed: found.ctimeNs,
    };
  }

  change({ mode, size, accessed, modified }: AttributeChange): void {
    const found = this.#stat;
    if (found.isSymbolicLink() && (mode !== undefined || size !== undefined)) throw new FolderError(Errno.notSupported);
    // Owners are the host's affair: the guest's root is not the host's.
    if (size !== undefined) this.#withFile(O_RDWR, (file) => ftruncateSync(file, size));
    if (mode !== undefined) {
      if (found.isDirectory()) guarded(() => chmodSync(this.#path, mode & 0o777));
      else this.#withFile(O_RDONLY, (file) => fchmodSync(file, mode & 0o777));
    }
    if (accessed === undefined && modified === undefined) return;
    const seconds = (time: bigint | 'now' | undefined, kept: bigint) =>
      time === 'now' ? Date.now() / 1000 : Number(time ?? kept) / 1e9;
    guarded(() => lutimesSync(this.#path, seconds(accessed, found.atimeNs), seconds(modified, found.mtimeNs)));
  }

  lookup(name: string): DirectoryNode {
    const node = this.#child(name);
    node.attributes();
    return node;
  }

  entries() {
    const path = this.#inside;
    const names = guarded(() => readdirSync(path, 'buffer')).map((name) => name.toString('latin1'));
    const entries = names.map((name) => ({ name, node: this.#child(name) }));
    // One that went in this very moment is not shown, nor is one that is neither file nor directory nor link.
    return entries.filter(({ node }) => node.#exists);
  }

  #child(name: string): DirectoryNode {
    return this.#held.get(name) ?? new DirectoryNode(this.#folder, this, name);
  }

  get #exists(): boolean {
    try {
      const found = lstatSync(this.#place);
      return found.isFile() || found.isDirectory() || found.isSymbolicLink();
    } catch {
      return false;
    }
  }

  create(name: string, { kind, mode, target }: Creation): DirectoryNode {
    const path = below(this.#inside, name);
    guarded(() => {
      if (kind === 'directory') mkdirSync(path, mode & 0o777);
      else if (kind === 'symbolic-link') symlinkSync(Buffer.from(target ?? '', 'latin1'), path);
      else closeSync(openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 0o777));
    });
    return this.#child(name);
  }

  link(name: string, node: SharedNode): void {
    if (!(node instanceof DirectoryNode)) throw new FolderError(Errno.crossDevice);
    const path = below(this.#inside, name);
    const from = node.#path;
    guarded(() => linkSync(from, path));
  }

  remove(name: string, kind: 'file' | 'directory'): void {
    const path = below(this.#inside, name);
    guarded(() => (kind === 'directory' ? rmdirSync(path) : unlinkSync(path)));
    this.#forget(name);
  }

  rename(name: string, to: SharedNode, newName: string): void {
    if (!(to instanceof DirectoryNode)) throw new FolderError(Errno.crossDevice);
    const from = below(this.#inside, name);
    const path = below(to.#inside, newName);
    guarded(() => renameSync(from, path));
    const moved = this.#held.get(name);
    if (to !== this || newName !== name) to.#forget(newName);
    if (moved === undefined) return;
    this.#held.delete(name);
    to.hold();
    this.release();
    moved.#parent = to;
    moved.#name = newName;
    to.#held.set(newName, moved);
  }

  #forget(name: string): void {
    const node = this.#held.get(name);
    if (node === undefined) return;
    node.#gone = true;
    this.#held.delete(name);
  }

  read(offset: number, into: Uint8Array): number {
    return this.#withFile(O_RDONLY, (file) => readSync(file, into, 0, into.length, offset));
  }

  write(offset: number, bytes: Uint8Array): number {
    return this.#withFile(O_RDWR, (file) => {
      let done = 0;
      while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      return done;
    });
  }

  flush(): void {
    if (!this.#stat.isFile()) return;
    this.#withFile(O_RDONLY, fsyncSync);
  }

  target(): string {
    return guarded(() => readlinkSync(this.#path, 'buffer')).toString('latin1');
  }

  hold(): void {
    if (this.#holds++ > 0 || this.#parent === undefined) return;
    this.#parent.hold();
    this.#parent.#held.set(this.#name, this);
  }

  release(): void {
    if (--this.#holds > 0 || this.#parent === undefined) return;
    if (this.#parent.#held.get(this.#name) === this) this.#parent.#held.delete(this.#name);
    this.#parent.release();
  }

  /** The path of this directory. @throws FolderError where it is none */
  get #inside(): Buffer {
    const path = this.#path;
    if (!guarded(() => lstatSync(path)).isDirectory()) throw new FolderError(Errno.notDirectory);
    return path;
  }

  #withFile<Result>(flags: number, act: (file: number) => Result): Result {
    const path = this.#path;
    return guarded(() => {
      if (!lstatSync(path).isFile()) throw new FolderError(Errno.isDirectory);
      const file = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK);
      try {
        return act(file);
      } finally {
        closeSync(file);
      }
    });
  }
}

export class DirectoryShare implements SharedFolder {
  readonly root: SharedNode;
  readonly readOnly: boolean;
  /** The real path of the directory. */
  readonly real: Buffer;

  /** @throws UsageError where there is no such directory */
  constructor(path: string, { readOnly }: { readonly readOnly: boolean }) {
    this.readOnly = readOnly;
    try {
      this.real = realpathSync(Buffer.from(path), 'buffer');
      if (!lstatSync(this.real).isDirectory()) {
        throw new UsageError(`a directory to share at ${quoted(path)}`, 'a file', 'name the directory it is in');
      }
    } catch (error) {
      throw error instanceof UsageError ? error : fileError('a directory to share', path, error);
    }
    this.root = new DirectoryNode(this);
  }

  space() {
    const found = guarded(() => statfsSync(this.real));
    const scale = found.bsize / 4096;
    return {
      blocks: Math.floor(found.blocks * scale),
      free: Math.floor(found.bavail * scale),
      files: Math.max(0, found.files),
    };
  }
}
