// The panel list: one line a panel. Order is the order of tabs, number keys and palette rows.

import type { Panel } from '../panel.ts';
import { sourcePanel } from './code/source-panel.tsx';
import { devicesPanel } from './devices/devices-panel.tsx';
import { exitsPanel } from './exits/exits-panel.tsx';
import { interruptsPanel } from './interrupts/interrupts-panel.tsx';
import { framesPanel } from './memory/frames-panel.tsx';
import { memoryPanel } from './memory/memory-panel.tsx';
import { tablesPanel } from './memory/tables-panel.tsx';
import { registersPanel } from './registers/registers-panel.tsx';
import { trapPanel } from './trap/trap-panel.tsx';
import { walkPanel } from './walk/walk-panel.tsx';

export const panels: readonly Panel[] = [
  registersPanel,
  sourcePanel,
  trapPanel,
  walkPanel,
  exitsPanel,
  interruptsPanel,
  memoryPanel,
  tablesPanel,
  framesPanel,
  devicesPanel,
];
