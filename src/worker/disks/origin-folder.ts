// The page's disks in the browser's origin-private file system: files of this page's own, which the browser keeps over
// reloads and restarts. Only a worker may open them for reading and writing in place.

import type { ByteFile } from '../../core/devices/byte-file.ts';
import type { DiskFileName, DiskFolder } from './disk-folder.ts';

const FOLDER = 'disks';
/** A page that was just reloaded may have a worker that has not ended yet and still holds its disks. */
const PATIENCE_MILLISECONDS = 3000;
const PAUSE_MILLISECONDS = 100;

export class OriginFolder implements DiskFolder {
  async names(): Promise<readonly string[]> {
    const root = await this.#root();
    const names: string[] = [];
    for await (const [name, handle] of root.entries()) if (handle.kind === 'directory') names.push(name);
    return names.sort();
  }

  async look(disk: string, file: DiskFileName, bytes: number) {
    const handle = await this.#file(disk, file, false);
    if (handle === undefined) return undefined;
    const found = await handle.getFile();
    return { size: found.size, head: new Uint8Array(await found.slice(0, bytes).arrayBuffer()) };
  }

  async open(
    disk: string,
    file: DiskFileName,
    { create }: { readonly create: boolean },
  ): Promise<ByteFile | undefined> {
    const handle = await this.#file(disk, file, create);
    if (handle === undefined) return undefined;
    for (let waited = 0; ; waited += PAUSE_MILLISECONDS) {
      try {
        return await handle.createSyncAccessHandle();
      } catch (error) {
        const busy = error instanceof DOMException && error.name === 'NoModificationAllowedError';
        if (!busy) throw error;
        if (waited >= PATIENCE_MILLISECONDS) {
          throw new Error(
            `Expected the disk “${disk}” to be free, found it in use: another tab has a VM with it. Close that tab, or remove its VM.`,
            { cause: error },
          );
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
      }
    }
  }

  async remove(disk: string): Promise<void> {
    const root = await this.#root();
    try {
      await root.removeEntry(disk, { recursive: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async #file(disk: string, file: DiskFileName, create: boolean): Promise<FileSystemFileHandle | undefined> {
    try {
      const folder = await (await this.#root()).getDirectoryHandle(disk, { create });
      return await folder.getFileHandle(file, { create });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #root(): Promise<FileSystemDirectoryHandle> {
    const storage: StorageManager | undefined = navigator.storage;
    try {
      const origin = await storage.getDirectory();
      return await origin.getDirectoryHandle(FOLDER, { create: true });
    } catch (error) {
      throw new Error(
        'Expected a browser that keeps files for this page, found one that does not: open the page over https or from localhost, and not in a private window.',
        { cause: error },
      );
    }
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && (error.name === 'NotFoundError' || error.name === 'TypeMismatchError');
