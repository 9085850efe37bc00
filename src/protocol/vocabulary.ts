// Words that commands and frames share; most are the core's, which owns them.

import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import type { QuirkName } from '../core/machine/quirks.ts';

export type { StepKind } from '../core/hypervisor/lab.ts';
export type { LevelName } from '../core/machine/level.ts';
export type { BootMode } from '../core/machine/boot-layout.ts';
export type { QuirkName } from '../core/machine/quirks.ts';
export type { Technique };

const techniqueNames = {
  bare: true,
  'trap-and-emulate': true,
  paravirtual: true,
  'hardware-assisted': true,
} as const satisfies Readonly<Record<Technique, true>>;

/** In the core's order. The page has nothing of the core but types, so they are named here; the compiler misses none. */
export const techniques = Object.keys(techniqueNames) as readonly Technique[];
/** Those that run any guest as it is. For `paravirtual` a guest has to be made. */
export const unmodifiedTechniques: readonly Exclude<Technique, 'paravirtual'>[] = techniques.filter(
  (technique) => technique !== 'paravirtual',
);
export const unmodifiedHosted: readonly Exclude<Technique, 'paravirtual' | 'bare'>[] = unmodifiedTechniques.filter(
  (technique) => technique !== 'bare',
);

/** Modes in which a vCPU can be seen. VU and VS are the H extension's; under trap-and-emulate U and S are virtual. */
export type ModeName = 'U' | 'S' | 'M' | 'VU' | 'VS' | 'HS';

const quirks = { sret: true, sstatus: true, sfence: true } as const satisfies Readonly<Record<QuirkName, true>>;

/** Rules of the manual that a machine can be made to break. */
export const quirkNames = Object.keys(quirks) as readonly QuirkName[];
