// The rows measured on labs, in the order of the report. One more is one file and one line here.

import type { LabRow } from '../figure.ts';
import { exitCost } from './exit-cost.ts';
import { holding } from './holding.ts';
import { linuxBoot } from './linux-boot.ts';
import { manyVms } from './many-vms.ts';

export const labRows: readonly LabRow[] = [exitCost, linuxBoot, holding, manyVms];
