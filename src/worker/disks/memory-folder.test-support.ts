// A place for disks that lives as long as the test, in which opening is exclusive as in the browser.

import { DyingFile } from '../../core/devices/dying-file.test-support.ts';
import type { DiskFileName, DiskFolder } from './disk-folder.ts';

export class MemoryDiskFolder implements DiskFolder {
  readonly files = new Map<string, DyingFile>();
  readonly opened = new Set<string>();
  room = Infinity;

  names(): Promise<readonly string[]> {
    return Promise.resolve([...new Set([...this.files.keys()].map((path) => path.split('/')[0] ?? ''))].sort());
  }

  look(disk: string, file: DiskFileName, bytes: number) {
    const found = this.files.get(`${disk}/${file}`);
    if (found === undefined) return Promise.resolve(undefined);
    const head = new Uint8Array(Math.min(bytes, found.getSize()));
    found.read(head, { at: 0 });
    return Promise.resolve({ size: found.getSize(), head });
  }

  open(disk: string, file: DiskFileName, { create }: { readonly create: boolean }) {
    const path = `${disk}/${file}`;
    let found = this.files.get(path);
    if (found === undefined && !create) return Promise.resolve(undefined);
    found ??= new DyingFile(new Uint8Array(0));
    found.room = this.room;
    this.files.set(path, found);
    if (this.opened.has(path)) return Promise.reject(new Error(`${path} is open already`));
    this.opened.add(path);
    const handle = found;
    return Promise.resolve({
      read: (into: Uint8Array, options: { readonly at: number }) => handle.read(into, options),
      write: (from: Uint8Array, options: { readonly at: number }) => handle.write(from, options),
      flush: () => handle.flush(),
      getSize: () => handle.getSize(),
      close: () => void this.opened.delete(path),
    });
  }

  remove(disk: string): Promise<void> {
    for (const path of [...this.files.keys()]) if (path.startsWith(`${disk}/`)) this.files.delete(path);
    return Promise.resolve();
  }

  /** The tab goes without a word: what was not flushed is lost. */
  die(): void {
    this.opened.clear();
    for (const [path, file] of this.files) this.files.set(path, new DyingFile(file.remains(() => 0.1)));
  }
}
