// The memory of one VM page by page, as the page maps it: what is so of each page in a window, and one page in full. Bounded by
// the cells of a map and by the tables that are looked through, however much memory the VM has. Looking changes nothing.

import { HardwareAssisted } from '../../core/hypervisor/techniques/hardware-assisted.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import { PageSight } from '../../core/hypervisor/memory/page-sight.ts';
import { TrapAndEmulate } from '../../core/hypervisor/techniques/trap-and-emulate.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { PAGE_SIZE, RAM_BASE } from '../../core/machine/layout.ts';
import { Pte } from '../../core/machine/walker.ts';
import {
  MOST_CELLS,
  pageMarks,
  type GuestPagesAnswer,
  type GuestPagesQuestion,
  type PageMapping,
  type PageMark,
} from '../../protocol/frame.ts';

/** Entries of shadow tables that one look reads at most. */
const MOST_ENTRIES = 1 << 17;
const ENTRIES = 1024;
const HUGE_BYTES = ENTRIES * PAGE_SIZE;
/** Pages that one cell stands for at most: then a map covers 4 GiB, as much as a guest can have. */
const MOST_PER_CELL = 1024;

const isLeaf = (entry: number): boolean => (entry & Pte.V) !== 0 && (entry & (Pte.R | Pte.X)) !== 0;
const isPointer = (entry: number): boolean => (entry & Pte.V) !== 0 && (entry & (Pte.R | Pte.X)) === 0;
const targetOf = (entry: number): number => (entry >>> 10) * PAGE_SIZE;

export function guestPagesAnswer(vm: VirtualMachine, question: GuestPagesQuestion): GuestPagesAnswer {
  const { memory } = vm;
  const pages = memory.pages.count;
  const pagesPerCell = 2 ** Math.floor(Math.log2(within(question.pagesPerCell, 1, MOST_PER_CELL)));
  const page = within(Math.floor(question.page ?? firstTouched(vm)), 0, pages - 1);
  const window = MOST_CELLS * pagesPerCell;
  const first = Math.floor(page / window) * window;
  const marks = new PageBits(vm);
  const count = Math.ceil((Math.min(pages, first + window) - first) / pagesPerCell);
  const cells = Array.from({ length: count }, (_, cell) => {
    const from = first + cell * pagesPerCell;
    let bits = 0;
    for (let each = from; each < Math.min(pages, from + pagesPerCell); each++) bits |= marks.of(each);
    return bits;
  });
  return {
    vm: vm.id,
    pages,
    baseGpa: RAM_BASE,
    first,
    pagesPerCell,
    cells,
    cell: countMarks(marks, page - (page % pagesPerCell), pagesPerCell, pages),
    page: detailOf(vm, marks, page),
    dirty: memory.dirtyLog.active ? memory.dirtyLog.count : undefined,
  };
}

/** The first page with anything in it; 0 where there is none. */
function firstTouched({ memory }: VirtualMachine): number {
  for (let page = 0; page < memory.pages.count; page++) if (memory.pages.sightOf(page) !== 0) return page;
  return 0;
}

/** NaN is the least. */
const within = (value: number, least: number, most: number): number => (value > least ? Math.min(value, most) : least);

/** The bits of the protocol for each page of a VM. */
class PageBits {
  readonly #vm: VirtualMachine;
  readonly #root: number | undefined;
  /** Of each 4 MiB: whether one entry maps it. */
  readonly #huge = new Map<number, boolean>();

  constructor(vm: VirtualMachine) {
    this.#vm = vm;
    this.#root = secondStageOf(vm);
  }

  of(page: number): number {
    const sight = this.#vm.memory.pages.sightOf(page);
    let bits = 0;
    for (const [name, bit] of sights) if ((sight & bit) !== 0) bits |= bitOf(name);
    return this.#isHuge(page) ? bits | bitOf('huge') : bits;
  }

  #isHuge(page: number): boolean {
    if (this.#root === undefined) return false;
    const region = page >>> 10;
    const known = this.#huge.get(region);
    if (known !== undefined) return known;
    const huge = isLeaf(rootEntry(this.#vm, this.#root, page));
    this.#huge.set(region, huge);
    return huge;
  }
}

const bitOf = (mark: PageMark): number => 1 << pageMarks.indexOf(mark);
const sights = Object.entries(PageSight) as readonly (readonly [keyof typeof PageSight & PageMark, number])[];
const marksOf = (bits: number): readonly PageMark[] => pageMarks.filter((mark) => (bits & bitOf(mark)) !== 0);

function countMarks(marks: PageBits, first: number, count: number, pages: number): GuestPagesAnswer['cell'] {
  const counts: Record<PageMark, number> = { resident: 0, ballooned: 0, shared: 0, dirty: 0, swapped: 0, huge: 0 };
  const end = Math.min(pages, first + count);
  for (let page = first; page < end; page++) for (const mark of marksOf(marks.of(page))) counts[mark]++;
  return { pages: end - first, counts };
}

function detailOf(vm: VirtualMachine, marks: PageBits, page: number): GuestPagesAnswer['page'] {
  const { frame, slot, sharers, pinned, inBlock } = vm.memory.pages.lookAt(page);
  return {
    ...{ page, gpa: RAM_BASE + page * PAGE_SIZE, hpa: frame, slot, sharers, pinned, inBlock },
    marks: marksOf(marks.of(page)),
    mapping: mappingOf(vm, page, frame),
  };
}

/** Host physical address of the root of the VM's second stage, where it has one. */
function secondStageOf(vm: VirtualMachine): number | undefined {
  const world = vm instanceof HostedVm ? vm.vcpu(0).world : undefined;
  return world instanceof HardwareAssisted ? world.root : undefined;
}

/** The entry of the second stage's root for a page of the guest's RAM. */
function rootEntry(vm: VirtualMachine, root: number, page: number): number {
  const region = Math.floor((RAM_BASE + page * PAGE_SIZE) / HUGE_BYTES);
  return vm instanceof HostedVm ? vm.physical.ram.readEntry(root + region * 4) : 0;
}

function mappingOf(vm: VirtualMachine, page: number, frame: number | undefined): PageMapping {
  if (!(vm instanceof HostedVm)) return { kind: 'bare' };
  const root = secondStageOf(vm);
  if (root === undefined) return frame === undefined ? { kind: 'none' } : shadowsOf(vm, frame);
  const pointer = rootEntry(vm, root, page);
  if (isLeaf(pointer)) return { kind: 'stage-2', bytes: HUGE_BYTES, store: (pointer & Pte.W) !== 0 };
  if (!isPointer(pointer)) return { kind: 'none' };
  const entry = vm.physical.ram.readEntry(targetOf(pointer) + (page % ENTRIES) * 4);
  return isLeaf(entry) ? { kind: 'stage-2', bytes: PAGE_SIZE, store: (entry & Pte.W) !== 0 } : { kind: 'none' };
}

/** A guest page may be mapped at many addresses: by each address space of the guest, on each of its virtual CPUs. */
function shadowsOf(vm: HostedVm, frame: number): PageMapping {
  const { ram } = vm.physical;
  let entries = 0;
  let stores = 0;
  let left = MOST_ENTRIES;
  for (const { world } of vm.vcpus) {
    if (!(world instanceof TrapAndEmulate)) continue;
    for (const { root } of world.shadows.shadows) {
      for (let region = 0; region < ENTRIES && left > 0; region++) {
        left--;
        const pointer = ram.readEntry(root + region * 4);
        if (!isPointer(pointer)) continue;
        for (let index = 0; index < ENTRIES; index++) {
          const entry = ram.readEntry(targetOf(pointer) + index * 4);
          if (!isLeaf(entry) || targetOf(entry) !== frame) continue;
          entries++;
          if ((entry & Pte.W) !== 0) stores++;
        }
        left -= ENTRIES;
      }
    }
  }
  if (entries === 0 && left > 0) return { kind: 'none' };
  return { kind: 'shadow', entries, stores, atLeast: left <= 0 };
}
