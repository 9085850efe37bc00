// The code of one mode in a generated program: a list of items, each a few instructions that belong together. Jumps lead
// forward from item to item, loops have a counter of their own, so every piece ends.
//
// x29, x30, x31 are the generator's (a value, an address, a loop counter); programs write x1 … x28.

import { decode, instructions } from '../../isa/instructions.ts';
import type { InstructionRow } from '../../isa/row.ts';
import { encodeFields } from '../../isa/pattern.ts';
import { findRowByMnemonic } from '../../isa/form.ts';
import { csrItem, csrNumber } from './csr-items.test-support.ts';
import { Place } from './harness.test-support.ts';
import type { Mode, PieceContext } from './piece-context.test-support.ts';
import type { Random } from './random.test-support.ts';
import { ALIAS_PAGE, randomLeaf, Window, WINDOW_PAGES } from './tables.test-support.ts';

const VALUE = 29;
const ADDRESS = 30;
const COUNTER = 31;

/** A word, or one that depends on the distance to an item. */
type Slot = number | { readonly target: number; readonly build: (distance: number) => number };
type Item = readonly Slot[];

const word = (mnemonic: string, fields: Readonly<Record<string, number>> = {}): number => {
  const row = findRowByMnemonic(mnemonic);
  if (row === undefined) throw new Error(`no instruction ${mnemonic}`);
  return encodeFields(row.pattern, fields);
};

/** LUI and ADDI: always two words. */
export const loadConstant = (rd: number, value: number): readonly number[] => [
  word('lui', { rd, immediate: (value + 0x800) & 0xffff_f000 }),
  word('addi', { rd, rs1: rd, immediate: (value << 20) >> 20 }),
];

const computing = instructions.filter(({ effect }) => effect.kind === 'set');
const loads = instructions.filter(({ effect }) => effect.kind === 'load');
const stores = instructions.filter(({ effect }) => effect.kind === 'store');
const atomics = instructions.filter(({ effect }) => effect.kind === 'atomic');
const branches = instructions.filter(({ effect }) => effect.kind === 'branch');
const guestLoads = instructions.filter(({ mnemonic }) => mnemonic.startsWith('hlv.')); // HLVX: QEMU 7.2 asks for R instead of X;
const guestStores = instructions.filter(({ mnemonic }) => mnemonic.startsWith('hsv'));

class PieceWriter {
  readonly #context: PieceContext;
  readonly #random: Random;
  readonly #items: Item[] = [];

  constructor(context: PieceContext) {
    this.#context = context;
    this.#random = context.random;
  }

  write(): readonly number[] {
    const count = 8 + this.#random.below(22);
    for (let index = 0; index < count; index++) this.#items.push(this.#item(index, count));
    const { next } = this.#context;
    if (next !== undefined) this.#items.push(this.#enter(next.mode, next.start));
    this.#items.push([word('ecall')]);
    return this.#place();
  }

  #place(): readonly number[] {
    const offsets: number[] = [];
    let at = 0;
    for (const item of this.#items) {
      offsets.push(at);
      at += 4 * item.length;
    }
    return this.#items.flatMap((item, index) =>
      item.map((slot, within) => {
        if (typeof slot === 'number') return slot >>> 0;
        const target = offsets[Math.min(slot.target, offsets.length - 1)] ?? 0;
        return slot.build(target - (offsets[index] ?? 0) - 4 * within) >>> 0;
      }),
    );
  }

  #destination(): number {
    return this.#random.below(29);
  }

  #source(): number {
    return this.#random.below(32);
  }

  #item(index: number, count: number): Item {
    const random = this.#random;
    const { mode } = this.#context;
    const choice = random.below(100);
    if (choice < 20) return this.#computeSome();
    if (choice < 45) return this.#access(random.pick([...loads, ...stores]));
    if (choice < 51) return this.#atomic();
    if (choice < 55) return this.#reserved();
    if (choice < 63) return this.#jump(index, count);
    if (choice < 67) return this.#loop();
    if (choice < 71) return this.#selfModify();
    if (choice < 75) return this.#jumpOut();
    if (choice < 79 && this.#mayFence()) return this.#changeTable();
    if (choice < 83) return this.#special();
    if (choice < 86 && this.#context.virtual && (mode === 'M' || mode === 'HS' || mode === 'U' || random.chance(0.2))) {
      return this.#access(random.pick([...guestLoads, ...guestStores]));
    }
    return csrItem(this.#context, this.#destination(), loadConstant);
  }

  #compute(): number {
    return this.#fields(this.#random.pick(computing));
  }

  #fields(row: InstructionRow): number {
    return encodeFields(row.pattern, {
      rd: this.#destination(),
      rs1: this.#source(),
      rs2: this.#source(),
      immediate: row.pattern.signBit === 31 ? this.#random.word() : this.#random.below(4096) - 2048,
    });
  }

  #computeSome(): Item {
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.#compute());
  }

  /** An offset near an edge of a page; the hashed parts of a data page are 128 bytes at each end. */
  #offset(width: number, crossing: boolean): number {
    const random = this.#random;
    if (crossing && random.chance(0.25)) return 4096 - width + random.below(width);
    const offset = random.chance(0.5) ? 8 + random.below(104) : 0xf88 + random.below(104);
    return random.chance(0.7) ? offset & -width : offset;
  }

  #address(width: number, atomic = false): number {
    const random = this.#random;
    const { mode, satp, vsatp, stage2, outside } = this.#context;
    const translated =
      mode === 'M'
        ? this.#context.virtual || satp !== 0
        : mode === 'VS' || mode === 'VU'
          ? vsatp !== 0 || stage2
          : satp !== 0;
    const offset = (last: boolean) => this.#offset(width, !last && !atomic && !outside);
    const choice = random.below(translated ? 10 : 4);
    if (choice < 3) {
      const page = random.below(Place.dataPages);
      return Place.data + 4096 * page + offset(page === Place.dataPages - 1);
    }
    if (choice === 3) return random.chance(0.15) ? 0x8f00_0000 + this.#offset(4, false) : Place.data + offset(false);
    // Without a first stage the windows are guest physical and may be one region of the second stage.
    if (choice < 8 && !(this.#context.virtual && vsatp === 0 && stage2)) {
      const page = random.below(WINDOW_PAGES);
      return Window.pages + 4096 * page + offset(false);
    }
    const page = random.below(Place.dataPages);
    return random.pick([Window.region, Window.other]) + 4096 * page + offset(page === Place.dataPages - 1);
  }

  #access(row: InstructionRow): Item {
    const { effect, mnemonic } = row;
    const width =
      effect.kind === 'load' || effect.kind === 'store'
        ? effect.width
        : mnemonic.includes('.b')
          ? 1
          : mnemonic.includes('.h')
            ? 2
            : 4;
    const hasOffset = effect.kind === 'load' || effect.kind === 'store';
    const immediate = hasOffset ? this.#random.pick([0, 0, 4, -4, 8, -8, 2047, -2048]) : 0;
    const address = this.#address(width);
    const fields = { rd: this.#destination(), rs1: ADDRESS, rs2: this.#source(), immediate };
    return [...loadConstant(ADDRESS, address - immediate), encodeFields(row.pattern, fields)];
  }

  #atomic(): Item {
    const row = this.#random.pick(atomics);
    const fields = {
      rd: this.#destination(),
      rs1: ADDRESS,
      rs2: this.#source(),
      aq: this.#random.below(2),
      rl: this.#random.below(2),
    };
    return [...loadConstant(ADDRESS, this.#address(4, true)), encodeFields(row.pattern, fields)];
  }

  /** LR, some arithmetic, SC to the same address; or an SC for which nothing is reserved, at an address that is good. */
  #reserved(): Item {
    const between = this.#random.chance(0.5) ? [this.#compute()] : [];
    const rd = 1 + this.#random.below(28);
    return [
      ...loadConstant(ADDRESS, this.#address(4, true)),
      word('lr.w', { rd, rs1: ADDRESS }),
      word('sc.w', { rd: this.#destination(), rs1: ADDRESS, rs2: this.#source() }),
      ...between,
    ];
  }

  #jump(index: number, count: number): Item {
    const random = this.#random;
    const target = Math.min(index + 1 + random.below(5), count);
    const misaligned = random.chance(0.08) ? 2 : 0;
    const rd = this.#destination();
    switch (random.below(3)) {
      case 0:
        return [{ target, build: (distance) => word('jal', { rd, immediate: distance + misaligned }) }];
      case 1: {
        const row = random.pick(branches);
        const fields = { rs1: this.#source(), rs2: this.#source() };
        return [
          { target, build: (distance) => encodeFields(row.pattern, { ...fields, immediate: distance + misaligned }) },
        ];
      }
      default: {
        const odd = random.below(2); // the lowest bit of the sum is ignored
        return [
          word('auipc', { rd: ADDRESS, immediate: 0 }),
          {
            target,
            build: (distance) => word('jalr', { rd, rs1: ADDRESS, immediate: distance + 4 + misaligned + odd }),
          },
        ];
      }
    }
  }

  #loop(): Item {
    const random = this.#random;
    const body = Array.from({ length: 1 + random.below(3) }, () => this.#compute());
    const access = random.chance(0.7) ? this.#access(random.pick([...loads, ...stores])) : [];
    const length = body.length + access.length + 1;
    return [
      word('addi', { rd: COUNTER, rs1: 0, immediate: 1 + random.below(6) }),
      ...body,
      ...access,
      word('addi', { rd: COUNTER, rs1: COUNTER, immediate: -1 }),
      word('bne', { rs1: COUNTER, rs2: 0, immediate: -4 * length }),
    ];
  }

  /** Overwrites an instruction a little further on, at its own address or through another, perhaps after executing it. */
  #selfModify(): Item {
    const random = this.#random;
    const { start, aliasWritable } = this.#context;
    const replacement = this.#compute();
    const patched = this.#compute();
    const alias = aliasWritable && random.chance(0.5);
    // The item's own address is not known yet, so its base is taken from pc: x30 := address of AUIPC.
    const base = [word('auipc', { rd: ADDRESS, immediate: 0 })];
    const toAlias = alias
      ? [
          word('lui', {
            rd: COUNTER,
            immediate: ((Window.pages + 4096 * ALIAS_PAGE - (start & 0xffff_f000)) & 0xffff_f000) | 0,
          }),
          word('add', { rd: COUNTER, rs1: COUNTER, rs2: ADDRESS }),
        ]
      : [
          word('addi', { rd: COUNTER, rs1: ADDRESS, immediate: 0 }),
          word('addi', { rd: COUNTER, rs1: COUNTER, immediate: 0 }),
        ];
    const value = loadConstant(VALUE, replacement | 0);
    // auipc, two words to form the address, two of the value, the store, FENCE.I, then the word that is replaced
    const distance = 4 * 7;
    return [
      ...base,
      ...toAlias,
      ...value,
      word('sw', { rs1: COUNTER, rs2: VALUE, immediate: distance }),
      word('fence.i'),
      patched,
    ];
  }

  /** Into a page of EBREAKs, or where fetching fails; the trap handler comes back by ra. */
  #jumpOut(): Item {
    const random = this.#random;
    const { mode, satp, vsatp, unsafePages } = this.#context;
    const translated = mode === 'VS' || mode === 'VU' ? vsatp !== 0 : mode !== 'M' && satp !== 0;
    const safe = Array.from({ length: WINDOW_PAGES }, (_, page) => page).filter((page) => !unsafePages.has(page));
    const offset = 4 * random.below(1024);
    let target: number = Place.breakpoints + offset;
    if (translated && safe.length > 0 && random.chance(0.7)) target = Window.pages + 4096 * random.pick(safe) + offset;
    else if (random.chance(0.2)) target = 0x8f00_0000 + offset;
    else if (mode !== 'HS' && mode !== 'VS' && random.chance(0.2)) target = Place.stub; // a page that only S-mode may execute
    return [...loadConstant(ADDRESS, target), word('jalr', { rd: 1, rs1: ADDRESS, immediate: 0 })];
  }

  #mayFence(): boolean {
    const { mode, trapsFences } = this.#context;
    return mode === 'M' || ((mode === 'HS' || mode === 'VS') && !trapsFences);
  }

  /** Changes one entry of the window's table and fences. */
  #changeTable(): Item {
    const random = this.#random;
    const { mode, unsafePages, stage2 } = this.#context;
    const candidates = Array.from({ length: WINDOW_PAGES }, (_, page) => page);
    const page = random.pick(candidates);
    const leaf = randomLeaf(random, {
      updated: stage2,
      outside: this.#context.outside,
      userCode: !this.#context.sum,
      stage2: false,
    });
    const value = leaf.runs && !unsafePages.has(page) ? leaf.value & ~8 : leaf.value;
    const all = random.chance(0.5);
    const fence = { rs1: all ? 0 : ADDRESS, rs2: 0 };
    return [
      ...loadConstant(ADDRESS, Place.tableB + 4 * page),
      ...loadConstant(VALUE, value | 0),
      word('sw', { rs1: ADDRESS, rs2: VALUE, immediate: 0 }),
      ...loadConstant(ADDRESS, Window.pages + 4096 * page + 4 * random.below(1024)),
      word('sfence.vma', fence),
      ...(mode === 'M' || mode === 'HS' ? [word('hfence.vvma', fence)] : []),
      // The region windows may lead to the same table, under another address.
      word('sfence.vma', { rs1: 0, rs2: 0 }),
    ];
  }

  #special(): Item {
    const random = this.#random;
    const { mode } = this.#context;
    switch (random.below(6)) {
      case 0:
        return [word('ecall')];
      case 1:
        return [word('ebreak')];
      case 2: {
        const fields = { rs1: this.#source(), rs2: this.#source() };
        // In VU-mode QEMU 7.2 calls fences and SRET illegal (manual: virtual instructions), and WFI the other way round.
        if (mode === 'VU') return [this.#compute()];
        return [word(random.pick(['sfence.vma', 'hfence.vvma', 'hfence.gvma']), fields)];
      }
      case 3:
        return [word(random.pick(['fence', 'fence.i']), { pred: random.below(16), succ: random.below(16) })];
      case 4: {
        const refused = mode === 'M' ? [] : ['mret', ...(mode === 'U' ? ['sret', 'wfi'] : [])];
        return [refused.length > 0 ? word(random.pick(refused)) : this.#compute()];
      }
      default:
        return [this.#illegalWord()];
    }
  }

  /** A word that no instruction has, near one that some instruction has. */
  #illegalWord(): number {
    const random = this.#random;
    for (;;) {
      const { pattern } = random.pick(instructions);
      const flipped =
        ((random.word() & ~pattern.mask) | pattern.match) ^ (1 << random.below(32)) ^ (1 << random.below(32));
      if (decode(flipped) === undefined && !belongsToOthers(flipped)) return flipped >>> 0;
    }
  }

  /** Goes on in another mode. */
  #enter(mode: Mode, start: number): Item {
    const machine = this.#context.mode === 'M';
    const virtual = mode === 'VS' || mode === 'VU';
    const supervisor = mode === 'HS' || mode === 'VS';
    const csr = (operation: string, name: string, rs1: number) =>
      word(operation, { rd: 0, rs1, immediate: csrNumber(name) });
    const items: number[] = [...loadConstant(ADDRESS, start), csr('csrrw', machine ? 'mepc' : 'sepc', ADDRESS)];
    const setBits = (name: string, clear: number, set: number) => {
      items.push(...loadConstant(ADDRESS, clear), csr('csrrc', name, ADDRESS));
      if (set !== 0) items.push(...loadConstant(ADDRESS, set), csr('csrrs', name, ADDRESS));
    };
    if (machine) {
      // MPRV goes, too: QEMU 7.2 leaves it set when MRET leaves M-mode.
      setBits('mstatus', 0x2_1800, supervisor ? 0x800 : 0);
      setBits('mstatush', 0x80, virtual ? 0x80 : 0);
      items.push(word('mret'));
    } else {
      setBits('sstatus', 0x100, supervisor ? 0x100 : 0);
      if (this.#context.mode === 'HS' && this.#context.virtual) setBits('hstatus', 0x80, virtual ? 0x80 : 0);
      items.push(word('sret'));
    }
    return items;
  }
}

/** Words that are legal on QEMU 7.2's CPU with our options, but not here: instructions of extensions it cannot leave out. */
function belongsToOthers(word: number): boolean {
  const opcode = word & 0x7f;
  if ((word & 3) !== 3) return false;
  // URET is gone from the manual, DRET belongs to the debugger; the rest of SYSTEM is compared.
  return opcode === 0x73 && (word === 0x7b20_0073 || word === 0x0020_0073);
}

/** The words of one piece; the last is where it ends. */
export const writePiece = (context: PieceContext): readonly number[] => new PieceWriter(context).write();
