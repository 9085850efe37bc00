// A command of the page as one row: its words, its keys, why it may be unavailable, what it does.

import type { Technique } from '../../protocol/commands.ts';
import type { Frame, VmSummary } from '../../protocol/frame.ts';
import type { Choice } from '../choice.ts';
import type { CorePhase } from '../core-client.ts';

export type CommandGroup = 'Run' | 'Step' | 'VMs' | 'Panels' | 'Look' | 'Help';

/** What decides whether a command can be run now. */
export interface Situation {
  readonly phase: CorePhase;
  readonly frame: Frame | undefined;
  readonly vm: VmSummary | undefined;
  readonly choice: Choice;
}

export interface CommandRow {
  readonly id: string;
  /** A verb phrase, as the palette shows it. */
  readonly title: string;
  readonly group: CommandGroup;
  /** All keys that run it; the first is the one shown. */
  readonly keys: readonly string[];
  /** One or two words for a button; rows without one are not in the toolbar. */
  readonly label?: string;
  /** Only in the palette when the person searches: rows that come in great numbers. */
  readonly searchedOnly?: boolean;
  /** Why it cannot be run now, for the person; undefined where it can. */
  readonly unavailable: (situation: Situation) => string | undefined;
  readonly run: (situation: Situation) => void;
}

export const TECHNIQUE_NAMES: { readonly [Key in Technique]: string } = {
  bare: 'bare',
  'trap-and-emulate': 'trap and emulate',
  paravirtual: 'paravirtual',
  'hardware-assisted': 'hardware-assisted',
};
