// The CSRs that the Advanced Interrupt Architecture adds (RISC-V AIA 1.0, chapter 2; RV32), as views onto stored words and onto
// the hart's interrupt files. Where it leaves a choice they are the least: no interrupts above 31, so that the upper halves are
// zero; nothing filtered (mvien, hvien); and priorities of major interrupts that are fixed (iprio, hviprio1, hviprio2), so that
// IPRIO is always 1. hvictl, by which a hypervisor without guest interrupt files would inject interrupts, is zero too.

import { mostUrgent } from './causes.ts';
import { STCE, STIP } from './csr-bits.ts';
import { field, type CsrField } from './csr-row.ts';
import { pendingInterrupts, view, type CsrPort, type ViewCsr } from './csr-view.ts';
import { FileRegister, type InterruptFilePort } from './interrupt-files.ts';

const SUPERVISOR = 0x222;
const VIRTUAL = 0x444;
const VGEIN_SHIFT = 12;
const SELECT_MASK = 0x1ff;

/** hstatus.VGEIN: the guest interrupt file that is the guest's own. */
export const guestFileNumber = (hstatus: number): number => (hstatus >>> VGEIN_SHIFT) & 0x3f;

/** The interrupt file that a guest reaches through vstopei and vsireg; undefined where VGEIN names none. */
export const guestFileOf = (port: CsrPort): InterruptFilePort | undefined =>
  port.interruptFiles?.guest(guestFileNumber(port.csrs.hstatus));

const top: readonly CsrField[] = [
  field('IID', 27, 16, 'Identity of the most urgent interrupt.'),
  field('IPRIO', 10, 0, 'Its priority.'),
];

const zero = (number: number, meaning: string): ViewCsr =>
  view(
    number,
    meaning,
    () => 0,
    () => undefined,
  );

type Held = 'miselectHeld' | 'siselectHeld' | 'vsiselectHeld';

const select = (number: number, held: Held): ViewCsr =>
  view(
    number,
    'Which register the next CSR stands for: 0x30 to 0x3f priorities, 0x70 to 0xff the interrupt file.',
    (port) => port.csrs[held],
    (port, value) => {
      port.csrs[held] = value & SELECT_MASK;
    },
  );

/** Priorities are zero; what cannot be reached is refused before (machine/privileged-state.ts). */
const selected = (number: number, held: Held, file: (port: CsrPort) => InterruptFilePort | undefined): ViewCsr =>
  view(
    number,
    'The register that the select register names.',
    (port) => (port.csrs[held] < FileRegister.eidelivery ? 0 : (file(port)?.read(port.csrs[held]) ?? 0)),
    (port, value) => {
      if (port.csrs[held] >= FileRegister.eidelivery) file(port)?.write(port.csrs[held], value);
    },
    { consequence: 'interrupts' },
  );

const topExternal = (number: number, file: (port: CsrPort) => InterruptFilePort | undefined): ViewCsr =>
  view(
    number,
    'The most urgent external interrupt of the interrupt file; a write claims it.',
    (port) => file(port)?.top ?? 0,
    (port) => file(port)?.claim(),
    { fields: top, consequence: 'interrupts' },
  );

const topOf = (code: number): number => (code === 0 ? 0 : (code << 16) | 1);

const topInterrupt = (number: number, code: (port: CsrPort) => number): ViewCsr =>
  view(
    number,
    'The most urgent interrupt that is pending and enabled at this level.',
    (port) => topOf(code(port)),
    () => undefined,
    { fields: top },
  );

const enabled = (port: CsrPort): number => pendingInterrupts(port) & port.csrs.mie;
const toGuest = (port: CsrPort): number => (port.hypervisorExtension ? port.csrs.hideleg : 0);
/** A guest sees its interrupts at the codes below the hypervisor's. */
const virtualCode = (code: number): number => (code === 0 ? 0 : code - 1);

const machineFile = (port: CsrPort) => port.interruptFiles?.machine;
const supervisorFile = (port: CsrPort) => port.interruptFiles?.supervisor;

export const aiaViews: Readonly<Record<string, ViewCsr>> = {
  miselect: select(0x350, 'miselectHeld'),
  mireg: selected(0x351, 'miselectHeld', machineFile),
  mtopei: topExternal(0x35c, machineFile),
  mtopi: topInterrupt(0xfb0, (port) => mostUrgent(enabled(port) & ~port.csrs.mideleg)),
  mvien: zero(0x308, 'Interrupts that machine mode filters for supervisor mode: none can be.'),
  mvip: view(
    0x309,
    'Interrupts that software has made pending for supervisor mode.',
    (port) => port.csrs.mipSoftware & writablePending(port),
    (port, value) => {
      const writable = writablePending(port);
      port.csrs.mipSoftware = ((port.csrs.mipSoftware & ~writable) | (value & writable)) >>> 0;
    },
    { consequence: 'interrupts' },
  ),
  midelegh: zero(0x313, 'Interrupts 32 to 63 that go to S-mode: none exist.'),
  mieh: zero(0x314, 'Interrupts 32 to 63 enabled: none exist.'),
  mvienh: zero(0x318, 'Interrupts 32 to 63 that machine mode filters: none exist.'),
  mviph: zero(0x319, 'Interrupts 32 to 63 made pending for supervisor mode: none exist.'),
  miph: zero(0x354, 'Interrupts 32 to 63 pending: none exist.'),

  siselect: select(0x150, 'siselectHeld'),
  sireg: selected(0x151, 'siselectHeld', supervisorFile),
  stopei: topExternal(0x15c, supervisorFile),
  stopi: topInterrupt(0xdb0, (port) => mostUrgent(enabled(port) & port.csrs.mideleg & ~toGuest(port))),
  sieh: zero(0x114, 'Interrupts 32 to 63 enabled: none exist.'),
  siph: zero(0x154, 'Interrupts 32 to 63 pending: none exist.'),

  hvien: zero(0x608, 'Interrupts that the hypervisor filters for its guest: none can be.'),
  hvictl: zero(0x609, 'Injects an interrupt of any number: not built, guests have interrupt files.'),
  hviprio1: zero(0x646, 'Priorities of a guest’s interrupts: fixed.'),
  hviprio2: zero(0x647, 'Priorities of a guest’s interrupts: fixed.'),
  hidelegh: zero(0x613, 'Interrupts 32 to 63 that go to the guest: none exist.'),
  hvienh: zero(0x618, 'Interrupts 32 to 63 that the hypervisor filters: none exist.'),
  hviph: zero(0x655, 'Interrupts 32 to 63 pending for the guest: none exist.'),
  hviprio1h: zero(0x656, 'Priorities of a guest’s interrupts, upper half: fixed.'),
  hviprio2h: zero(0x657, 'Priorities of a guest’s interrupts, upper half: fixed.'),

  vsiselect: select(0x250, 'vsiselectHeld'),
  vsireg: selected(0x251, 'vsiselectHeld', guestFileOf),
  vstopei: topExternal(0x25c, guestFileOf),
  vstopi: topInterrupt(0xeb0, (port) => virtualCode(mostUrgent(enabled(port) & toGuest(port) & VIRTUAL))),
  vsieh: zero(0x214, 'The guest’s sieh.'),
  vsiph: zero(0x254, 'The guest’s siph.'),
};

/** mvip stands for the bits that software may set in mip: not STIP while stimecmp drives it. */
const writablePending = (port: CsrPort): number =>
  (port.csrs.menvcfgh & STCE) === 0 ? SUPERVISOR : SUPERVISOR & ~STIP;
