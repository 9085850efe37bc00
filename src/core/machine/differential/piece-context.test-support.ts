// What the code of one mode of a generated program must know of the program around it.

import type { Random } from './random.test-support.ts';

export type Mode = 'M' | 'HS' | 'VS' | 'U' | 'VU';

export interface PieceContext {
  readonly random: Random;
  readonly mode: Mode;
  readonly start: number;
  /** The piece that follows, in another mode. */
  readonly next: { readonly mode: Mode; readonly start: number } | undefined;
  readonly virtual: boolean;
  /** satp value that turns the tables on. */
  readonly root: number;
  readonly satp: number;
  readonly vsatp: number;
  readonly hgatp: number;
  /** Window pages whose contents must not be executed. */
  readonly unsafePages: ReadonlySet<number>;
  /** The alias page leads to this piece's code. */
  readonly aliasWritable: boolean;
  readonly stage2: boolean;
  /** Some addresses lead to where nothing is. */
  readonly outside: boolean;
  /** SUM may be set. */
  readonly sum: boolean;
  /** mstatus.TVM may be set; then no page table is changed, because no fence would follow. */
  readonly trapsFences: boolean;
  /** Interrupts that may be enabled. */
  readonly interrupts: number;
}
