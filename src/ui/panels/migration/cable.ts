// The simulated cables that a VM can move over.

import { formatBytes } from '../../format.ts';

/** Of the simulated cable: bytes of virtual time's second. */
export const bandwidths = [
  { bytesPerSecond: 1_250_000, name: '10 Mbit/s' },
  { bytesPerSecond: 12_500_000, name: '100 Mbit/s' },
  { bytesPerSecond: 125_000_000, name: '1 Gbit/s' },
  { bytesPerSecond: 1_250_000_000, name: '10 Gbit/s' },
] as const;

export const speedName = (bytesPerSecond: number): string =>
  bandwidths.find((each) => each.bytesPerSecond === bytesPerSecond)?.name ?? `${formatBytes(bytesPerSecond)}/s`;
