// The crossings between the levels of one computer: every trap a hart takes and every return from one. A ring of records of
// fixed size in one buffer, and counts that never forget. It is written by an observer of the harts; nothing depends on it.
//
// One record, in 32-bit words (float64 where two words are named):
//
//   0,1  at (virtual instructions)    5 pc it went to                     9 vsstatus
//   2    hart, kind, from, to         6 instruction; 0 where none is     10 htval: guest physical address / 4
//   3    cause; 0 for a return        7 trap value                       11 htinst
//   4    pc it came from              8 hstatus                          12 status of the new level   13 … spare

import { SSTATUS_MASK } from '../../isa/csrs.ts';
import { Level, levelName, levelOf, type LevelName } from '../../machine/level.ts';
import type { PrivilegedState, Trap, TrapTarget } from '../../machine/privileged-state.ts';
import { HypervisorStatus, Status, StatusHigh } from '../../machine/privileged-state.ts';
import { Privilege } from '../../machine/hart-state.ts';

const WORDS = 16;
/** Causes told apart: exceptions, then interrupts (bit 31). */
const CAUSES = 64;
const LEVELS = 8;

export interface Crossing {
  readonly sequence: number;
  /** Virtual instructions of the computer. */
  readonly at: number;
  readonly hart: number;
  readonly kind: 'trap' | 'return';
  readonly from: LevelName;
  readonly to: LevelName;
  /** mcause, scause or vscause as the hart wrote it; 0 for a return. */
  readonly cause: number;
  /** Where the hart was and where it went on: virtual addresses of their levels. */
  readonly pc: number;
  readonly target: number;
  /** The instruction at `pc`: what trapped, SRET or MRET; 0 for interrupts, failed fetches and firmware that is not in memory. */
  readonly instruction: number;
  /** mtval, stval or vstval. */
  readonly value: number;
  readonly hstatus: number;
  readonly vsstatus: number;
  /** htval and htinst, or mtval2 and mtinst in M-mode. */
  readonly htval: number;
  readonly htinst: number;
  /** Of the level it went to: mstatus for M, sstatus for S and U, vsstatus for VS and VU. */
  readonly status: number;
}

export interface CrossingCount {
  readonly kind: Crossing['kind'];
  readonly from: LevelName;
  readonly to: LevelName;
  /** 0 for returns. */
  readonly cause: number;
  readonly count: number;
}

/** What a hart looks like to its trace. */
interface CrossingHart {
  readonly id: number;
  readonly state: PrivilegedState;
  readonly instruction: number;
}

export class LevelTrace {
  /** Whether crossings are recorded and counted. */
  recording = false;
  readonly #capacity: number;
  readonly #now: () => number;
  #words: Int32Array | undefined;
  #doubles = new Float64Array(0);
  readonly #counts = new Float64Array(2 * LEVELS * LEVELS * CAUSES);
  #next = 0;

  /**
   * @param now virtual instructions of the computer
   * @param capacity records kept; their memory is taken when the first is written
   */
  constructor(now: () => number, capacity = 1 << 13) {
    this.#now = now;
    this.#capacity = capacity;
  }

  /** Crossings recorded in all. */
  get total(): number {
    return this.#next;
  }

  /** Number of the oldest one still kept. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#capacity);
  }

  /** A hart has taken a trap: its trap CSRs say where it came from. */
  trapped(hart: CrossingHart, { value, guestPhysical, instruction }: Trap, target: TrapTarget): void {
    if (!this.recording) return;
    const { csrs, pc } = hart.state;
    const cause = target === 'M' ? csrs.mcause : target === 'HS' ? csrs.scause : csrs.vscause;
    const interrupt = cause >>> 31 === 1;
    const from = sourceOf(hart.state, target);
    const epc = target === 'M' ? csrs.mepc : target === 'HS' ? csrs.sepc : csrs.vsepc;
    const to = target === 'M' ? Level.M : target === 'HS' ? Level.S : Level.VS;
    this.#write(hart, 0, from, to, cause, epc, pc, interrupt ? 0 : hart.instruction);
    this.#note(7, value);
    this.#note(10, Math.floor(guestPhysical / 4));
    this.#note(11, instruction);
    this.#next++;
  }

  /**
   * A hart has executed SRET or MRET.
   * @param from the level it was at
   * @param pc of that instruction
   * @param instruction 0 where it was firmware outside the machine that returned
   */
  returned(hart: CrossingHart, from: Level, pc: number, instruction = hart.instruction): void {
    if (!this.recording) return;
    const { state } = hart;
    this.#write(hart, 1, from, levelOf(state.privilege, state.virtual), 0, pc, state.pc, instruction);
    this.#next++;
  }

  /** The record with a running number; undefined where it is gone or has not happened. */
  read(sequence: number): Crossing | undefined {
    const words = this.#words;
    if (words === undefined || !(sequence >= this.oldest && sequence < this.#next)) return undefined;
    const base = (sequence % this.#capacity) * WORDS;
    const word = (index: number) => (words[base + index] ?? 0) >>> 0;
    const head = word(2);
    return {
      sequence,
      at: this.#doubles[base >> 1] ?? 0,
      hart: head >>> 24,
      kind: (head & 0xff) === 0 ? 'trap' : 'return',
      from: levelName((head >>> 8) & 0xff),
      to: levelName((head >>> 16) & 0xff),
      cause: word(3),
      pc: word(4),
      target: word(5),
      instruction: word(6),
      value: word(7),
      hstatus: word(8),
      vsstatus: word(9),
      htval: word(10),
      htinst: word(11),
      status: word(12),
    };
  }

  /** How often each kind of crossing has happened while it was recorded; the most frequent first. */
  counts(): readonly CrossingCount[] {
    const rows: CrossingCount[] = [];
    this.#counts.forEach((count, index) => {
      if (count === 0) return;
      const code = index % CAUSES;
      rows.push({
        kind: index < this.#counts.length / 2 ? 'trap' : 'return',
        from: levelName(Math.floor(index / CAUSES / LEVELS) % LEVELS),
        to: levelName(Math.floor(index / CAUSES) % LEVELS),
        cause: code < 32 ? code : (0x8000_0000 | (code - 32)) >>> 0,
        count,
      });
    });
    return rows.sort((one, other) => other.count - one.count);
  }

  /** Forgets everything: the computer starts anew. */
  clear(): void {
    this.#next = 0;
    this.#counts.fill(0);
  }

  #write(
    { id, state }: CrossingHart,
    kind: 0 | 1,
    from: Level,
    to: Level,
    cause: number,
    pc: number,
    target: number,
    instruction: number,
  ): void {
    if (this.#words === undefined) {
      const buffer = new ArrayBuffer(this.#capacity * WORDS * 4);
      this.#words = new Int32Array(buffer);
      this.#doubles = new Float64Array(buffer);
    }
    const words = this.#words;
    const base = (this.#next % this.#capacity) * WORDS;
    const { csrs } = state;
    this.#doubles[base >> 1] = this.#now();
    words[base + 2] = kind | (from << 8) | (to << 16) | (id << 24);
    words[base + 3] = cause;
    words[base + 4] = pc;
    words[base + 5] = target;
    words[base + 6] = instruction;
    words[base + 7] = 0;
    words[base + 8] = csrs.hstatus;
    words[base + 9] = csrs.vsstatus;
    words[base + 10] = 0;
    words[base + 11] = 0;
    words[base + 12] =
      to === Level.M ? csrs.mstatus : to === Level.VS || to === Level.VU ? csrs.vsstatus : csrs.mstatus & SSTATUS_MASK;
    const code = cause >>> 31 === 1 ? 32 + (cause & 31) : cause & 31;
    const at = ((kind * LEVELS + from) * LEVELS + to) * CAUSES + code;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  #note(index: number, value: number): void {
    if (this.#words) this.#words[(this.#next % this.#capacity) * WORDS + index] = value;
  }
}

/** The level a trap was taken from, as the hart has written it down for the way back. */
function sourceOf({ csrs }: PrivilegedState, target: TrapTarget): Level {
  if (target === 'VS') return csrs.vsstatus & Status.SPP ? Level.VS : Level.VU;
  if (target === 'HS') {
    return levelOf(
      csrs.mstatus & Status.SPP ? Privilege.supervisor : Privilege.user,
      (csrs.hstatus & HypervisorStatus.SPV) !== 0,
    );
  }
  return levelOf(((csrs.mstatus & Status.MPP) >>> 11) as Privilege, (csrs.mstatush & StatusHigh.MPV) !== 0);
}
