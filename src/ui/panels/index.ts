// The panel list: one line a panel. Order is the order of tabs, number keys and palette rows.

import type { Panel } from '../panel.ts';
import { exitsPanel } from './exits/exits-panel.tsx';
import { registersPanel } from './registers/registers-panel.tsx';
import { trapPanel } from './trap/trap-panel.tsx';
import { walkPanel } from './walk/walk-panel.tsx';

export const panels: readonly Panel[] = [registersPanel, trapPanel, walkPanel, exitsPanel];
