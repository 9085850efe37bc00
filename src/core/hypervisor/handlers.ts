// What the hypervisor does about each exit: exactly one function for each reason, the same for every technique. A handler
// changes the vCPU and returns a verdict; it knows nothing of counting or tracing.

import { Outcome } from '../isa/system-port.ts';
import type { Decoded } from '../isa/instructions.ts';
import { exceptionRows } from '../isa/causes.ts';
import { accessFaultCauses } from '../machine/access-causes.ts';
import type { Board } from '../machine/board.ts';
import type { Hart } from '../machine/hart.ts';
import { trapOf, type PrivilegedState, type Trap } from '../machine/privileged-state.ts';
import { emulateDeviceAccess } from './device-emulation.ts';
import type { Exit, ExitReason, Exits, Verdict } from './exits.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Sbi } from './sbi.ts';
import { serveSbiCall } from './sbi-call.ts';
import { Effect } from './trace.ts';
import type { Ending } from './virtual-machine.ts';
import type { VirtualHart } from './virtual-hart.ts';
import type { World } from './world.ts';

/** The VM as its handlers see it. */
export interface HandledVm {
  /** The guest's hart, its registers up to date. */
  readonly state: PrivilegedState;
  readonly virtualHart: VirtualHart;
  readonly hart: Hart;
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
  die(message: string): void;
  acknowledgeHostInterrupt(): void;
}

type Handler<Reason extends ExitReason> = (vm: HandledVm, exit: Exits[Reason]) => Verdict;

/** Performs a system instruction on the guest's virtual hart, by its own row. */
function perform(vm: HandledVm, decoded: Decoded): Verdict {
  const { state, virtualHart } = vm;
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
      return vm.wait() ? 'block' : 'resume';
  }
}

const performs = (vm: HandledVm, { decoded }: { readonly decoded: Decoded }): Verdict => perform(vm, decoded);

const handlers: { readonly [R in ExitReason]: Handler<R> } = {
  'csr-access': performs,
  'supervisor-return': performs,
  'address-fence': performs,
  'wait-for-interrupt': performs,

  'sbi-call': (vm) => {
    const { state } = vm;
    const extension = state.x(17) >>> 0;
    vm.note(Effect.sbi, extension, state.x(16), state.x(10));
    const before = state.x(10);
    if (!serveSbiCall(vm.sbi, 0, state)) return vm.ending ? 'kill' : 'resume';
    vm.note(Effect['write-register'], 10, before, state.x(10));
    state.pc = (state.pc + 4) >>> 0;
    return state.waiting && vm.wait() ? 'block' : 'resume';
  },

  'system-call': (vm) => vm.reflect(trapOf(exceptionRows.userCall.code)),

  'missing-page': (vm, exit) => {
    if (!vm.world.mapPage(vm.hart, { reason: 'missing-page', ...exit })) {
      vm.die('The machine has no memory left for this guest’s page tables. Remove a VM, or give the lab more memory.');
      return 'kill';
    }
    vm.note(Effect.map, exit.gva, exit.gpa, vm.memory.hostAddress(exit.gpa) ?? 0);
    return 'resume';
  },

  'device-access': (vm, { gva, gpa, access }) => {
    const { state } = vm;
    const offset = vm.world.accessOffset(vm.hart, gva);
    // A misaligned access that begins in memory and ends in a device: no device takes part of one.
    if (offset !== 0) return vm.reflect(trapOf(accessFaultCauses[access], (gva - offset) >>> 0));
    const word = vm.world.instruction(vm.hart);
    const fault = emulateDeviceAccess(word, gva, gpa, access, vm);
    if (fault) return vm.reflect(fault);
    state.pc = (state.pc + 4) >>> 0;
    return vm.ending ? 'kill' : 'resume';
  },

  'guest-exception': (vm, { trap }) => vm.reflect(trap),

  /** Timers were looked at when the exit began; whose turn it is, the loop decides. */
  'host-timer': () => 'resume',

  'host-interrupt': (vm) => {
    vm.acknowledgeHostInterrupt();
    return 'resume';
  },
};

/** Handles an exit by the function of its reason. */
export function handle(vm: HandledVm, exit: Exit): Verdict {
  const handler = handlers[exit.reason] as Handler<ExitReason>;
  return handler(vm, exit);
}
