// Memory as the page shows it: the walk of an address, the tables as trees, bytes, and who owns which frame.

import { BareMachine } from '../../core/hypervisor/techniques/bare-machine.ts';
import { HardwareAssisted } from '../../core/hypervisor/techniques/hardware-assisted.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import type { FrameOwner } from '../../core/hypervisor/memory/host-frames.ts';
import { guestContext, walkGuest } from '../../core/hypervisor/inspection/inspect-memory.ts';
import { TrapAndEmulate } from '../../core/hypervisor/techniques/trap-and-emulate.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { Access, NO_ENTRY, Pte, Walker, type FetchObserver, type TableMemory } from '../../core/machine/walker.ts';
import type {
  FrameRun,
  MemoryAnswer,
  MemoryQuestion,
  PteFetch,
  TableEntry,
  TablesAnswer,
  TablesQuestion,
  WalkAnswer,
  WalkQuestion,
} from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

const accessOf = { load: Access.load, store: Access.store, fetch: Access.fetch } as const;

const flagsOf = (entry: number): PteFetch['flags'] => ({
  V: (entry & Pte.V) !== 0,
  R: (entry & Pte.R) !== 0,
  W: (entry & Pte.W) !== 0,
  X: (entry & Pte.X) !== 0,
  U: (entry & Pte.U) !== 0,
  G: (entry & Pte.G) !== 0,
  A: (entry & Pte.A) !== 0,
  D: (entry & Pte.D) !== 0,
});
const kindOf = (entry: number): PteFetch['kind'] =>
  (entry & Pte.V) === 0 ? 'invalid' : (entry & (Pte.R | Pte.X)) === 0 ? 'pointer' : 'leaf';
const pointsTo = (entry: number): number => (entry >>> 10) * 4096;

/** Physical memory of the machine, to look at. */
const hostTables = (vm: HostedVm): TableMemory => {
  const { ram } = vm.physical;
  return { readEntry: (address) => ram.readEntry(address), updateEntry: () => false };
};

export function walkAnswer(vm: VirtualMachine, { gva, access }: WalkQuestion, hart = 0): WalkAnswer {
  const address = gva >>> 0;
  const fetches: PteFetch[] = [];
  const observe: FetchObserver = (fetch) =>
    fetches.push({
      table: fetch.stage === 2 ? 'stage-2' : 'guest',
      level: fetch.level,
      index: fetch.index,
      gpa: fetch.guestAddress ?? fetch.address,
      hpa: vm.memory.hostAddress(fetch.address),
      value: fetch.value,
      flags: flagsOf(fetch.value),
      pointsTo: pointsTo(fetch.value),
      kind: kindOf(fetch.value),
      nested: fetch.nested,
    });
  const guest = walkGuest(vm, address, accessOf[access], observe, hart);
  const reached = guest.fault === 'none';
  const gpa = reached ? guest.physical : undefined;
  const base = { technique: vm.technique, gva: address, access, gpa };
  const ownFault = reached ? undefined : guestFault(guest.fault, access);
  const world = vm instanceof HostedVm ? vm.vcpu(hart).world : undefined;
  if (vm instanceof HostedVm && world instanceof HardwareAssisted) {
    return { ...base, ...twoStage(vm, hart, world, address, access, fetches, ownFault) };
  }
  if (vm instanceof HostedVm && world instanceof TrapAndEmulate) {
    return { ...base, ...shadowed(vm, hart, world, address, access, fetches, gpa, ownFault) };
  }
  const hpa = gpa === undefined ? undefined : vm.memory.hostAddress(gpa);
  return { ...base, hpa, fetches, fault: ownFault ?? (gpa === undefined ? undefined : deviceNote(vm, gpa)) };
}

function guestFault(fault: string, access: string): string {
  return fault === 'access'
    ? `A page-table entry lies where there is no memory: ${access} access fault, taken by the guest’s kernel.`
    : `The guest’s own tables do not allow it: ${access} page fault, taken by the guest’s kernel.`;
}

function deviceNote(vm: VirtualMachine, gpa: number): string | undefined {
  if (vm.memory.holds(gpa)) return undefined;
  const device = vm.board.bus.find(gpa)?.device.name;
  return device ? `No memory: the device ${device} answers there.` : 'Nothing is there: access fault.';
}

/** As the hart walks it: every address of a guest table goes through the second stage first. */
function twoStage(
  vm: HostedVm,
  hart: number,
  world: HardwareAssisted,
  gva: number,
  access: WalkQuestion['access'],
  guestFetches: readonly PteFetch[],
  ownFault: string | undefined,
): Pick<WalkAnswer, 'hpa' | 'fetches' | 'fault'> {
  const fetches: PteFetch[] = [];
  const walker = new Walker(hostTables(vm));
  const context = { ...guestContext(vm, hart), twoStage: true, hgatp: world.hgatp };
  const done = walker.walk(context, gva, accessOf[access], (fetch) =>
    fetches.push({
      table: fetch.stage === 1 ? 'guest' : 'stage-2',
      level: fetch.level,
      index: fetch.index,
      gpa: fetch.guestAddress,
      hpa: fetch.address,
      value: fetch.value,
      flags: flagsOf(fetch.value),
      pointsTo: pointsTo(fetch.value),
      kind: kindOf(fetch.value),
      nested: fetch.nested,
    }),
  );
  if (done) return { hpa: walker.physical, fetches, fault: undefined };
  if (walker.fault !== 'guest-page')
    return { hpa: undefined, fetches: fetches.length > 0 ? fetches : guestFetches, fault: ownFault };
  const { guestPhysical } = walker;
  const where = `GPA 0x${guestPhysical.toString(16)}`;
  const fault = vm.memory.holds(guestPhysical)
    ? `The second stage has no entry for ${where} yet: guest-page fault, and the hypervisor will add it.`
    : `${where} is not memory of this guest: guest-page fault. ${deviceNote(vm, guestPhysical) ?? ''}`;
  return { hpa: undefined, fetches, fault };
}

/** The guest's tables, which the hypervisor walks, then the shadow, which the hart walks. */
function shadowed(
  vm: HostedVm,
  hart: number,
  world: TrapAndEmulate,
  gva: number,
  access: WalkQuestion['access'],
  guestFetches: readonly PteFetch[],
  gpa: number | undefined,
  ownFault: string | undefined,
): Pick<WalkAnswer, 'hpa' | 'fetches' | 'fault'> {
  const fetches = [...guestFetches];
  const root = world.shadows.find(world.mode);
  if (root === undefined) {
    return {
      hpa: undefined,
      fetches,
      fault: ownFault ?? 'There is no shadow of this address space yet: page fault, and the hypervisor will make one.',
    };
  }
  const walker = new Walker(hostTables(vm));
  const context = {
    ...guestContext(vm, hart),
    satp: (0x8000_0000 + root / 4096) >>> 0,
    user: true,
    sum: false,
    mxr: false,
  };
  const done = walker.walk(context, gva, accessOf[access], (fetch) =>
    fetches.push({
      table: 'shadow',
      level: fetch.level,
      index: fetch.index,
      gpa: undefined,
      hpa: fetch.address,
      value: fetch.value,
      flags: flagsOf(fetch.value),
      pointsTo: pointsTo(fetch.value),
      kind: kindOf(fetch.value),
      nested: false,
    }),
  );
  if (done) return { hpa: walker.physical, fetches, fault: ownFault };
  const missing = gpa !== undefined && vm.memory.holds(gpa);
  const fault =
    ownFault ??
    (missing
      ? 'The shadow has no such entry yet: page fault, and the hypervisor will copy it from the guest’s tables.'
      : gpa === undefined
        ? undefined
        : deviceNote(vm, gpa));
  return { hpa: undefined, fetches, fault };
}

/** The tables of a bare guest's own guest: their addresses go through the second stage that the bare guest has made. */
function behindOwnStage2(vm: BareMachine, hart: number): TableMemory {
  const walker = new Walker({ readEntry: (address) => vm.memory.readEntry(address), updateEntry: () => false });
  const context = { ...guestContext(vm, hart), satp: 0 };
  const frames = new Map<number, number | undefined>();
  return {
    readEntry: (address) => {
      const offset = address % 4096;
      const page = address - offset;
      if (!frames.has(page)) frames.set(page, walker.walk(context, page, Access.load) ? walker.physical : undefined);
      const frame = frames.get(page);
      return frame === undefined ? NO_ENTRY : vm.memory.readEntry(frame + offset);
    },
    updateEntry: () => false,
  };
}

export function tablesAnswer(vm: VirtualMachine, { table, expanded }: TablesQuestion, hart = 0): TablesAnswer {
  const none = (name: string, rootSpace: 'gpa' | 'hpa'): TablesAnswer => ({
    root: undefined,
    rootSpace,
    name,
    entries: [],
  });
  if (table === 'guest') {
    const { satp } = guestContext(vm, hart);
    if (satp >>> 31 === 0) return none('satp', 'gpa');
    const root = (satp & 0x3f_ffff) * 4096;
    const nested = vm instanceof BareMachine && vm.look(hart).virtual;
    const memory = nested ? behindOwnStage2(vm, hart) : vm.memory;
    return {
      root,
      rootSpace: 'gpa',
      name: nested ? 'vsatp' : 'satp',
      entries: entriesOf(memory, root, 1024, expanded),
    };
  }
  if (vm instanceof BareMachine && table === 'stage-2') {
    const { hgatp } = vm.look(hart).csrs;
    if (hgatp >>> 31 === 0) return none('hgatp', 'hpa');
    const root = (hgatp & 0x3f_fffc) * 4096;
    return { root, rootSpace: 'hpa', name: 'hgatp', entries: entriesOf(vm.memory, root, 4096, expanded) };
  }
  if (!(vm instanceof HostedVm)) return none(table === 'stage-2' ? 'hgatp' : 'shadow', 'hpa');
  const memory = hostTables(vm);
  const { world } = vm.vcpu(hart);
  if (table === 'stage-2') {
    if (!(world instanceof HardwareAssisted)) return none('hgatp', 'hpa');
    return {
      root: world.root,
      rootSpace: 'hpa',
      name: 'hgatp',
      entries: entriesOf(memory, world.root, 4096, expanded),
    };
  }
  if (!(world instanceof TrapAndEmulate)) return none('shadow', 'hpa');
  const { mode } = world;
  const root = world.shadows.find(mode);
  const name =
    mode.satp >>> 31 === 0
      ? 'shadow of physical memory'
      : `shadow for the ${mode.user ? 'user' : 'kernel'}${mode.sum && !mode.user ? ' with SUM' : ''}`;
  if (root === undefined) return none(name, 'hpa');
  return { root, rootSpace: 'hpa', name, entries: entriesOf(memory, root, 1024, expanded) };
}

function entriesOf(
  memory: TableMemory,
  root: number,
  count: number,
  expanded: readonly number[],
): readonly TableEntry[] {
  return validEntries(memory, root, count, 0, 0x40_0000, (index, entry) =>
    expanded.includes(index) && kindOf(entry) === 'pointer'
      ? validEntries(memory, pointsTo(entry), 1024, index * 0x40_0000, 4096, () => undefined)
      : undefined,
  );
}

function validEntries(
  memory: TableMemory,
  table: number,
  count: number,
  first: number,
  step: number,
  children: (index: number, entry: number) => readonly TableEntry[] | undefined,
): readonly TableEntry[] {
  return Array.from({ length: count }, (_, index) => index).flatMap((index) => {
    const value = memory.readEntry(table + index * 4);
    const kind = value === NO_ENTRY ? 'invalid' : kindOf(value);
    if (kind === 'invalid') return [];
    const address = first + index * step;
    return [
      {
        index,
        address,
        value,
        kind,
        flags: flagsOf(value),
        pointsTo: pointsTo(value),
        children: children(index, value),
      },
    ];
  });
}

const BYTES_LIMIT = 1 << 16;

export function memoryAnswer({ lab, vm }: AnswerContext, question: MemoryQuestion): MemoryAnswer {
  const { space } = question;
  const address = Math.max(0, question.address);
  const length = Math.min(BYTES_LIMIT, Math.max(0, Math.floor(question.length)));
  const bytes = Array.from({ length }, (_, index) => byteAt(lab, vm, space, address + index));
  return { space, address, bytes };
}

function byteAt(
  lab: AnswerContext['lab'],
  vm: VirtualMachine | undefined,
  space: MemoryQuestion['space'],
  address: number,
): number | undefined {
  const hypervisor = vm === undefined ? lab.hypervisor : lab.hypervisorOf(vm);
  if (space === 'hpa' && hypervisor) return hypervisor.machine.ram.view(address, 1)[0];
  if (vm === undefined) return undefined;
  let gpa: number | undefined = address;
  if (space === 'gva') {
    if (address >= 2 ** 32) return undefined;
    const walker = walkGuest(vm, address, Access.load);
    gpa = walker.fault === 'none' ? walker.physical : undefined;
  }
  const one = new Uint8Array(1);
  return gpa !== undefined && vm.memory.read(gpa, one) ? one[0] : undefined;
}

export function framesAnswer({ lab, vm }: AnswerContext): readonly FrameRun[] {
  const hypervisor = vm === undefined ? lab.hypervisor : lab.hypervisorOf(vm);
  if (hypervisor === undefined) {
    if (vm === undefined) return [];
    const owner = { kind: 'vm', vm: vm.id } as const;
    return [{ hpa: 0x8000_0000, frames: vm.memoryBytes / 4096, owner, use: 'ram', sharers: 1 }];
  }
  return hypervisor.frames.runs().map(({ hpa, frames, owner, sharers }) => ({
    hpa,
    frames,
    owner: ownerOf(owner),
    use: owner?.use ?? 'free',
    sharers,
  }));
}

function ownerOf(owner: FrameOwner | undefined): FrameRun['owner'] {
  if (owner === undefined) return { kind: 'free' };
  if (owner.vm !== 0) return { kind: 'vm', vm: owner.vm };
  return { kind: owner.use === 'shared' ? 'several' : 'hypervisor' };
}
