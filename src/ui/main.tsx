// The page's entry: makes the lab once and mounts React.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { consolePanel } from './console/console-panel.ts';
import { createLab } from './lab.ts';
import { panels } from './panels/index.ts';
import { rememberPreferences } from './remembered.ts';
import { Shell } from './shell/Shell.tsx';
import { spawnCore } from './spawn-core.ts';
import './theme.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"; restore it.');
rememberPreferences();
const lab = createLab(spawnCore, [...panels, consolePanel]);
createRoot(root).render(
  <StrictMode>
    <Shell lab={lab} />
  </StrictMode>,
);
