// What each hostile guest must come to. They are not in the student's list: they are the tests' burglars, one row each.
// The sources say what they do; expectations follow the manuals, not QEMU, where the two differ (the sources say where).

export interface HostileGuest {
  /** The source is `NAME.s` in this folder. */
  readonly name: string;
  /**
   * `shutdown`: by SBI SRST, the status is 0. `asleep`: it waits and nothing can wake it. `trap-loop`: every trap traps at the
   * vector again, so nothing sensible is left. `busy`: it runs until it is stopped.
   */
  readonly ends: 'shutdown' | 'asleep' | 'trap-loop' | 'busy';
  /** Its whole console output under every technique; undefined where it has no end. */
  readonly console: string | undefined;
  /** Where the bare board, whose kernel runs in HS-mode, must answer otherwise. */
  readonly consoleOnBare?: string;
}

export const hostileGuests: readonly HostileGuest[] = [
  { name: 'nowhere', ends: 'trap-loop', console: '' },
  { name: 'trap-loop', ends: 'trap-loop', console: '' },
  { name: 'trap-loop-paging', ends: 'trap-loop', console: '' },
  { name: 'page-table-loop', ends: 'shutdown', console: 'D D 5 5 5 self\n' },
  { name: 'console-flood', ends: 'busy', console: undefined },
  { name: 'sleep-forever', ends: 'asleep', console: '' },
  { name: 'reset-reserved', ends: 'shutdown', console: '3332\n' },
  { name: 'sweep', ends: 'shutdown', console: 'ZZswept\n' },
  // Its AMOs at the serial port send two zeros.
  { name: 'odd-accesses', ends: 'shutdown', console: '\0\0odd\n' },
  { name: 'user-privilege', ends: 'shutdown', console: '22222222222\n' },
  { name: 'hypervisor-registers', ends: 'shutdown', console: '2222222222222\n', consoleOnBare: '-------------\n' },
  { name: 'sbi-buffers', ends: 'shutdown', console: '333333\n' },
  { name: 'timer-storm', ends: 'busy', console: '' },
];
