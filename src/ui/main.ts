// The page's entry, small on purpose: it starts the worker, fetches the images of the guests to begin with while that is on its
// way, and only then asks for the page itself. So the machine starts and boots while React is still to come.

import { guests } from '../guests/manifest.ts';
import { bringFiles } from './bring-files.ts';
import { createCoreClient } from './core-client.ts';
import { vmsToBeginWith } from './first-vms.ts';
import { spawnCore } from './spawn-core.ts';

const core = createCoreClient(spawnCore);
const wanted = vmsToBeginWith(guests);
bringFiles(
  core,
  wanted.flatMap(({ guest }) => guests.filter(({ name }) => guest.kind === 'shipped' && guest.name === name)),
);
const begun = wanted.map((options) => core.send('addVm', options));
void import('./page.tsx').then(({ openPage }) => openPage(core, begun));
