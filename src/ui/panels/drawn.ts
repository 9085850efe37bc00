// What the panels draw with, in one chunk: a line a panel.

export { SourcePanel } from './code/source-panel.tsx';
export { Devices } from './devices/devices-panel.tsx';
export { Equivalence } from './properties/equivalence-panel.tsx';
export { Isolation } from './properties/isolation-panel.tsx';
export { Virtualizable } from './properties/virtualizable-panel.tsx';
export { Disks } from './disks/disks-panel.tsx';
export { Exits } from './exits/exits-panel.tsx';
export { Interrupts } from './interrupts/interrupts-panel.tsx';
export { Levels } from './levels/levels-panel.tsx';
export { IoPaths } from './io-paths/io-paths-panel.tsx';
export { Frames } from './memory/frames-panel.tsx';
export { Memory } from './memory/memory-panel.tsx';
export { Tables } from './memory/tables-panel.tsx';
export { MigrationPanel } from './migration/migration-panel.tsx';
export { Network } from './network/network-panel.tsx';
export { Processes } from './processes/processes-panel.tsx';
export { Registers } from './registers/registers-panel.tsx';
export { TechniquesCompared } from './techniques/techniques-panel.tsx';
export { ScenarioPanel } from './scenario/scenario-panel.tsx';
export { SchedulerPanel } from './scheduler/scheduler-panel.tsx';
export { Trap } from './trap/trap-panel.tsx';
export { Walk } from './walk/walk-panel.tsx';
