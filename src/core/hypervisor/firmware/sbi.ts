// The Supervisor Binary Interface (SBI specification 2.0): what a kernel's ECALL asks of its firmware. One implementation
// serves all techniques; on the bare machine it stands in for machine mode, under the hypervisor for the guest's firmware.
// Arguments are the guest's a0 … a7; only a0 and a1 change.

/** Error codes ("SBI Error Codes"). */
const SbiError = {
  success: 0,
  notSupported: -2,
  invalidParameter: -3,
  invalidAddress: -5,
  alreadyAvailable: -6,
} as const;

/** Extension numbers, by name. */
export const Extension = {
  base: 0x10,
  time: 0x5449_4d45,
  ipi: 0x73_5049,
  rfence: 0x5246_4e43,
  hsm: 0x48_534d,
  srst: 0x5352_5354,
  dbcn: 0x4442_434e,
  sta: 0x53_5441,
} as const;

const SPECIFICATION_VERSION = 2 << 24; // 2.0
/** Not one of the registered implementations. */
const IMPLEMENTATION_ID = 0x5249_4e47;
const IMPLEMENTATION_VERSION = 1;

/** State of a hart as HSM names it ("Hart State Management"). */
export const HsmState = { started: 0, stopped: 1, suspended: 4 } as const;

/** What the firmware needs of the machine its caller sees. Harts are numbered as the guest numbers them. */
export interface SbiPorts {
  readonly harts: number;
  /** Numbers of extensions that somebody else serves, for who asks what there is. */
  readonly extensions?: readonly number[];
  /** The hart's next timer interrupt, in ticks; clears a pending one that is not due. */
  readonly setTimer: (hart: number, low: number, high: number) => void;
  /** Makes the supervisor software interrupt of a hart pending. */
  readonly sendIpi: (hart: number) => void;
  readonly clearIpi: (hart: number) => void;
  /** Drops a hart's translations: one page or all. */
  readonly fence: (hart: number, address: number | undefined) => void;
  readonly hartStatus: (hart: number) => number;
  /** Starts a stopped hart in S-mode at a physical address with a0 = hart, a1 = opaque, translation off. */
  readonly startHart: (hart: number, address: number, opaque: number) => void;
  readonly stopHart: (hart: number) => void;
  /** The hart waits for an interrupt, then goes on behind the call. */
  readonly suspendHart: (hart: number) => void;
  readonly reset: (kind: 'shutdown' | 'reboot', failed: boolean) => void;
  readonly writeConsole: (byte: number) => void;
  /** The next byte typed, or −1. */
  readonly readConsole: () => number;
  /** Reads or writes guest physical memory for DBCN; false where it is not RAM. */
  readonly readMemory: (address: number, into: Uint8Array) => boolean;
  readonly writeMemory: (address: number, bytes: Uint8Array) => boolean;
  /** The word at a virtual address of a hart's kernel; undefined where the kernel could not load it. */
  readonly loadWord: (hart: number, address: number) => number | undefined;
  /** Whether an address can hold code: HSM and SRST refuse others. */
  readonly isMemory: (address: number) => boolean;
  /** A hart gives memory in which it wants to read its steal time, or takes it back. */
  readonly shareStealTime: (hart: number, low: number, high: number) => 'done' | 'misaligned' | 'no memory';
}

/** The caller's registers a0 … a7. */
export interface SbiCall {
  readonly hart: number;
  /** Argument registers: a[0] is a0. */
  readonly a: readonly number[];
}

/** What the caller gets: an error in a0 and a value in a1; legacy calls return only a0; some never return. */
export type SbiReply =
  | { readonly kind: 'pair'; readonly error: number; readonly value: number }
  | { readonly kind: 'legacy'; readonly value: number }
  | { readonly kind: 'none' };

const pair = (error: number, value = 0): SbiReply => ({ kind: 'pair', error, value });
const done = pair(SbiError.success);
const unsupported = pair(SbiError.notSupported);
const invalid = pair(SbiError.invalidParameter);

const DBCN_LIMIT = 1 << 16;

export class Sbi {
  readonly #ports: SbiPorts;

  constructor(ports: SbiPorts) {
    this.#ports = ports;
  }

  /** Answers one call. */
  call({ hart, a }: SbiCall): SbiReply {
    const a0 = (a[0] ?? 0) >>> 0;
    const a1 = (a[1] ?? 0) >>> 0;
    const a2 = (a[2] ?? 0) >>> 0;
    const a3 = (a[3] ?? 0) >>> 0;
    const extension = (a[7] ?? 0) >>> 0;
    const functionId = (a[6] ?? 0) >>> 0;
    switch (extension) {
      case Extension.base:
        return this.#base(functionId, a0);
      case Extension.time:
        if (functionId !== 0) return unsupported;
        this.#ports.setTimer(hart, a0, a1);
        return done;
      case Extension.ipi:
        if (functionId !== 0) return unsupported;
        return this.#forHarts(a0, a1, (target) => this.#ports.sendIpi(target));
      case Extension.rfence:
        return this.#remoteFence(functionId, a0, a1, a2, a3);
      case Extension.hsm:
        return this.#hartState(hart, functionId, a0, a1, a2);
      case Extension.srst:
        return this.#systemReset(functionId, a0, a1);
      case Extension.dbcn:
        return this.#debugConsole(functionId, a0, a1, a2);
      case Extension.sta:
        return this.#stealTime(hart, functionId, a0, a1, a2);
      default:
        return this.#legacy(hart, extension, a0, a1);
    }
  }

  #base(functionId: number, extension: number): SbiReply {
    switch (functionId) {
      case 0:
        return pair(0, SPECIFICATION_VERSION);
      case 1:
        return pair(0, IMPLEMENTATION_ID);
      case 2:
        return pair(0, IMPLEMENTATION_VERSION);
      case 3:
        return pair(0, this.#has(extension) ? 1 : 0);
      case 4: // mvendorid
      case 5: // marchid
      case 6: // mimpid
        return pair(0, 0);
      default:
        return unsupported;
    }
  }

  #has(extension: number): boolean {
    if (extension <= 8 || Object.values<number>(Extension).includes(extension)) return true;
    return this.#ports.extensions?.includes(extension) ?? false;
  }

  /** Does something for each hart of a mask; a base of −1 means all ("Hart list parameter"). */
  #forHarts(mask: number, base: number, act: (hart: number) => void): SbiReply {
    const { harts } = this.#ports;
    if (base === 0xffff_ffff) {
      for (let hart = 0; hart < harts; hart++) act(hart);
      return done;
    }
    const targets = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1);
    if (base >= harts || targets.some((bit) => base + bit >= harts)) return invalid;
    for (const bit of targets) act(base + bit);
    return done;
  }

  #remoteFence(functionId: number, mask: number, base: number, start: number, size: number): SbiReply {
    if (functionId > 6) return unsupported;
    if (functionId === 0) return this.#forHarts(mask, base, () => undefined); // FENCE.I: decoded code is always exact
    if (functionId > 2) return unsupported; // for hypervisors: the guest sees no H extension through SBI
    const everything = (start === 0 && size === 0) || size === 0xffff_ffff;
    if (!everything && start + size > 2 ** 32) return pair(SbiError.invalidAddress);
    const pages = Math.ceil(((start & 0xfff) + size) / 4096);
    return this.#forHarts(mask, base, (hart) => {
      if (everything || pages > 64) return this.#ports.fence(hart, undefined);
      for (let page = 0; page < pages; page++) this.#ports.fence(hart, (start + page * 4096) >>> 0);
    });
  }

  #hartState(caller: number, functionId: number, a0: number, a1: number, a2: number): SbiReply {
    const { harts, hartStatus, isMemory, startHart, stopHart, suspendHart } = this.#ports;
    switch (functionId) {
      case 0:
        if (a0 >= harts) return invalid;
        if (!isMemory(a1) || a1 % 4 !== 0) return pair(SbiError.invalidAddress);
        if (hartStatus(a0) !== HsmState.stopped) return pair(SbiError.alreadyAvailable);
        startHart(a0, a1, a2);
        return done;
      case 1:
        stopHart(caller);
        return { kind: 'none' };
      case 2:
        return a0 < harts ? pair(0, hartStatus(a0)) : invalid;
      case 3:
        // Retentive suspend keeps everything; non-retentive types would lose registers and are not offered.
        if (a0 === 0x8000_0000) return unsupported;
        if (a0 !== 0) return invalid;
        suspendHart(caller);
        return done;
      default:
        return unsupported;
    }
  }

  #systemReset(functionId: number, kind: number, reason: number): SbiReply {
    if (functionId !== 0) return unsupported;
    if (kind > 2 || reason > 1) return invalid; // reserved, or specific to a platform and not implemented here
    this.#ports.reset(kind === 0 ? 'shutdown' : 'reboot', reason === 1);
    return { kind: 'none' };
  }

  #debugConsole(functionId: number, count: number, addressLow: number, addressHigh: number): SbiReply {
    const { isMemory, readConsole, readMemory, writeConsole, writeMemory } = this.#ports;
    const size = functionId < 2 ? Math.min(count, DBCN_LIMIT) : 0;
    // The whole buffer must be RAM, also the part that this call does not get to.
    const inMemory = addressHigh === 0 && (count === 0 || (isMemory(addressLow) && isMemory(addressLow + count - 1)));
    if (functionId < 2 && !inMemory) return invalid;
    switch (functionId) {
      case 0: {
        const bytes = new Uint8Array(size);
        readMemory(addressLow, bytes);
        for (const byte of bytes) writeConsole(byte);
        return pair(0, size);
      }
      case 1: {
        const bytes: number[] = [];
        for (let next = 0; bytes.length < size; bytes.push(next)) if ((next = readConsole()) < 0) break;
        writeMemory(addressLow, Uint8Array.from(bytes));
        return pair(0, bytes.length);
      }
      case 2:
        writeConsole(count & 0xff);
        return done;
      default:
        return unsupported;
    }
  }

  #stealTime(hart: number, functionId: number, low: number, high: number, flags: number): SbiReply {
    if (functionId !== 0) return unsupported;
    if (flags !== 0) return invalid;
    const outcome = this.#ports.shareStealTime(hart, low, high);
    if (outcome === 'done') return done;
    return outcome === 'misaligned' ? invalid : pair(SbiError.invalidAddress);
  }

  /** "Legacy Extensions": one value in a0, a1 unchanged. A hart mask is the virtual address of a bit vector there. */
  #legacy(hart: number, extension: number, a0: number, a1: number): SbiReply {
    const legacy = (value: number): SbiReply => ({ kind: 'legacy', value });
    switch (extension) {
      case 0:
        this.#ports.setTimer(hart, a0, a1);
        return legacy(0);
      case 1:
        this.#ports.writeConsole(a0 & 0xff);
        return legacy(0);
      case 2:
        return legacy(this.#ports.readConsole());
      case 3:
        this.#ports.clearIpi(hart);
        return legacy(0);
      case 4: {
        // OpenSBI takes no vector at all for all harts, and passes over bits of harts that are not there.
        const mask = a0 === 0 ? 0xffff_ffff : this.#ports.loadWord(hart, a0);
        if (mask === undefined) return legacy(SbiError.invalidAddress);
        for (let target = 0; target < this.#ports.harts; target++) {
          if ((mask >>> target) & 1) this.#ports.sendIpi(target);
        }
        return legacy(0);
      }
      case 5:
        return legacy(0);
      case 6:
      case 7:
        for (let target = 0; target < this.#ports.harts; target++) this.#ports.fence(target, undefined);
        return legacy(0);
      case 8:
        this.#ports.reset('shutdown', false);
        return { kind: 'none' };
      default:
        return unsupported;
    }
  }
}
