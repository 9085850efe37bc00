// Words to choose one from: of options, of the fields of a scenario, of switches in the page. Those that the core owns are named
// here because the protocol has nothing of it but types; the compiler misses none.

import type { Divergence } from '../../core/hypervisor/migration/live-migration.ts';
import { quirkNames, techniques, type BootMode } from '../vocabulary.ts';

const bootModes = { machine: true, supervisor: true } as const satisfies Readonly<Record<BootMode, true>>;
const divergences = {
  report: true,
  throttle: true,
  force: true,
  cancel: true,
} as const satisfies Readonly<Record<Divergence, true>>;

export const choices = {
  technique: techniques,
  boot: Object.keys(bootModes) as readonly BootMode[],
  adBits: ['software', 'hardware'],
  aia: ['none', 'aplic-imsic'],
  repair: ['none', 'patching', 'paravirtualization'],
  virtio: ['legacy', 'modern'],
  diverge: Object.keys(divergences) as readonly Divergence[],
  hugePages: ['on', 'off'],
  break: quirkNames,
} as const;
