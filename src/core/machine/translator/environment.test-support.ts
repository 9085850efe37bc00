// Where a made program runs: in M-mode without translation, or under Sv32 in S-, U- or VS-mode on frames that lie in any order,
// so that neighbouring pages of code and data are not neighbours in RAM. Traps are handled by the program itself.
//
//   PROGRAM      first virtual address of the program where it is translated; its pages go to shuffled frames of RAM
//   TABLES …     page tables, from the end of RAM downwards; no program reaches them

import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import type { Assembled } from '../../isa/assembly/assemble.ts';
import { STCE } from '../../isa/csr-bits.ts';
import { Privilege } from '../hart-state.ts';
import { PAGE_SIZE, RAM_BASE } from '../layout.ts';
import type { TestMachine } from '../test-machine.test-support.ts';
import { Pte } from '../walker.ts';

export const environments = ['machine', 'supervisor', 'user', 'guest'] as const;
export type Environment = (typeof environments)[number];

/** First address of a translated program. */
export const PROGRAM = 0x4000_0000;
const ROOT = RAM_BASE + 0xfc000; // the second stage's root takes four pages, aligned to them
const LEAVES = RAM_BASE + 0xfa000;
const GUEST_ROOT = RAM_BASE + 0xf8000;
const GUEST_LEAVES = RAM_BASE + 0xf7000;
/** Where the guest believes its frames to be. */
const GUEST_PHYSICAL = 0x8000_0000;

const all = Pte.V | Pte.R | Pte.W | Pte.X | Pte.A | Pte.D;
const leaf = (physical: number, flags: number) => (((physical / PAGE_SIZE) << 10) | flags) >>> 0;
const pointer = (table: number) => leaf(table, Pte.V);
const mode = (root: number) => (0x8000_0000 | (root / PAGE_SIZE)) >>> 0;

/** The frame of RAM that the program's page number `page` lies in: 37 is prime to 240, so no two share one. */
const frameOf = (page: number) => (page * 37 + 5) % 240;
export const frameAddress = (page: number) => RAM_BASE + PAGE_SIZE * frameOf(page);
/** The entry of the program's page, in the tables of `supervisor` and `user`. */
export const entryAddress = (page: number) => LEAVES + 4 * page;

/** Assembles a program for where it will run. */
export const assembledFor = (environment: Environment, source: string): Assembled =>
  assembled(source, environment === 'machine' ? {} : { textAddress: PROGRAM });

/**
 * Loads a program into a machine and puts its first hart at the entry. It may name, by symbols, the trap handler (`handler`),
 * what lies in a page that U-mode does not reach (`kernel`, one page), and the value of xscratch (`scratch`).
 */
export function settleIn(environment: Environment, machine: TestMachine, program: Assembled): void {
  const symbol = (name: string) => program.symbols.find((each) => each.name === name)?.address ?? 0;
  if (environment === 'machine') {
    machine.load(program);
    machine.setCsrs({ mtvec: symbol('handler'), mscratch: symbol('scratch'), mie: 0x80, mstatus: 0x1808 });
    return;
  }
  const pages = placePages(machine, program);
  const kernelPage = (symbol('kernel') - PROGRAM) / PAGE_SIZE;
  for (let page = 0; page < pages; page++) {
    const user = environment === 'user' && page !== kernelPage ? Pte.U : 0;
    if (environment === 'guest') {
      machine.poke(entryAddress(page), leaf(GUEST_PHYSICAL + PAGE_SIZE * page, all));
      machine.poke(GUEST_LEAVES + 4 * page, leaf(frameAddress(page), all | Pte.U));
    } else machine.poke(entryAddress(page), leaf(frameAddress(page), all | user));
  }
  const tables = environment === 'guest' ? GUEST_ROOT : ROOT;
  machine.poke(tables + 4 * (PROGRAM >>> 22), pointer(LEAVES));
  if (environment === 'guest') enterGuest(machine, program, symbol);
  else {
    machine.setCsrs({
      satp: mode(ROOT),
      stvec: symbol('handler'),
      sscratch: symbol('scratch'),
      medeleg: 0xb1ff,
      mideleg: 0x666,
      mie: 0x222,
      mstatus: 0x2,
      mcounteren: 7,
      scounteren: 7,
      menvcfgh: STCE,
      stimecmph: 0xffff_ffff,
    });
    machine.enter(environment === 'user' ? Privilege.user : Privilege.supervisor, false, program.entry);
  }
}

function enterGuest(machine: TestMachine, program: Assembled, symbol: (name: string) => number): void {
  // The tables of the first stage are at their own guest physical addresses.
  for (const address of [GUEST_ROOT, LEAVES]) {
    const page = (address - GUEST_PHYSICAL) / PAGE_SIZE;
    machine.poke(GUEST_LEAVES + 4 * page, leaf(address, all | Pte.U));
  }
  machine.poke(ROOT + 4 * (GUEST_PHYSICAL >>> 22), pointer(GUEST_LEAVES));
  machine.setCsrs({
    hgatp: mode(ROOT),
    vsatp: mode(GUEST_ROOT),
    vstvec: symbol('handler'),
    vsscratch: symbol('scratch'),
    medeleg: 0xb1ff,
    hedeleg: 0xb1ff,
    hideleg: 0x444,
    mie: 0x444,
    vsstatus: 0x2,
    mcounteren: 7,
    hcounteren: 7,
    menvcfgh: STCE,
    henvcfghWritten: STCE,
    vstimecmph: 0xffff_ffff,
  });
  machine.enter(Privilege.supervisor, true, program.entry);
}

/** Puts a program's pages into their frames. @returns how many there are */
function placePages(machine: TestMachine, { segments, entry }: Assembled): number {
  const end = Math.max(...segments.map(({ address, memorySize }) => address + memorySize));
  const image = new Uint8Array(Math.ceil((end - PROGRAM) / PAGE_SIZE) * PAGE_SIZE);
  for (const { address, bytes } of segments) image.set(bytes, address - PROGRAM);
  const pages = image.length / PAGE_SIZE;
  for (let page = 0; page < pages; page++) {
    machine.ram.write(frameAddress(page), image.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
  }
  for (const { state } of machine.harts) state.pc = entry;
  return pages;
}
