// What the shell itself shows: the overlay that is open, the last problem, the last announcement. Neither machine nor preference.

import { create } from 'zustand';
import type { PendingScenario } from './scenario/scenario-plan.ts';

export type Overlay = 'palette' | 'help' | 'add-vm' | 'panels' | 'scenario';

export interface ShellState {
  /** The VMs of a visit's beginning are not all there yet. */
  readonly beginning: boolean;
  readonly overlay: Overlay | undefined;
  /** What is typed into the palette, from the moment it is asked for. */
  readonly search: string;
  /** A file that was dropped on the page, for the dialog that adds a VM. */
  readonly droppedFile: File | undefined;
  /** A scenario that lacks something, for the dialog that asks for it. */
  readonly scenario: PendingScenario | undefined;
  /** Why the last command failed; shown until dismissed or until a command succeeds. */
  readonly problem: string | undefined;
  /** The sentence for the status region; `count` makes equal sentences new ones. */
  readonly announcement: { readonly text: string; readonly count: number };
}

export const useShell = create<ShellState>(() => ({
  beginning: true,
  overlay: undefined,
  search: '',
  droppedFile: undefined,
  scenario: undefined,
  problem: undefined,
  announcement: { text: '', count: 0 },
}));

export function openOverlay(overlay: Overlay | undefined, droppedFile?: File): void {
  useShell.setState({ overlay, droppedFile, scenario: undefined, search: '' });
}

export function searchFor(search: string): void {
  useShell.setState({ search });
}

export function showProblem(problem: string | undefined): void {
  useShell.setState({ problem });
}

/** Says a sentence to screen readers, politely. */
export function announce(text: string): void {
  useShell.setState(({ announcement }) => ({ announcement: { text, count: announcement.count + 1 } }));
}
