// The person's preferences, kept from visit to visit.

import { choose, useChoice, type Choice, type ThemeChoice } from './choice.ts';
import { store, stored } from './storage.ts';

const PREFERENCES = 'ringside.preferences.1';
const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

const SWITCHES = ['grouping', 'consoleForScreenReader', 'letterKeys'] as const;

/** Restores theme and switches, applies the theme to the page, and keeps them for the next visit. */
export function rememberPreferences(): void {
  const found = stored(PREFERENCES);
  if (typeof found === 'object' && found !== null) {
    const entries: Readonly<Record<string, unknown>> = { ...found };
    const theme = THEMES.find((known) => known === entries['theme']);
    if (theme !== undefined) choose({ theme });
    for (const name of SWITCHES) {
      const value = entries[name];
      if (typeof value === 'boolean') choose({ [name]: value });
    }
  }
  const apply = (choice: Choice) => {
    if (choice.theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = choice.theme;
  };
  apply(useChoice.getState());
  useChoice.subscribe((choice, before) => {
    if (choice.theme !== before.theme) apply(choice);
    if (choice.theme !== before.theme || SWITCHES.some((name) => choice[name] !== before[name])) {
      const { theme, grouping, consoleForScreenReader, letterKeys } = choice;
      store(PREFERENCES, { theme, grouping, consoleForScreenReader, letterKeys });
    }
  });
}
