// Where the page's disks are kept: a folder a disk, in it the image it began as (if it began as one) and the layer of what
// guests have written. The browser's origin-private file system is one such place; tests have another.

import type { ByteFile } from '../../core/devices/byte-file.ts';

export type DiskFileName = 'image' | 'layer';

export interface DiskFolder {
  /** The disks' names. */
  names(): Promise<readonly string[]>;
  /** How large a file is and what it begins with, also while it is open; undefined where there is none. */
  look(
    disk: string,
    file: DiskFileName,
    bytes: number,
  ): Promise<{ readonly size: number; readonly head: Uint8Array } | undefined>;
  /**
   * Opens a file for one user alone. @returns undefined where there is none and none was to be made
   * @throws Error, one line for a person, where somebody else has it open
   */
  open(disk: string, file: DiskFileName, options: { readonly create: boolean }): Promise<ByteFile | undefined>;
  /** Removes a disk's folder, if there is one. */
  remove(disk: string): Promise<void>;
}
