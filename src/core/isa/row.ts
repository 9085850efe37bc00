// One instruction is one row: its name, the manual's bit pattern, its assembly form, its meaning.

import type { Effect } from './expression.ts';
import { parsePattern, type Pattern } from './pattern.ts';

export type Extension = 'I' | 'M' | 'A' | 'Zicsr' | 'Zifencei' | 'privileged' | 'H';

export interface InstructionRow {
  readonly mnemonic: string;
  readonly pattern: Pattern;
  /** Operands as written in assembly, e.g. `rd, imm(rs1)`; `target` is a pc-relative address, `upper` a value shifted right by 12. */
  readonly form: string;
  readonly effect: Effect;
  readonly extension: Extension;
  /** One sentence for a tooltip. */
  readonly meaning: string;
}

/** Makes the row constructor of one extension. */
export const rowsOf =
  (extension: Extension) =>
  (mnemonic: string, pattern: string, form: string, effect: Effect, meaning: string): InstructionRow => ({
    mnemonic,
    pattern: parsePattern(pattern),
    form,
    effect,
    extension,
    meaning,
  });
