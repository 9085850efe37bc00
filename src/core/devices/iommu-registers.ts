// The registers of an IOMMU as rows (RISC-V IOMMU Architecture Specification 1.0, chapter "Memory-mapped register interface"),
// and the state behind them. 64-bit registers are two rows, as an RV32 hart reaches them.

import type { RegisterRow } from './device.ts';
import { BITS, FLAG, type FieldsOf } from './device-state.ts';

/** Version 1.0, Sv32x4, updates of A and D bits (AMO_HWAD), interrupts by wire (IGS = 1), 34 bits of physical address. */
const CAPABILITIES_LOW = 0x10 | (1 << 16) | (1 << 24) | (1 << 28);
const CAPABILITIES_HIGH = 34;

/** fctl: interrupts by wire; second stages of guests with 32-bit registers. Both are all there is. */
const FCTL = 0x6;

export const QueueControl = {
  enable: 1,
  interruptEnable: 2,
  memoryFault: 1 << 8,
  overflow: 1 << 9,
  on: 1 << 16,
} as const;
/** cqcsr alone. */
export const CommandControl = { illegal: 1 << 10 } as const;
export const Pending = { command: 1, fault: 2 } as const;

export type IommuState = {
  ddtpLow: number;
  ddtpHigh: number;
  cqbLow: number;
  cqbHigh: number;
  cqh: number;
  cqt: number;
  fqbLow: number;
  fqbHigh: number;
  fqh: number;
  fqt: number;
  cqcsr: number;
  fqcsr: number;
  ipsr: number;
  line: boolean;
};

export const IOMMU_FIELDS: FieldsOf<IommuState> = {
  ddtpLow: BITS,
  ddtpHigh: BITS,
  cqbLow: BITS,
  cqbHigh: BITS,
  cqh: BITS,
  cqt: BITS,
  fqbLow: BITS,
  fqbHigh: BITS,
  fqh: BITS,
  fqt: BITS,
  cqcsr: BITS,
  fqcsr: BITS,
  ipsr: BITS,
  line: FLAG,
};

export const newIommuState = (): IommuState => ({
  ddtpLow: 0,
  ddtpHigh: 0,
  cqbLow: 0,
  cqbHigh: 0,
  cqh: 0,
  cqt: 0,
  fqbLow: 0,
  fqbHigh: 0,
  fqh: 0,
  fqt: 0,
  cqcsr: 0,
  fqcsr: 0,
  ipsr: 0,
  line: false,
});

export interface IommuRegister extends RegisterRow {
  readonly look: (state: IommuState) => number;
}

const row = (
  name: string,
  offset: number,
  access: RegisterRow['access'],
  meaning: string,
  look: (state: IommuState) => number,
): IommuRegister => ({ name, offset, width: 4, access, meaning, look });

/** Offsets of those that can be written. */
export const Offset = {
  ddtpLow: 0x10,
  ddtpHigh: 0x14,
  cqbLow: 0x18,
  cqbHigh: 0x1c,
  cqt: 0x24,
  fqbLow: 0x28,
  fqbHigh: 0x2c,
  fqh: 0x30,
  cqcsr: 0x48,
  fqcsr: 0x4c,
  ipsr: 0x54,
} as const;

export const IOMMU_REGISTERS: readonly IommuRegister[] = [
  row('capabilities', 0x00, 'read-only', 'Version, and the translations it knows: Sv32x4.', () => CAPABILITIES_LOW),
  row('capabilities, high', 0x04, 'read-only', 'Bits of a physical address.', () => CAPABILITIES_HIGH),
  row('fctl', 0x08, 'read-only', 'Interrupts by wire; guests of 32 bits.', () => FCTL),
  row(
    'ddtp',
    Offset.ddtpLow,
    'read-write',
    'Mode (0 off, 1 bare, 2 one level) and page of the device directory.',
    (s) => s.ddtpLow,
  ),
  row('ddtp, high', Offset.ddtpHigh, 'read-write', 'Upper bits of that page.', (s) => s.ddtpHigh),
  row('cqb', Offset.cqbLow, 'read-write', 'Page and size of the command queue.', (s) => s.cqbLow),
  row('cqb, high', Offset.cqbHigh, 'read-write', 'Upper bits of that page.', (s) => s.cqbHigh),
  row('cqh', 0x20, 'read-only', 'The next command that it will fetch.', (s) => s.cqh),
  row('cqt', Offset.cqt, 'read-write', 'Where software puts the next command.', (s) => s.cqt),
  row('fqb', Offset.fqbLow, 'read-write', 'Page and size of the fault queue.', (s) => s.fqbLow),
  row('fqb, high', Offset.fqbHigh, 'read-write', 'Upper bits of that page.', (s) => s.fqbHigh),
  row('fqh', Offset.fqh, 'read-write', 'The next fault that software will read.', (s) => s.fqh),
  row('fqt', 0x34, 'read-only', 'Where it puts the next fault.', (s) => s.fqt),
  row('cqcsr', Offset.cqcsr, 'read-write', 'The command queue: enabled, on, errors.', (s) => s.cqcsr),
  row('fqcsr', Offset.fqcsr, 'read-write', 'The fault queue: enabled, on, overflow.', (s) => s.fqcsr),
  row('pqcsr', 0x50, 'read-only', 'The page-request queue: there is none.', () => 0),
  row(
    'ipsr',
    Offset.ipsr,
    'read-write',
    'Interrupts pending: bit 0 commands, 1 faults. Writing 1 clears.',
    (s) => s.ipsr,
  ),
];
