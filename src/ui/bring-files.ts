// Fetches the files of the first guests while the worker is on its way: it would ask for them only when it has come.

import { filesOf, type Guest } from '../guests/manifest.ts';
import type { CoreClient } from './core-client.ts';

/** To be called before the VMs are added. */
export function bringFiles(core: Pick<CoreClient, 'send'>, guests: readonly Guest[]): void {
  const paths = new Set(guests.flatMap((guest) => Object.values(filesOf(guest))).filter((path) => path !== undefined));
  // A worker that dies meanwhile has a successor, which fetches for itself.
  for (const path of paths) bring(core, path).catch(() => undefined);
}

async function bring(core: Pick<CoreClient, 'send'>, path: string): Promise<void> {
  const expected = core.send('expectFile', { path });
  const bytes = await fetchBytes(path);
  await expected;
  await core.send('giveFile', { path, bytes });
}

/** @returns undefined where it cannot be had: the worker, which tries again, says why */
async function fetchBytes(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    // The page's own scripts come first.
    const response = await fetch(new URL(path, document.baseURI), { priority: 'low' });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}
