// Where the keyboard goes when a panel is asked for.

import type { PanelId } from '../panel.ts';

/** Puts the keyboard into a panel: on what it says should have it, else on the panel itself. */
export function focusPanel(id: PanelId): void {
  const host = document.querySelector<HTMLElement>(`[data-panel="${id}"]`);
  const wanted = host?.querySelector<HTMLElement>('[data-autofocus]') ?? host;
  wanted?.focus();
}
