// The levels of privilege a hart can be at, as one small number each: what a trap goes down from and a return goes up to
// ("Privilege Levels"; "Hypervisor Extension", table of virtualization modes). With the H extension S-mode is HS-mode.

import type { Privilege } from './hart-state.ts';

/** The privilege in the low two bits, V above them. */
export const Level = { U: 0, S: 1, M: 3, VU: 4, VS: 5 } as const;
export type LevelName = keyof typeof Level;
export type Level = (typeof Level)[LevelName];

/** From the one with the most rights to the one with the fewest. */
const levelNames = ['M', 'S', 'U', 'VS', 'VU'] as const satisfies readonly LevelName[];

export const levelOf = (privilege: Privilege, virtual: boolean): Level => (privilege | (virtual ? 4 : 0)) as Level;

/** The name of a level's number. */
export const levelName = (level: number): LevelName => levelNames.find((name) => Level[name] === level) ?? 'M';
