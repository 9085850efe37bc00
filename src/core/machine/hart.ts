// A physical hart: the privileged state, its way to memory, and execution — fast through the generated interpreter,
// and one instruction at a time through the rows wherever the fast form leaves. It knows no hypervisor: whoever stands in
// for the software of a mode says so in `hosted`, and then a trap into that mode stops the hart at its vector.

import type { AccessWidth } from '../devices/device.ts';
import { exceptionRows } from '../isa/causes.ts';
import type { Consequence } from '../isa/csr-row.ts';
import { Decoder, type Decoded } from '../isa/instructions.ts';
import type { Effect } from '../isa/expression.ts';
import type { InterruptFiles } from '../isa/interrupt-files.ts';
import { Outcome, type CsrOperation, type Operands, type SystemPort, type Width } from '../isa/system-port.ts';
import type { DeviceBus } from './device-bus.ts';
import { evaluate, type OperandValues } from './evaluate.ts';
import { Privilege } from './hart-state.ts';
import { Leave } from './interpreter.ts';
import { Level, levelOf } from './level.ts';
import { MemoryAccess } from './memory-access.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { PrivilegedState, trapOf, type Trap, type TrapTarget } from './privileged-state.ts';
import type { Quirks } from './quirks.ts';
import { Table, type Translations } from './translations.ts';
import { transformedInstruction } from './transformed-instruction.ts';
import { Access } from './walker.ts';

/** Why a hart stopped. */
export type HartStop =
  /** The grant is used up. */
  | 'budget'
  /** A trap was taken into a hosted mode; pc stands at its vector. */
  | 'trap'
  /** WFI: nothing to do until an interrupt is pending. */
  | 'waiting'
  /** pc stands at a breakpoint, not yet executed. */
  | 'breakpoint'
  /** Somebody asked the hart to stop between two instructions. */
  | 'yield'
  /** The first instruction of a trap handler traps into that same handler, for ever. */
  | 'stuck';

/** Traps in a row, each from the first instruction of the handler it leads to, before the hart counts as stuck. */
const FUTILE_TRAPS = 16;

/** Observes what a hart does; for traces and drawings. Nothing depends on it. */
export interface HartObserver {
  trapTaken?(hart: Hart, trap: Trap, target: TrapTarget): void;
  /** SRET or MRET was executed at `pc`, at the level `from`. */
  returned?(hart: Hart, from: Level, pc: number): void;
}

export interface HartPorts {
  readonly id: number;
  readonly ram: PhysicalMemory;
  readonly devices: DeviceBus;
  readonly translations: Translations;
  readonly svadu: boolean;
  readonly quirks: Readonly<Quirks>;
  readonly hypervisorExtension: boolean;
  /** Its IMSIC; undefined where it has none. */
  readonly interruptFiles: InterruptFiles | undefined;
  /** Board time in ticks, at this very instruction. */
  readonly time: () => number;
  /** A compare register or what enables it has changed. */
  readonly timersChanged: () => void;
  /** The fast interpreter of this hart. @returns a `Leave` reason */
  readonly runFast: () => number;
  /** Control has often arrived at a virtual address. */
  readonly hot: (pc: number) => void;
  readonly observer: HartObserver;
}

export class Hart implements SystemPort {
  readonly id: number;
  readonly state: PrivilegedState;
  readonly access: MemoryAccess;
  readonly decoder = new Decoder();
  /** Modes whose software is outside the machine. */
  readonly hosted = { M: false, HS: false, VS: false };
  /** The last trap taken, and where it went. */
  lastTrap: { readonly trap: Trap; readonly target: TrapTarget } | undefined;
  readonly #ports: HartPorts;
  #runFast: () => number;
  #breakpoints: ReadonlySet<number> = new Set();
  #passBreakpoint = false;
  #granted = 0;
  #checkInterrupts = true;
  #yield = false;
  /** Word of the instruction being executed. */
  #instruction = 0;
  /** The trap that the instruction took went into a hosted mode. */
  #stopped = false;
  /** How often in a row a trap has led to exactly the state it came from. */
  #futile = 0;
  #futileAt = -1;

  constructor(ports: HartPorts, memory: ConstructorParameters<typeof PrivilegedState>[0], base: number) {
    this.id = ports.id;
    this.#ports = ports;
    this.#runFast = ports.runFast;
    this.state = new PrivilegedState(memory, base, {
      hypervisorExtension: ports.hypervisorExtension,
      interruptFiles: ports.interruptFiles,
      svadu: ports.svadu,
      quirks: ports.quirks,
      time: ports.time,
      executed: () => this.executed,
      changed: (consequence) => this.changed(consequence),
    });
    this.access = new MemoryAccess(this.state, ports.translations, ports.ram, ports.devices);
  }

  /** Power-on: M-mode at address 0, no translations. */
  reset(): void {
    this.state.reset(this.id);
    this.access.translations.flush();
    this.#granted = 0;
    this.lastTrap = undefined;
    this.changed('protection');
    this.changed('translation');
  }

  /** Instructions executed since power-on, trapped ones included, exact at any moment. */
  get executed(): number {
    return this.state.executed + this.#granted - this.state.budget;
  }

  /** The word of the last instruction that was executed by its row; 0 where it could not be fetched. For records. */
  get instruction(): number {
    return this.#instruction;
  }

  /** What must follow a change of CSRs, mode or wires; also to be called by whoever sets the hart up from outside. */
  changed(consequence: Consequence): void {
    if (consequence === 'none') return;
    this.#checkInterrupts = true;
    if (consequence === 'translation' || consequence === 'environment') this.access.invalidate();
    if (consequence === 'protection') this.access.protect();
    if (consequence === 'timer' || consequence === 'environment') this.#ports.timersChanged();
  }

  /** Drives wires into mip: MSIP, MTIP, SEIP, MEIP from the board, STIP and VSTIP from the compare registers. */
  setLines(mask: number, lines: number): void {
    const { state } = this;
    state.csrs.mipLines = ((state.csrs.mipLines & ~mask) | (lines & mask)) >>> 0;
    this.#checkInterrupts = true;
  }

  /** A guest interrupt file signals or no longer does, or another one is the guest's own. */
  guestExternalChanged(): void {
    this.state.driveGuestExternal();
    this.#checkInterrupts = true;
  }

  /** The same interpreter, made anew for another table of regions. Not while the hart executes in it. */
  replaceInterpreter(runFast: () => number): void {
    this.#runFast = runFast;
  }

  /** Stops the hart before its next instruction. */
  requestYield(): void {
    this.#yield = true;
  }

  /** Replaces the breakpoints: virtual addresses at which the hart stops. */
  setBreakpoints(addresses: ReadonlySet<number>): void {
    if (addresses.size === 0 && this.#breakpoints.size === 0) return;
    this.#breakpoints = addresses;
    this.access.translations.forgetTable(Table.fetch);
  }

  /** The instruction at pc is executed although a breakpoint stands on it. */
  passBreakpoint(): void {
    this.#passBreakpoint = this.#breakpoints.has(this.state.pc);
  }

  /** Executes up to `budget` instructions; a trap counts as one, so a loop of traps also ends. */
  run(budget: number): HartStop {
    this.#granted = budget;
    this.state.budget = budget;
    const stop = this.#execute();
    this.state.executed = this.executed;
    this.#granted = 0;
    this.state.budget = 0;
    return stop;
  }

  #execute(): HartStop {
    const { state } = this;
    for (;;) {
      if (this.#checkInterrupts) {
        this.#checkInterrupts = false;
        const cause = state.nextInterrupt();
        if (cause !== 0) {
          state.waiting = false;
          if (this.#take(trapOf(cause))) return 'trap';
          continue;
        }
      }
      if (state.waiting) {
        if ((state.pending & state.csrs.mie) === 0) return 'waiting';
        state.waiting = false;
      }
      if (this.#yield) {
        this.#yield = false;
        return 'yield';
      }
      if (this.#futile > FUTILE_TRAPS) {
        this.#futile = 0;
        return 'stuck';
      }
      if (state.budget <= 0) return 'budget';
      this.access.settle();
      // A transfer into a page without a translation leaves as slow even where it was the last of the grant.
      const leave = this.#runFast();
      if (leave === Leave.hot) this.#ports.hot(state.pc);
      if (leave !== Leave.slow || state.budget <= 0) continue;
      if (this.#breakpoints.size > 0 && !this.#passBreakpoint && this.#breakpoints.has(state.pc)) return 'breakpoint';
      this.#passBreakpoint = false;
      if (this.#step()) return 'trap';
    }
  }

  /** Executes one instruction by its row. @returns true if a trap stopped the hart */
  #step(): boolean {
    const { state, access } = this;
    const { pc } = state;
    state.budget--;
    const page = access.fetch(pc, this.#breakpoints.size === 0 || !this.#breaksPage(pc));
    if (page === 0) {
      this.#instruction = 0;
      return this.#takeFault(0);
    }
    const { code, memory } = this.#ports.ram;
    const word = memory.words[(code.frameOf(page) + (pc & 0xffc)) >>> 2] ?? 0;
    this.#instruction = word >>> 0;
    const decoded = this.decoder.decode(word);
    if (decoded === undefined) {
      // The trap value is the instruction itself: 16 bits where its two low bits say that it has no more.
      const instruction = (word & 3) === 3 ? word >>> 0 : word & 0xffff;
      return this.#take(trapOf(exceptionRows.illegalInstruction.code, instruction));
    }
    const { effect } = decoded.row;
    if (effect.kind !== 'system') code.decodeFrom(page, pc & 0xffc);
    const outcome = effect.kind === 'system' ? effect.operation(this, decoded) : this.#perform(decoded, effect, pc);
    if (outcome === Outcome.trapped) return this.#stopped;
    if (outcome !== Outcome.jumped) state.pc = (pc + 4) >>> 0;
    if (outcome === Outcome.waiting) state.waiting = true;
    return false;
  }

  #breaksPage(pc: number): boolean {
    for (const address of this.#breakpoints) if ((address ^ pc) >>> 12 === 0) return true;
    return false;
  }

  #perform(decoded: Decoded, effect: Exclude<Effect, { kind: 'system' }>, pc: number): Outcome {
    const { state, access } = this;
    const values: OperandValues & { old: number } = {
      rs1: state.x(decoded.rs1),
      rs2: state.x(decoded.rs2),
      immediate: decoded.immediate,
      pc: pc | 0,
      old: 0,
    };
    switch (effect.kind) {
      case 'set':
        state.setX(decoded.rd, evaluate(effect.value, values));
        return Outcome.retired;
      case 'load': {
        const address = evaluate(effect.address, values) >>> 0;
        if (!access.load(address, effect.width)) return this.#trapped(address);
        state.setX(decoded.rd, extend(access.value, effect.width, effect.signed));
        return Outcome.retired;
      }
      case 'store': {
        const address = evaluate(effect.address, values) >>> 0;
        if (!access.store(address, effect.width, evaluate(effect.value, values))) return this.#trapped(address);
        return Outcome.retired;
      }
      case 'branch':
        if (evaluate(effect.condition, values) === 0) return Outcome.retired;
        return this.#transfer(evaluate(effect.target, values) >>> 0, undefined, pc);
      case 'jump':
        return this.#transfer(evaluate(effect.target, values) >>> 0, decoded.rd, pc);
      case 'load-reserved': {
        const linear = access.atomicWord(values.rs1 >>> 0, Access.load);
        if (linear < 0) return this.#trapped(values.rs1 >>> 0);
        state.reservation = linear;
        state.setX(decoded.rd, this.#ports.ram.load(linear, 4) | 0);
        return Outcome.retired;
      }
      case 'store-conditional': {
        const linear = access.atomicWord(values.rs1 >>> 0, Access.store);
        if (linear < 0) return this.#trapped(values.rs1 >>> 0);
        const holds = state.reservation === linear;
        state.reservation = 0;
        if (holds) this.#ports.ram.store(linear, 4, values.rs2);
        state.setX(decoded.rd, holds ? 0 : 1);
        return Outcome.retired;
      }
      case 'atomic': {
        const linear = access.atomicWord(values.rs1 >>> 0, Access.store);
        if (linear < 0) {
          const address = values.rs1 >>> 0;
          const next = (old: number) => evaluate(effect.value, { ...values, old: (values.old = old | 0) });
          if (!access.exchangeAtDevice(address, next)) return this.#trapped(address);
          state.setX(decoded.rd, values.old);
          return Outcome.retired;
        }
        values.old = this.#ports.ram.load(linear, 4) | 0;
        this.#ports.ram.store(linear, 4, evaluate(effect.value, values));
        state.setX(decoded.rd, values.old);
        return Outcome.retired;
      }
      case 'fence':
        return Outcome.retired;
    }
  }

  #transfer(target: number, link: number | undefined, pc: number): Outcome {
    if ((target & 3) !== 0) {
      return this.#trapWith(trapOf(exceptionRows.instructionMisaligned.code, target, this.state.virtual));
    }
    if (link !== undefined) this.state.setX(link, pc + 4);
    this.state.pc = target;
    return Outcome.jumped;
  }

  /** Takes the fault of the last access. @param address what the instruction asked for, to tell how far the fault lies behind it */
  #trapped(address: number): Outcome {
    this.#stopped = this.#takeFault(address);
    return Outcome.trapped;
  }

  #takeFault(address: number): boolean {
    const { fault } = this.access;
    return this.#take({
      cause: fault.cause,
      value: fault.address,
      guestPhysical: fault.guestPhysical,
      instruction:
        fault.pseudoInstruction || transformedInstruction(this.#instruction, (fault.address - address) >>> 0),
      guestVirtual: fault.guestVirtual,
    });
  }

  #trapWith(trap: Trap): Outcome {
    this.#stopped = this.#take(trap);
    return Outcome.trapped;
  }

  /** A refused instruction: illegal (2) or virtual (22), with the instruction as trap value. */
  #refuse(cause: number): Outcome {
    return this.#trapWith(trapOf(cause, this.#instruction));
  }

  /** @returns true if the mode it goes to is hosted */
  #take(trap: Trap): boolean {
    const { state } = this;
    const { pc } = state;
    if (trap.cause >>> 31 === 0) state.trapped = state.trapped + 1;
    const target = state.takeTrap(trap);
    this.#noteFutile(pc, trap);
    this.lastTrap = { trap, target };
    this.#ports.observer.trapTaken?.(this, trap, target);
    return this.hosted[target];
  }

  /**
   * A handler whose first instruction traps into itself again changes nothing: the same trap follows for ever. No
   * interrupt can help, because the trap has switched them off.
   */
  #noteFutile(pc: number, trap: Trap): void {
    if (pc !== this.state.pc || trap.cause >>> 31 === 1) {
      this.#futile = 0;
      return;
    }
    const { executed } = this;
    this.#futile = executed === this.#futileAt + 1 ? this.#futile + 1 : 0;
    this.#futileAt = executed;
  }

  // What system instructions ask for (core/isa/system-port.ts).

  register(index: number): number {
    return this.state.x(index);
  }

  environmentCall(): Outcome {
    const { privilege, virtual } = this.state;
    const { userCall, supervisorCall, virtualSupervisorCall, machineCall } = exceptionRows;
    const row =
      privilege === Privilege.user
        ? userCall
        : privilege === Privilege.machine
          ? machineCall
          : virtual
            ? virtualSupervisorCall
            : supervisorCall;
    return this.#trapWith(trapOf(row.code));
  }

  breakpoint(): Outcome {
    return this.#trapWith(trapOf(exceptionRows.breakpoint.code, this.state.pc, this.state.virtual));
  }

  supervisorReturn(): Outcome {
    const refusal = this.state.checkSupervisorReturn();
    if (refusal !== 0) return this.state.passesOver('sret') ? Outcome.retired : this.#refuse(refusal);
    const { privilege, virtual, pc } = this.state;
    this.state.returnFromSupervisor();
    this.#ports.observer.returned?.(this, levelOf(privilege, virtual), pc);
    return Outcome.jumped;
  }

  machineReturn(): Outcome {
    if (this.state.privilege !== Privilege.machine) return this.#refuse(exceptionRows.illegalInstruction.code);
    const { pc } = this.state;
    this.state.returnFromMachine();
    this.#ports.observer.returned?.(this, Level.M, pc);
    return Outcome.jumped;
  }

  waitForInterrupt(): Outcome {
    const refusal = this.state.checkWait();
    return refusal === 0 ? Outcome.waiting : this.#refuse(refusal);
  }

  /** Decoded code follows every store by itself, so there is nothing to do. */
  fenceInstructions(): Outcome {
    return Outcome.retired;
  }

  fenceVirtualMemory(operands: Operands): Outcome {
    const refusal = this.state.checkFence();
    if (refusal !== 0) return this.state.passesOver('sfence') ? Outcome.retired : this.#refuse(refusal);
    this.flushTranslations(operands);
    return Outcome.retired;
  }

  fenceGuestVirtual(operands: Operands): Outcome {
    const refusal = this.state.checkHypervisorInstruction(false);
    if (refusal !== 0) return this.#refuse(refusal);
    this.flushTranslations(operands);
    return Outcome.retired;
  }

  /** The cache holds joint translations of both stages, so a guest physical address alone selects nothing: all of them go. */
  fenceGuestPhysical(): Outcome {
    const refusal = this.state.checkHypervisorInstruction(true);
    if (refusal !== 0) return this.#refuse(refusal);
    this.access.translations.flush();
    return Outcome.retired;
  }

  /**
   * Forgets the translations of the address in rs1, or all of them for x0, in every address space: fencing more than was
   * asked for is always legal ("Supervisor Memory-Management Fence Instruction").
   */
  flushTranslations(operands: { readonly rs1: number }): void {
    const address = operands.rs1 === 0 ? undefined : this.state.x(operands.rs1) >>> 0;
    this.access.translations.flush(address);
  }

  accessCsr(operands: Operands, operation: CsrOperation, source: number, reads: boolean, writes: boolean): Outcome {
    const value = this.state.accessCsr(operands.immediate & 0xfff, operation, source >>> 0, reads, writes);
    if (value < 0) return this.#refuse(-value);
    this.state.setX(operands.rd, value | 0);
    return Outcome.retired;
  }

  guestLoad(operands: Operands, width: Width, signed: boolean, executable: boolean): Outcome {
    const refusal = this.state.checkGuestAccess();
    if (refusal !== 0) return this.#refuse(refusal);
    const address = this.state.x(operands.rs1) >>> 0;
    if (!this.access.guestLoad(address, width, executable)) return this.#trapped(address);
    this.state.setX(operands.rd, extend(this.access.value, width, signed));
    return Outcome.retired;
  }

  guestStore(operands: Operands, width: Width): Outcome {
    const refusal = this.state.checkGuestAccess();
    if (refusal !== 0) return this.#refuse(refusal);
    const address = this.state.x(operands.rs1) >>> 0;
    if (!this.access.guestStore(address, width, this.state.x(operands.rs2))) return this.#trapped(address);
    return Outcome.retired;
  }
}

function extend(value: number, width: AccessWidth, signed: boolean): number {
  if (!signed || width === 4) return value | 0;
  const shift = 32 - 8 * width;
  return (value << shift) >> shift;
}
