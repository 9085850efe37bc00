// The panel list: one line a panel. Order is the order of tabs, number keys and palette rows.

import type { Panel } from '../panel.ts';

export const panels: readonly Panel[] = [];
