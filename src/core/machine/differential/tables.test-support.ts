// Random page tables for generated programs: the code can always be reached, the data windows are good, bad and ugly.

import { Pte } from '../walker.ts';
import { Place } from './harness.test-support.ts';
import type { Random } from './random.test-support.ts';

/** Virtual (or guest physical) windows whose translation is random. Untranslated, there is nothing at these addresses. */
export const Window = { pages: 0xa000_0000, region: 0xa040_0000, other: 0xc000_0000 } as const;
export const WINDOW_PAGES = 12;
/** A page of the window through which S-mode code is written to. */
export const ALIAS_PAGE = 15;

export type Poke = readonly [address: number, value: number];

const pageOf = (address: number) => address / 4096;
const indexIn = (table: number, page: number) => table + 4 * (page & 0x3ff);
const entry = (page: number, flags: number) => ((page << 10) | flags) >>> 0;
const leaf = Pte.V | Pte.R | Pte.W | Pte.A | Pte.D;

const OUTSIDE = 0x8f000; // no RAM on either machine; above 4 GiB, QEMU 7.2 drops the upper bits

export interface LeafOptions {
  /** A and D bits are set beforehand. */
  readonly updated: boolean;
  /** Physical addresses where nothing is may occur. */
  readonly outside: boolean;
  /**
   * The page of EBREAKs may be a user page. Not together with SUM: once S-mode has read such a page, QEMU 7.2 lets it
   * execute it, too.
   */
  readonly userCode: boolean;
  /** Leaves of the second stage: user pages. */
  readonly stage2: boolean;
}

/** A leaf for data and for the page of EBREAKs, with every kind of fault among them. */
export function randomLeaf(random: Random, options: LeafOptions): { readonly value: number; readonly runs: boolean } {
  const choice = random.below(16);
  let page = pageOf(Place.data) + random.below(Place.dataPages);
  let executes = false;
  if (choice === 0 && options.outside) page = OUTSIDE + random.below(4);
  else if (choice <= 4) {
    page = pageOf(Place.breakpoints);
    executes = true;
  }
  let flags = leaf | (options.stage2 ? Pte.U : random.bits(Pte.U)) | random.bits(Pte.X, executes ? 0.8 : 0.25);
  for (const bit of [Pte.V, Pte.R, Pte.W]) if (random.chance(0.12)) flags &= ~bit;
  if (random.chance(0.1)) flags ^= Pte.U;
  if (!options.updated) flags &= ~random.bits(Pte.A | Pte.D, 0.4);
  flags |= random.bits(Pte.G | 0x300, 0.2); // G and the two bits for software mean nothing here
  if (executes) flags &= options.userCode ? ~Pte.W : ~(Pte.W | Pte.U);
  // W without R is reserved, so it faults; X on a data page would run data.
  const runs = !executes && (flags & Pte.X) !== 0 && (flags & Pte.V) !== 0;
  return { value: entry(page, flags), runs };
}

/**
 * An entry of a root table: a megapage, a pointer, or something wrong. Pointers to where no RAM is are left to the unit
 * tests: QEMU 7.2 makes page faults of them (the manual: access faults), and loads of all guest-page faults on the way.
 */
export function randomRootEntry(random: Random, options: LeafOptions, table: number): number {
  const user = options.stage2 ? Pte.U : random.bits(Pte.U);
  const dirty = options.updated ? Pte.A | Pte.D : random.bits(Pte.A | Pte.D, 0.7);
  const flags = Pte.V | Pte.R | random.bits(Pte.W | Pte.X, 0.7) | dirty | user;
  switch (random.below(7)) {
    case 0:
      return entry(pageOf(Place.data) + 1 + random.below(1023), flags & ~Pte.X); // misaligned
    case 1:
      return entry(pageOf(table), Pte.V | random.bits(Pte.A | Pte.D | Pte.U)); // reserved bits of a pointer
    case 2:
      return options.outside ? entry(0x8c000, flags & ~Pte.X) : 0; // a megapage that is not there
    case 3:
      return random.word() & ~Pte.V;
    case 4:
      return entry(pageOf(table), Pte.V);
    default:
      return entry(pageOf(Place.data), flags & ~Pte.X & ~random.bits(Pte.V, 0.1));
  }
}

/** First-stage tables: the work region at its own address, and windows. @returns pages that must not be jumped into, too */
export function firstStage(
  random: Random,
  options: LeafOptions,
  userCodePage: number,
): { readonly pokes: readonly Poke[]; readonly unsafe: ReadonlySet<number> } {
  const pokes: Poke[] = [];
  const unsafe = new Set<number>();
  const accessed = () => (options.updated ? Pte.A | Pte.D : random.bits(Pte.A | Pte.D, 0.7));
  const place = (page: number, value: number) => pokes.push([indexIn(Place.tableA, page), value]);
  const root = (address: number, value: number) =>
    pokes.push([Place.root + 4 * Math.floor(address / 0x40_0000), value]);
  root(Place.data, entry(pageOf(Place.tableA), Pte.V));
  root(Window.pages, entry(pageOf(Place.tableB), Pte.V));
  root(Window.region, randomRootEntry(random, options, Place.tableB));
  root(Window.other, randomRootEntry(random, options, Place.tableB));
  for (let page = 0; page < Place.dataPages; page++) {
    place(pageOf(Place.data) + page, randomLeaf(random, options).value & ~Pte.X);
  }
  place(
    pageOf(Place.breakpoints),
    entry(pageOf(Place.breakpoints), Pte.V | Pte.R | Pte.X | (options.userCode ? random.bits(Pte.U) : 0) | accessed()),
  );
  for (let page = 0; page < Place.codePages; page++) {
    const user = page === userCodePage ? Pte.U : 0;
    const flags = Pte.V | Pte.R | Pte.X | user | random.bits(Pte.W) | accessed();
    place(pageOf(Place.code) + page, entry(pageOf(Place.code) + page, flags));
  }
  place(pageOf(Place.stub), entry(pageOf(Place.stub), Pte.V | Pte.X | random.bits(Pte.R) | accessed()));
  place(pageOf(Place.tableB), entry(pageOf(Place.tableB), leaf)); // so that S-mode can change the window
  for (let page = 0; page < WINDOW_PAGES; page++) {
    const { value, runs } = randomLeaf(random, options);
    pokes.push([Place.tableB + 4 * page, value]);
    if (runs) unsafe.add(page);
  }
  return { pokes, unsafe };
}

/** The window page through which a code page can be written. */
export const aliasOf = (codePage: number): Poke => [
  Place.tableB + 4 * ALIAS_PAGE,
  entry(pageOf(Place.code) + codePage, leaf),
];

/** Second-stage tables: identity for the work region, with a few faults, and windows. */
export function secondStage(random: Random, outside: boolean): readonly Poke[] {
  const options: LeafOptions = { updated: false, outside, userCode: true, stage2: true };
  const pokes: Poke[] = [];
  const fragile = random.chance(0.15);
  const place = (address: number, flags: number, mayFail = true) => {
    let kept = flags | Pte.V | Pte.U | random.bits(Pte.A | Pte.D, 0.8);
    // Not R: QEMU 7.2 would take X for it here, too, where vsstatus.MXR is set.
    if (fragile && mayFail && random.chance(0.15)) kept &= ~random.pick([Pte.V, Pte.X, Pte.U]);
    pokes.push([indexIn(Place.guestTable, pageOf(address)), entry(pageOf(address), kept)]);
  };
  const root = (address: number, value: number) =>
    pokes.push([Place.guestRoot + 4 * Math.floor(address / 0x40_0000), value]);
  root(Place.data, entry(pageOf(Place.guestTable), Pte.V));
  root(Window.pages, randomRootEntry(random, options, Place.guestTable));
  root(Window.region, randomRootEntry(random, options, Place.guestTable));
  root(Window.other, randomRootEntry(random, options, Place.guestTable));
  for (let page = 0; page < Place.dataPages; page++) {
    const { value } = randomLeaf(random, options);
    pokes.push([indexIn(Place.guestTable, pageOf(Place.data) + page), value & ~Pte.X]);
  }
  place(Place.breakpoints, Pte.R | Pte.X);
  for (let page = 0; page < Place.codePages; page++) place(Place.code + 4096 * page, Pte.R | Pte.W | Pte.X);
  place(Place.stub, Pte.R | Pte.X);
  for (const table of [Place.root, Place.tableA, Place.tableB]) place(table, Pte.R | Pte.W, false); // see randomRootEntry
  return pokes;
}
