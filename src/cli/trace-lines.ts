// What --trace writes: every exit as one JSON object a line, with names beside numbers. Addresses, instructions and values
// are hexadecimal text; counts and times are numbers.

import { exitRows } from '../core/hypervisor/exits/exits.ts';
import type { EffectRecord, ExitRecord, Trace } from '../core/hypervisor/exits/trace.ts';
import { findCause } from '../core/isa/causes.ts';
import { findCsr } from '../core/isa/csrs.ts';
import { disassemble } from '../core/isa/disassemble.ts';
import { abiNames } from '../core/isa/registers.ts';
import type { OpenFile } from './files.ts';

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** The letters an SBI extension's number is made of (SBI specification, chapter 3); early ones are plain numbers. */
function extensionName(extension: number): string {
  const letters = [24, 16, 8, 0].map((shift) => (extension >>> shift) & 0xff).filter((byte) => byte !== 0);
  return letters.length >= 3 && letters.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? String.fromCharCode(...letters)
    : hex(extension);
}

/** What an effect reads or writes, by its name where it has one. */
function nameOf({ kind, what }: EffectRecord): string {
  switch (kind) {
    case 'read-register':
    case 'write-register':
      return abiNames[what] ?? `x${what}`;
    case 'read-csr':
    case 'write-csr':
      return findCsr(what)?.name ?? hex(what);
    case 'sbi':
      return extensionName(what);
    default:
      return hex(what);
  }
}

/** One exit as one line, without the line's end. */
function traceLine(exit: ExitRecord): string {
  const cause = findCause(exit.cause);
  const { vmxName } = exitRows[exit.reason];
  return JSON.stringify({
    sequence: exit.sequence,
    at: exit.at,
    vm: exit.vm,
    vcpu: 0,
    reason: exit.reason,
    perfName: cause?.perfName ?? exitRows[exit.reason].perfName,
    vmxName,
    cause: hex(exit.cause),
    causeName: cause?.name,
    mode: exit.user ? 'user' : 'supervisor',
    pc: hex(exit.pc),
    ...(exit.instruction !== 0 && {
      instruction: hex(exit.instruction),
      disassembly: disassemble(exit.instruction, exit.pc).text,
    }),
    ...(exit.gva !== undefined && { gva: hex(exit.gva) }),
    ...(exit.gpa !== undefined && { gpa: hex(exit.gpa) }),
    stval: hex(exit.stval),
    htval: hex(exit.htval),
    htinst: hex(exit.htinst),
    effects: exit.effects.map((effect) => ({
      kind: effect.kind,
      what: nameOf(effect),
      before: hex(effect.before),
      after: hex(effect.after),
    })),
    verdict: exit.verdict,
    resumePc: hex(exit.resumePc),
    virtualCost: exit.virtualCost,
    nanoseconds: exit.nanoseconds ?? null,
  });
}

/** A ring of records that are lines of a file. */
export interface LineSource {
  /** Number of the oldest record that is still kept, and of all there ever were. */
  readonly oldest: number;
  readonly total: number;
  /** The record with a running number, without the line's end; undefined where it is gone. */
  line(sequence: number): string | undefined;
}

export const exitLines = (trace: Trace): LineSource => ({
  get oldest() {
    return trace.oldest;
  },
  get total() {
    return trace.total;
  },
  line: (sequence) => {
    const exit = trace.read(sequence);
    return exit && traceLine(exit);
  },
});

/** Follows a ring into a file. */
export class TraceWriter {
  readonly #source: LineSource;
  readonly #file: OpenFile;
  #next = 0;
  #lost = 0;

  /** @param file stays open */
  constructor(source: LineSource, file: OpenFile) {
    this.#source = source;
    this.#file = file;
  }

  /** Records that the ring had overwritten before they could be read. */
  get lost(): number {
    return this.#lost;
  }

  /** Writes what has happened since the last time. @throws UsageError where the file cannot be written */
  readonly drain = (): void => {
    const { oldest, total } = this.#source;
    if (oldest > this.#next) {
      this.#lost += oldest - this.#next;
      this.#next = oldest;
    }
    while (this.#next < total) {
      const lines: string[] = [];
      for (; this.#next < total && lines.length < 1024; this.#next++) {
        const line = this.#source.line(this.#next);
        if (line !== undefined) lines.push(line, '\n');
      }
      this.#file.write(Buffer.from(lines.join('')));
    }
  };
}
