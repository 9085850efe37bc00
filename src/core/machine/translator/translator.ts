// Makes regions of hot code, in the background and in batches, and takes them away as soon as a word they were made from
// changes. Where a region stands is written in the heat of its first instruction; nothing else leads to it, so taking it
// away is writing a word. No region is on the WebAssembly stack while this code runs: whatever is not plain execution has
// left all of them first.
//
// Regions that are alike, as those of VMs that run the same kernel, are one function: written and compiled once, and set
// into the slot of each place where it stands.
//
// Slots of the table are given out once. When they are used up, everything goes, the table as well: engines keep every module
// that imports a table for as long as the table lives (V8 before 12), so a table for ever would be code for ever.

import type { FunctionBody } from '../../wasm/code-writer.ts';
import { moduleOf } from '../../wasm/module.ts';
import { DecodedCode } from '../decoded-code.ts';
import { PAGE_SIZE, REGION_PAGES_SHIFT, REGION_REACH, REGION_SLOTS, type Layout } from '../layout.ts';
import type { Host, Imports, LinearMemory, SharedFunction } from '../linear-memory.ts';
import { Table, type Translations } from '../translations.ts';
import { jumpsFrom } from './jump-profile.ts';
import { regionAt, type CodeView, type Region } from './region.ts';
import { REGION, REGION_TYPE } from './region-interface.ts';
import { writeRegion } from './region-writer.ts';

const WORDS_OF_PAGE = 1024;

export interface TranslatorPorts {
  readonly host: Host;
  readonly memory: LinearMemory;
  readonly layout: Layout;
  readonly code: DecodedCode;
  /** Makes an empty table, and lets the interpreters call through it. @returns what regions import from then on */
  readonly renewTable: () => Required<Imports>;
}

/** A region on its way: waiting for its code, entered from now on, taken away. */
interface Translation {
  readonly slot: number;
  /** The decoded pages it lies in, by their place behind its own. */
  readonly pages: ReadonlyMap<number, number>;
  /** Index, in words of linear memory, of the heat that leads to it. */
  readonly heat: number;
  /** Words it was made from, by decoded page. */
  readonly words: ReadonlyMap<number, readonly number[]>;
  state: 'waiting' | 'standing' | 'dropped';
}

/** The code of all regions that are alike. */
interface RegionCode {
  /** Undefined until it is compiled. */
  compiled: SharedFunction | undefined;
  /** The regions that wait for it; it is compiled into the slot of the first. */
  waiting: Translation[];
}

/** What was translated from one decoded page. */
interface PageUse {
  /** How many translations include each word. */
  readonly words: Uint16Array;
  readonly translations: Set<Translation>;
  /** Translations lost because the page was stored to. */
  losses: number;
}

export interface TranslatorCounts {
  /** Regions translated since power-on, dropped because their code changed, and standing now. */
  readonly translated: number;
  readonly dropped: number;
  readonly standing: number;
  /** Those of the translated that found their code made already. */
  readonly shared: number;
  /** Guest instructions of all regions translated, and bytes of WebAssembly written for them. */
  readonly instructions: number;
  readonly bytes: number;
}

/** Losses after which a page's code is left to the interpreter: it changes faster than it is worth translating. */
const LOSSES_LIMIT = 200;

export class Translator {
  readonly #ports: TranslatorPorts;
  readonly #uses = new Map<number, PageUse>();
  #imports: Required<Imports>;
  /** The first slot of the table that was never given out. */
  #nextSlot = 0;
  /** All code since the table was made, by what it was made from. */
  #codes = new Map<string, RegionCode>();
  /** Written, until the compiler is free. */
  #written: { readonly code: RegionCode; readonly slot: number; readonly body: FunctionBody }[] = [];
  #compiling = false;
  readonly #counts = { translated: 0, shared: 0, dropped: 0, standing: 0, instructions: 0, bytes: 0 };

  constructor(ports: TranslatorPorts) {
    this.#ports = ports;
    this.#imports = ports.renewTable();
  }

  get counts(): TranslatorCounts {
    return this.#counts;
  }

  /**
   * Translates from a virtual address that has become hot, as the current translations show it.
   * The interpreter goes on until the region stands.
   */
  request(translations: Translations, pc: number): void {
    const page = translations.lookup(Table.fetch, pc);
    if (page === 0 || (this.#uses.get(page)?.losses ?? 0) > LOSSES_LIMIT) return;
    const region = regionAt(this.#viewFrom(translations, pc), pc & 0xfff);
    if ((region.blocks[0]?.instructions.length ?? 0) === 0) return;
    if (this.#nextSlot === REGION_SLOTS) this.dropAll();
    const slot = this.#nextSlot++;
    const translation: Translation = {
      slot,
      pages: region.pages,
      heat: DecodedCode.heatIndex(page, pc & 0xfff),
      words: wordsOf(region),
      state: 'waiting',
    };
    for (const [each, words] of translation.words) {
      const use = this.#useOf(each);
      use.translations.add(translation);
      for (const word of words) use.words[word] = (use.words[word] ?? 0) + 1;
      this.#counts.instructions += words.length;
    }
    this.#counts.translated++;
    const name = nameOf(region);
    const alike = this.#codes.get(name);
    if (alike === undefined) return this.#write(region, name, translation);
    this.#counts.shared++;
    if (alike.compiled === undefined) alike.waiting.push(translation);
    else this.#stand(translation, this.#imports, alike.compiled);
  }

  /** Words of a decoded page's frame were stored to: what was made from them goes. */
  forget(page: number, offset: number, length: number): void {
    const use = this.#uses.get(page);
    if (use === undefined) return;
    const first = offset >> 2;
    const last = Math.min(WORDS_OF_PAGE - 1, (offset + length - 1) >> 2);
    if (use.words.subarray(first, last + 1).every((count) => count === 0)) return;
    for (const translation of use.translations) {
      if (translation.words.get(page)?.some((word) => word >= first && word <= last)) {
        use.losses++;
        this.#drop(translation);
      }
    }
  }

  /** A decoded page's frame is data from now on: what was made from it goes, and its losses are forgiven. */
  retire(page: number): void {
    for (const translation of this.#uses.get(page)?.translations ?? []) this.#drop(translation);
    this.#uses.delete(page);
  }

  /** Takes all regions away, and the table with them: it is full, or the decoded pages go. */
  dropAll(): void {
    for (const use of this.#uses.values()) for (const translation of use.translations) this.#drop(translation);
    this.#uses.clear();
    this.#codes = new Map();
    this.#written = [];
    this.#imports = this.#ports.renewTable();
    this.#nextSlot = 0;
  }

  #viewFrom(translations: Translations, pc: number): CodeView {
    const { memory, layout, code } = this.#ports;
    return {
      page: (index) => translations.lookup(Table.fetch, (pc + index * PAGE_SIZE) >>> 0),
      word: (page, offset) => code.decodedWord(page, offset),
      jumps: (page, offset) => jumpsFrom(memory, layout, page + 2 * offset),
    };
  }

  #useOf(page: number): PageUse {
    const known = this.#uses.get(page);
    if (known) return known;
    const use: PageUse = { words: new Uint16Array(WORDS_OF_PAGE), translations: new Set(), losses: 0 };
    this.#uses.set(page, use);
    return use;
  }

  #write(region: Region, name: string, translation: Translation): void {
    const code: RegionCode = { compiled: undefined, waiting: [translation] };
    this.#codes.set(name, code);
    const body = writeRegion(region, this.#ports.layout.regionBase);
    this.#counts.bytes += body.bytes.length;
    this.#written.push({ code, slot: translation.slot, body });
    this.#compile();
  }

  #compile(): void {
    const batch = this.#written;
    if (this.#compiling || batch.length === 0) return;
    this.#written = [];
    this.#compiling = true;
    const imports = this.#imports;
    const definitions = batch.map(({ slot, body }) => ({ type: REGION_TYPE, body, slot }));
    const module = moduleOf(definitions, { table: true, types: [REGION_TYPE] });
    this.#ports.host.compileInBackground(module, imports, () => {
      this.#compiling = false;
      for (const { code, slot } of batch) {
        const compiled = imports.regions.get(slot);
        if (compiled === null) throw new Error('the host compiled a region that is not in its slot');
        imports.regions.set(slot, null);
        code.compiled = compiled;
        for (const translation of code.waiting.splice(0)) {
          if (translation.state === 'waiting') this.#stand(translation, imports, compiled);
        }
      }
      this.#compile();
    });
  }

  #stand(translation: Translation, imports: Required<Imports>, compiled: SharedFunction): void {
    const { memory, layout } = this.#ports;
    const { slot, pages, heat } = translation;
    imports.regions.set(slot, compiled);
    const first = (layout.regionBase + (slot << REGION_PAGES_SHIFT)) / 4 + REGION_REACH;
    for (const [index, page] of pages) memory.words[first + index] = page;
    memory.words[heat] = REGION | slot;
    translation.state = 'standing';
    this.#counts.standing++;
  }

  #drop(translation: Translation): void {
    const { state } = translation;
    if (state === 'dropped') return;
    for (const [page, words] of translation.words) {
      const use = this.#uses.get(page);
      if (use === undefined) continue;
      use.translations.delete(translation);
      for (const word of words) use.words[word] = (use.words[word] ?? 0) - 1;
    }
    translation.state = 'dropped';
    this.#ports.memory.words[translation.heat] = 0;
    this.#counts.dropped++;
    if (state !== 'standing') return;
    this.#counts.standing--;
    this.#imports.regions.set(translation.slot, null);
  }
}

/** The same for regions whose code is the same: everything of a region but where its pages lie. */
const nameOf = ({ blocks, pages, table }: Region): string =>
  JSON.stringify([
    blocks.map(({ offset, instructions, skips, ending }) => [
      offset,
      instructions.map(({ word }) => word),
      [...skips],
      ending,
    ]),
    [...pages.keys()],
    table,
  ]);

/** Word indices of a region's instructions, by decoded page. */
function wordsOf({ blocks, pages }: Region): ReadonlyMap<number, readonly number[]> {
  const words = new Map<number, number[]>([...pages.values()].map((page) => [page, []]));
  for (const { offset, instructions } of blocks) {
    instructions.forEach((_, index) => {
      const at = offset + 4 * index;
      words.get(pages.get(at >> 12) ?? 0)?.push((at & 0xfff) >> 2);
    });
  }
  return words;
}
