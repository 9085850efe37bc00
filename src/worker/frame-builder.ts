// Makes the one frame that answers the page: a line for each VM, what the machine does, and the open panels' answers.

import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import { PAGE_SIZE } from '../core/machine/layout.ts';
import type {
  Frame,
  FrameRequest,
  MachineMemory,
  Queries,
  QueryName,
  Runner,
  VcpuSummary,
  VmState,
  VmSummary,
} from '../protocol/frame.ts';
import type { AnswerContext } from './answers/context.ts';
import { lastRecord } from './answers/exits.ts';
import { answers } from './answers/index.ts';
import { modeOf, sentenceOf } from './answers/words.ts';

/** What a VM was made from, which the core does not know. */
export interface VmOrigin {
  readonly title: string;
  /** Name in the manifest; undefined for an image the person brought. */
  readonly guest: string | undefined;
  readonly boot: 'machine' | 'supervisor';
}

/** How fast things go, measured by the host over the last second. */
export interface Speed {
  readonly mips: number;
  readonly exitsPerSecond: number;
}

export function buildFrame(
  lab: Lab,
  origins: ReadonlyMap<number, VmOrigin>,
  speed: Speed,
  sequence: number,
  request: FrameRequest,
  parts: AnswerContext['parts'],
): Frame {
  const vm = lab.vms.find(({ id }) => id === request.vm);
  // A VM may have been removed, and the number stand for another one with fewer harts.
  const vcpu = vm !== undefined && (request.vcpu ?? 0) < vm.harts ? (request.vcpu ?? 0) : 0;
  const computer = vm && lab.computerOf(vm);
  return {
    sequence,
    vms: lab.vms.map((each) => summaryOf(lab, each, origins.get(each.id), each === vm ? vcpu : 0)),
    machines: lab.hypervisors.map(memoryOf),
    machine: {
      time: computer?.now ?? 0,
      ...speed,
    },
    answers: answerAll({ lab, vm, vcpu, parts }, request.queries),
  };
}

function memoryOf({ machine, memory, vms }: Hypervisor, index: number): MachineMemory {
  let promisedBytes = 0;
  for (const vm of vms.values()) promisedBytes += vm.memoryBytes;
  const name = index === 0 ? 'A' : 'B';
  return {
    name,
    memoryBytes: machine.ram.size,
    memoryUsedBytes: memory.frames.usedBytes,
    promisedBytes,
    swapCapacityBytes: memory.swap.capacityPages * PAGE_SIZE,
  };
}

function answerAll(context: AnswerContext, queries: FrameRequest['queries']): Frame['answers'] {
  const given: { [Name in QueryName]?: Queries[Name]['answer'] } = {};
  const one = <Name extends QueryName>(name: Name): void => {
    const question = queries[name];
    if (question === undefined) return;
    const answer = answers[name](context, question);
    if (answer !== undefined) given[name] = answer as (typeof given)[Name];
  };
  for (const name of Object.keys(queries) as QueryName[]) if (Object.hasOwn(answers, name)) one(name);
  return given;
}

function summaryOf(lab: Lab, vm: VirtualMachine, origin: VmOrigin | undefined, vcpu: number): VmSummary {
  const open = lab.hypervisorOf(vm)?.openExit;
  const inHypervisor = open?.vm === vm && open.vcpu.index === vcpu;
  const mode = modeOf(vm, vcpu);
  return {
    vm: vm.id,
    title: origin?.title ?? `VM ${vm.id}`,
    guest: origin?.guest,
    technique: vm.technique,
    boot: origin?.boot ?? 'supervisor',
    memoryBytes: vm.memoryBytes,
    state: stateOf(vm),
    machine: lab.machineOf(vm),
    vcpus: vcpusOf(vm),
    stopReason: vm.control.stop,
    stepping: vm.control.goal !== undefined,
    mode: inHypervisor ? 'HS' : mode,
    runner: runnerOf(vm, inHypervisor, vcpu),
    pc: vm.look(vcpu).pc,
    instructions: vm.instructions,
    exits: vm.exits,
    lastExit: lastExit(lab, vm),
    ending: vm.ending && { exitCode: vm.ending.exitCode, message: vm.ending.message },
  };
}

function vcpusOf(vm: VirtualMachine): readonly VcpuSummary[] {
  return Array.from({ length: vm.harts }, (_, index) => {
    const { stopped, waiting, pc } = vm.look(index);
    const hosted = vm instanceof HostedVm ? vm.vcpu(index) : undefined;
    return {
      state: stopped ? 'stopped' : waiting ? 'waiting' : 'running',
      hart: hosted === undefined ? index : hosted.onHart ? hosted.hart.id : undefined,
      pc,
    };
  });
}

function stateOf(vm: VirtualMachine): VmState {
  if (vm.ending) return 'ended';
  if (!vm.control.running) return 'paused';
  return vm.waiting ? 'waiting' : 'running';
}

function runnerOf(vm: VirtualMachine, inHypervisor: boolean, vcpu: number): Runner {
  if (inHypervisor) return 'hypervisor';
  const { waiting, stopped, privilege } = vm.look(vcpu);
  if (vm.ending || vm.waiting || stopped || (waiting && vm.harts > 1)) return 'nobody';
  return privilege === 0 ? 'guest-user' : 'guest-kernel';
}

function lastExit(lab: Lab, vm: VirtualMachine): string | undefined {
  const record = lastRecord(lab, vm);
  return record && sentenceOf(record);
}
