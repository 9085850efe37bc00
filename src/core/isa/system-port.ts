// What a system instruction needs of the hart that executes it. The rows of system instructions carry a function over
// this port, so that the instruction set stays free of any machine. Nothing is thrown: each operation says what happened.

/** Bytes of one memory access. */
export type Width = 1 | 2 | 4;

/** What became of one executed instruction. */
export const Outcome = {
  /** Done; control goes on behind the instruction. */
  retired: 0,
  /** Done; the operation has set pc itself (xRET). */
  jumped: 1,
  /** Not done: a trap was taken and pc stands at its vector. */
  trapped: 2,
  /** Done, and the hart now waits for an interrupt. */
  waiting: 3,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Fields of the instruction word. `immediate` is the decoded immediate, or the CSR number of a Zicsr instruction. */
export interface Operands {
  readonly word: number;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly immediate: number;
}

export type CsrOperation = 'write' | 'set' | 'clear';

export interface SystemPort {
  /** Contents of register x`index` as a signed 32-bit word. */
  register(index: number): number;
  environmentCall(): Outcome;
  breakpoint(): Outcome;
  supervisorReturn(operands: Operands): Outcome;
  machineReturn(operands: Operands): Outcome;
  waitForInterrupt(operands: Operands): Outcome;
  fenceInstructions(): Outcome;
  /** SFENCE.VMA: rs1 names the virtual address (x0: all), rs2 the address space (x0: all). */
  fenceVirtualMemory(operands: Operands): Outcome;
  /** HFENCE.VVMA: guest translations of the current VMID. */
  fenceGuestVirtual(operands: Operands): Outcome;
  /** HFENCE.GVMA: second-stage translations; rs1 holds a guest physical address shifted right by 2. */
  fenceGuestPhysical(operands: Operands): Outcome;
  /**
   * Reads and modifies the CSR `operands.immediate`.
   * @param source the value to write, or the mask to set or clear
   * @param writes false for CSRRS/CSRRC with x0 or a zero immediate, which must not write (Zicsr, table 9)
   * @param reads false for CSRRW with rd = x0, which must not read
   */
  accessCsr(operands: Operands, operation: CsrOperation, source: number, reads: boolean, writes: boolean): Outcome;
  /** HLV, HLVX: a load as the guest would do it. `executable`: HLVX needs execute instead of read permission. */
  guestLoad(operands: Operands, width: Width, signed: boolean, executable: boolean): Outcome;
  /** HSV: a store as the guest would do it. */
  guestStore(operands: Operands, width: Width): Outcome;
}

export type SystemOperation = (hart: SystemPort, operands: Operands) => Outcome;
