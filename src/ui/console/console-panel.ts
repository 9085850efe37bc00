// The console as a panel: its terminal emulator is a chunk of its own, loaded when the console is first shown.

import { lazy } from 'react';
import type { Panel } from '../panel.ts';

export const loadConsole = () => import('./ConsolePanel.tsx');

export const consolePanel: Panel = {
  id: 'console',
  title: 'Console',
  topic: 'I/O',
  about: 'The guest’s serial line.',
  key: '7',
  place: 'centre-below',
  // Its terminal begins to ask for what the guest wrote when it is first drawn.
  drawnFirst: true,
  // Output comes through the frame loop's own console query, for every VM, shown or not.
  queries: () => ({}),
  Component: lazy(() => loadConsole().then(({ ConsolePanel }) => ({ default: ConsolePanel }))),
};
