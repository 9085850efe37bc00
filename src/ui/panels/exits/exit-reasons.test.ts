import { expect, test } from 'vitest';
import type { Catalog } from '../../../protocol/commands.ts';
import { findReason, nameUnder } from './exit-reasons.ts';

const pair = 'EXC_INST_ILLEGAL / EXC_VIRTUAL_INST_FAULT';

test('of two perf names the technique picks one', () => {
  expect(nameUnder(pair, 'trap-and-emulate')).toBe('EXC_INST_ILLEGAL');
  expect(nameUnder(pair, 'hardware-assisted')).toBe('EXC_VIRTUAL_INST_FAULT');
  expect(nameUnder('IRQ_S_TIMER', 'hardware-assisted')).toBe('IRQ_S_TIMER');
});

test('without a technique both stay; a reason the catalog lacks keeps its own name', () => {
  const catalog: Catalog = {
    version: 1,
    guests: [],
    exitReasons: [{ reason: 'csr-access', perfName: pair, vmxName: 'CR_ACCESS', meaning: '' }],
    instructionsPerTick: 10,
    machineMemoryBytes: 2 ** 28,
  };
  expect(findReason(catalog, 'csr-access').perfName).toBe(pair);
  expect(findReason(catalog, 'csr-access', 'hardware-assisted').perfName).toBe('EXC_VIRTUAL_INST_FAULT');
  expect(findReason(catalog, 'new-one').perfName).toBe('new-one');
  expect(findReason(undefined, 'csr-access').vmxName).toBe('–');
});
