// The hart a deprivileged guest believes it runs on. It has the same state and the same privileged architecture as a
// physical one, but no H extension and no execution of its own: the hypervisor performs on it, one at a time, the system
// instructions that trapped. Because it answers the same port, an instruction's own row says what happens.

import { exceptionRows } from '../../isa/causes.ts';
import { findCsr } from '../../isa/csrs.ts';
import { Outcome, type CsrOperation, type Operands, type SystemPort } from '../../isa/system-port.ts';
import { Privilege } from '../../machine/hart-state.ts';
import { ILLEGAL, trapOf, type PrivilegedState, type Trap } from '../../machine/privileged-state.ts';
import { Effect } from '../exits/trace.ts';

export interface VirtualHartPorts {
  readonly state: PrivilegedState;
  /** The guest fenced its translations: of one address, or all; of one address space, or all. */
  readonly fence: (address: number | undefined, addressSpace: number | undefined) => void;
  /** Tells the trace what was read or written. */
  readonly note: (kind: Effect, what: number, before: number, after: number) => void;
}

export class VirtualHart implements SystemPort {
  readonly #ports: VirtualHartPorts;
  /** The trap the last operation took. */
  reflected: Trap | undefined;

  constructor(ports: VirtualHartPorts) {
    this.#ports = ports;
  }

  register(index: number): number {
    return this.#ports.state.x(index);
  }

  /** Takes a trap on the virtual hart: its own trap registers change, its pc moves to its own vector. */
  trap(trap: Trap): Outcome {
    const { state, note } = this.#ports;
    const from = state.pc;
    const machine = state.takeTrap(trap) === 'M';
    this.reflected = trap;
    note(Effect['write-csr'], machine ? findCsrNumber.mepc : findCsrNumber.sepc, from, from);
    note(Effect['write-csr'], machine ? findCsrNumber.mcause : findCsrNumber.scause, trap.cause, trap.cause);
    note(Effect.inject, trap.cause, from, state.pc);
    return Outcome.trapped;
  }

  environmentCall(): Outcome {
    const { privilege } = this.#ports.state;
    const { machineCall, supervisorCall, userCall } = exceptionRows;
    const fromKernel = privilege === Privilege.machine ? machineCall : supervisorCall;
    return this.trap(trapOf((privilege === Privilege.user ? userCall : fromKernel).code));
  }

  breakpoint(): Outcome {
    return this.trap(trapOf(exceptionRows.breakpoint.code, this.#ports.state.pc));
  }

  supervisorReturn(operands: Operands): Outcome {
    const { state, note } = this.#ports;
    if (state.checkSupervisorReturn() !== 0) {
      return state.passesOver('sret') ? Outcome.retired : this.#illegal(operands);
    }
    const before = readByName(state, 'sstatus');
    state.returnFromSupervisor();
    note(Effect['write-csr'], findCsrNumber.sstatus, before, readByName(state, 'sstatus'));
    return Outcome.jumped;
  }

  /** Where the hypervisor is the guest's firmware, no guest code runs in machine mode, and none may return from it. */
  machineReturn(operands: Operands): Outcome {
    const { state, note } = this.#ports;
    if (state.privilege !== Privilege.machine) return this.#illegal(operands);
    const before = readByName(state, 'mstatus');
    state.returnFromMachine();
    note(Effect['write-csr'], findCsrNumber.mstatus, before, readByName(state, 'mstatus'));
    return Outcome.jumped;
  }

  waitForInterrupt(operands: Operands): Outcome {
    return this.#ports.state.checkWait() === 0 ? Outcome.waiting : this.#illegal(operands);
  }

  fenceInstructions(): Outcome {
    return Outcome.retired;
  }

  fenceVirtualMemory(operands: Operands): Outcome {
    const { state, fence, note } = this.#ports;
    if (state.checkFence() !== 0) return state.passesOver('sfence') ? Outcome.retired : this.#illegal(operands);
    const address = operands.rs1 === 0 ? undefined : state.x(operands.rs1) >>> 0;
    const space = operands.rs2 === 0 ? undefined : state.x(operands.rs2) & 0x1ff;
    fence(address, space);
    note(Effect.flush, address ?? 0, address === undefined ? 0 : 1, space ?? 0);
    return Outcome.retired;
  }

  fenceGuestVirtual(operands: Operands): Outcome {
    return this.#illegal(operands);
  }

  fenceGuestPhysical(operands: Operands): Outcome {
    return this.#illegal(operands);
  }

  accessCsr(operands: Operands, operation: CsrOperation, source: number, reads: boolean, writes: boolean): Outcome {
    const { state, note } = this.#ports;
    const number = operands.immediate & 0xfff;
    const value = state.accessCsr(number, operation, source >>> 0, reads, writes);
    if (value < 0) return this.#illegal(operands);
    if (reads && operands.rd !== 0) note(Effect['read-csr'], number, value, value);
    if (writes) {
      const csr = findCsr(number);
      note(Effect['write-csr'], number, value, csr ? state.read(csr) : 0);
    }
    if (operands.rd !== 0) {
      note(Effect['write-register'], operands.rd, state.x(operands.rd), value);
      state.setX(operands.rd, value | 0);
    }
    return Outcome.retired;
  }

  guestLoad(operands: Operands): Outcome {
    return this.#illegal(operands);
  }

  guestStore(operands: Operands): Outcome {
    return this.#illegal(operands);
  }

  #illegal(operands: Operands): Outcome {
    return this.trap(trapOf(ILLEGAL, operands.word));
  }
}

const findCsrNumber = {
  mstatus: 0x300,
  mepc: 0x341,
  mcause: 0x342,
  sstatus: 0x100,
  sepc: 0x141,
  scause: 0x142,
} as const;

function readByName(state: PrivilegedState, name: keyof typeof findCsrNumber): number {
  const csr = findCsr(findCsrNumber[name]);
  return csr ? state.read(csr) : 0;
}
