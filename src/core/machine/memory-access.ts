// A hart's way to memory: translation through the cache or the walker, RAM or a device behind it, and what fault results.
// It never takes a trap itself: a method returns false and leaves the fault in the fields, and the hart acts on it.

import { ADUE } from '../isa/csr-bits.ts';
import type { AccessWidth } from '../devices/device.ts';
import { BUS_ERROR } from '../devices/device.ts';
import { exceptionRows } from '../isa/causes.ts';
import { accessFaultCauses, guestPageFaultCauses, pageFaultCauses } from './access-causes.ts';
import type { DeviceBus } from './device-bus.ts';
import { Privilege } from './hart-state.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { MIXED, PhysicalProtection, ProtectionRight, rightsFor } from './physical-protection.ts';
import { HypervisorStatus, Status, StatusHigh, type PrivilegedState } from './privileged-state.ts';
import { Table, TRANSLATION_OFFSET, type TranslationKey, type Translations } from './translations.ts';
import { Access, untranslated, Walker, type WalkContext } from './walker.ts';

/** Where a translated access lands. */
const Place = { fault: -2, device: -1 } as const;

const misalignedFaults = [exceptionRows.loadMisaligned.code, exceptionRows.storeMisaligned.code] as const;

/** Fault of the last access, for the trap that follows. */
export interface AccessFault {
  cause: number;
  address: number;
  guestPhysical: number;
  pseudoInstruction: number;
  guestVirtual: boolean;
}

/** A translation, and whether it is machine mode's: physical memory protection tells it from the others. */
interface AccessContext extends WalkContext {
  machine: boolean;
}

const noContext = (): AccessContext => ({ ...untranslated(), machine: false });

export class MemoryAccess {
  /** Result of the last load, zero-extended. */
  value = 0;
  readonly fault: AccessFault = { cause: 0, address: 0, guestPhysical: 0, pseudoInstruction: 0, guestVirtual: false };
  readonly translations: Translations;
  readonly #state: PrivilegedState;
  readonly #ram: PhysicalMemory;
  readonly #devices: DeviceBus;
  readonly #protection = new PhysicalProtection();
  /** The one in use: `#guardedWalker` while some entry of physical memory protection is on. */
  #walker: Walker;
  readonly #openWalker: Walker;
  readonly #guardedWalker: Walker;
  readonly #dataContext = noContext();
  /** Where MPRV makes loads and stores differ from fetches. */
  readonly #ownContext = noContext();
  #fetchContext = this.#dataContext;
  readonly #guestContext = noContext();
  /** Physical address of the last access that reached a device. */
  #physical = 0;
  /** Something that translation depends on has changed since contexts and translations were picked. */
  #stale = true;
  /** What the current translations were picked by, and their linear address. */
  #key: TranslationKey = { modes: 0, satp: 0, vsatp: 0, hgatp: 0 };
  #selected = 0;

  constructor(state: PrivilegedState, translations: Translations, ram: PhysicalMemory, devices: DeviceBus) {
    this.#state = state;
    this.translations = translations;
    this.#ram = ram;
    this.#devices = devices;
    this.#openWalker = this.#walker = new Walker(ram);
    this.#guardedWalker = new Walker(this.#protection.guard(ram));
  }

  /** The mode or a register that translation depends on has changed. What follows is worked out before the next access. */
  invalidate(): void {
    this.#stale = true;
  }

  /** A pmpcfg or pmpaddr register has changed. All translations go: they hold what the protection allowed. */
  protect(): void {
    this.#protection.refresh(this.#state.csrs);
    this.#walker = this.#protection.active ? this.#guardedWalker : this.#openWalker;
    this.translations.flush();
    this.#stale = true;
  }

  /** Picks the contexts and translations that match mode and registers. Due before the hart executes anything. */
  settle(): void {
    if (!this.#stale) return;
    this.#stale = false;
    const state = this.#state;
    const status = state.csrs.mstatus;
    const { privilege, virtual } = state;
    if (privilege === Privilege.machine && (status & Status.MPRV) !== 0) {
      this.#setContext(this.#ownContext, privilege, virtual);
      this.#fetchContext = this.#ownContext;
      const previous = ((status & Status.MPP) >>> 11) as Privilege;
      const previousVirtual = previous !== Privilege.machine && (state.csrs.mstatush & StatusHigh.MPV) !== 0;
      this.#setContext(this.#dataContext, previous, previousVirtual);
    } else {
      this.#setContext(this.#dataContext, privilege, virtual);
      this.#fetchContext = this.#dataContext;
    }
    const data = this.#dataContext;
    const fetch = this.#fetchContext;
    const modes =
      1024 | // no key is all zero
      (data.user ? 1 : 0) |
      (data.twoStage ? 2 : 0) |
      (data.sum ? 4 : 0) |
      (data.mxr ? 8 : 0) |
      (data.mxrStage2 ? 16 : 0) |
      (data.updateStage1 ? 32 : 0) |
      (data.updateStage2 ? 64 : 0) |
      (fetch.user ? 128 : 0) |
      (fetch.twoStage ? 256 : 0) |
      (fetch.updateStage1 ? 512 : 0) |
      (this.#protection.active ? (data.machine ? 2048 : 0) | (fetch.machine ? 4096 : 0) : 0);
    const hgatp = data.twoStage || fetch.twoStage ? data.hgatp | fetch.hgatp : 0;
    const known = this.#key;
    if (known.modes === modes && known.satp === fetch.satp && known.vsatp === data.satp && known.hgatp === hgatp) {
      state.translations = this.#selected;
      return;
    }
    this.#key = { modes, satp: fetch.satp, vsatp: data.satp, hgatp };
    this.#selected = this.translations.select(this.#key);
    state.translations = this.#selected;
  }

  /** Loads `width` bytes at a virtual address into `value`. Misaligned accesses to RAM work, also across pages. */
  load(address: number, width: AccessWidth): boolean {
    this.settle();
    if ((address & 0xfff) + width > 4096) return this.#loadAcross(this.#dataContext, address, width);
    const linear = this.#locate(this.#dataContext, address, Access.load, width);
    return linear !== Place.fault && this.#loadAt(this.#dataContext, linear, address, width);
  }

  /** Stores the low `width` bytes. Nothing is stored if any of them faults. */
  store(address: number, width: AccessWidth, value: number): boolean {
    this.settle();
    return this.#storeIn(this.#dataContext, address, width, value);
  }

  /** HLV, HLVX: a load with the guest's translation and the mode in hstatus.SPVP. */
  guestLoad(address: number, width: AccessWidth, executable: boolean): boolean {
    this.#setGuestContext(executable);
    if ((address & 0xfff) + width > 4096) return this.#loadAcross(this.#guestContext, address, width);
    const linear = this.#locate(this.#guestContext, address, Access.load, width);
    return linear !== Place.fault && this.#loadAt(this.#guestContext, linear, address, width);
  }

  /** HSV: a store with the guest's translation. */
  guestStore(address: number, width: AccessWidth, value: number): boolean {
    this.#setGuestContext(false);
    return this.#storeIn(this.#guestContext, address, width, value);
  }

  /**
   * Reaches a word for LR, SC or an AMO: aligned, and in RAM.
   * @returns its linear address, or −1 with the fault set
   */
  atomicWord(address: number, access: Access): number {
    this.settle();
    if ((address & 3) !== 0) {
      this.#setFault(misalignedFaults[access === Access.load ? 0 : 1], address, this.#dataContext);
      return -1;
    }
    const linear = this.#locate(this.#dataContext, address, access, 4);
    if (linear >= 0) return linear;
    if (linear === Place.device) this.#setFault(accessFaultCauses[access], address, this.#dataContext);
    return -1;
  }

  /**
   * An AMO that `atomicWord` has refused: where a device is, a load and a store of its register with nothing in between, as on
   * QEMU's board and SiFive's. LR and SC reach none.
   * @returns false, with the fault set, where there is no such register
   */
  exchangeAtDevice(address: number, next: (old: number) => number): boolean {
    if (this.fault.cause !== accessFaultCauses[Access.store]) return false;
    const context = this.#dataContext;
    if (this.#locate(context, address, Access.store, 4) !== Place.device) return false;
    const physical = this.#physical;
    const old = this.#devices.read(physical, 4);
    if (old !== BUS_ERROR && this.#devices.write(physical, 4, next(old) >>> 0)) return true;
    return this.#deviceFault(address, Access.store, context);
  }

  /** Finds the decoded page of the instruction at `address`. `cache` false: do not remember the translation. @returns it, or 0 with the fault set */
  fetch(address: number, cache: boolean): number {
    this.settle();
    const known = this.translations.lookup(Table.fetch, address);
    if (known !== 0) return known;
    const context = this.#fetchContext;
    if (!this.#walker.walk(context, address, Access.fetch)) {
      this.#faultOfWalk(address, Access.fetch, context);
      return 0;
    }
    const { physical } = this.#walker;
    const linear = this.#allows(context, physical, Access.fetch, 4) ? this.#ram.linearOf(physical) : -1;
    if (linear < 0) {
      this.#setFault(accessFaultCauses[Access.fetch], address, context);
      return 0;
    }
    const page = this.#ram.decodedPage(linear);
    if (cache && this.#pageRights(context, physical) >= 0)
      this.translations.fill(Table.fetch, address, page, this.#walker.superpage);
    return page;
  }

  #storeIn(context: AccessContext, address: number, width: AccessWidth, value: number): boolean {
    const inPage = 4096 - (address & 0xfff);
    const linear = this.#locate(context, address, Access.store, Math.min(width, inPage));
    if (linear === Place.fault) return false;
    if (width <= inPage) return this.#storeAt(context, linear, address, width, value);
    if (linear < 0) return this.#deviceFault(address, Access.store, context);
    const second = this.#locate(context, (address + inPage) >>> 0, Access.store, width - inPage);
    if (second === Place.fault) return false;
    if (second < 0) return this.#deviceFault(address, Access.store, context);
    for (let index = 0; index < width; index++) {
      const at = index < inPage ? linear + index : second + index - inPage;
      this.#ram.store(at, 1, (value >>> (8 * index)) & 0xff);
    }
    return true;
  }

  #storeAt(context: WalkContext, linear: number, address: number, width: AccessWidth, value: number): boolean {
    if (linear >= 0) {
      this.#ram.store(linear, width, value);
      return true;
    }
    const aligned = (address & (width - 1)) === 0;
    const masked = width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1);
    if (aligned && this.#devices.write(this.#physical, width, masked)) return true;
    return this.#deviceFault(address, Access.store, context);
  }

  #loadAt(context: WalkContext, linear: number, address: number, width: AccessWidth): boolean {
    if (linear >= 0) {
      this.value = this.#ram.load(linear, width);
      return true;
    }
    const value = (address & (width - 1)) === 0 ? this.#devices.read(this.#physical, width) : BUS_ERROR;
    if (value === BUS_ERROR) return this.#deviceFault(address, Access.load, context);
    this.value = value;
    return true;
  }

  #loadAcross(context: AccessContext, address: number, width: AccessWidth): boolean {
    let value = 0;
    for (let index = 0; index < width; index++) {
      const at = (address + index) >>> 0;
      const linear = this.#locate(context, at, Access.load, 1);
      if (linear === Place.fault) return false;
      if (linear < 0) return this.#deviceFault(address, Access.load, context);
      value += this.#ram.load(linear, 1) * 2 ** (8 * index);
    }
    this.value = value;
    return true;
  }

  /** Translates. @returns a linear address, or Place.device with #physical set, or Place.fault with the fault set */
  #locate(context: AccessContext, address: number, access: Access, width: number): number {
    const cached = context === this.#dataContext;
    if (cached) {
      const entry = this.translations.lookup(access === Access.store ? Table.write : Table.read, address);
      if (entry !== 0) return (address + entry + TRANSLATION_OFFSET) >>> 0;
    }
    const walker = this.#walker;
    if (!walker.walk(context, address, access)) {
      this.#faultOfWalk(address, access, context);
      return Place.fault;
    }
    if (!this.#allows(context, walker.physical, access, width)) {
      this.#setFault(accessFaultCauses[access], address, context);
      return Place.fault;
    }
    const linear = this.#ram.linearOf(walker.physical);
    if (linear < 0) {
      this.#physical = walker.physical;
      if (this.#devices.covers(walker.physical)) return Place.device;
      this.#setFault(accessFaultCauses[access], address, context);
      return Place.fault;
    }
    const rights = cached ? this.#pageRights(context, walker.physical) : MIXED;
    if (rights !== MIXED) {
      const page = linear - (address & 0xfff);
      if (walker.readable && (rights & ProtectionRight.R) !== 0) {
        this.translations.fill(Table.read, address, page, walker.superpage);
      }
      if (walker.writable && (rights & ProtectionRight.W) !== 0 && this.#ram.grantFastStore(linear)) {
        this.translations.fill(Table.write, address, page, walker.superpage);
      }
    }
    return linear;
  }

  /** Whether physical memory protection lets the access pass. @param width bytes, all in one page */
  #allows(context: AccessContext, physical: number, access: Access, width: number): boolean {
    const protection = this.#protection;
    if (!protection.active) return true;
    const needed = rightsFor(access, context.executableOnly);
    return (protection.rightsOf(physical, width, context.machine) & needed) === needed;
  }

  /** What the whole page allows, or MIXED where that differs within it: then no translation may stand for it. */
  #pageRights(context: AccessContext, physical: number): number {
    return this.#protection.active ? this.#protection.pageRights(physical, context.machine) : ProtectionRight.all;
  }

  #deviceFault(address: number, access: Access, context: WalkContext): boolean {
    this.#setFault(accessFaultCauses[access], address, context);
    return false;
  }

  #faultOfWalk(address: number, access: Access, context: WalkContext): void {
    const { fault, guestPhysical, pseudoInstruction } = this.#walker;
    const causes =
      fault === 'page' ? pageFaultCauses : fault === 'guest-page' ? guestPageFaultCauses : accessFaultCauses;
    this.#setFault(causes[access], address, context);
    if (fault !== 'guest-page') return;
    this.fault.guestPhysical = guestPhysical;
    this.fault.pseudoInstruction = pseudoInstruction;
  }

  #setFault(cause: number, address: number, context: WalkContext): void {
    this.fault.cause = cause;
    this.fault.address = address;
    this.fault.guestPhysical = 0;
    this.fault.pseudoInstruction = 0;
    this.fault.guestVirtual = context.twoStage;
  }

  #setGuestContext(executable: boolean): void {
    const supervisor = (this.#state.csrs.hstatus & HypervisorStatus.SPVP) !== 0;
    this.#setContext(this.#guestContext, supervisor ? Privilege.supervisor : Privilege.user, true);
    this.#guestContext.executableOnly = executable;
  }

  #setContext(context: AccessContext, privilege: Privilege, virtual: boolean): void {
    const { csrs } = this.#state;
    const status = csrs.mstatus;
    const machine = privilege === Privilege.machine;
    const mxr = (status & Status.MXR) !== 0;
    const machineAdue = (csrs.menvcfgh & ADUE) !== 0;
    const guestAdue = machineAdue && (csrs.henvcfghWritten & ADUE) !== 0;
    context.user = privilege === Privilege.user;
    context.machine = machine && !virtual;
    context.executableOnly = false;
    if (virtual) {
      const guestStatus = csrs.vsstatus;
      context.satp = csrs.vsatp;
      context.hgatp = csrs.hgatp;
      context.twoStage = true;
      context.sum = (guestStatus & Status.SUM) !== 0;
      context.mxr = mxr || (guestStatus & Status.MXR) !== 0;
      context.mxrStage2 = mxr;
      context.updateStage1 = guestAdue;
      context.updateStage2 = machineAdue;
    } else {
      context.satp = machine ? 0 : csrs.satp;
      context.hgatp = 0;
      context.twoStage = false;
      context.sum = !machine && (status & Status.SUM) !== 0;
      context.mxr = !machine && mxr;
      context.mxrStage2 = false;
      context.updateStage1 = machineAdue;
      context.updateStage2 = false;
    }
  }
}
