// What the hypervisor does about each exit: exactly one function for each reason, the same for every technique. A handler
// changes the vCPU and returns a verdict; it knows nothing of counting or tracing.

import { Outcome } from '../../isa/system-port.ts';
import type { Decoded } from '../../isa/instructions.ts';
import { exceptionRows } from '../../isa/causes.ts';
import { accessFaultCauses } from '../../machine/access-causes.ts';
import type { Board } from '../../machine/board.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import { trapOf, type PrivilegedState, type Trap } from '../../machine/privileged-state.ts';
import { emulateDeviceAccess } from './device-emulation.ts';
import type { Exit, ExitReason, Exits, Verdict } from './exits.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Sbi } from '../firmware/sbi.ts';
import { serveSbiCall } from '../firmware/sbi-call.ts';
import { Effect } from './trace.ts';
import type { Ending } from '../virtual-machine.ts';
import type { VirtualHart } from '../techniques/virtual-hart.ts';
import type { MappedExit, World } from '../techniques/world.ts';

/** The vCPU as its handlers see it. */
export interface HandledVcpu {
  /** The guest's hart, its registers up to date. */
  readonly state: PrivilegedState;
  readonly virtualHart: VirtualHart;
  readonly hart: Hart;
  /** The number of the hart it is to its guest. */
  readonly index: number;
  readonly world: World;
  readonly board: Board;
  readonly memory: GuestMemory;
  readonly sbi: Sbi;
  readonly ending: Ending | undefined;
  /** Tells the trace what was read or written. */
  note(kind: Effect, what: number, before: number, after: number): void;
  /** Delivers an exception to the guest's own handler. */
  reflect(trap: Trap): Verdict;
  /** Waits unless an interrupt is pending already. @returns whether the guest waits now */
  wait(): boolean;
  /** The next timer interrupt, in ticks of guest time. */
  setTimer(low: number, high: number): void;
  die(message: string): void;
  /** A program of the guest has made a system call: tells whoever wants to know. */
  userCalled(): void;
  /** The guest's kernel has gone back to a program. */
  userReturned(): void;
  /** A physical device has interrupted the hart it is on. */
  deviceInterrupted(): void;
  /** An interrupt file of that hart, which is another virtual CPU's, signals. */
  guestFileInterrupted(): void;
  acknowledgeHostInterrupt(): void;
}

type Handler<Reason extends ExitReason> = (vcpu: HandledVcpu, exit: Exits[Reason]) => Verdict;

/** Performs a system instruction on the guest's virtual hart, by its own row. */
function perform(vcpu: HandledVcpu, decoded: Decoded): Verdict {
  const { state, virtualHart } = vcpu;
  const { effect } = decoded.row;
  if (effect.kind !== 'system') return 'resume';
  switch (effect.operation(virtualHart, decoded)) {
    case Outcome.retired:
      state.pc = (state.pc + 4) >>> 0;
      return 'resume';
    case Outcome.jumped:
      return 'resume';
    case Outcome.trapped:
      return 'reflect';
    case Outcome.waiting:
      state.pc = (state.pc + 4) >>> 0;
      return vcpu.wait() ? 'block' : 'resume';
  }
}

const performs = (vcpu: HandledVcpu, { decoded }: { readonly decoded: Decoded }): Verdict => perform(vcpu, decoded);

/** The guest's kernel, or its firmware, goes back to where a trap came from: perhaps to a program. */
const returns = (vcpu: HandledVcpu, exit: { readonly decoded: Decoded }): Verdict => {
  const verdict = performs(vcpu, exit);
  if (vcpu.state.privilege === Privilege.user) vcpu.userReturned();
  return verdict;
};

/** What ECALL means in each mode. */
const callCauses = {
  [Privilege.user]: exceptionRows.userCall.code,
  [Privilege.supervisor]: exceptionRows.supervisorCall.code,
  [Privilege.machine]: exceptionRows.machineCall.code,
} as const;

function mapPage(vcpu: HandledVcpu, exit: MappedExit): Verdict {
  if (!vcpu.world.mapPage(vcpu.hart, exit)) {
    // Where it was a frame that could not be had, the VM has ended already, with that reason.
    vcpu.die('The machine has no memory left for this guest’s page tables. Remove a VM, or give the lab more memory.');
    return 'kill';
  }
  vcpu.note(Effect.map, exit.gva, exit.gpa, vcpu.memory.hostAddress(exit.gpa) ?? 0);
  return 'resume';
}

const handlers: { readonly [R in ExitReason]: Handler<R> } = {
  'csr-access': performs,
  'supervisor-return': returns,
  'machine-return': returns,
  'address-fence': performs,
  'wait-for-interrupt': performs,
  'patched-instruction': performs,

  'sbi-call': (vcpu) => {
    const { state } = vcpu;
    const extension = state.x(17) >>> 0;
    vcpu.note(Effect.sbi, extension, state.x(16), state.x(10));
    const before = state.x(10);
    if (!serveSbiCall(vcpu.sbi, vcpu.index, state)) {
      return vcpu.ending ? 'kill' : state.stopped ? 'block' : 'resume';
    }
    vcpu.note(Effect['write-register'], 10, before, state.x(10));
    state.pc = (state.pc + 4) >>> 0;
    return state.waiting && vcpu.wait() ? 'block' : 'resume';
  },

  hypercall: (vcpu) => {
    const verdict = vcpu.world.hypercall?.(vcpu) ?? 'resume';
    if (vcpu.state.privilege === Privilege.user) vcpu.userReturned();
    return verdict;
  },

  'system-call': (vcpu) => {
    vcpu.userCalled();
    return vcpu.reflect(trapOf(callCauses[vcpu.state.privilege]));
  },

  'missing-page': (vcpu, exit) => mapPage(vcpu, { reason: 'missing-page', ...exit }),
  'protected-page': (vcpu, exit) => mapPage(vcpu, { reason: 'protected-page', ...exit }),

  'modified-privilege': (vcpu) => {
    const { state } = vcpu;
    const fault = vcpu.world.modifiedPrivilege?.perform(vcpu, vcpu.world.instruction(vcpu.hart));
    if (fault) return vcpu.reflect(fault);
    state.pc = (state.pc + 4) >>> 0;
    return vcpu.ending ? 'kill' : 'resume';
  },

  'code-access': (vcpu, exit) => {
    const { state } = vcpu;
    const fault = vcpu.world.accessCode?.(vcpu, vcpu.hart, exit);
    if (fault) return vcpu.reflect(fault);
    state.pc = (state.pc + 4) >>> 0;
    return vcpu.ending ? 'kill' : 'resume';
  },

  'device-access': (vcpu, { gva, gpa, access }) => {
    const { state } = vcpu;
    const offset = vcpu.world.accessOffset(vcpu.hart, gva);
    // A misaligned access that begins in memory and ends in a device: no device takes part of one.
    if (offset !== 0) return vcpu.reflect(trapOf(accessFaultCauses[access], (gva - offset) >>> 0));
    const word = vcpu.world.instruction(vcpu.hart);
    const fault = emulateDeviceAccess(word, gva, gpa, access, vcpu);
    if (fault) return vcpu.reflect(fault);
    state.pc = (state.pc + 4) >>> 0;
    return vcpu.ending ? 'kill' : 'resume';
  },

  'guest-exception': (vcpu, { trap }) => vcpu.reflect(trap),

  /** Timers were looked at when the exit began; whose turn it is, the loop decides. */
  'host-timer': () => 'resume',

  'device-interrupt': (vcpu) => {
    vcpu.deviceInterrupted();
    return 'resume';
  },

  'guest-file-interrupt': (vcpu) => {
    vcpu.guestFileInterrupted();
    return 'resume';
  },

  'host-interrupt': (vcpu) => {
    vcpu.acknowledgeHostInterrupt();
    return 'resume';
  },
};

/** Handles an exit by the function of its reason. */
export function handle(vcpu: HandledVcpu, exit: Exit): Verdict {
  const handler = handlers[exit.reason] as Handler<ExitReason>;
  return handler(vcpu, exit);
}
