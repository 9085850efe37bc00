// The interrupt controllers of a `virt` board: a PLIC that drives wires into harts; or, with messages, an APLIC that turns the
// devices' wires into stores to the harts' interrupt files (QEMU hw/riscv/virt.c, `aia=aplic-imsic`).
//
//   PLIC    device ──wire──▶ PLIC ──wire──▶ hart
//   AIA     device ──wire──▶ APLIC (machine level ─▶ supervisor level) ──store──▶ IMSIC's page ──▶ hart, or guest of a hart

import { Aplic, type PhysicalSource } from '../devices/aplic.ts';
import type { InterruptLine } from '../devices/device.ts';
import type { InterruptFile } from '../devices/interrupt-file.ts';
import { guestIndexBits, Imsics, type InterruptLevel } from '../devices/imsics.ts';
import { Plic } from '../devices/plic.ts';
import type { InterruptFiles } from '../isa/interrupt-files.ts';
import type { BoardMount } from './device-tree-board.ts';

const PLIC_BASE = 0x0c00_0000;
const APLIC_BASE = { machine: 0x0c00_0000, supervisor: 0x0d00_0000 } as const;
/** Where the interrupt files of hart 0 lie. */
export const IMSIC_BASE = { machine: 0x2400_0000, supervisor: 0x2800_0000 } as const;

/** mip bits that wires drive. */
export const Line = { software: 1 << 3, timer: 1 << 7, supervisorExternal: 1 << 9, machineExternal: 1 << 11 } as const;
export type Line = (typeof Line)[keyof typeof Line];

/** A board whose harts have IMSICs and whose wires end at an APLIC: QEMU's `-M virt,aia=aplic-imsic,aia-guests=N`. */
export interface MessageInterrupts {
  /** GEILEN: interrupt files for guests, of each hart, 0 to 31. */
  readonly guestFiles: number;
  /** The machine level's own files and APLIC domain are there; otherwise firmware has them, and has left all wires to the supervisor. */
  readonly machineLevel: boolean;
  /** A guest interrupt file of a hart signals, or no longer does. */
  readonly guestExternal?: (hart: number) => void;
  /** See `ImsicsPorts`: of the supervisor level. */
  readonly elsewhere?: (hart: number) => InterruptFile | undefined;
  /** See `AplicPorts`. */
  readonly physical?: (source: number) => PhysicalSource | undefined;
}

export interface ControllerPorts {
  readonly harts: number;
  /** A wire into a hart has changed. */
  readonly drive: (hart: number, line: Line, level: boolean) => void;
  /** It has these in a PLIC's place. */
  readonly messageInterrupts?: MessageInterrupts | undefined;
  /** Observers of the interrupt controller, for drawing chains. */
  readonly interruptRaised?: (source: number, level: boolean) => void;
  readonly interruptClaimed?: (context: number, source: number) => void;
  /** Of a PLIC. */
  readonly interruptCompleted?: (context: number, source: number) => void;
}

export interface InterruptControllers {
  readonly plic: Plic | undefined;
  readonly aplic: Aplic | undefined;
  readonly imsics: Imsics | undefined;
  /** In QEMU's order of creation. */
  readonly mounts: readonly BoardMount[];
  readonly line: (source: number) => InterruptLine;
  readonly filesOf: (hart: number) => InterruptFiles | undefined;
}

/** @param send a store of an APLIC's to a physical address */
export function makeControllers(
  ports: ControllerPorts,
  send: (address: number, identity: number) => void,
): InterruptControllers {
  return ports.messageInterrupts ? byMessages(ports, ports.messageInterrupts, send) : byWires(ports);
}

function byWires(ports: ControllerPorts): InterruptControllers {
  const plic = new Plic({
    contexts: 2 * ports.harts,
    sources: 96,
    interrupt: (context, level) =>
      ports.drive(context >> 1, context % 2 === 0 ? Line.machineExternal : Line.supervisorExternal, level),
    ...(ports.interruptRaised && { raised: ports.interruptRaised }),
    ...(ports.interruptClaimed && { claimed: ports.interruptClaimed }),
    ...(ports.interruptCompleted && { completed: ports.interruptCompleted }),
  });
  return {
    plic,
    aplic: undefined,
    imsics: undefined,
    mounts: [{ device: plic, base: PLIC_BASE }],
    line: (source) => plic.line(source),
    filesOf: () => undefined,
  };
}

function byMessages(
  ports: ControllerPorts,
  options: MessageInterrupts,
  send: (address: number, identity: number) => void,
): InterruptControllers {
  const { harts, interruptClaimed } = ports;
  const { guestFiles, machineLevel, elsewhere, physical, guestExternal } = options;
  const wire = { machine: Line.machineExternal, supervisor: Line.supervisorExternal } as const;
  const imsicsOf = (level: InterruptLevel): Imsics =>
    new Imsics({
      level,
      harts,
      guestFiles: level === 'machine' ? 0 : guestFiles,
      signal: (hart, file, on) => {
        if (file === 0) ports.drive(hart, wire[level], on);
        else guestExternal?.(hart);
      },
      ...(level === 'supervisor' && elsewhere && { elsewhere }),
      ...(interruptClaimed && {
        claimed: (hart, identity) => {
          const aplic = level === 'machine' ? root : domain;
          const source = aplic?.sourceOf(hart, identity) ?? 0;
          if (source > 0) interruptClaimed(2 * hart + (level === 'machine' ? 0 : 1), source);
        },
      }),
    });
  const machine = machineLevel ? imsicsOf('machine') : undefined;
  const imsics = imsicsOf('supervisor');
  const raised = ports.interruptRaised && { raised: ports.interruptRaised };
  const root = machineLevel ? new Aplic({ level: 'machine', harts, guestFiles: 0, send, ...raised }) : undefined;
  const domain = new Aplic({
    level: 'supervisor',
    harts,
    guestFiles,
    send,
    ...(root ? { parent: root } : { files: { base: IMSIC_BASE.supervisor, guestBits: guestIndexBits(guestFiles) } }),
    ...(physical && { physical }),
    ...raised,
  });
  const first = root ?? domain;
  return {
    plic: undefined,
    aplic: domain,
    imsics,
    mounts: [
      ...(machine ? [{ device: machine, base: IMSIC_BASE.machine }] : []),
      { device: imsics, base: IMSIC_BASE.supervisor },
      ...(root && machine ? [{ device: root, base: APLIC_BASE.machine, msiParent: machine, child: domain }] : []),
      { device: domain, base: APLIC_BASE.supervisor, msiParent: imsics },
    ],
    line: (source) => first.line(source),
    filesOf: (hart) => ({
      guestFiles,
      get guestsPending() {
        return imsics.guestsPending(hart);
      },
      machine: machine?.file(hart),
      get supervisor() {
        return imsics.ownFile(hart);
      },
      guest: (number) => (number >= 1 && number <= guestFiles ? imsics.file(hart, number) : undefined),
    }),
  };
}
