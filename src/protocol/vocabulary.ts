// Words that commands and frames share with the core, which owns them.

export type { StepKind } from '../core/hypervisor/lab.ts';
export type { Technique } from '../core/hypervisor/virtual-machine.ts';
export type { LevelName } from '../core/machine/level.ts';
export type { BootMode } from '../core/machine/boot-layout.ts';
