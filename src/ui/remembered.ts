// What is kept from visit to visit in localStorage: the person's preferences, and the VMs that ran last.
// What is stored is read as untrusted text: anything that does not fit is ignored.

import type { Catalog, Technique, VmOptions } from '../protocol/commands.ts';
import { choose, useChoice, type Choice, type ThemeChoice } from './choice.ts';

const PREFERENCES = 'ringside.preferences.1';
const VMS = 'ringside.vms.1';
const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

function stored(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return undefined;
  }
}

function store(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage may be forbidden; then it lasts for this visit.
  }
}

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

/** Keeps the VMs for the next visit. Images the person brought are too large to keep. */
export function rememberVms(vms: readonly VmOptions[]): void {
  store(
    VMS,
    vms.flatMap(({ guest, technique, memoryMiB }) =>
      guest.kind === 'shipped' ? [{ guest: guest.name, technique, memoryMiB }] : [],
    ),
  );
}

/** A VM asked for by the page's address: `#guest=linux&technique=bare`. */
function vmOfAddress(catalog: Catalog): readonly VmOptions[] {
  const asked = new URLSearchParams(location.hash.slice(1));
  const name = asked.get('guest');
  return name === null ? [] : checked(catalog, name, asked.get('technique'), Number(asked.get('memory')));
}

function checked(catalog: Catalog, name: unknown, technique: unknown, memoryMiB: unknown): readonly VmOptions[] {
  const guest = catalog.guests.find((known) => known.name === name);
  if (guest === undefined) return [];
  const preferred: readonly unknown[] = [technique, 'trap-and-emulate', ...guest.techniques];
  const possible = preferred.find((wanted): wanted is Technique => guest.techniques.some((known) => known === wanted));
  if (possible === undefined) return [];
  const memory = typeof memoryMiB === 'number' && memoryMiB >= 1 && memoryMiB <= 2048 ? memoryMiB : guest.memoryMiB;
  return [
    { guest: { kind: 'shipped', name: guest.name }, technique: possible, memoryMiB: Math.round(memory), start: true },
  ];
}

/** The small guest of a first visit: one whose exits keep coming, so that there is something to stop at. */
const FIRST_GUESTS = ['heartbeat', 'timer', 'hello'];

/** The VMs to begin with: those of the address, else those of the last visit, else a small one. */
export function vmsToBeginWith(catalog: Catalog): readonly VmOptions[] {
  const asked = vmOfAddress(catalog);
  if (asked.length > 0) return asked;
  const found = stored(VMS);
  const last = (Array.isArray(found) ? found : []).slice(0, 4).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { guest, technique, memoryMiB } = entry as Record<string, unknown>;
    return checked(catalog, guest, technique, memoryMiB);
  });
  if (last.length > 0) return last;
  const first = FIRST_GUESTS.find((name) => catalog.guests.some((guest) => guest.name === name));
  return checked(catalog, first ?? catalog.guests[0]?.name, 'trap-and-emulate', undefined);
}
