// What does not change while the core lives: the guests that ship, why a guest exits, the constants of the machine.

import { exitReasons, exitRows } from '../core/hypervisor/exits/exits.ts';
import { INSTRUCTIONS_PER_TICK } from '../core/machine/machine.ts';
import { guests } from '../guests/manifest.ts';
import { PROTOCOL_VERSION, type Catalog } from '../protocol/commands.ts';

export const catalogOf = (machineMemoryBytes: number): Catalog => ({
  version: PROTOCOL_VERSION,
  guests: guests.map(({ name, title, teaches, boot, memoryMiB, techniques, source, twin }) => ({
    name,
    title,
    teaches,
    boot,
    memoryMiB,
    techniques,
    ...(source !== undefined && { source }),
    ...(twin !== undefined && { twin }),
  })),
  exitReasons: exitReasons.map((reason) => ({ reason, ...exitRows[reason] })),
  instructionsPerTick: INSTRUCTIONS_PER_TICK,
  machineMemoryBytes,
});
