// Pending and enabled bits at every level an interrupt passes, and the last chains.

import { findCsrByName } from '../../core/isa/csrs.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { PrivilegedState } from '../../core/machine/privileged-state.ts';
import type { InterruptLevel, InterruptsAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** setip0 and setie0. */
const APLIC_PENDING = 0x1c00;
const APLIC_ENABLED = 0x1e00;

export function interruptsAnswer({ lab, vm, vcpu }: AnswerContext, chains: number): InterruptsAnswer {
  return { levels: vm ? levelsOf(vm, vcpu) : [], chains: lab.interrupts.recent(Math.min(200, Math.max(0, chains))) };
}

function levelsOf(vm: VirtualMachine, hart: number): readonly InterruptLevel[] {
  const state = vm.look(hart);
  const hosted = vm instanceof HostedVm;
  const levels: InterruptLevel[] = [
    {
      name: `${hosted ? 'virtual ' : ''}${vm.board.plic ? 'PLIC' : 'APLIC'}`,
      meaning: hosted
        ? 'The interrupt controller of the guest’s board, a device model of the hypervisor.'
        : 'The board’s interrupt controller.',
      bits: sources(vm, 2 * hart + 1),
    },
    {
      name: hosted ? 'sip, sie (guest)' : 'sip, sie',
      meaning: 'What is pending for the guest’s kernel, and what it lets in.',
      bits: bitsOf(state, 'sip', 'sie'),
    },
  ];
  if (!hosted) {
    levels.push({ name: 'mip, mie', meaning: 'All levels of the hart.', bits: bitsOf(state, 'mip', 'mie') });
    return levels;
  }
  const vcpu = vm.vcpu(hart);
  const real = vcpu.hart.state;
  if (vm.technique === 'hardware-assisted' && vcpu.onHart) {
    levels.push({
      name: 'hip, hie (hart)',
      meaning: 'What the hypervisor has made pending for the guest on the hart; the hart delivers it without an exit.',
      bits: bitsOf(real, 'hip', 'hie'),
    });
  }
  levels.push({
    name: 'mip, mie (hart)',
    meaning: 'The physical hart’s own: the hypervisor’s timer and kicks.',
    bits: bitsOf(real, 'mip', 'mie'),
  });
  return levels;
}

/** The bits of a pending CSR beside those of its enabling one, named as the manual names the interrupts. */
function bitsOf(state: PrivilegedState, pending: string, enabled: string): InterruptLevel['bits'] {
  const p = findCsrByName(pending);
  const e = findCsrByName(enabled);
  if (p === undefined || e === undefined) return [];
  const pendingValue = state.read(p);
  const enabledValue = state.read(e);
  return p.row.fields.map(({ name, low }) => ({
    name: name.replace(/P$/, ''),
    pending: (pendingValue & (1 << low)) !== 0,
    enabled: (enabledValue & (1 << low)) !== 0,
  }));
}

/** Sources of the PLIC that something is wired to, as a context (a hart in one mode) has enabled them; or those of the APLIC. */
function sources(vm: VirtualMachine, context: number): InterruptLevel['bits'] {
  const { plic, aplic } = vm.board;
  const registers = new Map((plic ?? aplic)?.inspect().map(({ row, value }) => [row.offset, value]));
  const word = (offset: number) => (registers.get(offset) ?? 0) >>> 0;
  const pending = word(plic ? 0x1000 : APLIC_PENDING);
  const enabled = word(plic ? 0x2000 + 0x80 * context : APLIC_ENABLED);
  return vm.board.mounts.flatMap(({ device, interrupt }) =>
    interrupt === undefined
      ? []
      : [
          {
            name: `${interrupt} ${device.name}`,
            pending: (pending & (1 << interrupt)) !== 0,
            enabled: (enabled & (1 << interrupt)) !== 0,
          },
        ],
  );
}
