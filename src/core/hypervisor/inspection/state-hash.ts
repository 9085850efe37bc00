// The state hash: one number for what a guest has become, equal under every technique for a guest that keeps to the fence
// rules and reads no counters. FNV-1a over 64 bits, of, in this order: x1 … x31, pc, the mode, then the CSRs the guest's
// kernel owns — sstatus, sie, stvec, scounteren, sscratch, sepc, scause, stval, satp — and all of its RAM. For a guest in
// machine boot the machine's CSRs join. Left out is what depends on time: sip, stimecmp, counters. Where a guest has
// several harts, it is hart 0 that counts, unless all are asked for: what the others are doing depends on who ran when.

import { findCsrByName, readCsr } from '../../isa/csrs.ts';
import type { PrivilegedState } from '../../machine/privileged-state.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

const supervisorCsrs = ['sstatus', 'sie', 'stvec', 'scounteren', 'sscratch', 'sepc', 'scause', 'stval', 'satp'];
const machineCsrs = ['mstatus', 'mie', 'mtvec', 'mscratch', 'mepc', 'mcause', 'mtval', 'medeleg', 'mideleg'];

const OFFSET_LOW = 0x8422_2325;
const OFFSET_HIGH = 0xcbf2_9ce4;
/** The 64-bit FNV prime is 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3;

/** FNV-1a, 64 bits, taking 32-bit words so that hashing RAM is quick. */
class Fnv {
  #low = OFFSET_LOW | 0;
  #high = OFFSET_HIGH | 0;

  word(value: number): void {
    this.words(Int32Array.of(value));
  }

  /** The product of 64 bits is made of 32-bit ones, so that the engine keeps everything in integer registers. */
  words(values: Int32Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < values.length; index++) {
      low ^= values[index] ?? 0;
      const carry = ((low >>> 16) * PRIME_LOW + (((low & 0xffff) * PRIME_LOW) >>> 16)) >>> 16;
      high = (Math.imul(high, PRIME_LOW) + (low << 8) + carry) | 0;
      low = Math.imul(low, PRIME_LOW);
    }
    this.#low = low;
    this.#high = high;
  }

  get text(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/**
 * @param others harts beside the first that are to be in it as well, each with whether it waits or was stopped
 * @returns 16 hexadecimal digits
 */
export function stateHash(
  hart: PrivilegedState,
  memory: Pick<GuestMemory, 'views'>,
  machineBoot: boolean,
  others: readonly PrivilegedState[] = [],
): string {
  const hash = new Fnv();
  addHart(hash, hart, machineBoot);
  for (const other of others) {
    addHart(hash, other, machineBoot);
    hash.word((other.waiting ? 1 : 0) | (other.stopped ? 2 : 0));
  }
  for (const view of memory.views()) {
    hash.words(new Int32Array(view.buffer, view.byteOffset, view.byteLength / 4));
  }
  return hash.text;
}

/** The hash of a VM's state and memory as they are now, of all its harts: where it has one, the same as that one's. */
export function hashOfVm(vm: Pick<VirtualMachine, 'harts' | 'look' | 'memory' | 'guest'>): string {
  const others = Array.from({ length: vm.harts - 1 }, (_, index) => vm.look(index + 1));
  return stateHash(vm.look(), vm.memory, !vm.guest.supervisor, others);
}

function addHart(hash: Fnv, hart: PrivilegedState, machineBoot: boolean): void {
  for (let index = 1; index < 32; index++) hash.word(hart.x(index));
  hash.word(hart.pc);
  hash.word(hart.privilege);
  for (const name of machineBoot ? [...supervisorCsrs, ...machineCsrs] : supervisorCsrs) {
    const csr = findCsrByName(name);
    if (csr) hash.word(readCsr(hart, csr));
  }
}
