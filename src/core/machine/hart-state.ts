// One hart's architectural state: named access to the words of its block (drawn in layout.ts). A physical hart, a saved
// vCPU and a hart that exists only for a guest under trap-and-emulate have the same layout, and the same class.

import type { StoredCsrName, StoredCsrs } from '../isa/csr-stored.ts';
import { storedCsrs } from '../isa/csr-stored.ts';
import { csrWords, HART_BLOCK_WORDS, Word } from './layout.ts';
import type { LinearMemory } from './linear-memory.ts';

const storedNames = Object.keys(storedCsrs) as readonly StoredCsrName[];

export const Privilege = { user: 0, supervisor: 1, machine: 3 } as const;
export type Privilege = (typeof Privilege)[keyof typeof Privilege];

/** The words of one block that are CSRs. */
class CsrWords {
  readonly words: Uint32Array;

  constructor(words: Uint32Array) {
    this.words = words;
  }
}

// An accessor for each name: the engine sees a word at a fixed place, where a lookup by a string would cost a hash each time.
storedNames.forEach((name, index) => {
  Object.defineProperty(CsrWords.prototype, name, {
    get(this: CsrWords) {
      return this.words[index];
    },
    set(this: CsrWords, value: number) {
      this.words[index] = value;
    },
  });
});

export class HartState {
  /** Linear address of the block. */
  readonly base: number;
  /** The stored CSRs, unsigned. Writing here is writing the word: masks and consequences are for CSR instructions. */
  readonly csrs: StoredCsrs;
  readonly #words: Int32Array;
  readonly #pairs: BigInt64Array;
  readonly #doubles: Float64Array;

  /** @param base linear address of the block */
  constructor(memory: LinearMemory, base: number) {
    this.base = base;
    const { buffer } = memory.handle;
    this.#words = new Int32Array(buffer, base, HART_BLOCK_WORDS);
    this.#pairs = new BigInt64Array(buffer, base, HART_BLOCK_WORDS >> 1);
    this.#doubles = new Float64Array(buffer, base, HART_BLOCK_WORDS >> 1);
    this.csrs = new CsrWords(
      new Uint32Array(buffer, base + Word.csrs * 4, storedNames.length),
    ) as unknown as StoredCsrs;
  }

  /** Power-on values: everything 0, CSRs as their rows say. */
  reset(hartId: number): void {
    this.#words.fill(0);
    for (const [name, row] of Object.entries(storedCsrs)) {
      this.#words[csrWords[name as StoredCsrName]] = row.reset;
    }
    this.csrs.mhartid = hartId;
    this.privilege = Privilege.machine;
  }

  /** Register x`index` as a signed word. */
  x(index: number): number {
    return this.#words[index] ?? 0;
  }

  /** Writes register x`index`; x0 stays 0. */
  setX(index: number, value: number): void {
    if (index !== 0) this.#words[index] = value;
  }

  /** A stored CSR by a name that is only known when it runs. */
  get(name: StoredCsrName): number {
    return this.#word(csrWords[name]) >>> 0;
  }

  set(name: StoredCsrName, value: number): void {
    this.#words[csrWords[name]] = value;
  }

  /** The stored CSR at a place in the order of core/isa/csr-stored.ts. */
  storedAt(index: number): number {
    return this.#word(Word.csrs + index) >>> 0;
  }

  setStoredAt(index: number, value: number): void {
    this.#words[Word.csrs + index] = value;
  }

  get pc(): number {
    return (this.#words[Word.pc] ?? 0) >>> 0;
  }
  set pc(value: number) {
    this.#words[Word.pc] = value;
  }

  get privilege(): Privilege {
    return (this.#words[Word.privilege] ?? 0) as Privilege;
  }
  set privilege(value: Privilege) {
    this.#words[Word.privilege] = value;
  }

  /** V: the hart runs a guest, in VS- or VU-mode. */
  get virtual(): boolean {
    return this.#words[Word.virtualization] !== 0;
  }
  set virtual(value: boolean) {
    this.#words[Word.virtualization] = value ? 1 : 0;
  }

  get waiting(): boolean {
    return this.#words[Word.waiting] !== 0;
  }
  set waiting(value: boolean) {
    this.#words[Word.waiting] = value ? 1 : 0;
  }

  /** The hart executes nothing until it is started (SBI HSM). */
  get stopped(): boolean {
    return this.#words[Word.stopped] !== 0;
  }
  set stopped(value: boolean) {
    this.#words[Word.stopped] = value ? 1 : 0;
  }

  /** Instructions left of the current grant. */
  get budget(): number {
    return this.#words[Word.budget] ?? 0;
  }
  set budget(value: number) {
    this.#words[Word.budget] = value;
  }

  /** Linear address of the translations in use. */
  set translations(value: number) {
    this.#words[Word.translations] = value;
  }

  /** Linear address reserved by LR; 0: none. */
  get reservation(): number {
    return this.#word(Word.reservation) >>> 0;
  }
  set reservation(value: number) {
    this.#words[Word.reservation] = value;
  }

  /** Instructions executed before the current grant, trapped ones included. */
  get executed(): number {
    return this.#double(Word.executed);
  }
  set executed(value: number) {
    this.#doubles[Word.executed >> 1] = value;
  }

  /** Instructions that trapped instead of retiring. */
  get trapped(): number {
    return this.#double(Word.trapped);
  }
  set trapped(value: number) {
    this.#doubles[Word.trapped >> 1] = value;
  }

  /** What a write to mcycle or minstret has added to the count. */
  counterOffset(name: 'cycle' | 'instret'): bigint {
    return this.#pairs[offsetIndex(name)] ?? 0n;
  }
  setCounterOffset(name: 'cycle' | 'instret', value: bigint): void {
    this.#pairs[offsetIndex(name)] = BigInt.asIntN(64, value);
  }

  /** Copies the integer registers, pc, privilege and V from another block. */
  copyCoreFrom(other: HartState): void {
    // Two words at a time: half the work, and an engine moves 64 bits without making a BigInt of them.
    const to = this.#pairs;
    const from = other.#pairs;
    for (let index = 0; index < Word.budget / 2; index++) to[index] = from[index] ?? 0n;
  }

  #word(index: number): number {
    return this.#words[index] ?? 0;
  }

  #double(index: number): number {
    return this.#doubles[index >> 1] ?? 0;
  }
}

const offsetIndex = (name: 'cycle' | 'instret'): number =>
  (name === 'cycle' ? Word.cycleOffset : Word.instretOffset) >> 1;
