// What a CSR row is. A stored CSR is a word of the hart's state with a mask of writable bits; a view is a function of
// stored words. Rows hold no state themselves: they work on whatever hart, real or virtual, the port stands for.

/** A named group of bits inside a CSR, for display and tooltips. */
export interface CsrField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly meaning: string;
  /** Readable names of field values, by value. */
  readonly values?: Readonly<Record<number, string>>;
}

/** What must be worked out anew after a write; `environment`: translation and timer; `protection`: who reaches which physical memory. */
export type Consequence = 'none' | 'translation' | 'interrupts' | 'timer' | 'environment' | 'protection';

export interface CsrRow {
  /** CSR address; its bits give the lowest privilege [9:8] and read-only [11:10] = 3. */
  readonly number: number;
  readonly meaning: string;
  readonly fields: readonly CsrField[];
  readonly consequence: Consequence;
}

/** A CSR with a word of its own. */
export interface StoredCsr extends CsrRow {
  /** Bits a CSR instruction may change; the others keep their value. */
  readonly mask: number;
  /** Value after reset; unlisted CSRs start as 0 where the manual leaves them open. */
  readonly reset: number;
  /** Turns a written value, already masked, into a legal one (WARL). `previous` is the value before. */
  readonly legalize?: (next: number, previous: number) => number;
  /** Writes change nothing while this holds of the hart's stored CSRs. */
  readonly locked?: (csrs: Readonly<Record<string, number>>) => boolean;
}

/** Builds a field from `name`, its bits `[high, low]` and one sentence. */
export const field = (
  name: string,
  high: number,
  low: number,
  meaning: string,
  values?: Readonly<Record<number, string>>,
): CsrField => (values ? { name, high, low, meaning, values } : { name, high, low, meaning });

/** A one-bit field. */
export const bit = (name: string, position: number, meaning: string): CsrField =>
  field(name, position, position, meaning);
