// The instructions that a hypervisor would have to see and that do not trap: what binary patching must replace. Nothing of it
// is written down here: it is what Popek and Goldberg's test found on this very machine (properties/virtualizability.ts).

import { findCsr } from '../../../isa/csrs.ts';
import { decode, instructions, type Decoded } from '../../../isa/instructions.ts';
import { encodeFields } from '../../../isa/pattern.ts';
import type { Host } from '../../../machine/linear-memory.ts';
import type { Quirks } from '../../../machine/quirks.ts';
import {
  resultsInUserMode,
  subjectName,
  verdictOf,
  type SubjectKind,
  type SubjectResult,
} from '../../properties/virtualizability.ts';

/** What stands in the place of each of them: of the same length, and it traps in every mode (its own row must have shown that). */
const TRAP = 'ebreak';

/** Says what must be patched on a machine with these switches. */
export type FindSensitive = (host: Host, quirks: Readonly<Quirks>) => SensitiveInstructions;

export class SensitiveInstructions {
  /** As the test names them: `sret`, `sstatus, read`. */
  readonly names: readonly string[];
  /** Some are sensitive already in user mode: then programs of the guest are patched as well, not only its kernel. */
  readonly inUserMode: boolean;
  /** The instruction that is put in their place. */
  readonly trapWord: number;
  readonly #subjects: ReadonlySet<string>;
  /** Major opcodes (bits 6:0) of theirs: 1. */
  readonly #opcodes = new Uint8Array(128);

  /** @throws Error where one of them cannot be replaced by a trap that the hypervisor then performs */
  constructor(results: readonly SubjectResult[]) {
    const { violations } = verdictOf(results);
    this.names = violations.map(subjectName);
    this.inUserMode = violations.some(({ userSensitive }) => userSensitive);
    this.#subjects = new Set(violations.map(({ kind, name }) => keyOf(kind, name)));
    for (const { pattern, effect, mnemonic, extension } of instructions) {
      const concerned =
        extension === 'Zicsr'
          ? violations.some(({ kind }) => kind !== 'instruction')
          : this.#has('instruction', mnemonic);
      if (!concerned) continue;
      if (effect.kind !== 'system') {
        throw new Error(
          `expected a system instruction to patch, found ${mnemonic}: this machine cannot be repaired so`,
        );
      }
      this.#opcodes[pattern.match & 0x7f] = 1;
    }
    const trap = instructions.find(({ mnemonic }) => mnemonic === TRAP);
    const traps = results.some(({ name, set }) => name === TRAP && set === 'always traps');
    if (trap === undefined || !traps) {
      throw new Error(
        `expected ${TRAP} to trap in every mode, found that it does not: nothing can stand in for others`,
      );
    }
    this.trapWord = encodeFields(trap.pattern, {});
  }

  get none(): boolean {
    return this.names.length === 0;
  }

  /** The instruction that a word is, if it is one of them. */
  find(word: number): Decoded | undefined {
    if (this.#opcodes[word & 0x7f] !== 1) return undefined;
    const decoded = decode(word);
    if (decoded === undefined) return undefined;
    const { row, rd, rs1, immediate } = decoded;
    if (row.extension !== 'Zicsr') return this.#has('instruction', row.mnemonic) ? decoded : undefined;
    // Zicsr, table 9: the set and clear forms write unless their source is x0 or zero; CSRRW to x0 does not read.
    const swaps = row.mnemonic === 'csrrw' || row.mnemonic === 'csrrwi';
    const writes = swaps || rs1 !== 0;
    const reads = !swaps || rd !== 0;
    const name = findCsr(immediate & 0xfff)?.name ?? '';
    const found = writes ? this.#has('csr-write', name) : reads && this.#has('csr-read', name);
    return found ? decoded : undefined;
  }

  #has(kind: SubjectKind, name: string): boolean {
    return this.#subjects.has(keyOf(kind, name));
  }
}

const keyOf = (kind: SubjectKind, name: string): string => `${kind} ${name}`;

/** Finds out by the test, run on a machine with these switches. */
export const sensitiveOn: FindSensitive = (host, quirks) =>
  new SensitiveInstructions(resultsInUserMode({ host, quirks, countersGranted: false }, [TRAP]));
