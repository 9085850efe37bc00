// The bit fields of the CSRs that have any (privileged manual; register drawings of mstatus, hstatus, satp, mip …).
// Views share the fields of what they are views of.

import { bit, field, type CsrField } from './csr-row.ts';

const privilegeNames = { 0: 'U', 1: 'S', 3: 'M' } as const;

const sstatusFields: readonly CsrField[] = [
  bit('SIE', 1, 'Interrupts are enabled in S-mode.'),
  bit('SPIE', 5, 'What SIE was before the last trap into S-mode.'),
  field('SPP', 8, 8, 'The mode the last trap into S-mode came from.', { 0: 'U', 1: 'S' }),
  bit('SUM', 18, 'S-mode may read and write pages that belong to user mode.'),
  bit('MXR', 19, 'Loads may read pages that are only executable.'),
];

const interruptField = (name: string, position: number, what: string) => bit(name, position, what);

const interrupts = (suffix: 'P' | 'E', codes: readonly number[]): readonly CsrField[] => {
  const names: Readonly<Record<number, readonly [string, string]>> = {
    1: ['SSI', 'Supervisor software interrupt'],
    2: ['VSSI', 'Virtual supervisor software interrupt'],
    3: ['MSI', 'Machine software interrupt'],
    5: ['STI', 'Supervisor timer interrupt'],
    6: ['VSTI', 'Virtual supervisor timer interrupt'],
    7: ['MTI', 'Machine timer interrupt'],
    9: ['SEI', 'Supervisor external interrupt'],
    10: ['VSEI', 'Virtual supervisor external interrupt'],
    11: ['MEI', 'Machine external interrupt'],
    12: ['SGEI', 'Supervisor guest external interrupt'],
  };
  return codes.map((code) => {
    const [name, what] = names[code] ?? [`bit ${code}`, 'Reserved'];
    return interruptField(name + suffix, code, `${what} ${suffix === 'P' ? 'pending' : 'enabled'}.`);
  });
};

const allInterrupts = [1, 2, 3, 5, 6, 7, 9, 10, 11, 12];
const translation = (mode: string, space: string, spaceHigh: number): readonly CsrField[] => [
  field('MODE', 31, 31, 'Whether addresses are translated.', { 0: 'Bare', 1: mode }),
  field(space, spaceHigh, 22, 'Tag of this address space.'),
  field('PPN', 21, 0, 'Physical page number of the root page table.'),
];

export const fieldsOf = {
  mstatus: [
    ...sstatusFields.filter(({ low }) => low < 8),
    bit('MIE', 3, 'Interrupts are enabled in M-mode.'),
    bit('MPIE', 7, 'What MIE was before the last trap into M-mode.'),
    field('SPP', 8, 8, 'The mode the last trap into S-mode came from.', { 0: 'U', 1: 'S' }),
    field('MPP', 12, 11, 'The mode the last trap into M-mode came from.', privilegeNames),
    bit('MPRV', 17, 'Loads and stores are made with the privilege in MPP.'),
    bit('SUM', 18, 'S-mode may read and write pages that belong to user mode.'),
    bit('MXR', 19, 'Loads may read pages that are only executable.'),
    bit('TVM', 20, 'satp and SFENCE.VMA trap in S-mode.'),
    bit('TW', 21, 'WFI traps below M-mode.'),
    bit('TSR', 22, 'SRET traps in S-mode.'),
  ],
  mstatush: [
    bit('GVA', 6, 'mtval holds a guest virtual address.'),
    bit('MPV', 7, 'The virtualization mode the last trap into M-mode came from.'),
  ],
  sstatus: sstatusFields,
  hstatus: [
    bit('GVA', 6, 'stval holds a guest virtual address.'),
    bit('SPV', 7, 'The last trap into HS-mode came from a guest.'),
    field('SPVP', 8, 8, 'The mode of the guest that trapped; also the mode of HLV and HSV.', { 0: 'VU', 1: 'VS' }),
    bit('HU', 9, 'HLV, HLVX and HSV may be used in U-mode.'),
    field('VGEIN', 17, 12, 'Guest external interrupt source.'),
    bit('VTVM', 20, 'satp and SFENCE.VMA trap in VS-mode.'),
    bit('VTW', 21, 'WFI traps in VS-mode.'),
    bit('VTSR', 22, 'SRET traps in VS-mode.'),
  ],
  satp: translation('Sv32', 'ASID', 30),
  hgatp: translation('Sv32x4', 'VMID', 28),
  tvec: [
    field('BASE', 31, 2, 'Address of the trap vector, shifted right by 2.'),
    field('MODE', 1, 0, 'Where interrupts go.', { 0: 'direct', 1: 'vectored' }),
  ],
  cause: [
    field('interrupt', 31, 31, 'The trap was an interrupt.'),
    field('code', 30, 0, 'The exception or interrupt code.'),
  ],
  counteren: [
    bit('CY', 0, 'cycle may be read by the next lower mode.'),
    bit('TM', 1, 'time may be read by the next lower mode.'),
    bit('IR', 2, 'instret may be read by the next lower mode.'),
    field('HPM', 31, 3, 'hpmcounter3 to hpmcounter31 may be read by the next lower mode.'),
  ],
  envcfg: [bit('FIOM', 0, 'Fences of I/O also order memory.')],
  envcfgh: [
    bit('ADUE', 29, 'The walker sets A and D bits itself (Svadu).'),
    bit('STCE', 31, 'The next lower mode has its own timer compare register (Sstc).'),
  ],
  mip: interrupts('P', allInterrupts),
  mie: interrupts('E', allInterrupts),
  sip: interrupts('P', [1, 5, 9]),
  sie: interrupts('E', [1, 5, 9]),
  hip: interrupts('P', [2, 6, 10, 12]),
  hie: interrupts('E', [2, 6, 10, 12]),
  hvip: interrupts('P', [2, 6, 10]),
} as const satisfies Record<string, readonly CsrField[]>;
