// A program as a listing, in the manner of objdump: address, word, instruction; labels stand before what they name.

import { disassemble, type SymbolLookup } from '../core/isa/disassemble.ts';
import type { ElfSymbol } from '../core/machine/elf.ts';

/** Bytes at an address; symbols may name addresses in it. */
export interface Listed {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Zeros in a row that are shown as dots, in words. */
const SKIPPED_ZEROS = 4;

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

export class Symbols {
  readonly #names = new Map<number, string[]>();
  readonly #sorted: readonly ElfSymbol[];

  /** @param symbols by address */
  constructor(symbols: readonly ElfSymbol[]) {
    this.#sorted = symbols;
    for (const { name, address } of symbols) {
      const known = this.#names.get(address);
      if (known === undefined) this.#names.set(address, [name]);
      else known.push(name);
    }
  }

  /** All names of exactly this address. */
  at(address: number): readonly string[] {
    return this.#names.get(address) ?? [];
  }

  /** `loop`, or `loop+0x8` for an address inside a function whose size is known. */
  readonly lookup: SymbolLookup = (address) => {
    const [exact] = this.at(address);
    if (exact !== undefined) return exact;
    const home = this.#sorted.findLast((symbol) => symbol.address <= address);
    return home !== undefined && address < home.address + home.size
      ? `${home.name}+0x${(address - home.address).toString(16)}`
      : undefined;
  };
}

/** The lines of one piece of a program, without their ends. */
export function* listing({ address, bytes }: Listed, symbols: Symbols): Generator<string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.length >> 2;
  // A label inside a word (data between instructions) must not get lost.
  const labelsBefore = (at: number) => [0, 1, 2, 3].flatMap((offset) => symbols.at(at + offset));
  for (let index = 0; index < words; index++) {
    const at = address + 4 * index;
    for (const name of labelsBefore(at)) yield* ['', `${hex8(at)} <${name}>:`];
    const skipped = zerosFrom(view, index, words, (word) => labelsBefore(address + 4 * word).length > 0);
    if (skipped >= SKIPPED_ZEROS) {
      yield '\t...';
      index += skipped - 1;
      continue;
    }
    const word = view.getUint32(4 * index, true);
    const { mnemonic, operands } = disassemble(word, at, { symbols: symbols.lookup });
    yield `${hex8(at)}:\t${hex8(word)}\t${operands === '' ? mnemonic : `${mnemonic}\t${operands}`}`;
  }
  for (let index = 4 * words; index < bytes.length; index++) {
    const byte = view.getUint8(index).toString(16).padStart(2, '0');
    yield `${hex8(address + index)}:\t${byte}      \t.byte\t0x${byte}`;
  }
}

/** How many words from `index` on are zero, up to the next label. */
function zerosFrom(view: DataView, index: number, words: number, labelled: (word: number) => boolean): number {
  let end = index;
  while (end < words && view.getUint32(4 * end, true) === 0 && (end === index || !labelled(end))) end++;
  return end - index;
}
