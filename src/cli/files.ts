// Files a person names: read whole, decompressed where they are gzip, and every way in which that can fail put in one line.

import { closeSync, fstatSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { quoted, UsageError } from './options.ts';

/** More cannot be an image for a machine of 32 bits. */
const FILE_LIMIT = 2 ** 31;

const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** What the operating system says, in words. */
function complaint(error: unknown): { found: string; advice: string } {
  const code = systemCode(error);
  switch (code) {
    case 'ENOENT':
      return { found: 'none', advice: 'check the path' };
    case 'EISDIR':
      return { found: 'a directory', advice: 'name a file in it' };
    case 'ENOTDIR':
      return { found: 'a file where its path has a directory', advice: 'check the path' };
    case 'EACCES':
    case 'EPERM':
      return { found: 'no permission', advice: 'check the rights of the file and its directory' };
    case 'EROFS':
      return { found: 'a read-only file system', advice: 'choose another place' };
    case 'ENOSPC':
      return { found: 'no space left on the device', advice: 'make room or choose another place' };
    case 'ELOOP':
      return { found: 'symbolic links that lead in a circle', advice: 'check the path' };
    case 'ENAMETOOLONG':
      return { found: 'a name that is too long', advice: 'shorten it' };
    default:
      return { found: code || 'an unknown failure', advice: 'check the file' };
  }
}

function writeError(what: string, path: string, error: unknown): UsageError {
  return systemCode(error) === 'ENOENT'
    ? new UsageError(`a directory to hold ${what} at ${quoted(path)}`, 'none', 'make it, or check the path')
    : fileError(`a file for ${what}`, path, error);
}

/** What to tell a person whose file cannot be used. */
export function fileError(what: string, path: string, error: unknown): UsageError {
  const { found, advice } = complaint(error);
  return new UsageError(`${what} at ${quoted(path)}`, found, advice);
}

/**
 * All bytes of a file, or of a pipe.
 * @param what what the file should be, for the message: `an image`
 * @throws UsageError
 */
export function readBytes(what: string, path: string): Uint8Array<ArrayBuffer> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const status = fstatSync(descriptor);
    if (!status.isFile() && !status.isFIFO() && !status.isDirectory()) {
      throw new UsageError(`${what} at ${quoted(path)}`, 'a device', 'name a file');
    }
    if (status.size > FILE_LIMIT) {
      throw new UsageError(`${what} of at most 2 GiB at ${quoted(path)}`, `${status.size} bytes`, 'name another file');
    }
    return new Uint8Array(readFileSync(descriptor));
  } catch (error) {
    throw error instanceof UsageError ? error : fileError(what, path, error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * As `readBytes`; a file compressed with gzip is decompressed.
 * @throws UsageError
 */
export function readDecompressed(what: string, path: string): Uint8Array<ArrayBuffer> {
  const bytes = readBytes(what, path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: FILE_LIMIT }));
  } catch (error) {
    const tooLarge = systemCode(error) === 'ERR_BUFFER_TOO_LARGE';
    throw new UsageError(
      `${what}, gzip-compressed, at ${quoted(path)}`,
      tooLarge ? 'more than 2 GiB in it' : 'gzip data that is damaged or cut off',
      tooLarge ? 'name another file' : 'copy it again',
    );
  }
}

/** A file being written. */
export class OpenFile {
  readonly #what: string;
  readonly #path: string;
  readonly #descriptor: number;
  #empty = true;

  /**
   * Opens a file to write, empty. Done before a long run, so that a path that cannot be written is known at once.
   * @param what what will be in it, for the messages
   * @param inputs paths that must not be overwritten
   * @throws UsageError
   */
  constructor(what: string, path: string, inputs: readonly string[]) {
    refuseOverwriting(what, path, inputs);
    this.#what = what;
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'w');
    } catch (error) {
      throw writeError(what, path, error);
    }
  }

  /** Nothing has been written. */
  get empty(): boolean {
    return this.#empty;
  }

  /** @throws UsageError */
  write(bytes: Uint8Array): void {
    this.#empty = false;
    try {
      for (let from = 0; from < bytes.length;) from += writeSync(this.#descriptor, bytes, from);
    } catch (error) {
      throw writeError(this.#what, this.#path, error);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** @throws UsageError */
export function writeBytes(what: string, path: string, bytes: Uint8Array, inputs: readonly string[]): void {
  const file = new OpenFile(what, path, inputs);
  try {
    file.write(bytes);
  } finally {
    file.close();
  }
}

function refuseOverwriting(what: string, path: string, inputs: readonly string[]): void {
  const real = realPath(path);
  if (real !== undefined && inputs.some((input) => realPath(input) === real)) {
    throw new UsageError(
      `another file for ${what}`,
      `${quoted(path)}, which is read or written already`,
      'choose a name that is not in use',
    );
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
