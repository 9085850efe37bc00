// A hart on which one instruction at a time is tried: each trial puts it into a known state, executes the instruction, and
// tells what came of it. Everything is observed on the machine itself, nothing is looked up in a table of the manual.
//
//   physical memory    the program's own pages (code, data) in two places, "home" and "away", with the same contents in the
//                      one that is in use and others in the other; page tables that lead the same addresses to either
//   virtual addresses  those of "home": where translation is off, they are the physical ones

import { ADUE, STCE } from '../../isa/csr-bits.ts';
import { exceptionRows, findCause } from '../../isa/causes.ts';
import { storedCsrs, type StoredCsrName } from '../../isa/csr-stored.ts';
import { accessFaultCauses, guestPageFaultCauses, pageFaultCauses } from '../../machine/access-causes.ts';
import type { Hart } from '../../machine/hart.ts';
import { Privilege } from '../../machine/hart-state.ts';
import { HART_BLOCK_WORDS, RAM_BASE, Word } from '../../machine/layout.ts';
import type { Host } from '../../machine/linear-memory.ts';
import { Machine } from '../../machine/machine.ts';
import { HypervisorStatus, Status, StatusHigh } from '../../machine/privileged-state.ts';
import type { Quirks } from '../../machine/quirks.ts';
import { Pte } from '../../machine/walker.ts';

export const triedModes = ['U', 'S', 'M', 'VU', 'VS'] as const;
export type TriedMode = (typeof triedModes)[number];

/** Where the program lies in real memory: without translation, or through tables in the one or the other place. */
export type Place = 'untranslated' | 'home' | 'away';

/** A state to try an instruction in, as it differs from the plain one. */
export interface Situation {
  readonly place: Place;
  /** What is in the registers that the instruction names: two different words, or the same word twice. */
  readonly operands: 'different' | 'equal';
  /** Which part of the resources the hypervisor manages is not as it was. */
  readonly resource: 'as it was' | 'status' | 'registers' | 'time' | 'interrupts' | 'grants';
}

export interface ResourceChange {
  /** `mode`, the name of a CSR, `translations` … */
  readonly what: string;
  readonly before: number;
  readonly after: number;
}

/** What one execution did. */
export interface Trial {
  /** Cause of the trap it ended in; undefined where it was executed. */
  readonly trap: number | undefined;
  /** The trap is about the memory it touched, not about the instruction ("memory trap"). */
  readonly memoryTrap: boolean;
  /** What the program can see afterwards: its registers, where it goes on, its own memory. Equal texts, equal results. */
  readonly result: string;
  /** What of the machine outside the program is not as it was. */
  readonly changes: readonly ResourceChange[];
}

/** The registers that a tried instruction names. */
export const TRIED = { rd: 10, rs1: 11, rs2: 12 } as const;

const RAM_BYTES = 1 << 19;
const CODE = RAM_BASE + 0x1_0000;
const DATA = RAM_BASE + 0x1_1000;
/** Its table entry is changed after the hart has used it: shows whether translations were forgotten. */
const PROBE = RAM_BASE + 0x1_2000;
const AWAY = 0x2_0000;
const PROBED = [RAM_BASE + 0x5_0000, RAM_BASE + 0x5_1000] as const;
const ROOT = RAM_BASE + 0x6_0000;
const LEAF = RAM_BASE + 0x6_1000;
const GUEST_ROOT = RAM_BASE + 0x6_4000;
const GUEST_LEAF = RAM_BASE + 0x6_8000;
const VECTOR = RAM_BASE + 0x7_0000;
/** Where each kind of return leads. */
const RETURN_TO = CODE + 0x100;
const OPERAND = DATA + 0x40;
const PAGE_WORDS = 1024;
const SV32 = 0x8000_0000;
const LEAF_FLAGS = Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D;
/** The program's registers, and what only counts or caches: none of it is a resource that the hypervisor manages. */
const notResources = new Set<number>([
  ...Array.from({ length: 32 }, (_, index) => Word.x + index),
  Word.sink,
  Word.pc,
  Word.budget,
  Word.translations,
  Word.reservation,
  Word.executed,
  Word.executed + 1,
  Word.trapped,
  Word.trapped + 1,
]);
const resourceWords = Array.from({ length: HART_BLOCK_WORDS }, (_, index) => index).filter(
  (index) => !notResources.has(index),
);
const storedNames = Object.keys(storedCsrs) as readonly StoredCsrName[];
const nameOfWord = (index: number): string => {
  if (index === Word.privilege) return 'mode';
  if (index === Word.virtualization) return 'V';
  if (index === Word.waiting) return 'waiting';
  if (index === Word.cycleOffset || index === Word.cycleOffset + 1) return 'mcycle';
  if (index === Word.instretOffset || index === Word.instretOffset + 1) return 'minstret';
  return storedNames[index - Word.csrs] ?? 'stopped';
};
/** Set up by the hypervisor to decide what traps: they stay as they are, but for the situation `grants`. */
const grants = ['mcounteren', 'scounteren', 'hcounteren', 'senvcfg', 'mcountinhibit'] as const;
/** Decide translation, traps or interrupts; or `mstatus` and its like, which have a situation of their own. */
const leftAlone = new Set<StoredCsrName>([
  ...grants,
  ...(['mstatus', 'mstatush', 'vsstatus', 'hstatus', 'satp', 'mie'] as const),
  ...(['medeleg', 'hedeleg', 'menvcfg', 'menvcfgh', 'henvcfg', 'henvcfghWritten'] as const),
  ...(['mipSoftware', 'mipLines', 'hvip'] as const),
  ...(['pmpcfg0', 'pmpcfg1', 'pmpcfg2', 'pmpcfg3'] as const),
]);

/** Contents of the program's memory, and of the place where it is not. */
const ownWords = Uint32Array.from({ length: PAGE_WORDS }, (_, index) => 0x0100_0001 * (index & 0x7f) + 0x13);
const own = new Uint8Array(ownWords.buffer);
const otherWords = ownWords.map((value) => ~value);
const others = new Uint8Array(otherWords.buffer);

export interface TrialOptions {
  readonly host: Host;
  readonly quirks: Readonly<Quirks>;
  /** Whether the hypervisor lets user mode read the counters (scounteren); trap-and-emulate does not. */
  readonly countersGranted: boolean;
}

export class TrialHart {
  readonly #machine: Machine;
  readonly #hart: Hart;
  readonly #countersGranted: boolean;
  readonly #before = new Int32Array(HART_BLOCK_WORDS);
  /** Where the program's memory is as it should be at the start of a trial; undefined after a store. */
  #laidOutAt: number | undefined;

  constructor({ host, quirks, countersGranted }: TrialOptions) {
    this.#machine = new Machine({
      host,
      harts: 1,
      ramBytes: RAM_BYTES,
      translator: false,
      svadu: true,
      quirks,
      epochNanoseconds: { high: 0, low: 0 },
      transmit: () => undefined,
    });
    const [hart] = this.#machine.harts;
    if (hart === undefined) throw new Error('the machine has no hart');
    this.#hart = hart;
    this.#countersGranted = countersGranted;
  }

  /** Executes the instruction `word` once. Nothing of an earlier trial is left. */
  try(instruction: number, mode: TriedMode, situation: Situation): Trial {
    const hart = this.#hart;
    this.#setUp(instruction, mode, situation);
    const probing = situation.place === 'home';
    if (probing) this.#useProbe();
    const first = this.#machine.layout.hartBase >> 2;
    const words = this.#machine.memory.words.subarray(first, first + HART_BLOCK_WORDS);
    this.#before.set(words);
    hart.lastTrap = undefined;
    hart.run(1);
    const trap = hart.lastTrap as { readonly trap: { readonly cause: number } } | undefined;
    const cause = trap?.trap.cause;
    if (cause !== undefined) return { trap: cause, memoryTrap: memoryTraps.has(cause), result: '', changes: [] };
    const changes = this.#changesOf(words);
    const result = this.#resultOf(words, situation.place);
    const elsewhere = this.#storesElsewhere(situation.place);
    if (elsewhere || result.includes('[')) this.#laidOutAt = undefined;
    const moved = changes.some(({ what }) => what === 'mode' || what === 'V' || what.endsWith('atp'));
    const forgotten = probing && !moved && this.#probeForgotten();
    return {
      trap: undefined,
      memoryTrap: false,
      result,
      changes: [
        ...changes,
        ...(forgotten ? [{ what: 'translations', before: 1, after: 0 }] : []),
        ...(elsewhere ? [{ what: 'memory outside the program', before: 0, after: 1 }] : []),
      ],
    };
  }

  #setUp(instruction: number, mode: TriedMode, situation: Situation): void {
    const hart = this.#hart;
    const { state } = hart;
    const { ram, board } = this.#machine;
    hart.reset();
    const [code, spare] = situation.place === 'away' ? [CODE + AWAY, CODE] : [CODE, CODE + AWAY];
    if (this.#laidOutAt !== code) {
      this.#laidOutAt = code;
      for (const [base, contents] of [
        [code, own],
        [spare, others],
      ] as const) {
        ram.write(base, contents);
        ram.write(base + 4096, contents);
      }
    }
    this.#set(code, instruction);
    board.bus.write(MTIME, 4, situation.resource === 'time' ? 5_000_000 : 1_000_000);
    board.bus.write(MTIME + 4, 4, situation.resource === 'time' ? 1 : 0);
    if (situation.resource === 'time') {
      state.setCounterOffset('cycle', 0x1_2345_6789n);
      state.setCounterOffset('instret', 0x2_3456_789an);
    }
    this.#setCsrs(situation, mode);
    if (situation.place !== 'untranslated') this.#translate(mode, code);
    state.setX(TRIED.rd, 0x0dd_ba11);
    state.setX(TRIED.rs1, OPERAND | 0);
    state.setX(TRIED.rs2, situation.operands === 'different' ? 0x5a5a_a5a5 : OPERAND | 0);
    if (situation.operands === 'equal') {
      state.reservation = ram.linearOf(code - CODE + OPERAND);
    }
    state.privilege = mode === 'M' ? Privilege.machine : mode.endsWith('S') ? Privilege.supervisor : Privilege.user;
    state.virtual = mode.startsWith('V');
    state.waiting = false;
    state.pc = CODE;
    hart.changed('environment');
    hart.access.translations.flush();
  }

  /** As the hypervisor leaves the hart to a deprivileged guest, or, for V = 1, to one under the H extension. */
  #setCsrs({ resource }: Situation, mode: TriedMode): void {
    const { csrs } = this.#hart.state;
    csrs.mtvec = VECTOR;
    csrs.mcounteren = 0xffff_ffff;
    csrs.scounteren = this.#countersGranted ? 7 : 0;
    csrs.hcounteren = 2;
    csrs.menvcfgh = STCE | ADUE;
    csrs.henvcfghWritten = STCE;
    csrs.hstatus = HypervisorStatus.VTW;
    csrs.hideleg = 0x444;
    csrs.mideleg = 0x666;
    csrs.sepc = RETURN_TO;
    csrs.mepc = RETURN_TO;
    csrs.vsepc = RETURN_TO;
    csrs.mstatus = Status.MPIE;
    switch (resource) {
      case 'as it was':
      case 'time':
        return;
      case 'status':
        csrs.mstatus = Status.SPIE | Status.SPP | Status.SIE | (Privilege.supervisor << 11);
        csrs.mstatush = StatusHigh.MPV;
        csrs.vsstatus = Status.SPIE | Status.SPP | Status.SIE;
        csrs.hstatus = HypervisorStatus.VTW | HypervisorStatus.SPVP;
        return;
      case 'registers':
        for (const name of storedNames) {
          if (!leftAlone.has(name)) csrs[name] = (csrs[name] ^ 0x0000_0104) >>> 0;
        }
        csrs.mideleg = csrs.mideleg ^ 0x120; // back to what has a meaning
        if (mode.startsWith('V')) {
          csrs.vsatp = 0;
          csrs.hgatp = 0;
        }
        return;
      case 'interrupts':
        csrs.mipSoftware = 0x222;
        csrs.mipLines = 0x888;
        csrs.hvip = 0x444;
        csrs.mie = 0; // pending and not enabled: none is taken
        return;
      case 'grants':
        for (const name of grants) csrs[name] = name === 'mcounteren' ? 0xffff_fff0 : 5;
        csrs.medeleg = 0xb1ff;
        csrs.hedeleg = 0xb1ff;
        csrs.menvcfg = 1;
        csrs.menvcfgh = STCE;
        csrs.henvcfg = 1;
        csrs.henvcfghWritten = 0;
        csrs.mie = 0x666; // enabled and not pending: none is taken
        return;
    }
  }

  /** Tables under which the program's addresses lead to where it lies. */
  #translate(mode: TriedMode, code: number): void {
    const { csrs } = this.#hart.state;
    const guest = mode.startsWith('V');
    const [root, leaf] = guest ? [GUEST_ROOT, GUEST_LEAF] : [ROOT, LEAF];
    const flags = LEAF_FLAGS | (guest || mode === 'U' ? Pte.U : 0);
    const entry = (target: number, bits: number) => ((target >>> 12) * 1024 + bits) >>> 0;
    this.#set(root + 4 * (CODE >>> 22), entry(leaf, Pte.V));
    for (const [address, target] of [
      [CODE, code],
      [DATA, code + 4096],
      [PROBE, PROBED[0]],
    ] as const) {
      this.#set(leaf + 4 * ((address >>> 12) & 0x3ff), entry(target, flags));
    }
    this.#set(PROBED[0], 1);
    this.#set(PROBED[1], 2);
    const space = code === CODE ? 1 : 2;
    if (guest) csrs.hgatp = (SV32 + space * 2 ** 22 + root / 4096) >>> 0;
    else csrs.satp = (SV32 + space * 2 ** 22 + root / 4096) >>> 0;
  }

  /** The hart reads a page, then its table entry changes: from now on the hart may know it better than the tables do. */
  #useProbe(): void {
    const { access, state } = this.#hart;
    if (state.privilege === Privilege.machine || !access.load(PROBE, 4)) return;
    const leaf = (state.virtual ? GUEST_LEAF : LEAF) + 4 * ((PROBE >>> 12) & 0x3ff);
    const { ram } = this.#machine;
    const changed = ram.readEntry(leaf) - (PROBED[0] >>> 12) * 1024 + (PROBED[1] >>> 12) * 1024;
    this.#set(leaf, changed);
  }

  /** Stores a word where it is not there yet. */
  #set(at: number, value: number): void {
    const { ram } = this.#machine;
    if (ram.readEntry(at) !== value >>> 0) ram.updateEntry(at, value);
  }

  #probeForgotten(): boolean {
    const { access, state } = this.#hart;
    return state.privilege !== Privilege.machine && access.load(PROBE, 4) && access.value === 2;
  }

  #changesOf(words: Int32Array): readonly ResourceChange[] {
    const changes: ResourceChange[] = [];
    for (const index of resourceWords) {
      const before = this.#before[index] ?? 0;
      const after = words[index] ?? 0;
      if (before !== after) changes.push({ what: nameOfWord(index), before: before >>> 0, after: after >>> 0 });
    }
    return changes;
  }

  #resultOf(words: Int32Array, place: Place): string {
    const parts: string[] = [`pc=${hex(words[Word.pc] ?? 0)}`];
    for (let index = 1; index < 32; index++) {
      const after = words[index] ?? 0;
      if (after !== this.#before[index]) parts.push(`x${index}=${hex(after)}`);
    }
    return parts.join(' ') + this.#ownStores(place);
  }

  /** Stores to the program's own data, wherever it lies. */
  #ownStores(place: Place): string {
    const view = this.#machine.ram.view((place === 'away' ? AWAY : 0) + DATA, 4096);
    const now = new Uint32Array(view.buffer, view.byteOffset, PAGE_WORDS);
    let text = '';
    for (let index = 0; index < PAGE_WORDS; index++) {
      if (now[index] !== ownWords[index]) text += ` [${hex(DATA + 4 * index)}]=${hex(now[index] ?? 0)}`;
    }
    return text;
  }

  /** Whether anything was stored where the program is not. */
  #storesElsewhere(place: Place): boolean {
    const base = place === 'away' ? CODE : CODE + AWAY;
    for (const page of [base, base + 4096]) {
      const view = this.#machine.ram.view(page, 4096);
      const now = new Uint32Array(view.buffer, view.byteOffset, PAGE_WORDS);
      for (let index = 0; index < PAGE_WORDS; index++) if (now[index] !== otherWords[index]) return true;
    }
    return false;
  }
}

const MTIME = 0x0200_bff8;
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

const memoryTraps = new Set<number>([
  ...[accessFaultCauses, pageFaultCauses, guestPageFaultCauses].flatMap((causes) => Object.values(causes)),
  ...[exceptionRows.instructionMisaligned, exceptionRows.loadMisaligned, exceptionRows.storeMisaligned].map(
    ({ code }) => code,
  ),
]);

/** A trap in words. */
export const trapName = (cause: number): string => findCause(cause)?.name ?? `cause ${cause}`;
