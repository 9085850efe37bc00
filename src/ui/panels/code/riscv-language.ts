// RISC-V assembly for the editor: what is coloured how, derived from the rows of the instruction set, and what a word means
// when one points at it. Pure data; nothing here knows the editor but the shape of its language definition.

import { directiveNames } from '../../../core/isa/assembly/assemble.ts';
import { csrs } from '../../../core/isa/csrs.ts';
import { instructions } from '../../../core/isa/instructions.ts';
import { pseudoInstructions } from '../../../core/isa/pseudo-instructions.ts';
import { abiNames } from '../../../core/isa/registers.ts';
import { findTerm } from '../../glossary.ts';

export const LANGUAGE_ID = 'riscv';

const mnemonics = [...new Set([...instructions, ...pseudoInstructions].map(({ mnemonic }) => mnemonic))];
const registers = [...abiNames, 'fp', ...abiNames.map((_, index) => `x${index}`)];
const csrNames = csrs.map(({ name }) => name);

/** A Monarch definition. */
export const language = {
  mnemonics,
  registers,
  csrNames,
  directives: directiveNames,
  tokenizer: {
    root: [
      [/\/\*/, 'comment', '@comment'],
      [/(#|\/\/).*$/, 'comment'],
      [/"(?:[^"\\]|\\.)*"?/, 'string'],
      [/'(?:[^'\\]|\\.)'?/, 'string'],
      [/^\s*[\w.$]+:/, 'type.identifier'],
      [/%[a-z_]+/, 'keyword.directive'],
      [/\.[a-z][\w.]*/, { cases: { '@directives': 'keyword.directive', '@default': 'identifier' } }],
      [
        /[a-z][\w.]*/,
        {
          cases: {
            '@mnemonics': 'keyword',
            '@registers': 'variable',
            '@csrNames': 'variable.predefined',
            '@default': 'identifier',
          },
        },
      ],
      [/\b0x[\da-f]+\b/i, 'number.hex'],
      [/\b0b[01]+\b/i, 'number'],
      [/\b\d+[fb]?\b/, 'number'],
    ],
    comment: [
      [/\*\//, 'comment', '@pop'],
      [/./, 'comment'],
    ],
  },
};

export interface WordExplanation {
  readonly title: string;
  readonly sentence: string;
}

/** What a word of the source means, by the instruction rows, the CSR rows and the glossary; undefined for the person's own names. */
export function explainWord(word: string): WordExplanation | undefined {
  const row = instructions.find(({ mnemonic }) => mnemonic === word);
  if (row !== undefined) return { title: `${row.mnemonic} ${row.form}`, sentence: row.meaning };
  const pseudo = pseudoInstructions.find(({ mnemonic }) => mnemonic === word);
  if (pseudo !== undefined) {
    const real = pseudo.steps.map((step) => step.row.mnemonic).join(', ');
    return { title: `${pseudo.mnemonic} ${pseudo.form}`, sentence: `Another spelling of ${real}.` };
  }
  const csr = csrs.find(({ name }) => name === word);
  if (csr !== undefined) return { title: csr.name, sentence: findTerm(csr.name)?.sentence ?? csr.row.meaning };
  const number = findRegisterNumber(word);
  return number === undefined ? undefined : { title: word, sentence: `General register x${number}.` };
}

/** Number of a general register by any of its names; undefined for other words. */
export function findRegisterNumber(word: string): number | undefined {
  return registers.includes(word) ? registerNumber(word) : undefined;
}

function registerNumber(word: string): number {
  if (word === 'fp') return 8;
  const byName = abiNames.findIndex((name) => name === word);
  return byName >= 0 ? byName : Number(word.slice(1));
}
