// The core client's status as React state.

import { useSyncExternalStore } from 'react';
import type { CoreStatus } from '../core-client.ts';
import { useLab } from '../lab.ts';

export function useCoreStatus(): CoreStatus {
  const { core } = useLab();
  return useSyncExternalStore(core.onStatus, core.status);
}
