// The state hash: one number for what a guest has become, equal under every technique for a guest that keeps to the fence
// rules and reads no counters. FNV-1a over 64 bits, of, in this order: x1 … x31, pc, the mode, then the CSRs the guest's
// kernel owns — sstatus, sie, stvec, scounteren, sscratch, sepc, scause, stval, satp — and all of its RAM. For a guest in
// machine boot the machine's CSRs join. Left out is what depends on time: sip, stimecmp, counters.

import { findCsrByName, readCsr } from '../isa/csrs.ts';
import type { PrivilegedState } from '../machine/privileged-state.ts';
import type { GuestMemory } from './guest-memory.ts';

const supervisorCsrs = ['sstatus', 'sie', 'stvec', 'scounteren', 'sscratch', 'sepc', 'scause', 'stval', 'satp'];
const machineCsrs = ['mstatus', 'mie', 'mtvec', 'mscratch', 'mepc', 'mcause', 'mtval', 'medeleg', 'mideleg'];

const OFFSET_LOW = 0x8422_2325;
const OFFSET_HIGH = 0xcbf2_9ce4;
/** The 64-bit FNV prime is 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3;

/** FNV-1a, 64 bits, taking 32-bit words so that hashing RAM is quick. */
class Fnv {
  #low = OFFSET_LOW;
  #high = OFFSET_HIGH;

  word(value: number): void {
    const low = (this.#low ^ value) >>> 0;
    const product = low * PRIME_LOW;
    const carry = Math.floor(product / 2 ** 32);
    this.#high = (Math.imul(this.#high, PRIME_LOW) + (low << 8) + carry) >>> 0;
    this.#low = product >>> 0;
  }

  get text(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }
}

/** @returns 16 hexadecimal digits */
export function stateHash(hart: PrivilegedState, memory: GuestMemory, machineBoot: boolean): string {
  const hash = new Fnv();
  for (let index = 1; index < 32; index++) hash.word(hart.x(index));
  hash.word(hart.pc);
  hash.word(hart.privilege);
  for (const name of machineBoot ? [...supervisorCsrs, ...machineCsrs] : supervisorCsrs) {
    const csr = findCsrByName(name);
    if (csr) hash.word(readCsr(hart, csr));
  }
  for (const view of memory.views()) {
    const words = new Int32Array(view.buffer, view.byteOffset, view.byteLength / 4);
    for (const word of words) hash.word(word);
  }
  return hash.text;
}
