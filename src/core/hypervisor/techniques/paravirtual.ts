// Technique `paravirtual`: a deprivileged guest that knows it. What costs an exit each under trap-and-emulate it asks for
// together, or does without one: page-table entries by the list, interrupts off and on by a flag in a shared page, traps as
// a frame on its stack instead of CSRs to read, the way back by a hypercall instead of SRET. The tables the hart walks are
// shadows still, but filled when the guest says so: its own tables change by no other way (KVM had this as its "MMU
// paravirtualization" until Linux 3.3; Xen lets the hart walk the guest's tables, which then hold machine addresses). A
// guest that makes no hypercall is run as under trap-and-emulate.

import { SSIP, STIP, SEIP } from '../../isa/csr-bits.ts';
import { onDisk, SECTOR_BYTES, type BlockStore } from '../../devices/block-store.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import { PAGE_SIZE } from '../../machine/layout.ts';
import { Status, type Trap } from '../../machine/privileged-state.ts';
import { Access, untranslated, Walker } from '../../machine/walker.ts';
import type { Exit, Verdict } from '../exits/exits.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { HypercallCaller } from './hypercall-caller.ts';
import {
  findHypercall,
  FRAME_BYTES,
  FrameWord,
  HYPERCALL_EXTENSION,
  HypercallError,
  MOST_CONSOLE_BYTES,
  MOST_SECTORS,
  MOST_UPDATES,
  SharedWord,
  type HypercallName,
} from './hypercalls.ts';
import { PinnedTables } from './pinned-tables.ts';
import type { ShadowMode, ShadowTables } from '../memory/shadow-tables.ts';
import { Effect } from '../exits/trace.ts';
import { TrapAndEmulate, type TrapAndEmulatePorts } from './trap-and-emulate.ts';

const VERSION = 1;
const SV32 = 0x8000_0000;
const A0 = 10;
const A1 = 11;
const A6 = 16;
const A7 = 17;
const SP = 2;

export interface ParavirtualPorts extends TrapAndEmulatePorts {
  /** Guest time in ticks. */
  readonly time: () => number;
  readonly writeConsole: (byte: number) => void;
  /** The disk behind the disk calls, if the guest has one. */
  readonly disk: BlockStore | undefined;
  readonly die: (message: string) => void;
}

/** What a call comes to: an error, and a value or nothing. `gone`: the caller does not go on behind its ECALL. */
type Reply = readonly [error: HypercallError, value?: number] | 'gone' | 'waiting';
type Answer = (caller: HypercallCaller, a0: number, a1: number, a2: number) => Reply;

const done = [HypercallError.success] as const;
const invalid = [HypercallError.invalidParameter] as const;
const noAddress = [HypercallError.invalidAddress] as const;

export class Paravirtual extends TrapAndEmulate {
  readonly #ports: ParavirtualPorts;
  readonly #tables: PinnedTables;
  readonly #tableWalker: Walker;
  readonly #tableContext = untranslated();
  /** Guest physical address of the shared page, once there is one. */
  #shared: Gpa | undefined;
  #entry: { readonly handler: number; readonly stack: number } | undefined;
  #root: Gpa | undefined;

  constructor(ports: ParavirtualPorts, shadows: ShadowTables) {
    super(ports, shadows);
    this.#ports = ports;
    this.#tables = new PinnedTables(ports.memory, ports.isDevice);
    this.#tableWalker = new Walker(ports.memory.tables);
  }

  override enter(hart: Hart): void {
    if (this.#shared !== undefined) this.#share(this.#shared);
    super.enter(hart);
  }

  override exitOf(hart: Hart): Exit {
    const exit = super.exitOf(hart);
    const called = exit.reason === 'sbi-call' && this.#ports.state.x(A7) >>> 0 === HYPERCALL_EXTENSION;
    return called ? { reason: 'hypercall' } : exit;
  }

  /** Answers the call that stands in the guest's registers. */
  override hypercall(caller: HypercallCaller): Verdict {
    const { state } = this.#ports;
    const name = findHypercall(state.x(A6) >>> 0);
    caller.note(Effect.sbi, HYPERCALL_EXTENSION, state.x(A6), 0);
    const answer = name === undefined ? undefined : this.#answers[name];
    const [a0, a1, a2] = [state.x(A0) >>> 0, state.x(A1) >>> 0, state.x(12) >>> 0];
    const reply: Reply = answer?.(caller, a0, a1, a2) ?? [HypercallError.notSupported];
    if (reply === 'gone') return 'resume';
    state.pc = (state.pc + 4) >>> 0;
    const [error, value = 0]: readonly [HypercallError, number?] = reply === 'waiting' ? done : reply;
    if (error !== HypercallError.success) caller.note(Effect.deny, state.x(A6), a0, error);
    caller.note(Effect['write-register'], A0, a0, error);
    state.setX(A0, error);
    state.setX(A1, value | 0);
    return reply === 'waiting' && caller.wait() ? 'block' : 'resume';
  }

  // Bit 0 of the first word: there is a shared page; bit 1: a trap entry; bit 2: a root. Then those, and the tables.
  override agreement(): readonly number[] {
    const known = (this.#shared === undefined ? 0 : 1) | (this.#entry ? 2 : 0) | (this.#root === undefined ? 0 : 4);
    const tables = this.#tables.words();
    if (known === 0 && tables.length === 0) return []; // a guest that makes no hypercall can go on under any technique
    const { handler = 0, stack = 0 } = this.#entry ?? {};
    return [known, this.#shared ?? 0, handler, stack, this.#root ?? 0, ...tables];
  }

  override agree(words: readonly number[]): void {
    if (words.length === 0) return;
    const [known = 0, shared = 0, handler = 0, stack = 0, root = 0, ...tables] = words;
    const fits =
      words.length % 2 === 1 &&
      known < 8 &&
      ((known & 1) === 0 || (shared % PAGE_SIZE === 0 && this.#ports.memory.holds(shared))) &&
      handler % 4 === 0 &&
      this.#tables.adopt(tables) &&
      ((known & 4) === 0 || this.#tables.isRoot(root));
    if (!fits)
      throw new Error(
        'expected what a guest may agree on with its hypervisor, found something else: take it from a whole VM',
      );
    if ((known & 1) !== 0) this.#shared = shared;
    if ((known & 2) !== 0) this.#entry = { handler, stack };
    if ((known & 4) !== 0) this.#root = root;
  }

  /** Where the guest has said so, a trap is a frame on its stack, and its CSRs need not be read. */
  protected override deliver(trap: Trap): void {
    const { state } = this.#ports;
    const entry = this.#entry;
    if (entry === undefined) return super.deliver(trap);
    const fromKernel = state.privilege !== Privilege.user;
    const enabled = this.#enabled;
    const { pc } = state;
    const sp = state.x(SP) >>> 0;
    const top = ((fromKernel ? sp : entry.stack) - FRAME_BYTES) >>> 0;
    const frame = (top - (top % FRAME_BYTES)) >>> 0;
    state.takeTrap(trap); // for whoever looks at the CSRs
    state.privilege = Privilege.supervisor;
    state.pc = entry.handler;
    const place = this.locate(frame, Access.store, 4);
    if (typeof place !== 'number' || !this.#ports.memory.holds(place)) {
      this.#ports.die(
        `Expected a writable kernel stack at 0x${frame.toString(16)} for the frame of a trap, found no such page: give set-trap-entry a stack that is mapped.`,
      );
      return;
    }
    const put = (offset: number, value: number) => this.#ports.memory.updateEntry(place + offset, value >>> 0);
    put(FrameWord.pc, pc);
    put(FrameWord.status, (fromKernel ? 1 : 0) | (enabled ? 2 : 0));
    put(FrameWord.cause, trap.cause);
    put(FrameWord.value, trap.value);
    put(FrameWord.sp, sp);
    put(FrameWord.a6, state.x(A6));
    put(FrameWord.a7, state.x(A7));
    this.#enabled = false;
    state.setX(SP, frame | 0);
  }

  /** The guest's interrupt flag, and what stands behind it. */
  #share(page: Gpa): void {
    const { memory, state, time } = this.#ports;
    const enabled = memory.readEntry(page + SharedWord.enabled) !== 0;
    const { csrs } = state;
    csrs.mstatus = enabled ? csrs.mstatus | Status.SIE : csrs.mstatus & ~Status.SIE;
    memory.updateEntry(page + SharedWord.pending, state.pending & csrs.mie);
    const now = time();
    memory.updateEntry(page + SharedWord.timeLow, now % 2 ** 32);
    memory.updateEntry(page + SharedWord.timeHigh, Math.floor(now / 2 ** 32));
  }

  get #enabled(): boolean {
    return this.#shared !== undefined && this.#ports.memory.readEntry(this.#shared + SharedWord.enabled) !== 0;
  }
  set #enabled(enabled: boolean) {
    if (this.#shared === undefined) return;
    this.#ports.memory.updateEntry(this.#shared + SharedWord.enabled, enabled ? 1 : 0);
  }

  readonly #answers: { readonly [Name in HypercallName]: Answer } = {
    'get-version': () => [HypercallError.success, VERSION],

    'share-page': (_, page) => {
      if (page % PAGE_SIZE !== 0 || !this.#ports.memory.holds(page)) return noAddress;
      this.#shared = page;
      return done;
    },

    'set-trap-entry': (_, handler, stack) => {
      if (handler % 4 !== 0) return noAddress;
      const { csrs } = this.#ports.state;
      this.#entry = { handler, stack };
      // What was a matter of sie is one of the flag now; and the kernel reaches the pages of its programs.
      csrs.mie = csrs.mie | SSIP | STIP | SEIP;
      csrs.mstatus = csrs.mstatus | Status.SUM;
      return done;
    },

    'pin-table': (_, page, level) => [this.#tables.pin(page, level)],

    'unpin-table': (caller, page) =>
      page === this.#root ? [HypercallError.denied] : [this.#tables.unpin(page, this.#changedOn(caller.hart))],

    'update-tables': (caller, list, count) => {
      const { memory } = this.#ports;
      if (count > MOST_UPDATES) return invalid;
      if (list % 4 !== 0 || (count > 0 && !(memory.holds(list) && memory.holds(list + 8 * count - 1))))
        return noAddress;
      const changed = this.#changedOn(caller.hart);
      for (let index = 0; index < count; index++) {
        const address = memory.readEntry(list + 8 * index);
        const value = memory.readEntry(list + 8 * index + 4);
        const error = this.#tables.update(address, value, changed);
        if (error !== HypercallError.success) {
          caller.note(Effect.deny, address, value, error);
          return [error, index];
        }
        caller.note(Effect['write-memory'], address, value, value);
      }
      return [HypercallError.success, count];
    },

    'set-root': (_, root) => {
      if (!this.#tables.isRoot(root)) return [HypercallError.denied];
      const satp = (SV32 + root / PAGE_SIZE) >>> 0;
      this.#root = root;
      this.#ports.state.csrs.satp = satp;
      for (const user of [false, true])
        this.#fill({ satp, user, sum: !user, mxr: false, fetchOnly: false, guarded: false });
      return done;
    },

    'trap-return': () => this.#return(),

    wait: () => {
      this.#enabled = true;
      return 'waiting';
    },

    'set-timer': (caller, low, high) => {
      caller.setTimer(low, high);
      return done;
    },

    'console-write': (_, address, length) => {
      if (length > MOST_CONSOLE_BYTES) return invalid;
      const bytes = new Uint8Array(length);
      if (!this.#ports.memory.read(address, bytes)) return noAddress;
      for (const byte of bytes) this.#ports.writeConsole(byte);
      return [HypercallError.success, length];
    },

    'disk-size': () => {
      const { disk } = this.#ports;
      return disk === undefined ? [HypercallError.notSupported] : [HypercallError.success, disk.sectors];
    },
    'disk-read': (_, sector, count, address) =>
      this.#transfer(sector, count, (disk, bytes) => {
        if (!this.#ports.memory.read(address, bytes)) return HypercallError.invalidAddress;
        if (!disk.read(sector, bytes)) return HypercallError.failed;
        this.#ports.memory.write(address, bytes);
        return HypercallError.success;
      }),
    'disk-write': (_, sector, count, address) =>
      this.#transfer(sector, count, (disk, bytes) => {
        if (!this.#ports.memory.read(address, bytes)) return HypercallError.invalidAddress;
        if (disk.readOnly) return HypercallError.denied;
        return disk.write(sector, bytes) ? HypercallError.success : HypercallError.failed;
      }),
    'disk-flush': () => {
      const { disk } = this.#ports;
      if (disk === undefined) return [HypercallError.notSupported];
      return [disk.flush() ? HypercallError.success : HypercallError.failed];
    },
  };

  #transfer(sector: number, count: number, move: (disk: BlockStore, bytes: Uint8Array) => HypercallError): Reply {
    const { disk } = this.#ports;
    if (disk === undefined) return [HypercallError.notSupported];
    if (count === 0 || count > MOST_SECTORS || !onDisk(disk, sector, count)) return invalid;
    const error = move(disk, new Uint8Array(count * SECTOR_BYTES));
    return [error, error === HypercallError.success ? count : 0];
  }

  /** Back to where the frame at sp says. */
  #return(): Reply {
    const { memory, state } = this.#ports;
    const frame = state.x(SP) >>> 0;
    const place = frame % FRAME_BYTES === 0 ? this.locate(frame, Access.load, 4) : undefined;
    if (typeof place !== 'number' || !memory.holds(place)) return noAddress;
    const take = (offset: number) => memory.readEntry(place + offset);
    const status = take(FrameWord.status);
    state.pc = take(FrameWord.pc) & ~3;
    state.setX(SP, take(FrameWord.sp) | 0);
    state.setX(A6, take(FrameWord.a6) | 0);
    state.setX(A7, take(FrameWord.a7) | 0);
    state.privilege = (status & 1) !== 0 ? Privilege.supervisor : Privilege.user;
    this.#enabled = (status & 2) !== 0;
    return 'gone';
  }

  /** What follows a changed entry: the shadows of its root are brought up to date at once, so that nothing will fault. */
  #changedOn(hart: Hart): (root: Gpa, gva: number, region: boolean) => void {
    return (root, gva, region) => {
      if (region) {
        this.fence(hart, undefined, undefined);
        return this.#refill();
      }
      this.fence(hart, gva, undefined);
      for (const shadow of this.shadows.shadows) {
        if (shadow.satp >>> 31 === 1 && (shadow.satp & 0x3f_ffff) * PAGE_SIZE === root) this.#map(shadow, gva);
      }
    };
  }

  #refill(): void {
    for (const shadow of [...this.shadows.shadows]) if (shadow.satp >>> 31 === 1) this.#fillFrom(shadow);
  }

  /** Makes the shadow of a root whole, where there is none yet. */
  #fill(mode: ShadowMode): void {
    if (this.shadows.find(mode) !== undefined) return;
    this.shadows.select(mode);
    this.#fillFrom(mode);
  }

  #fillFrom(mode: ShadowMode): void {
    const { tables } = this.#ports.memory;
    const root = (mode.satp & 0x3f_ffff) * PAGE_SIZE;
    for (let region = 0; region < 1024; region++) {
      const pointer = tables.readEntry(root + 4 * region);
      if ((pointer & 1) === 0) continue;
      const table = (pointer >>> 10) * PAGE_SIZE;
      for (let index = 0; index < 1024; index++) {
        if ((tables.readEntry(table + 4 * index) & 1) !== 0) this.#map(mode, region * 0x40_0000 + index * PAGE_SIZE);
      }
    }
  }

  /** Maps a page in one shadow as the guest's tables have it; what finds no room faults later and is mapped then. */
  #map(mode: ShadowMode, gva: number): void {
    const walker = this.#tableWalker;
    const context = this.#tableContext;
    context.satp = mode.satp;
    context.user = mode.user;
    context.sum = mode.sum;
    context.mxr = mode.mxr;
    if (!walker.walk(context, gva, Access.load) && !walker.walk(context, gva, Access.fetch)) return;
    const { memory } = this.#ports;
    // Mapping is no use yet: what was swapped out stays there, and what is shared or logged is not written to for it.
    if (memory.isSwapped(walker.physical)) return;
    const store = memory.mayStore(walker.physical);
    const target = memory.touch(walker.physical, walker.writable && store);
    if (target !== undefined) this.shadows.map(mode, gva, target, walker, store);
  }
}
