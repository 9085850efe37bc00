// Programs made by chance that never end: loops in loops, calls, jump tables, memory, atomics, traps, code that changes.
// They are text, so a failing one can be read. Registers have roles:
//
//   a0 … a7, t1, t2, gp   values                s8 … s11   bases of memory accesses
//   t3, t4                scratch of a piece    s0 … s3    counters of loops, by how deep they are nested
//   t0                    a second link         s4         depth of the recursion
//   t5, t6, tp            the trap handler's

import fc from 'fast-check';
import type { Environment } from './environment.test-support.ts';

/** A piece of a program: its lines, given how deep it is nested and where labels come from. */
type Piece = (context: Context) => readonly string[];

interface Context {
  readonly depth: number;
  /** Functions that may be called: those behind the one this is part of. */
  readonly callees: readonly number[];
  readonly label: () => string;
  /** Words that go into the data section. */
  readonly table: (label: string, entries: readonly string[]) => void;
}

const FUNCTIONS = 4;
const values = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 't1', 't2', 'gp'];
const value = fc.constantFrom(...values);
const source = fc.constantFrom(...values, 'zero', 's8', 's1');
const target = fc.constantFrom(...values, ...values, 'zero');
const base = fc.constantFrom('s8', 's9', 's10', 's11');

const line = (text: string): Piece => {
  const lines = [`        ${text}`];
  return () => lines;
};

const compute = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        ...['add', 'sub', 'sll', 'srl', 'sra', 'slt', 'sltu', 'and', 'or', 'xor'],
        ...['mul', 'mulh', 'mulhu', 'mulhsu', 'div', 'divu', 'rem', 'remu'],
      ),
      target,
      source,
      source,
    )
    .map(([name, rd, rs1, rs2]) => line(`${name} ${rd}, ${rs1}, ${rs2}`)),
  fc
    .tuple(
      fc.constantFrom('addi', 'slti', 'sltiu', 'andi', 'ori', 'xori'),
      target,
      source,
      fc.integer({ min: -2048, max: 2047 }),
    )
    .map(([name, rd, rs1, immediate]) => line(`${name} ${rd}, ${rs1}, ${immediate}`)),
  fc
    .tuple(fc.constantFrom('slli', 'srli', 'srai'), target, source, fc.integer({ min: 0, max: 31 }))
    .map(([name, rd, rs1, amount]) => line(`${name} ${rd}, ${rs1}, ${amount}`)),
  fc
    .tuple(fc.constantFrom('lui', 'auipc'), value, fc.integer({ min: 0, max: 0xfffff }))
    .map(([name, rd, upper]) => line(`${name} ${rd}, ${upper}`)),
);

const offset = fc.oneof(
  fc.constantFrom(-8, -6, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 4, 6, 8, 8, 12, 16, 20, 24),
  fc.integer({ min: -512, max: 511 }).map((word) => 4 * word),
);
const access = fc
  .tuple(
    fc.constantFrom('lw', 'lw', 'lh', 'lhu', 'lb', 'lbu', 'sw', 'sw', 'sh', 'sb'),
    base,
    offset,
    value,
    fc.boolean(), // through a copy of the base that the load itself overwrites
  )
  .map(([name, through, at, register, overwrites]): Piece => {
    const lines =
      overwrites && name.startsWith('l')
        ? [`        mv ${register}, ${through}`, `        ${name} ${register}, ${at}(${register})`]
        : [`        ${name} ${register}, ${at}(${through})`];
    return () => lines;
  });
/** Neighbours through one base: what a stack frame or a copy looks like. */
const accesses = fc
  .tuple(
    base,
    fc.array(
      fc.tuple(
        fc.constantFrom('lw', 'lw', 'lhu', 'lb', 'sw', 'sw', 'sh', 'sb'),
        fc.oneof(fc.integer({ min: -4, max: 6 }), fc.integer({ min: -300, max: 300 })),
        value,
        fc.constantFrom(0, 0, 0, 0, 0, 2, 1),
      ),
      { minLength: 2, maxLength: 7 },
    ),
  )
  .map(([through, members]): Piece => {
    const lines = members.map(
      ([name, word, register, more]) => `        ${name} ${register}, ${4 * word + more}(${through})`,
    );
    return () => lines;
  });
/** A base goes to a place near the end of a page, or a little on. */
const aim = fc.oneof(
  fc
    .tuple(base, fc.constantFrom(2048, 4096, 4092, 4080, 8190, 8188, 8192, 8193, 10_000, 12_280))
    .map(([register, at]): Piece => {
      const lines = [
        `        la ${register}, data`,
        `        li t3, ${at}`,
        `        add ${register}, ${register}, t3`,
      ];
      return () => lines;
    }),
  fc
    .tuple(base, fc.constantFrom(4, -4, 8, 1, -1))
    .map(([register, by]) => line(`addi ${register}, ${register}, ${by}`)),
);

const atomic = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('swap', 'add', 'xor', 'and', 'or', 'min', 'max', 'minu', 'maxu'),
      target,
      value,
      base,
      fc.integer({ min: -3, max: 3 }),
    )
    .map(([name, rd, rs2, through, word]): Piece => () => [
      `        addi t3, ${through}, ${4 * word}`,
      ...(word === 3 ? [] : ['        andi t3, t3, -4']),
      `        amo${name}.w ${rd}, ${rs2}, (t3)`,
    ]),
  fc
    .tuple(target, value, base, fc.array(compute, { maxLength: 3 }), fc.boolean())
    .map(([rd, rs2, through, between, moves]): Piece => (context) => [
      `        andi t3, ${through}, -4`,
      `        lr.w ${rd}, (t3)`,
      ...between.flatMap((piece) => piece(context)),
      ...(moves ? ['        addi t3, t3, 4'] : []),
      `        sc.w ${rs2}, a0, (t3)`,
    ]),
);

const counter = fc
  .tuple(fc.constantFrom('instret', 'cycle', 'time', 'instreth'), value)
  .map(([name, rd]) => line(`csrr ${rd}, ${name}`));
const trap = fc
  .constantFrom('ecall', 'ebreak', '.word 0', 'csrr a0, 0x7c0', 'fence.i', 'fence', 'lw a1, 64(zero)')
  .map(line);

const condition = fc.tuple(fc.constantFrom('beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'), source, source);

/** Changes an instruction that some function or the main loop has kept for it. */
const patch = fc
  .tuple(
    fc.integer({ min: 0, max: FUNCTIONS }),
    fc.constantFrom(
      ...[0x0015_0513, 0x0075_c593, 0x0000_0013, 0x0006_2003, 0x40b5_0533, 0x0000_0463, 0x0000_0000, 0x0000_0073],
      ...[0x000c_2503, 0x00ac_2023, 0x0080_006f, 0xc020_25f3],
    ),
    fc.constantFrom('sw', 'sb', 'sh', 'amo'),
    fc.boolean(),
  )
  .map(([slot, word, how, fence]): Piece => {
    const store = { sw: ['sw t4, 0(t3)'], sb: ['sb t4, 0(t3)'], sh: ['sh t4, 2(t3)'], amo: ['amoswap.w a3, t4, (t3)'] };
    // Only one byte or half of the word at a time gives instructions nobody chose: among them none that jumps away.
    const harmless = how === 'sb' ? 0x13 : how === 'sh' ? 0x0010_0000 : word;
    const constant = how === 'sh' ? harmless >>> 16 : harmless | 0;
    const restore = how === 'sb' || how === 'sh' ? ['li t4, 19', 'sw t4, 0(t3)'] : [];
    const lines = [
      `la t3, slot${slot}`,
      ...restore,
      `li t4, ${constant}`,
      ...store[how],
      ...(fence ? ['fence.i'] : []),
    ];
    return () => lines.map((text) => `        ${text}`);
  });
const callOf = fc
  .tuple(fc.nat(), fc.constantFrom('call', 'register', 'second link'))
  .map(([which, how]): Piece => ({ callees }) => {
    const callee = callees[which % Math.max(1, callees.length)];
    if (callee === undefined) return [];
    if (how === 'register') return [`        la t3, function${callee}`, '        jalr ra, 0(t3)'];
    if (how === 'second link') return ['        jal t0, leaf'];
    return [`        call function${callee}`];
  });
const recursion = fc.constantFrom(2, 9, 60).map(
  (depth): Piece =>
    ({ callees }) =>
      callees.length < 3 ? [] : [`        li s4, ${depth}`, '        call recursive'],
);

/** Pieces that hold pieces; `depth` bounds how deep. */
const { piece } = fc.letrec<{ piece: Piece; pieces: readonly Piece[] }>((tie) => {
  const pieces = tie('pieces');
  const all = (inside: readonly Piece[], context: Context): readonly string[] =>
    inside.flatMap((each) => each({ ...context, depth: context.depth + 1 }));
  const choice = fc
    .tuple(condition, pieces, fc.option(pieces, { nil: undefined }))
    .map(([[name, a, b], then, otherwise]): Piece => (context) => {
      const [other, end] = [context.label(), context.label()];
      return [
        `        ${name} ${a}, ${b}, ${other}`,
        ...all(then, context),
        ...(otherwise ? [`        j ${end}`] : []),
        `${other}:`,
        ...(otherwise ? all(otherwise, context) : []),
        `${end}:`,
      ];
    });
  const loop = fc
    .tuple(
      fc.integer({ min: 1, max: 5 }),
      pieces,
      pieces,
      condition,
      fc.constantFrom('', '', 'leave', 'middle', 'again'),
    )
    .map(([count, first, second, [name, a, b], how]): Piece => (context) => {
      if (context.depth > 3) return all(first, context);
      const register = `s${context.depth}`;
      const [head, middle, end] = [context.label(), context.label(), context.label()];
      return [
        `        li ${register}, ${count}`,
        ...(how === 'middle' ? [`        ${name} ${a}, ${b}, ${middle}`] : []), // a loop with two entries
        `${head}:`,
        ...all(first, context),
        ...(how === 'leave' ? [`        ${name} ${a}, ${b}, ${end}`] : []),
        ...(how === 'again'
          ? [`        addi ${register}, ${register}, -1`, `        ${name} ${a}, ${b}, ${middle}`]
          : [`${middle}:`]),
        ...all(second, context),
        ...(how === 'again' ? [`${middle}:`] : [`        addi ${register}, ${register}, -1`]),
        `        bgtz ${register}, ${head}`,
        `${end}:`,
      ];
    });
  const jumpTable = fc
    .tuple(value, fc.array(pieces, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([by, cases, viaCallee]): Piece => (context) => {
      const [table, end] = [context.label(), context.label()];
      const labels = cases.map(() => context.label());
      const entries = Array.from({ length: 4 }, (_, index) => labels[index % labels.length] ?? end);
      context.table(table, entries);
      return [
        `        la t3, ${table}`,
        `        andi t4, ${by}, 3`,
        '        slli t4, t4, 2',
        '        add t3, t3, t4',
        '        lw t3, 0(t3)',
        viaCallee ? '        jalr zero, 1(t3)' : '        jr t3', // bit 0 of a target is cleared
        ...cases.flatMap((inside, index) => [`${labels[index] ?? ''}:`, ...all(inside, context), `        j ${end}`]),
        `${end}:`,
      ];
    });
  return {
    piece: fc.oneof(
      { maxDepth: 5, depthSize: 'large', depthIdentifier: 'piece', withCrossShrink: true },
      { weight: 10, arbitrary: compute },
      { weight: 4, arbitrary: access },
      { weight: 4, arbitrary: accesses },
      { weight: 2, arbitrary: aim },
      { weight: 1, arbitrary: atomic },
      { weight: 1, arbitrary: counter },
      { weight: 1, arbitrary: trap },
      { weight: 1, arbitrary: patch },
      { weight: 3, arbitrary: callOf },
      { weight: 1, arbitrary: recursion },
      { weight: 3, arbitrary: choice },
      { weight: 4, arbitrary: loop },
      { weight: 2, arbitrary: jumpTable },
    ),
    pieces: fc.array(tie('piece'), { minLength: 0, maxLength: 6, size: 'large', depthIdentifier: 'piece' }),
  };
});

interface FunctionParts {
  readonly body: readonly Piece[];
  readonly slotAt: number;
  /** How it ends: by a plain return, behind the next instruction, in another function, by starting the main loop anew. */
  readonly ending: 'return' | 'skip' | 'tail' | 'escape';
  /** Bytes between it and the one before. */
  readonly gap: number;
}

const functionParts: fc.Arbitrary<FunctionParts> = fc.record({
  body: fc.array(piece, { minLength: 1, maxLength: 9, size: 'large' }),
  slotAt: fc.nat(6),
  ending: fc.constantFrom('return', 'return', 'return', 'skip', 'tail', 'escape'),
  gap: fc.constantFrom(0, 0, 0, 4, 1000, 4000),
});

/** Text of a program that handles its traps and never ends. @param environment whose registers its handler uses */
export const madeProgram = (environment: Environment): fc.Arbitrary<string> =>
  fc
    .record({
      main: functionParts,
      functions: fc.array(functionParts, { minLength: FUNCTIONS, maxLength: FUNCTIONS }),
      period: fc.constantFrom(0, 3, 7, 23, 101),
    })
    .map(({ main, functions, period }) => textOf(environment, main, functions, period));

function textOf(
  environment: Environment,
  main: FunctionParts,
  functions: readonly FunctionParts[],
  period: number,
): string {
  let labels = 0;
  const tables: string[] = [];
  const context = (caller: number): Context => ({
    depth: 0,
    callees: functions.map((_, index) => index).filter((index) => index > caller),
    label: () => `.L${labels++}`,
    table: (label, entries) => tables.push(`${label}: .word ${entries.join(', ')}`),
  });
  const bodyOf = (parts: FunctionParts, number: number, slot: number): readonly string[] => {
    const pieces = parts.body.map((each) => each(context(number)));
    pieces.splice(Math.min(parts.slotAt, pieces.length), 0, [`slot${slot}: nop`, '        addi a1, a1, 1']);
    return pieces.flat();
  };
  return [
    `_start: la s8, data + 4096\n la s9, data + 8188\n la s10, data + 8192\n la s11, data + 2050`,
    ...(period > 0 ? startTimer(environment, period) : []),
    `again:  la sp, stackend`,
    ...bodyOf(main, -1, FUNCTIONS),
    '        j again',
    ...functions.flatMap((parts, number) => [
      `        .space ${parts.gap}`,
      `function${number}:`,
      ...save,
      ...bodyOf(parts, number, number),
      ...endingOf(parts.ending, number),
    ]),
    'leaf:   addi a2, a2, 1\n xor a3, a3, a2\n jr t0',
    recursive,
    `        .data\n .balign 4096\ndata: .space 16384\nstack: .space 8192\nstackend:`,
    ...tables,
    handlerOf(environment, period),
  ].join('\n');
}

const SAVED = ['s0', 's1', 's2', 's3', 'ra'];
const save = ['        addi sp, sp, -32', ...SAVED.map((name, index) => `        sw ${name}, ${4 * index}(sp)`)];
const restore = [...SAVED.map((name, index) => `        lw ${name}, ${4 * index}(sp)`), '        addi sp, sp, 32'];

function endingOf(ending: FunctionParts['ending'], number: number): readonly string[] {
  const plain = [...restore, '        ret'];
  switch (ending) {
    case 'return':
      return plain;
    case 'skip': // behind the instruction it was called from, and the one behind that; all there are is 4 bytes long
      return [
        ...restore,
        '        andi t3, a0, 4',
        '        bnez t3, 1f',
        '        ret',
        '1:      addi ra, ra, 0',
        '        jalr zero, 0(ra)',
      ];
    case 'tail':
      return number + 1 < FUNCTIONS ? [...restore, `        tail function${number + 1}`] : plain;
    case 'escape': // a jump out of all calls, now and then
      return ['        andi t3, a1, 7', '        bnez t3, 1f', '        la t3, again', '        jr t3', '1:', ...plain];
  }
}

const recursive = `
recursive:
        addi sp, sp, -16
        sw   ra, 0(sp)
        sw   s4, 4(sp)
        blez s4, 1f
        addi s4, s4, -1
        add  a4, a4, s4
        call recursive
        lw   a5, 4(sp)
        add  a4, a4, a5
1:      lw   s4, 4(sp)
        lw   ra, 0(sp)
        addi sp, sp, 16
        ret
`;

function startTimer(environment: Environment, period: number): readonly string[] {
  if (environment === 'machine') {
    return ['li t3, 0x2004000', 'sw zero, 4(t3)', `li t4, ${period}`, 'sw t4, 0(t3)'];
  }
  // In U-mode the first trap starts it.
  return environment === 'user' ? ['ecall'] : [`li t4, ${period}`, 'csrw stimecmp, t4', 'csrw stimecmph, zero'];
}

/** Folds every register that a program uses into t5: a trap sees them all. */
const seen = [...values, ...SAVED, 't0', 't3', 't4', 's4', 's8', 's9', 's10', 's11', 'sp']
  .map((register, index) => `        ${index % 2 === 0 ? 'add' : 'xor'}  t5, t5, ${register}`)
  .join('\n');

/** Counts traps in memory, sets the timer anew, and goes on behind an instruction that trapped. */
function handlerOf(environment: Environment, period: number): string {
  const x = environment === 'machine' ? 'm' : 's';
  const arm =
    environment === 'machine'
      ? `li t5, 0x200bff8\n lw t6, 0(t5)\n addi t6, t6, ${period}\n li t5, 0x2004000\n sw t6, 0(t5)\n sw zero, 4(t5)`
      : `csrr t6, time\n addi t6, t6, ${period}\n csrw stimecmp, t6\n csrw stimecmph, zero`;
  return `
        .balign 4096
kernel:
handler:
        csrrw tp, ${x}scratch, tp
        sw   t5, 0(tp)
        sw   t6, 4(tp)
        lw   t5, 20(tp)
${seen}
        sw   t5, 20(tp)
        csrr t6, ${x}cause
        bltz t6, 1f
        lw   t5, 8(tp)
        add  t5, t5, t6
        addi t5, t5, 1
        sw   t5, 8(tp)
        csrr t5, ${x}tval
        sw   t5, 12(tp)
        csrr t6, ${x}epc
        addi t6, t6, 4
        csrw ${x}epc, t6
        ${environment === 'user' && period > 0 ? arm : ''}
        j    2f
1:      ${period > 0 ? arm : ''}
        lw   t5, 16(tp)
        addi t5, t5, 1
        sw   t5, 16(tp)
2:      lw   t5, 0(tp)
        lw   t6, 4(tp)
        csrrw tp, ${x}scratch, tp
        ${x}ret
        .balign 64
scratch: .space 64
        .balign 4096
`;
}
