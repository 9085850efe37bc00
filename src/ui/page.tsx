// Mounts the page on a core that runs already.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { consolePanel } from './console/console-panel.ts';
import type { CoreClient } from './core-client.ts';
import { createLab } from './lab.ts';
import type { Panel } from './panel.ts';
import { panels } from './panels/index.ts';
import { rememberPreferences } from './remembered.ts';
import { Shell } from './shell/Shell.tsx';
import './theme.css';

/** By their digits as these lie on the keyboard, 0 after 9; panels without one come last. */
const order = ({ key }: Panel): number => (key === undefined ? 11 : key === '0' ? 10 : Number(key));

/** Draws the page. `begun` are the VMs that were asked for already, in their order. */
export function openPage(core: CoreClient, begun: readonly Promise<{ readonly vm: number }>[]): void {
  const root = document.getElementById('root');
  if (root === null) throw new Error('index.html has no element with the id "root"; restore it.');
  rememberPreferences();
  const lab = createLab(
    core,
    begun,
    [...panels, consolePanel].toSorted((one, other) => order(one) - order(other)),
    () => import('./dock/docked.ts'),
  );
  createRoot(root).render(
    <StrictMode>
      <Shell lab={lab} />
    </StrictMode>,
  );
}
