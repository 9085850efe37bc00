// The page's entry, small on purpose: it starts the worker and tells it which guests to begin with, and only then asks for
// the page itself. So the machine starts, fetches its images and boots while React is still on its way.

import { guests } from '../guests/manifest.ts';
import { createCoreClient } from './core-client.ts';
import { vmsToBeginWith } from './first-vms.ts';
import { spawnCore } from './spawn-core.ts';

const core = createCoreClient(spawnCore);
const begun = vmsToBeginWith(guests).map((options) => core.send('addVm', options));
void import('./page.tsx').then(({ openPage }) => openPage(core, begun));
