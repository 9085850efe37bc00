// The page-table walker: Sv32 for one stage, Sv32 under Sv32x4 for two (privileged manual, "Sv32: Page-Based 32-bit
// Virtual-Memory Systems" and "Two-Stage Address Translation"). It reads page-table entries through a port, so the hart
// walks physical memory with it and the hypervisor walks a guest's tables with it: one walker, no second truth.

export const Access = { load: 0, store: 1, fetch: 2 } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** Bits of a page-table entry. */
export const Pte = { V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128 } as const;

/** An entry could not be read: nothing is there. */
export const NO_ENTRY = -1;

/** Where page-table entries lie: a 34-bit physical address, aligned to 4. */
export interface TableMemory {
  /** The entry as an unsigned word, or NO_ENTRY where no memory is. */
  readEntry(address: number): number;
  /** Sets bits of an entry (Svadu). @returns false where the memory cannot be written */
  updateEntry(address: number, value: number): boolean;
}

/** Observes each fetch of an entry, for drawings; the machine itself passes none. */
export type FetchObserver = (fetch: {
  readonly stage: 1 | 2;
  readonly level: 0 | 1;
  readonly index: number;
  /** Where the entry lies, in the memory it was read from. */
  readonly address: number;
  /** The guest physical address of a first-stage entry under two stages. */
  readonly guestAddress: number | undefined;
  readonly value: number;
  readonly nested: boolean;
}) => void;

/** What the translation is for. */
export interface WalkContext {
  /** First stage: satp or vsatp. Bit 31 clear: addresses pass through. */
  satp: number;
  /** Second stage: hgatp; `twoStage` says whether it applies (V = 1). */
  hgatp: number;
  twoStage: boolean;
  /** The access is made as user (U or VU). */
  user: boolean;
  sum: boolean;
  /** Loads may use execute permission: in the first stage, and in the second (mstatus.MXR only). */
  mxr: boolean;
  mxrStage2: boolean;
  /** HLVX: execute permission instead of read permission. */
  executableOnly: boolean;
  /** The walker sets A and D itself, per stage (Svadu); otherwise a clear bit faults (Svade). */
  updateStage1: boolean;
  updateStage2: boolean;
}

/** A supervisor's access without translation or any leave beyond its own: what an owner of a context starts from. */
export const untranslated = (): WalkContext => ({
  satp: 0,
  hgatp: 0,
  twoStage: false,
  user: false,
  sum: false,
  mxr: false,
  mxrStage2: false,
  executableOnly: false,
  updateStage1: false,
  updateStage2: false,
});

export type FaultKind = 'none' | 'page' | 'guest-page' | 'access';

/** htinst/mtinst for a guest-page fault of an implicit access ("Transformed Instruction or Pseudoinstruction"). */
const PSEUDO_READ = 0x2000;
const PSEUDO_WRITE = 0x2020;

/** Walks and leaves the result in its own fields: a walk allocates nothing. */
export class Walker {
  /** 34-bit physical address of the access. */
  physical = 0;
  /** Guest physical address of the access (two stages), or of what could not be reached. */
  guestPhysical = 0;
  fault: FaultKind = 'none';
  /** Pseudo-instruction for a guest-page fault of an implicit access; 0 otherwise. */
  pseudoInstruction = 0;
  /** A leaf of 4 MiB took part. */
  superpage = false;
  /** What the same page would allow now, with A and D as they are. */
  readable = false;
  writable = false;
  executable = false;

  readonly #memory: TableMemory;
  #observer: FetchObserver | undefined;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  /**
   * Translates a virtual address. @returns true if it succeeded; otherwise `fault` says how it failed
   * @param address 32-bit virtual address, unsigned
   */
  walk(context: WalkContext, address: number, access: Access, observer?: FetchObserver): boolean {
    this.#observer = observer;
    this.fault = 'none';
    this.pseudoInstruction = 0;
    this.superpage = false;
    this.readable = true;
    this.writable = true;
    this.executable = true;
    if (context.satp >>> 31 === 0) {
      if (context.twoStage) return this.#throughStage2(context, address, access, 0, false);
      this.physical = address;
      return true;
    }
    return this.#stage1(context, address, access);
  }

  /** Translates a guest physical address through the second stage alone (34 bits). */
  walkStage2(context: WalkContext, guestPhysical: number, access: Access, observer?: FetchObserver): boolean {
    this.#observer = observer;
    this.fault = 'none';
    this.pseudoInstruction = 0;
    this.superpage = false;
    this.readable = true;
    this.writable = true;
    this.executable = true;
    return this.#throughStage2(context, guestPhysical, access, 0, false);
  }

  #stage1(context: WalkContext, address: number, access: Access): boolean {
    let table = (context.satp & 0x3f_ffff) * 4096;
    for (let level: 0 | 1 = 1; ; level = 0) {
      const index = level === 1 ? address >>> 22 : (address >>> 12) & 0x3ff;
      const entryAddress = table + index * 4;
      let where = entryAddress;
      if (context.twoStage) {
        if (!this.#throughStage2(context, entryAddress, Access.load, PSEUDO_READ, true)) return false;
        where = this.physical;
      }
      const entry = this.#memory.readEntry(where);
      if (entry === NO_ENTRY) return this.#fail('access');
      this.#observer?.({
        stage: 1,
        level,
        index,
        address: where,
        guestAddress: context.twoStage ? entryAddress : undefined,
        value: entry,
        nested: false,
      });
      if ((entry & Pte.V) === 0 || (entry & (Pte.R | Pte.W)) === Pte.W) return this.#fail('page');
      const page = (entry >>> 10) * 4096;
      if ((entry & (Pte.R | Pte.X)) === 0) {
        // A pointer. At level 0 there is nothing below; its A, D and U bits are reserved.
        if (level === 0 || (entry & (Pte.A | Pte.D | Pte.U)) !== 0) return this.#fail('page');
        table = page;
        continue;
      }
      if (!this.#permits(entry, access, context)) return this.#fail('page');
      if (level === 1 && (entry & 0x000f_fc00) !== 0) return this.#fail('page'); // misaligned megapage
      let current = entry;
      const needed = Pte.A | (access === Access.store ? Pte.D : 0);
      if ((entry & needed) !== needed) {
        if (!context.updateStage1) return this.#fail('page');
        current = entry | needed;
        if (context.twoStage) {
          // Writing the entry needs write permission in the second stage, and is its own kind of implicit access.
          if (!this.#throughStage2(context, entryAddress, Access.store, PSEUDO_WRITE, true)) return false;
          where = this.physical;
        }
        if (!this.#memory.updateEntry(where, current)) return this.#fail('access');
      }
      const target = level === 1 ? page + (address & 0x3f_ffff) : page + (address & 0xfff);
      if (level === 1) this.superpage = true;
      const user = (current & Pte.U) !== 0;
      const reachable = context.user ? user : !user || context.sum;
      this.readable = reachable && ((current & Pte.R) !== 0 || (context.mxr && (current & Pte.X) !== 0));
      this.writable = reachable && (current & (Pte.W | Pte.D)) === (Pte.W | Pte.D);
      this.executable = user === context.user && (current & Pte.X) !== 0;
      if (!context.twoStage) {
        this.physical = target;
        return true;
      }
      const { readable, writable, executable } = this;
      if (!this.#throughStage2(context, target, access, 0, false)) return false;
      this.readable &&= readable;
      this.writable &&= writable;
      this.executable &&= executable;
      return true;
    }
  }

  #permits(entry: number, access: Access, context: WalkContext): boolean {
    const user = (entry & Pte.U) !== 0;
    if (context.user ? !user : user && (access === Access.fetch || !context.sum)) return false;
    if (access === Access.fetch || context.executableOnly) return (entry & Pte.X) !== 0;
    if (access === Access.store) return (entry & Pte.W) !== 0;
    return (entry & Pte.R) !== 0 || (context.mxr && (entry & Pte.X) !== 0);
  }

  /** Sv32x4: the root has 4096 entries, all accesses count as user accesses, faults are guest-page faults. */
  #throughStage2(
    context: WalkContext,
    guestPhysical: number,
    access: Access,
    pseudoInstruction: number,
    implicit: boolean,
  ): boolean {
    this.guestPhysical = guestPhysical;
    if (context.hgatp >>> 31 === 0) {
      this.physical = guestPhysical;
      return true;
    }
    let table = (context.hgatp & 0x3f_fffc) * 4096;
    for (let level: 0 | 1 = 1; ; level = 0) {
      const index = level === 1 ? Math.floor(guestPhysical / 0x40_0000) : (guestPhysical >>> 12) & 0x3ff;
      const where = table + index * 4;
      const entry = this.#memory.readEntry(where);
      if (entry === NO_ENTRY) return this.#fail('access');
      this.#observer?.({
        stage: 2,
        level,
        index,
        address: where,
        guestAddress: undefined,
        value: entry,
        nested: implicit,
      });
      if ((entry & Pte.V) === 0 || (entry & (Pte.R | Pte.W)) === Pte.W) return this.#failStage2(pseudoInstruction);
      const page = (entry >>> 10) * 4096;
      if ((entry & (Pte.R | Pte.X)) === 0) {
        if (level === 0 || (entry & (Pte.A | Pte.D | Pte.U)) !== 0) return this.#failStage2(pseudoInstruction);
        table = page;
        continue;
      }
      if ((entry & Pte.U) === 0) return this.#failStage2(pseudoInstruction);
      const permitted =
        access === Access.fetch || (context.executableOnly && !implicit)
          ? (entry & Pte.X) !== 0
          : access === Access.store
            ? (entry & Pte.W) !== 0
            : (entry & Pte.R) !== 0 || (context.mxrStage2 && !implicit && (entry & Pte.X) !== 0);
      if (!permitted) return this.#failStage2(pseudoInstruction);
      if (level === 1 && (entry & 0x000f_fc00) !== 0) return this.#failStage2(pseudoInstruction);
      let current = entry;
      const needed = Pte.A | (access === Access.store ? Pte.D : 0);
      if ((entry & needed) !== needed) {
        if (!context.updateStage2) return this.#failStage2(pseudoInstruction);
        current = entry | needed;
        if (!this.#memory.updateEntry(where, current)) return this.#fail('access');
      }
      if (level === 1) this.superpage = true;
      this.physical = level === 1 ? page + (guestPhysical % 0x40_0000) : page + (guestPhysical & 0xfff);
      this.readable = (current & Pte.R) !== 0 || (context.mxrStage2 && (current & Pte.X) !== 0);
      this.writable = (current & (Pte.W | Pte.D)) === (Pte.W | Pte.D);
      this.executable = (current & Pte.X) !== 0;
      return true;
    }
  }

  #fail(kind: FaultKind): boolean {
    this.fault = kind;
    return false;
  }

  #failStage2(pseudoInstruction: number): boolean {
    this.pseudoInstruction = pseudoInstruction;
    return this.#fail('guest-page');
  }
}
