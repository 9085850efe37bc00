// One side of a comparison: a computer of its own with the guest on it, under one technique, and what of it is compared.
//
// What is compared: registers, pc, mode, the CSRs the guest's kernel owns, board time, how many instructions were executed,
// everything printed, and all of RAM. What may differ: nothing of that, as long as the guest keeps to the fence rules (a
// change of its tables that it does not fence may show sooner or later), and but for the record of the time a hypervisor did
// not give it, which a guest may ask for (SBI STA). Popek and Goldberg except timing and the availability of resources; here
// even time must agree, because each side has a computer of its own with exact time (lab.ts): an instruction that meets a page
// the hypervisor has yet to map is counted once, and idle time passes by the same deadlines.
// An interrupt that is due at a point itself may have been taken on one side and not yet on the other: a difference counts
// if a few more instructions do not make it go away.

import { findCsrByName, readCsr, type Csr } from '../../isa/csrs.ts';
import type { Host } from '../../machine/linear-memory.ts';
import { quirksOf, type QuirkName } from '../../machine/quirks.ts';
import type { Computer } from '../computer.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { Lab } from '../lab.ts';
import { sensitiveOn } from '../techniques/patching/sensitive-instructions.ts';
import type { Technique, VirtualMachine } from '../virtual-machine.ts';

export interface ComparisonOptions {
  readonly host: Host;
  /** Makes the guest anew, with devices of its own, for each machine it is run on. */
  readonly guest: () => GuestImage;
  /** Compared with the bare machine, each. */
  readonly techniques: readonly Exclude<Technique, 'bare'>[];
  /** Instructions from one point to the next. */
  readonly every: number;
  /** Memory is compared at one point in so many, and at the end. */
  readonly memoryEvery?: number;
  /** Instructions after which the comparison ends. */
  readonly limit: number;
  /** The comparison also ends at the first point at which this has been printed. */
  readonly until?: string;
  /** Where all the machines depart from the manual. */
  readonly quirks?: readonly QuirkName[];
  /** Under trap-and-emulate the guest's code is patched where that makes up for them. */
  readonly binaryPatching?: boolean;
  /** Flips bit 0 of a register of the last technique's guest after so many instructions: to see that it is found. */
  readonly inject?: { readonly at: number; readonly register: number };
  /** Typed at the serial port at the start. */
  readonly input?: Uint8Array;
}

/** One thing that is not the same. */
export interface Unequal {
  /** `pc`, `x10`, `sepc`, `instructions`, `output`, or the guest physical address of a word of RAM. */
  readonly what: string;
  readonly bare: string;
  readonly other: string;
}

const EPOCH = { high: 0, low: 0 };
/** For the hypervisor's page tables. */
const HYPERVISOR_BYTES = 64 * 2 ** 20;
const OUTPUT_KEPT = 4096;

const comparedCsrs: readonly Csr[] = (
  ['sstatus', 'sie', 'stvec', 'scounteren', 'sscratch', 'sepc', 'scause', 'stval', 'satp'] as const
).flatMap((name) => findCsrByName(name) ?? []);

/** One computer with the guest on it. */
export class ComparedSide {
  readonly technique: Technique;
  readonly vm: VirtualMachine;
  readonly computer: Computer;
  readonly #options: ComparisonOptions;
  readonly #lab: Lab;
  /** A register was changed behind its back. */
  #disturbed = false;
  /** The end of what was printed, to look for a text in. */
  #output = '';
  #outputHash = 0;

  constructor(technique: Technique, options: ComparisonOptions) {
    this.#options = options;
    const guest = options.guest();
    this.#lab = new Lab({
      host: options.host,
      memoryBytes: guest.memoryBytes + HYPERVISOR_BYTES,
      epochNanoseconds: EPOCH,
      traceCapacity: 2,
      quirks: quirksOf(options.quirks),
      exactTime: true,
      messageInterrupts: guest.messageInterrupts ?? false,
    });
    const lab = this.#lab;
    lab.trace.recording = false;
    this.technique = technique;
    const patched = options.binaryPatching === true && technique === 'trap-and-emulate';
    this.vm = lab.addVm({ technique, guest: patched ? { ...guest, binaryPatching: sensitiveOn } : guest });
    this.computer = lab.computerOf(this.vm);
    this.vm.console.sink = (byte) => {
      this.#outputHash = (Math.imul(this.#outputHash ^ byte, 0x0100_0193) + 1) | 0;
      this.#output = (this.#output + String.fromCharCode(byte)).slice(-OUTPUT_KEPT);
    };
    if (options.input) this.vm.receive(options.input);
    lab.start(this.vm.id);
  }

  get output(): string {
    return this.#output;
  }

  /** Everything that is compared but memory, by name. */
  *properties(): Iterable<readonly [name: string, value: number]> {
    const { vm, computer } = this;
    const hart = vm.look();
    yield ['pc', hart.pc];
    yield ['mode', hart.privilege];
    for (let index = 1; index < 32; index++) yield [`x${index}`, hart.x(index) >>> 0];
    for (const csr of comparedCsrs) yield [csr.name, readCsr(hart, csr)];
    yield ['instructions', vm.instructions];
    yield ['time', computer.now];
    yield ['bytes printed', vm.console.count];
    yield ['what was printed', this.#outputHash >>> 0];
    yield ['exit code', vm.ending?.exitCode ?? -1];
  }

  /** Runs until `target` instructions have been executed, or as far as it goes by itself; what is to be injected goes in where it is due. */
  run(target: number): void {
    const { inject, techniques } = this.#options;
    if (inject !== undefined && this.technique === techniques.at(-1) && !this.#disturbed && inject.at <= target) {
      this.#runUndisturbed(inject.at);
      if (this.vm.instructions === inject.at) this.#disturb(inject.register);
    }
    this.#runUndisturbed(target);
  }

  #runUndisturbed(target: number): void {
    const { vm, computer } = this;
    while (vm.instructions < target && !vm.ending) {
      if (computer.runSlice(target - vm.instructions) === 'idle') return;
    }
  }

  /** Flips bit 0 of a register behind the guest's back, as a defect of the hypervisor would. */
  #disturb(register: number): void {
    this.#disturbed = true;
    this.#lab.pause(this.vm.id);
    const state = this.vm.look();
    state.setX(register, state.x(register) ^ 1);
    this.#lab.start(this.vm.id);
  }
}

/** Whether everything but memory is the same. */
export const same = (one: ComparedSide, other: ComparedSide): boolean => {
  const theirs = other.properties()[Symbol.iterator]();
  for (const [, value] of one.properties()) {
    const next = theirs.next();
    if (next.done === true || next.value[1] !== value) return false;
  }
  return true;
};

/** A property as people read it. */
export const show = (name: string, value: number): string =>
  ['instructions', 'time', 'bytes printed', 'mode', 'exit code'].includes(name)
    ? String(value)
    : `0x${value.toString(16).padStart(8, '0')}`;

export const unequalOf = (bare: ComparedSide, other: ComparedSide): readonly Unequal[] => {
  const theirs = new Map(other.properties());
  return [...bare.properties()].flatMap(([what, value]) => {
    const its = theirs.get(what) ?? 0;
    return its === value ? [] : [{ what, bare: show(what, value), other: show(what, its) }];
  });
};
