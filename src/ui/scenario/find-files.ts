// Where the files of a scenario come from: those the person has brought along, the lab's own, the disks that the browser keeps.

import { baseName, type FolderFile, type FoundFiles, type ScenarioPlan, type WantedFile } from './scenario-plan.ts';

/** Bytes of one file: more does not fit beside the machine. */
const MOST_BYTES = 512 * 2 ** 20;
/** Files of a folder. */
const MOST_FILES = 10_000;

/** @throws Error, one line for a person */
export async function readWhole(file: File): Promise<Uint8Array> {
  if (file.size > MOST_BYTES) {
    throw new Error(
      `Expected a file of at most ${MOST_BYTES / 2 ** 20} MiB, found ${Math.round(file.size / 2 ** 20)} MiB (${file.name}). Choose a smaller one.`,
    );
  }
  return new Uint8Array(await file.arrayBuffer());
}

/** The files of a folder that was chosen, by their paths in it. @throws Error, one line for a person */
export async function readFolder(files: readonly File[]): Promise<readonly FolderFile[]> {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES || files.length > MOST_FILES) {
    throw new Error(
      `Expected a folder of at most ${MOST_FILES} files and ${MOST_BYTES / 2 ** 20} MiB, found ${files.length} files, ${Math.round(bytes / 2 ** 20)} MiB. Choose a smaller one.`,
    );
  }
  return Promise.all(
    files.map(async (file) => {
      // The first part is the folder's own name.
      const inside = file.webkitRelativePath.split('/').slice(1).join('/');
      return { path: inside === '' ? file.name : inside, bytes: await readWhole(file) };
    }),
  );
}

/** A file of the lab itself; undefined where it has none. Some servers answer with their page for what they do not have. */
async function fetchShipped(base: URL, path: string): Promise<Uint8Array | undefined> {
  const url = new URL(path, base);
  if (url.origin !== base.origin) return undefined;
  const response = await fetch(url).catch(() => undefined);
  if (response?.ok !== true || response.headers.get('content-type')?.startsWith('text/html') === true) return undefined;
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * Looks for the files of a scenario.
 * @param base where the scenario lies, if it is one of the lab's
 * @param brought what the person chose together with it
 * @param kept names of the disks that are kept
 */
export async function findFiles(
  { wants }: ScenarioPlan,
  base: URL | undefined,
  brought: readonly File[],
  kept: ReadonlySet<string>,
): Promise<FoundFiles> {
  const files = new Map<string, Uint8Array>();
  for (const { path, kind, keptAs } of wants) {
    if (kind === 'folder' || (keptAs !== undefined && kept.has(keptAs))) continue;
    const file = brought.find(({ name }) => name === baseName(path));
    const bytes = file ? await readWhole(file) : base && (await fetchShipped(base, path));
    if (bytes !== undefined) files.set(path, bytes);
  }
  return { files, folders: new Map() };
}

/** Whether a wanted file is there. @param kept names of the disks that are kept */
export const isFound = ({ path, kind, keptAs }: WantedFile, found: FoundFiles, kept: ReadonlySet<string>): boolean =>
  kind === 'folder' ? found.folders.has(path) : found.files.has(path) || (keptAs !== undefined && kept.has(keptAs));
