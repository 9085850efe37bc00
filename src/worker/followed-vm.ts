// A VM by its number, for what outlives a move: on another machine the VM is another object.

import type { Lab } from '../core/hypervisor/lab.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';

export type FollowedVm = Pick<VirtualMachine, 'console' | 'receive' | 'instructions' | 'memory' | 'exits'>;

export function followedVm(lab: Lab, id: number): FollowedVm {
  const vm = () => lab.vm(id);
  return {
    get console() {
      return vm().console;
    },
    get instructions() {
      return vm().instructions;
    },
    get memory() {
      return vm().memory;
    },
    get exits() {
      return vm().exits;
    },
    receive: (bytes) => vm().receive(bytes),
  };
}
