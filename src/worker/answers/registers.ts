// The guest's registers, and the hypervisor's beside them.

import { csrs, findCsrByName, type Csr } from '../../core/isa/csrs.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import type { HostedTechnique, VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { PrivilegedState } from '../../core/machine/privileged-state.ts';
import type { CsrValue, RegistersAnswer } from '../../protocol/frame.ts';
import { modeOf } from './words.ts';

const supervisorLevel = [
  'sstatus',
  'sie',
  'sip',
  'stvec',
  'sepc',
  'scause',
  'stval',
  'sscratch',
  'satp',
  'scounteren',
  'stimecmp',
  'stimecmph',
];
const machineLevel = csrs
  .map(({ name, row }) => ({ name, number: row.number }))
  .filter(({ name, number }) => (number >>> 8) % 4 === 3 && !/^(pmp|mhpm|t(select|data))/.test(name))
  .map(({ name }) => name);
const hypervisorLevel = [
  'hstatus',
  'hgatp',
  'hedeleg',
  'hideleg',
  'hvip',
  'hip',
  'hie',
  'htval',
  'htinst',
  'htimedelta',
];
const guestLevel = ['vsstatus', 'vsie', 'vsip', 'vstvec', 'vsepc', 'vscause', 'vstval', 'vsscratch', 'vsatp'];
const hostTrap = ['sepc', 'scause', 'stval', 'sstatus', 'satp', 'stimecmp'];

/** The register of the hart that stands in for a guest's CSR while the guest runs. */
const heldBy: Readonly<Record<HostedTechnique, (name: string) => string | undefined>> = {
  'hardware-assisted': (name) => (findCsrByName(`v${name}`) ? `v${name}` : undefined),
  'trap-and-emulate': (name) => (hostTrap.includes(name) ? name : undefined),
  paravirtual: (name) => (hostTrap.includes(name) ? name : undefined),
};

const valueOf = (state: PrivilegedState, csr: Csr, real?: CsrValue['real']): CsrValue => ({
  name: csr.name,
  number: csr.row.number,
  meaning: csr.row.meaning,
  value: state.read(csr),
  fields: csr.row.fields,
  real,
});

function values(state: PrivilegedState, names: readonly string[]): readonly CsrValue[] {
  return names.flatMap((name) => {
    const csr = findCsrByName(name);
    return csr ? [valueOf(state, csr)] : [];
  });
}

export function registersAnswer(vm: VirtualMachine, hart = 0): RegistersAnswer {
  const state = vm.look(hart);
  const common = {
    mode: modeOf(vm, hart),
    pc: state.pc,
    x: Array.from({ length: 32 }, (_, index) => state.x(index) >>> 0),
  };
  const names = vm.guest.supervisor ? supervisorLevel : [...supervisorLevel, ...machineLevel];
  if (!(vm instanceof HostedVm)) {
    // A guest that is a hypervisor itself has that side as well, and its own guest's registers.
    const nested = state.virtual || state.csrs.hgatp >>> 31 === 1;
    const own = nested ? values(state, [...hypervisorLevel, ...guestLevel]) : [];
    return { ...common, guestCsrs: values(state, names), hypervisorCsrs: own };
  }
  const vcpu = vm.vcpu(hart);
  const real = vcpu.hart.state;
  const held = heldBy[vm.technique];
  const guestCsrs = names.flatMap((name) => {
    const csr = findCsrByName(name);
    if (csr === undefined) return [];
    const realCsr = vcpu.onHart ? findCsrByName(held(name) ?? '') : undefined;
    return [valueOf(state, csr, realCsr && { name: realCsr.name, value: real.read(realCsr) })];
  });
  const assisted = vm.technique === 'hardware-assisted';
  return {
    ...common,
    guestCsrs,
    hypervisorCsrs: values(real, assisted ? [...hypervisorLevel, ...hostTrap.slice(0, 4)] : hostTrap),
  };
}
