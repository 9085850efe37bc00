// What the person chose, and nothing of what the machine is: which VM is looked at, and the parameters of every panel.
// One zustand store. A new parameter is one line in `Choice` and one in `initialChoice`; panels may add theirs here.

import { create } from 'zustand';
import type { Access, CrossingKind } from '../protocol/frame.ts';
import type { PanelId, SpacedAddress } from './places.ts';

export type ThemeChoice = 'system' | 'light' | 'dark';

export interface Choice {
  /** The VM being looked at. */
  readonly vm: number | undefined;
  /** The hart of it that is looked at: a vCPU, where a hypervisor runs it. */
  readonly vcpu: number;
  /** How far back the timeline of the scheduler goes, in instructions of virtual time. */
  readonly schedulerSpan: number;
  /** The address whose translation is shown; `pc` follows the program counter. */
  readonly walk: { readonly gva: number | 'pc'; readonly access: Access };
  readonly tables: { readonly table: 'guest' | 'stage-2' | 'shadow'; readonly expanded: readonly number[] };
  readonly memory: SpacedAddress;
  /** The frames of a machine, or the pages of a guest: which page of it is told in full (undefined: the first that was touched), and how many lie in a cell (undefined: as many as all of them need). */
  readonly frames: {
    readonly view: 'machine' | 'pages';
    readonly page: number | undefined;
    readonly pagesPerCell: number | undefined;
  };
  /** Where the disassembly stands; `pc` follows. */
  readonly disassembly: number | 'pc';
  /** The instruction the person put the cursor on: F9 toggles there, or at pc where there is none. */
  readonly cursor: number | undefined;
  /** Guest virtual addresses by VM. The shell sends them to the core whenever they change. */
  readonly breakpoints: Readonly<Record<number, readonly number[]>>;
  /** Sources the person assembled and runs, by VM; those that ship are fetched by name. */
  readonly sources: Readonly<Record<number, { readonly title: string; readonly text: string }>>;
  /** The list of exits: `vm` is one VM or all; no reasons means all; the window is `skip` rows from the newest, `count` long. */
  readonly exits: {
    readonly vm: 'selected' | 'all';
    readonly reasons: readonly string[];
    readonly skip: number;
    readonly count: number;
  };
  /** The exit shown in stages; undefined follows the one under way, or the last. */
  readonly exit: number | undefined;
  /** Crossings between levels: only of this kind, or all. */
  readonly crossings: CrossingKind | undefined;
  readonly theme: ThemeChoice;
  /** 32-bit numbers in groups of four: `8040_1a2c`. */
  readonly grouping: boolean;
  /** The console is also written as text that a screen reader can read; costs speed. */
  readonly consoleForScreenReader: boolean;
  /** Single letters and digits are keys (WCAG 2.1.4 asks for a way to turn them off). */
  readonly letterKeys: boolean;
  /** On a phone: the one panel on the screen. */
  readonly phonePanel: PanelId;
}

export const initialChoice: Choice = {
  vm: undefined,
  vcpu: 0,
  schedulerSpan: 20_000_000,
  walk: { gva: 'pc', access: 'fetch' },
  tables: { table: 'guest', expanded: [] },
  memory: { space: 'gpa', address: 0x8000_0000 },
  frames: { view: 'machine', page: undefined, pagesPerCell: undefined },
  disassembly: 'pc',
  cursor: undefined,
  breakpoints: {},
  sources: {},
  exits: { vm: 'selected', reasons: [], skip: 0, count: 64 },
  exit: undefined,
  crossings: undefined,
  theme: 'system',
  grouping: true,
  consoleForScreenReader: false,
  letterKeys: true,
  phonePanel: 'console',
};

/** Read in components with a selector: `useChoice((choice) => choice.grouping)`. Written only through `choose`. */
export const useChoice = create<Choice>(() => initialChoice);

/** Shallow merge into the choice. */
export function choose(change: Partial<Choice>): void {
  useChoice.setState(change);
}

/** The change that sets a breakpoint where there is none, and removes it where there is one. Pass it to `choose`. */
export function toggledBreakpoint(choice: Choice, vm: number, gva: number): Partial<Choice> {
  const present = choice.breakpoints[vm] ?? [];
  const next = present.includes(gva)
    ? present.filter((address) => address !== gva)
    : [...present, gva].toSorted((one, other) => one - other);
  return { breakpoints: { ...choice.breakpoints, [vm]: next } };
}
