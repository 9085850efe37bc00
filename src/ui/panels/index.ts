// The panel list: one row a panel. Order is the order of tabs, number keys and palette rows.
// A row is light: what it draws with is a chunk of its own, which the first look does not wait for.

import { lazy, type ComponentType } from 'react';
import type { Panel, PanelProps } from '../panel.ts';
import { ROWS_AFTER, ROWS_BEFORE } from './code/address-window.ts';
import type * as Drawn from './drawn.ts';
import { exitsQuestion } from './exits/exits-question.ts';
import { FRAME_BYTES } from './memory/frame-map.ts';
import { BYTES_ASKED, rowStart } from './memory/hex-rows.ts';
import { scaleFor } from './memory/page-cells.ts';
import { shownTable } from './memory/table-rows.ts';

/** All panels come at once: a first look shows half of them, and a tab that is clicked must not wait. */
export const loadPanels = (): Promise<typeof Drawn> => import('./drawn.ts');

function drawn(pick: (panels: typeof Drawn) => ComponentType<PanelProps>): Panel['Component'] {
  return lazy(() => loadPanels().then((panels) => ({ default: pick(panels) })));
}

/** Frames whose way is shown. */
const NETWORK_FRAMES = 64;
/** System calls listed. */
const SYSTEM_CALLS = 64;
/** Crossings between levels in the drawing. */
const CROSSINGS = 300;
/** Interrupts followed: more than a panel shows without scrolling. */
const CHAINS = 24;

export const panels: readonly Panel[] = [
  {
    id: 'registers',
    title: 'Registers',
    topic: 'Execution',
    about: 'The guest’s registers and CSRs, and the real ones that serve in their place.',
    key: '1',
    place: 'left',
    queries: () => ({ registers: true }),
    Component: drawn(({ Registers }) => Registers),
  },
  {
    id: 'source',
    title: 'Source and disassembly',
    topic: 'Execution',
    about: 'The code around pc and the source it was made from; breakpoints.',
    key: '2',
    place: 'centre',
    queries: ({ disassembly }, vm) =>
      vm === undefined
        ? {}
        : { registers: true, disassembly: { around: disassembly, before: ROWS_BEFORE, after: ROWS_AFTER } },
    Component: drawn(({ SourcePanel }) => SourcePanel),
  },
  {
    id: 'trap',
    title: 'The trap',
    topic: 'Execution',
    about: 'One exit in four stages: the trap, why, what the hypervisor did, how the guest goes on.',
    key: '3',
    place: 'right',
    queries: ({ exit }) => ({ stage: true, ...(exit === undefined ? {} : { exitDetail: { sequence: exit } }) }),
    Component: drawn(({ Trap }) => Trap),
  },
  {
    id: 'walk',
    title: 'The walk',
    topic: 'Memory',
    about: 'One address through every page table on its way: GVA, GPA, HPA.',
    key: '4',
    place: 'right',
    queries: ({ walk }, vm) =>
      vm === undefined
        ? {}
        : { registers: true, walk: { gva: walk.gva === 'pc' ? vm.pc : walk.gva, access: walk.access } },
    Component: drawn(({ Walk }) => Walk),
  },
  {
    id: 'exits',
    title: 'Exits',
    topic: 'Execution',
    about: 'Every exit as it happened, and their sums by reason.',
    key: '5',
    place: 'right-below',
    queries: (choice, vm) => ({
      exits: exitsQuestion(choice, vm?.vm),
      exitSummary: { vm: choice.exits.vm === 'all' ? undefined : vm?.vm },
    }),
    Component: drawn(({ Exits }) => Exits),
  },
  {
    id: 'interrupts',
    title: 'Interrupts',
    topic: 'I/O',
    about: 'Each interrupt from the device’s wire to the guest it is addressed to.',
    key: '6',
    place: 'left-below',
    queries: () => ({ interrupts: { chains: CHAINS } }),
    Component: drawn(({ Interrupts }) => Interrupts),
  },
  {
    id: 'memory',
    title: 'Memory',
    topic: 'Memory',
    about: 'The bytes at an address of any of the three spaces.',
    key: '8',
    place: 'centre-below',
    closedAtFirst: true,
    queries: ({ memory }, vm) =>
      vm === undefined
        ? {}
        : { memory: { space: memory.space, address: rowStart(memory.address), length: BYTES_ASKED } },
    Component: drawn(({ Memory }) => Memory),
  },
  {
    id: 'tables',
    title: 'Page tables',
    topic: 'Memory',
    about: 'The guest’s page tables, the shadows or the second stage, entry by entry.',
    key: '9',
    place: 'centre-below',
    closedAtFirst: true,
    queries: ({ tables }, vm) =>
      vm === undefined ? {} : { tables: { table: shownTable(tables.table, vm.technique), expanded: tables.expanded } },
    Component: drawn(({ Tables }) => Tables),
  },
  {
    id: 'frames',
    title: 'Frames',
    topic: 'Memory',
    about:
      'Whose each frame of the machine’s memory is, and what is behind each page of a guest; balloon, merging, swapping, huge pages, the dirty log.',
    key: '0',
    place: 'centre-below',
    closedAtFirst: true,
    queries: ({ frames: { view, page, pagesPerCell } }, vm) =>
      view === 'machine' || vm === undefined
        ? { frames: true, memoryUse: true }
        : { guestPages: { page, pagesPerCell: scaleFor(vm.memoryBytes / FRAME_BYTES, pagesPerCell) } },
    Component: drawn(({ Frames }) => Frames),
  },
  {
    id: 'devices',
    title: 'Devices',
    topic: 'I/O',
    about: 'What the registers of the guest’s devices hold.',
    key: undefined,
    place: 'left-below',
    closedAtFirst: true,
    queries: () => ({ devices: true }),
    Component: drawn(({ Devices }) => Devices),
  },
  {
    id: 'network',
    title: 'Network',
    topic: 'I/O',
    about: 'The virtual switch, its cables, and the way of every frame to the guest it is addressed to.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: () => ({ network: { frames: NETWORK_FRAMES } }),
    Component: drawn(({ Network }) => Network),
  },
  {
    id: 'disks',
    title: 'Disks',
    topic: 'I/O',
    about: 'The disks that the browser keeps for your guests: make, save and delete them.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: () => ({}),
    Component: drawn(({ Disks }) => Disks),
  },
  {
    id: 'processes',
    title: 'Processes and containers',
    topic: 'VM or container',
    about: 'A Linux guest’s processes, namespaces, limits and system calls, read from outside.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: (_, vm) => (vm === undefined ? {} : { processes: { calls: SYSTEM_CALLS } }),
    Component: drawn(({ Processes }) => Processes),
  },
  {
    id: 'scheduler',
    title: 'Scheduler',
    topic: 'CPU',
    about: 'Which vCPU ran on which physical hart, how the time of each has gone, and its weight, cap and pinning.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: ({ schedulerSpan }) => ({ scheduler: { span: schedulerSpan } }),
    Component: drawn(({ SchedulerPanel }) => SchedulerPanel),
  },
  {
    id: 'migration',
    title: 'Migration',
    topic: 'Memory',
    about: 'A VM moves to another machine while it runs: round by round, the switch, the downtime, nothing lost.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: () => ({ migration: true }),
    Component: drawn(({ MigrationPanel }) => MigrationPanel),
  },
  {
    id: 'levels',
    title: 'Levels',
    topic: 'CPU',
    about:
      'Every trap and every return of a guest on the bare machine, from level to level: user, kernel, hypervisor, firmware.',
    key: undefined,
    place: 'right',
    closedAtFirst: true,
    queries: ({ crossings }) => ({ levels: { only: crossings, count: CROSSINGS } }),
    Component: drawn(({ Levels }) => Levels),
  },
  {
    id: 'techniques',
    title: 'Techniques compared',
    topic: 'CPU',
    about: 'Two guests that do the same work, run in every way: exits by reason, instructions, time, side by side.',
    key: undefined,
    place: 'centre-below',
    closedAtFirst: true,
    queries: () => ({}),
    Component: drawn(({ TechniquesCompared }) => TechniquesCompared),
  },
  {
    id: 'virtualizable',
    title: 'Virtualizable?',
    topic: 'The three properties',
    about: 'Popek and Goldberg’s test, run on the hart: which instructions are privileged, which are sensitive.',
    key: undefined,
    place: 'centre-below',
    closedAtFirst: true,
    queries: () => ({ patches: true, quirks: true }),
    Component: drawn(({ Virtualizable }) => Virtualizable),
  },
  {
    id: 'isolation',
    title: 'Isolation',
    topic: 'The three properties',
    about: 'Hostile guests try to get out, one by one: the check that stops each, and the neighbours that cannot tell.',
    key: undefined,
    place: 'centre-below',
    closedAtFirst: true,
    queries: () => ({}),
    Component: drawn(({ Isolation }) => Isolation),
  },
  {
    id: 'equivalence',
    title: 'Equivalence',
    topic: 'The three properties',
    about:
      'A guest on the bare machine and under each technique, side by side: the instruction in which they first differ.',
    key: undefined,
    place: 'centre-below',
    closedAtFirst: true,
    queries: () => ({}),
    Component: drawn(({ Equivalence }) => Equivalence),
  },
  {
    id: 'scenario',
    title: 'Scenario',
    topic: 'Execution',
    about:
      'What the scenario that was opened expects of each VM: what is met, what is not met yet, what no longer can be.',
    key: undefined,
    place: 'right-below',
    closedAtFirst: true,
    queries: () => ({ scenarios: true }),
    Component: drawn(({ ScenarioPanel }) => ScenarioPanel),
  },
  {
    id: 'io-paths',
    title: 'I/O paths',
    topic: 'I/O',
    about:
      'Programmed I/O, virtio and passthrough at the same work: exits, bytes an exit, time; and what the IOMMU refused.',
    key: undefined,
    place: 'centre-below',
    closedAtFirst: true,
    queries: () => ({ assignedDevices: true }),
    Component: drawn(({ IoPaths }) => IoPaths),
  },
];
