// When sources last changed: what is built from them is kept until they change. File times are enough, a checkout sets them.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The time of the last change at or below any of the paths, in milliseconds since 1970; 0 when none exists.
 * Folders count too: deleting a file changes the folder it was in.
 * @param {readonly string[]} paths
 * @returns {number}
 */
export function lastChange(paths) {
  let latest = 0;
  for (const path of paths) {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined) continue;
    latest = Math.max(latest, status.mtimeMs);
    if (status.isDirectory()) latest = Math.max(latest, lastChange(readdirSync(path).map((name) => join(path, name))));
  }
  return latest;
}
