// Every CSR as one row: those with a word of their own, the views onto them, and the counters.
// A view is written as what it reads and what a write does; both work on a port, which is any hart, real or virtual.

import { aiaViews } from './csr-aia.ts';
import { ADUE, SGEIP, SSIP, STCE, STIP } from './csr-bits.ts';
import { fieldsOf } from './csr-fields.ts';
import type { CsrField, StoredCsr } from './csr-row.ts';
import { storedCsrs, type StoredCsrName } from './csr-stored.ts';
import { pendingInterrupts, softwarePending, view, type CounterName, type CsrPort, type ViewCsr } from './csr-view.ts';

export { pendingInterrupts, type CounterName, type CsrPort, type ViewCsr } from './csr-view.ts';

const ignore = () => undefined;
const zero = () => 0;

const storedNames = Object.keys(storedCsrs) as readonly StoredCsrName[];
/** Place of a stored CSR in the order of csr-stored.ts. */
export const storedIndex = (name: StoredCsrName): number => storedNames.indexOf(name);

const storedRows: readonly StoredCsr[] = storedNames.map((name) => storedCsrs[name]);

/** Writes a stored CSR as a CSR instruction does: only its writable bits, made legal. */
export const writeStored = (port: CsrPort, name: StoredCsrName, value: number): void =>
  writeStoredAt(port, storedIndex(name), value);

function writeStoredAt(port: CsrPort, index: number, value: number): void {
  const row = storedRows[index];
  if (row === undefined) return;
  if (row.locked?.(port.csrs) === true) return;
  const previous = port.storedAt(index);
  const next = (previous & ~row.mask) | (value & row.mask);
  port.setStoredAt(index, row.legalize ? row.legalize(next >>> 0, previous) : next);
}

/** A view of some bits of a stored CSR at the same positions. */
const window = (
  number: number,
  meaning: string,
  of: StoredCsrName,
  mask: number,
  fields: readonly CsrField[],
): ViewCsr => {
  const index = storedIndex(of);
  return view(
    number,
    meaning,
    (port) => (port.storedAt(index) & mask) >>> 0,
    (port, value) => writeStoredAt(port, index, (port.storedAt(index) & ~mask) | (value & mask)),
    { fields, consequence: storedCsrs[of].consequence },
  );
};

/** What sstatus shows of mstatus: SIE SPIE SPP SUM MXR. */
export const SSTATUS_MASK = 0x000c_0122;
const SUPERVISOR = 0x222;
const VIRTUAL = 0x444;

const mergeSoftware = (port: CsrPort, writable: number, value: number): void => {
  port.csrs.mipSoftware = ((port.csrs.mipSoftware & ~writable) | (value & writable)) >>> 0;
};

/** STIP is writable only while stimecmp does not drive it ("Sstc"). */
const writeMip = (port: CsrPort, value: number): void => {
  mergeSoftware(port, (port.csrs.menvcfgh & STCE) === 0 ? SUPERVISOR : SUPERVISOR & ~STIP, value);
  port.csrs.hvip = ((port.csrs.hvip & ~4) | (value & 4)) >>> 0;
};

/** sie and sip show what mideleg delegates; the rest reads as 0. */
const delegated = (port: CsrPort): number => port.csrs.mideleg & SUPERVISOR;
const guestDelegated = (port: CsrPort): number => port.csrs.hideleg & VIRTUAL;

/** menvcfgh withholds STCE and ADUE from henvcfgh where they are 0 there. */
const henvcfgh = (port: CsrPort): number => (port.csrs.henvcfghWritten & port.csrs.menvcfgh & (STCE | ADUE)) >>> 0;

const low = (value: bigint): number => Number(BigInt.asUintN(32, value));
const high = (value: bigint): number => Number(BigInt.asUintN(32, value >> 32n));

const counterLow = (number: number, name: CounterName, meaning: string): ViewCsr =>
  view(number, meaning, (port) => low(port.counter(name)), ignore);
const counterHigh = (number: number, name: CounterName, meaning: string): ViewCsr =>
  view(number, `${meaning} Upper half.`, (port) => high(port.counter(name)), ignore);
const machineCounter = (number: number, name: 'cycle' | 'instret', upper: boolean, meaning: string): ViewCsr =>
  view(
    number,
    meaning,
    (port) => (upper ? high : low)(port.counter(name)),
    (port, value) => {
      const now = port.counter(name);
      const word = BigInt(value >>> 0);
      port.setCounter(
        name,
        upper ? (word << 32n) | BigInt.asUintN(32, now) : (BigInt.asUintN(64, now) & ~0xffff_ffffn) | word,
      );
    },
  );

const readOnly = (number: number, meaning: string, value: number): ViewCsr =>
  view(number, meaning, () => value, ignore);
const unimplemented = (number: number, meaning: string): ViewCsr => view(number, meaning, zero, ignore);

/** `count` CSRs of the same kind, hard-wired to zero. */
const zeros = (first: number, count: number, name: (index: number) => string, meaning: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), unimplemented(first + index, meaning)]));

const extension = (letter: string): number => 1 << (letter.charCodeAt(0) - 65);
/** MXL = 1 (32 bits) and the letters of RV32IMASU. */
const MISA = (0x4000_0000 | [...'IMASU'].reduce((bits, letter) => bits | extension(letter), 0)) >>> 0;

const viewCsrs = {
  misa: view(
    0x301,
    'Width and extensions of this hart.',
    ({ hypervisorExtension }) => (hypervisorExtension ? MISA | extension('H') : MISA),
    ignore,
  ),
  mvendorid: readOnly(0xf11, 'Vendor; 0: not a commercial implementation.', 0),
  marchid: readOnly(0xf12, 'Architecture of this implementation; 0: not registered.', 0),
  mimpid: readOnly(0xf13, 'Version of this implementation.', 0),
  mconfigptr: readOnly(0xf15, 'Address of a configuration structure; 0: none.', 0),
  medelegh: unimplemented(0x312, 'Exceptions 32 to 63 that go to S-mode: none exist.'),
  mip: view(0x344, 'Interrupts pending, all levels.', pendingInterrupts, writeMip, {
    fields: fieldsOf.mip,
    consequence: 'interrupts',
    readForModify: (port) => (softwarePending(port) | port.csrs.hvip) >>> 0,
  }),
  sstatus: window(
    0x100,
    'Supervisor status: the part of mstatus S-mode sees.',
    'mstatus',
    SSTATUS_MASK,
    fieldsOf.sstatus,
  ),
  sie: view(
    0x104,
    'Interrupts enabled, supervisor level.',
    (port) => port.csrs.mie & delegated(port),
    (port, value) => {
      const mask = delegated(port);
      port.csrs.mie = ((port.csrs.mie & ~mask) | (value & mask)) >>> 0;
    },
    { fields: fieldsOf.sie, consequence: 'interrupts' },
  ),
  sip: view(
    0x144,
    'Interrupts pending, supervisor level.',
    (port) => pendingInterrupts(port) & delegated(port),
    (port, value) => mergeSoftware(port, SSIP & delegated(port), value),
    { fields: fieldsOf.sip, consequence: 'interrupts' },
  ),
  hedelegh: unimplemented(0x612, 'Exceptions 32 to 63 that go to the guest: none exist.'),
  hie: window(0x604, 'Interrupts enabled for the guest.', 'mie', VIRTUAL | SGEIP, fieldsOf.hie),
  hip: view(
    0x644,
    'Interrupts pending for the guest.',
    (port) => pendingInterrupts(port) & (VIRTUAL | SGEIP),
    (port, value) => {
      port.csrs.hvip = ((port.csrs.hvip & ~4) | (value & 4)) >>> 0;
    },
    { fields: fieldsOf.hip, consequence: 'interrupts' },
  ),
  hgeie: view(
    0x607,
    'Guest interrupt files whose signal wakes the hypervisor (SGEI); 0 where the hart has none.',
    (port) => port.csrs.hgeieHeld,
    (port, value) => {
      const { guestFiles = 0 } = port.interruptFiles ?? {};
      port.csrs.hgeieHeld = (value & (2 ** (guestFiles + 1) - 2)) >>> 0;
    },
    { consequence: 'interrupts' },
  ),
  hgeip: view(
    0xe12,
    'Guest interrupt files that signal; 0 where the hart has none.',
    ({ interruptFiles }) => interruptFiles?.guestsPending ?? 0,
    ignore,
  ),
  henvcfgh: view(
    0x61a,
    'Environment of the guest, upper half.',
    henvcfgh,
    (port, value) => {
      port.csrs.henvcfghWritten = (value & (STCE | (port.svadu ? ADUE : 0))) >>> 0;
    },
    { fields: fieldsOf.envcfgh, consequence: 'environment' },
  ),
  vsie: view(
    0x204,
    'The guest’s sie.',
    (port) => (port.csrs.mie & guestDelegated(port)) >>> 1,
    (port, value) => {
      const mask = guestDelegated(port);
      port.csrs.mie = ((port.csrs.mie & ~mask) | ((value << 1) & mask)) >>> 0;
    },
    { fields: fieldsOf.sie, consequence: 'interrupts' },
  ),
  vsip: view(
    0x244,
    'The guest’s sip.',
    (port) => (pendingInterrupts(port) & guestDelegated(port)) >>> 1,
    (port, value) => {
      const mask = guestDelegated(port) & 4;
      port.csrs.hvip = ((port.csrs.hvip & ~mask) | ((value << 1) & mask)) >>> 0;
    },
    { fields: fieldsOf.sip, consequence: 'interrupts' },
  ),

  cycle: counterLow(0xc00, 'cycle', 'Clock cycles: instructions executed, trapped ones included.'),
  time: counterLow(0xc01, 'time', 'Ticks of the board’s 10 MHz clock.'),
  instret: counterLow(0xc02, 'instret', 'Instructions retired.'),
  cycleh: counterHigh(0xc80, 'cycle', 'Clock cycles: instructions executed, trapped ones included.'),
  timeh: counterHigh(0xc81, 'time', 'Ticks of the board’s 10 MHz clock.'),
  instreth: counterHigh(0xc82, 'instret', 'Instructions retired.'),
  mcycle: machineCounter(0xb00, 'cycle', false, 'Clock cycles.'),
  minstret: machineCounter(0xb02, 'instret', false, 'Instructions retired.'),
  mcycleh: machineCounter(0xb80, 'cycle', true, 'Clock cycles, upper half.'),
  minstreth: machineCounter(0xb82, 'instret', true, 'Instructions retired, upper half.'),

  tselect: unimplemented(0x7a0, 'Debug trigger selected: this hart has none.'),
  tdata1: unimplemented(0x7a1, 'Type of the debug trigger; 0: there is no trigger.'),
  tdata2: unimplemented(0x7a2, 'Data of the debug trigger.'),
  tdata3: unimplemented(0x7a3, 'More data of the debug trigger.'),
} as const satisfies Record<string, ViewCsr>;

const performanceCounters: Readonly<Record<string, ViewCsr>> = {
  ...zeros(0xc03, 29, (index) => `hpmcounter${index + 3}`, 'A performance counter that counts nothing.'),
  ...zeros(0xc83, 29, (index) => `hpmcounter${index + 3}h`, 'A performance counter that counts nothing.'),
  ...zeros(0xb03, 29, (index) => `mhpmcounter${index + 3}`, 'A performance counter that counts nothing.'),
  ...zeros(0xb83, 29, (index) => `mhpmcounter${index + 3}h`, 'A performance counter that counts nothing.'),
  ...zeros(0x323, 29, (index) => `mhpmevent${index + 3}`, 'Event of a performance counter: none exist.'),
};

/** A CSR as an instruction addresses it. */
export type Csr = {
  readonly name: string;
  /** It is there only on a hart with the Advanced Interrupt Architecture. */
  readonly aia: boolean;
} &
  /** `index`: its place in the order of csr-stored.ts. */
  (
    | { readonly kind: 'stored'; readonly stored: StoredCsrName; readonly index: number; readonly row: StoredCsr }
    | { readonly kind: 'view'; readonly row: ViewCsr }
  );

export const csrs: readonly Csr[] = [
  ...storedNames.map((stored, index): Csr => ({
    kind: 'stored',
    name: stored,
    aia: false,
    stored,
    index,
    row: storedCsrs[stored],
  })),
  ...Object.entries<ViewCsr>({ ...viewCsrs, ...performanceCounters }).map(([name, row]): Csr => ({
    kind: 'view',
    name,
    aia: false,
    row,
  })),
].filter(({ row }) => row.number >= 0);

/** What a hart with the Advanced Interrupt Architecture has besides. */
export const aiaCsrs: readonly Csr[] = Object.entries(aiaViews).map(([name, row]): Csr => ({
  kind: 'view',
  name,
  aia: true,
  row,
}));

const byNumber = Array.from({ length: 4096 }, (): Csr | undefined => undefined);
for (const csr of [...csrs, ...aiaCsrs]) byNumber[csr.row.number] = csr;
const byName = new Map([...csrs, ...aiaCsrs].map((csr) => [csr.name, csr]));

/** The CSR with this 12-bit address; undefined where none is. One of an extension need not be there on every hart. */
export const findCsr = (number: number): Csr | undefined => byNumber[number];
/** The CSR with this name, e.g. `sstatus`. */
export const findCsrByName = (name: string): Csr | undefined => byName.get(name);

/** With V = 1 these supervisor CSRs stand for the guest's own ("Hypervisor Extension", "Virtual Supervisor CSRs"). */
export const virtualAliases: ReadonlyMap<number, number> = new Map(
  [
    ...['sstatus', 'sie', 'stvec', 'sscratch', 'sepc', 'scause', 'stval', 'sip', 'stimecmp', 'stimecmph', 'satp'],
    ...['siselect', 'sireg', 'stopei', 'stopi', 'sieh', 'siph'],
  ].map((name) => [byName.get(name)?.row.number ?? 0, byName.get(`v${name}`)?.row.number ?? 0]),
);

const asGuest = byNumber.map((csr, number) => byNumber[virtualAliases.get(number) ?? number] ?? csr);

/** The CSR that an address of 12 bits stands for with V = 1. */
export const findGuestCsr = (number: number): Csr | undefined => asGuest[number];

/** Reads a CSR without side effects. @returns unsigned 32 bits */
export const readCsr = (port: CsrPort, csr: Csr): number =>
  csr.kind === 'stored' ? port.storedAt(csr.index) : csr.row.read(port) >>> 0;

/** Writes a CSR as an instruction does: writable bits only, made legal. The caller acts on `row.consequence`. */
export function writeCsr(port: CsrPort, csr: Csr, value: number): void {
  if (csr.kind === 'stored') writeStoredAt(port, csr.index, value);
  else csr.row.write(port, value >>> 0);
}
