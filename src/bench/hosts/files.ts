// Where the benchmark's files lie in the checkout. The launcher says where that is: in a bundle, addresses of sources are gone.

import { join } from 'node:path';

export interface Places {
  /** The checkout. */
  readonly root: string;
  /** Folder with page.js and worker.js, which the launcher has bundled. */
  readonly bundles: string;
}

/** Folders by the first part of a path. */
export const folders = ({ root, bundles }: Places): Readonly<Record<string, string>> => ({
  images: join(root, 'src/bench/images'),
  guests: join(root, 'public/guests'),
  v86: join(root, 'node_modules/v86/build'),
  bundles,
});

/** The file behind a path such as `images/kernels.wasm`; undefined outside the folders. */
export function fileOf(places: Places, path: string): string | undefined {
  const [folder = '', ...rest] = path.split('/');
  const all = folders(places);
  const found = Object.hasOwn(all, folder) ? all[folder] : undefined;
  return found === undefined || rest.length === 0 || rest.includes('..') ? undefined : join(found, ...rest);
}
