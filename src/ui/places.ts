// The places of the page: its panels, where they stand, and addresses that can be shown in them.

/** Every panel there is. The console belongs to the shell, all others to panels/. */
export type PanelId =
  | 'source'
  | 'registers'
  | 'trap'
  | 'walk'
  | 'exits'
  | 'interrupts'
  | 'console'
  | 'memory'
  | 'tables'
  | 'frames'
  | 'devices'
  | 'network'
  | 'disks'
  | 'io-paths'
  | 'processes'
  | 'levels'
  | 'techniques'
  | 'virtualizable'
  | 'isolation'
  | 'equivalence'
  | 'scheduler'
  | 'migration'
  | 'scenario';

/** Where a panel stands before anyone moved it: three columns, each with an upper and a lower place (see UX: the arrangement). */
export type PanelPlace = 'left' | 'left-below' | 'centre' | 'centre-below' | 'right' | 'right-below';

export type Space = 'gva' | 'gpa' | 'hpa';

/** A number that is an address of one space. The same number in two spaces is two places. */
export interface SpacedAddress {
  readonly space: Space;
  /** Unsigned; up to 34 bits for gpa and hpa. */
  readonly address: number;
}
