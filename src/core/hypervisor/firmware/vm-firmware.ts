// The firmware of a hosted guest, in its hypervisor: SBI calls act on the vCPUs of the guest's own VM and on nothing else.

import { shutdown } from '../endings.ts';
import type { SbiPorts } from './sbi.ts';
import type { FirmwareReach } from './sbi-call.ts';
import type { Vcpu } from '../vcpu.ts';
import { DEAD_EXIT_CODE, type Ending } from '../virtual-machine.ts';

/** The VM as its firmware sees it. */
interface FirmwareVm {
  readonly harts: number;
  readonly vcpus: readonly Vcpu[];
  vcpu(index: number): Vcpu;
  end(ending: Ending): void;
}

interface FirmwarePorts {
  readonly reach: FirmwareReach;
  readonly reboot: () => void;
  readonly extensions: readonly number[];
}

export function vmFirmware(vm: FirmwareVm, { reach, reboot, extensions }: FirmwarePorts): SbiPorts {
  return {
    harts: vm.harts,
    setTimer: (hart, low, high) => vm.vcpu(hart).setTimer(low, high),
    sendIpi: (hart) => vm.vcpu(hart).sendIpi(),
    clearIpi: (hart) => vm.vcpu(hart).clearIpi(),
    fence: (hart, address) => vm.vcpu(hart).fence(address, undefined),
    hartStatus: (hart) => vm.vcpu(hart).status,
    startHart: (hart, address, opaque) => vm.vcpu(hart).start(address, opaque),
    stopHart: (hart) => {
      vm.vcpu(hart).stop();
      if (!vm.vcpus.every(({ state }) => state.stopped)) return;
      const which = vm.harts === 1 ? 'its only hart' : 'its last hart: no other is left to start one';
      vm.end({ kind: 'dead', exitCode: DEAD_EXIT_CODE, message: `The guest stopped ${which}.` });
    },
    shareStealTime: (hart, low, high) => vm.vcpu(hart).stealTime.share(low, high),
    suspendHart: (hart) => vm.vcpu(hart).suspend(),
    reset: (kind, failed) => (kind === 'shutdown' ? vm.end(shutdown(failed)) : reboot()),
    ...reach,
    extensions,
  };
}
