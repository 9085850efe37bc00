// What every VM is to whoever runs it, whichever technique it is run by: something that runs for a while and says why it
// stopped, with a console, registers to look at and, some day, an ending.

import type { Board } from '../machine/board.ts';
import type { PrivilegedState } from '../machine/privileged-state.ts';
import type { VmControl } from './control.ts';
import type { PreparedGuest } from './firmware/guest-boot.ts';
import type { GuestMemory } from './memory/guest-memory.ts';
import type { SerialConsole } from './guest-devices/serial-console.ts';
import type { VmBalloon } from './memory/vm-balloon.ts';
import type { UserCallObserver } from './inspection/user-call.ts';

/** How the hypervisor runs a guest. `bare` means: no hypervisor, the guest owns a machine of its own. */
export const techniques = ['bare', 'trap-and-emulate', 'paravirtual', 'hardware-assisted'] as const;
export type Technique = (typeof techniques)[number];
/** A technique of the hypervisor. */
export type HostedTechnique = Exclude<Technique, 'bare'>;
/** Those that run any guest as it is. For `paravirtual` a guest has to be made. */
export const unmodifiedTechniques: readonly Exclude<Technique, 'paravirtual'>[] = techniques.filter(
  (technique) => technique !== 'paravirtual',
);
export const unmodifiedHosted: readonly Exclude<Technique, 'paravirtual' | 'bare'>[] = unmodifiedTechniques.filter(
  (technique) => technique !== 'bare',
);

/** How a guest came to its end. */
export interface Ending {
  readonly kind: 'finisher' | 'shutdown' | 'dead';
  /** The guest's own code: 0 means that all is well. */
  readonly exitCode: number;
  /** One sentence for a person. */
  readonly message: string;
}

/** A guest that cannot go on and did not say so itself. */
export const DEAD_EXIT_CODE = 125;

export interface VirtualMachine {
  readonly id: number;
  readonly technique: Technique;
  readonly memoryBytes: number;
  readonly harts: number;
  readonly guest: PreparedGuest;
  readonly console: SerialConsole;
  /** What the person has asked of it. */
  readonly control: VmControl;
  /** The board the guest sees. */
  readonly board: Board;
  /** Its physical memory. */
  readonly memory: GuestMemory;
  /** By which its kernel can be asked to give memory up; undefined where it has none. */
  readonly balloon: VmBalloon | undefined;
  readonly ending: Ending | undefined;
  /** Instructions the guest has executed, trapped ones included. */
  readonly instructions: number;
  /** Exits so far; 0 on the bare machine. */
  readonly exits: number;
  /** Interrupts its kernel has taken, by the cause's name. */
  readonly interrupts: Readonly<Record<string, number>>;
  /** All its harts wait for an interrupt. */
  readonly waiting: boolean;
  /** Told of each system call of the guest's programs; undefined, and without cost, while nobody wants to know. */
  userCalls: UserCallObserver | undefined;
  /** A hart the guest sees, number 0 where none is said. Up to date at any moment: looking changes nothing. */
  look(hart?: number): PrivilegedState;
  /** Bytes typed at its serial port. @returns how many were taken */
  receive(bytes: Uint8Array): number;
  setBreakpoints(addresses: ReadonlySet<number>): void;
  /** Back to the first instruction. */
  reset(): void;
}
