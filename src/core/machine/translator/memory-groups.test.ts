// Accesses that share one look into the translations, held against what each of them would find alone.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assembled, wordsOf } from '../../isa/assembly/assembled.test-support.ts';
import { decode, type Decoded } from '../../isa/instructions.ts';
import { groupsOf, type MemoryGroup } from './memory-groups.ts';
import { sideBySide, translatedBy } from './side-by-side.test-support.ts';

const PAGE = 4096;

const decodedLines = (lines: readonly string[]): readonly Decoded[] =>
  wordsOf(assembled(`_start:\n${lines.join('\n')}\n`)).map((word) => {
    const decoded = decode(word);
    if (decoded === undefined) throw new Error('expected an instruction');
    return decoded;
  });

/** What an access does alone at a base: it may go ahead where all its bytes lie in one page. */
function mayGoAhead({ row: { effect }, immediate }: Decoded, base: number): { readonly page: number } | undefined {
  if (effect.kind !== 'load' && effect.kind !== 'store') throw new Error('expected an access');
  return pageOf((base + immediate) >>> 0, effect.width);
}

/** What the check for a group says at a base. */
const groupGoesAhead = ({ lowest, span }: MemoryGroup, base: number) => pageOf((base + lowest) >>> 0, span);

/** The page that holds so many bytes, if one holds all. */
function pageOf(first: number, bytes: number): { readonly page: number } | undefined {
  const last = (first + bytes - 1) >>> 0;
  return Math.floor(first / PAGE) === Math.floor(last / PAGE) ? { page: Math.floor(first / PAGE) } : undefined;
}

const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('lw', 'lw', 'lh', 'lbu', 'sw', 'sh', 'sb'),
        fc.constantFrom('s0', 's1', 'zero'),
        fc.oneof(fc.integer({ min: -8, max: 16 }), fc.integer({ min: -2048, max: 2047 })),
        fc.constantFrom('a0', 'a1', 'a2', 's1'),
      )
      .map(([name, base, offset, register]) => `${name} ${register}, ${offset}(${base})`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('addi s0, s0, 4', 'add a0, a0, s0', 'lr.w a0, (s0)', 'amoadd.w s1, a0, (s0)'),
  },
);
const base = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: -2100, max: 2100 }).map((near) => (0x8000_1000 + near) >>> 0),
  fc.integer({ min: -2100, max: 2100 }).map((near) => near >>> 0),
);

describe('the groups of a block', () => {
  test('go ahead only where every member would alone, in the page that was looked at', () => {
    let members = 0;
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 2, maxLength: 12 }),
        fc.array(base, { minLength: 8, maxLength: 8 }),
        (lines, bases) => {
          const instructions = decodedLines(lines);
          for (const [index, group] of groupsOf(instructions)) {
            members++;
            const member = instructions[index];
            if (member === undefined) throw new Error('expected a member of the block');
            expect(member.row.effect.kind).toBe(group.kind);
            expect(member.rs1).toBe(group.base);
            for (const at of bases) {
              const whole = groupGoesAhead(group, at);
              if (whole) expect(mayGoAhead(member, at)).toEqual(whole);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(members).toBeGreaterThan(200);
  });

  test('end where their base changes, begin with their leader, and are counted apart', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 2, maxLength: 12 }), (lines) => {
        const instructions = decodedLines(lines);
        const groups = groupsOf(instructions);
        for (const [index, group] of groups) {
          expect(index).toBeGreaterThanOrEqual(group.leader);
          expect(groups.get(group.leader)).toBe(group);
          // The last to change the base may be a member itself.
          const between = instructions.slice(group.leader, index);
          expect(between.every(({ rd }) => rd !== group.base)).toBe(true);
        }
        const distinct = new Set(groups.values());
        expect(new Set([...distinct].map(({ number }) => number)).size).toBe(distinct.size);
      }),
    );
  });

  test('are what a compiler writes for a stack frame', () => {
    const groups = groupsOf(
      decodedLines(['sw ra, 12(sp)', 'sw s0, 8(sp)', 'addi a0, a0, 1', 'sw s1, 4(sp)', 'sb a0, 1(sp)']),
    );
    expect([...groups.keys()]).toEqual([0, 1, 3, 4]);
    expect(new Set(groups.values()).size).toBe(1);
    expect(groups.get(0)).toMatchObject({ leader: 0, lowest: 1, span: 15 });
  });
});

test('two groups through one base, under way at the same time', () => {
  const runners = sideBySide(`
_start: la   s0, middle
        li   s1, 0
1:      lw   a0, -1000(s0)
        lw   a1, 1500(s0)
        lw   a2, -996(s0)
        lw   a3, 1504(s0)
        addi a0, a0, 1
        addi a1, a1, 2
        addi a2, a2, 3
        addi a3, a3, 5
        sw   a0, -1000(s0)
        sw   a1, 1500(s0)
        sw   a2, -992(s0)
        sw   a3, 1508(s0)
        addi s1, s1, 1
        j    1b
        .data
        .balign 4096
        .word 1, 2, 3, 4
        .space 2032
middle: .space 4096
`);
  expect(translatedBy(runners)).toBeGreaterThan(0);
});
