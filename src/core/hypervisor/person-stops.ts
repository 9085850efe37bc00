// Where a VM stands still because its person wanted it to: behind one instruction, at a breakpoint, at an interrupt; and which
// vCPUs may run while it goes a step.

import type { HostHart } from './scheduling/host-hart.ts';
import type { HostedVcpu, HostedVm } from './hosted-vm.ts';

export class PersonStops {
  /** Some VM has stopped since the slice began. */
  stopped = false;
  readonly #hosts: readonly HostHart<HostedVcpu>[];
  readonly #release: (vm: HostedVm) => void;

  /** @param release takes a VM off its harts */
  constructor(hosts: readonly HostHart<HostedVcpu>[], release: (vm: HostedVm) => void) {
    this.#hosts = hosts;
    this.#release = release;
  }

  /** The vCPU that is to execute a single instruction and is about to. */
  stepping(): HostedVcpu | undefined {
    for (const { vcpu } of this.#hosts) if (vcpu !== undefined && isStepOf(vcpu)) return vcpu;
    return undefined;
  }

  afterInstruction({ vm, index }: HostedVcpu): void {
    this.#stop(vm, () => vm.control.hold({ kind: 'step', vcpu: index, sentence: 'One instruction was executed.' }));
  }

  atBreakpoint({ vcpu }: HostHart<HostedVcpu>): void {
    if (vcpu === undefined) return;
    const { vm, index } = vcpu;
    const { pc } = vcpu.look();
    if (vm.control.passes(pc, index)) vcpu.hart.passBreakpoint();
    else this.#stop(vm, () => vm.control.reached(pc, index));
  }

  /** @returns whether a VM has stopped because a vCPU has taken the interrupt that the person waits for */
  atInterrupt(): boolean {
    let stopped = false;
    for (const { vcpu } of this.#hosts) {
      const vm = vcpu?.vm;
      if (vm?.control.goal?.kind !== 'interrupt') continue;
      const { lastTaken, lastTakenBy } = vm.interruptLog;
      if (!lastTaken) continue;
      if (lastTakenBy !== vm.control.vcpu) {
        vm.interruptLog.lastTaken = undefined;
        continue;
      }
      const sentence = `The guest has just taken an interrupt: ${lastTaken}.`;
      this.#stop(vm, () => vm.control.hold({ kind: 'interrupt', vcpu: lastTakenBy, sentence }));
      stopped = true;
    }
    return stopped;
  }

  #stop(vm: HostedVm, hold: () => void): void {
    hold();
    this.stopped = true;
    this.#release(vm);
    vm.hold(true);
  }
}

/** The person lets the VM run, it has not ended, and no other vCPU of it goes a single step. */
export function mayRun({ vm, index }: HostedVcpu): boolean {
  const { control } = vm;
  if (!control.running || vm.ending !== undefined || vm.rebooting || vm.moving || vm.throttled) return false;
  return control.goal?.kind !== 'instruction' || control.vcpu === index;
}

/** Whether the vCPU is to execute a single instruction. */
export const isStepOf = ({ vm, index }: HostedVcpu): boolean =>
  vm.control.goal?.kind === 'instruction' && vm.control.vcpu === index;
