// The loader's reading of ELF files against the System V ABI's chapters "ELF Header", "Program Header" and "Symbol Table".

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../isa/assembly/assemble.ts';
import { CODE, makeElf } from './elf-file.test-support.ts';
import { checkElfFits, elfLoads, ImageError, parseElf } from './elf.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('a sound program', () => {
  it('has its loadable segments by physical address, its bytes as views', () => {
    const file = makeElf({
      entry: 0x80000004,
      segments: [
        { address: 0x80002000, bytes: bytes(1, 2), memorySize: 0x1000, flags: 6 },
        { address: 0x80000000, bytes: bytes(3, 4, 5, 6, 7), flags: 5 },
        { address: 0, bytes: bytes(9), type: 4 }, // a note
        { address: 0x90000000, bytes: bytes(), memorySize: 0 }, // nothing to load
      ],
    });
    const elf = parseElf(file);
    expect(elf.entry).toBe(0x80000004);
    expect(elf.segments.map(({ address, memorySize }) => [address, memorySize])).toEqual([
      [0x80000000, 5],
      [0x80002000, 0x1000],
    ]);
    expect(elf.segments.map(({ readable, writable, executable }) => [readable, writable, executable])).toEqual([
      [true, false, true],
      [true, true, false],
    ]);
    expect([...(elf.segments[0]?.bytes ?? [])]).toEqual([3, 4, 5, 6, 7]);
    expect(elf.segments[0]?.bytes.buffer).toBe(file.buffer);
  });

  it('may hold a segment of zeros alone, whose offset lies behind the end of the file', () => {
    // Our own assembler writes such files; odd-accesses has a .bss and no .data.
    const source = readFileSync('src/guests/hostile/odd-accesses.s', 'utf8');
    const built = assemble(source, { textAddress: 0x8040_0000 });
    const elf = built.ok ? parseElf(built.image) : undefined;
    expect(elf?.segments.at(-1)?.bytes).toEqual(new Uint8Array(0));
    expect(elf?.segments.at(-1)?.memorySize).toBeGreaterThan(0);
  });

  it('starts at the physical address of its entry when it is linked high', () => {
    const segment = { address: 0x80400000, virtualAddress: 0xc0000000, bytes: CODE };
    expect(parseElf(makeElf({ entry: 0xc0000000, segments: [segment] })).entry).toBe(0x80400000);
  });

  it('may end with the address space', () => {
    const elf = parseElf(makeElf({ segments: [{ address: 0xfffffffc, bytes: CODE }] }));
    expect(elf.segments[0]?.address).toBe(0xfffffffc);
  });

  it('tells what it was compiled for', () => {
    const withCompressed = [{ address: 0x80000000, bytes: Uint8Array.of(...CODE, 0x01, 0x00, 0x01, 0x00) }];
    expect(parseElf(makeElf({ flags: 5, segments: withCompressed }))).toMatchObject({
      compressed: true,
      hardFloat: true,
    });
    expect(parseElf(makeElf())).toMatchObject({ compressed: false, hardFloat: false });
  });

  it('is not refused for compressed instructions that it may have somewhere', () => {
    // riscv-tests' ma_fetch assembles two of them, which only a hart with C executes: the flag is set.
    expect(parseElf(makeElf({ flags: 1 }))).toMatchObject({ compressed: false });
  });

  it('is read from anywhere in a larger buffer', () => {
    const file = makeElf();
    const larger = new Uint8Array(file.length + 9);
    larger.set(file, 3);
    expect([...(parseElf(larger.subarray(3)).segments[0]?.bytes ?? [])]).toEqual([...CODE]);
  });
});

describe('symbols', () => {
  const elf = parseElf(
    makeElf({
      symbols: [
        { name: 'main', address: 0x80000010, size: 8, type: 2 },
        { name: '_start', address: 0x80000000 },
        { name: 'tohost', address: 0x80001000, type: 1, section: 2 },
        { name: 'helper', address: 0x80000020, type: 2 },
        { name: 'helper', address: 0x80000030, type: 2, local: true },
        { name: '$xrv32i2p1', address: 0x80000000 },
        { name: '.L12', address: 0x80000004 },
        { name: 'elsewhere', address: 0, section: 0 },
        { name: 'STACK_SIZE', address: 0x1000, section: 0xfff1 },
      ],
    }),
  );

  it('are found by name, global before local', () => {
    expect(elf.symbol('tohost')).toBe(0x80001000);
    expect(elf.symbol('helper')).toBe(0x80000020);
    expect(elf.symbol('STACK_SIZE')).toBe(0x1000);
    expect(elf.symbol('elsewhere')).toBeUndefined();
    expect(elf.symbol('constructor')).toBeUndefined();
  });

  it('list functions and labels in code by address, without data and without the tools’ own', () => {
    expect(elf.functions).toEqual([
      { name: '_start', address: 0x80000000, size: 0 },
      { name: 'main', address: 0x80000010, size: 8 },
      { name: 'helper', address: 0x80000020, size: 0 },
      { name: 'helper', address: 0x80000030, size: 0 },
    ]);
  });

  it('are left out, without complaint, where their tables are damaged or stripped', () => {
    for (const offset of [0xffffff00, 0]) {
      const file = makeElf({ symbols: [{ name: 'main', address: 1 }] });
      new DataView(file.buffer).setUint32(32, offset, true);
      expect(parseElf(file).functions).toEqual([]);
    }
  });
});

describe('a file that cannot run says what was expected, found and to be done', () => {
  const segment = (changes: object) => makeElf({ segments: [{ address: 0x80000000, bytes: CODE, ...changes }] });
  it.each([
    ['empty', bytes(), /starts with 7f 45 4c 46; found an empty file/],
    ['no ELF', bytes(1, 2, 3, 4, 5), /found 01 02 03 04/],
    ['only the magic', makeElf().subarray(0, 10), /its header to end at byte 52; found a file of 10 bytes/],
    ['half a header', makeElf().subarray(0, 40), /found a file of 40 bytes. The file is cut off/],
    ['for x86-64', makeElf({ patches: [[4, 2], [18, 62, 0]] }), /found one for x86-64 \(machine 62\)/], // prettier-ignore
    ['for ARM', makeElf({ patches: [[18, 40, 0]] }), /ARM \(32-bit\) \(machine 40\)/],
    ['for big-endian MIPS', makeElf({ patches: [[5, 2], [18, 0, 8]] }), /found one for MIPS/], // prettier-ignore
    ['for an unknown machine', makeElf({ patches: [[18, 0x34, 0x12]] }), /an unknown machine \(machine 4660\)/],
    ['64-bit', makeElf({ patches: [[4, 2]] }), /32-bit ELF file; found a 64-bit one. .* -march=rv32ima/],
    ['of no class', makeElf({ patches: [[4, 7]] }), /found class 7/],
    ['big-endian', makeElf({ patches: [[5, 2], [18, 0, 243]] }), /found a big-endian one/], // prettier-ignore
    ['an object file', makeElf({ patches: [[16, 1, 0]] }), /found an object file that is not linked yet \(type 1\)/],
    ['a core dump', makeElf({ patches: [[16, 4, 0]] }), /a core dump/],
    ['without segments', makeElf({ segments: [] }), /at least one segment to load; found none/],
    [
      'with program headers outside',
      makeElf({ patches: [[28, 0xf0, 0xff, 0xff, 0xff]] }),
      /its program headers to end/,
    ],
    ['with short program headers', makeElf({ patches: [[42, 8, 0]] }), /program headers of 32 bytes; found 8/],
    ['truncated in a segment', segment({ fileSize: 0x100000 }), /segment 0 to end at byte \d+; found a file of/],
    ['with an offset that wraps', segment({ fileOffset: 0xfffffffe }), /segment 0 to end at byte 4294967298/],
    ['longer in the file than in memory', segment({ memorySize: 2 }), /found 4 and 2 bytes/],
    ['beyond the address space', segment({ address: 0xfffffff0, memorySize: 17 }), /found 17 bytes at 0xfffffff0/],
    ['with gigabytes at a high address', segment({ memorySize: 0xffffffff }), /below the end of the 32-bit/],
    [
      'with overlapping segments',
      makeElf({ segments: [{ address: 0x80000000, bytes: CODE, memorySize: 5 }, { address: 0x80000004, bytes: CODE }] }), // prettier-ignore
      /do not overlap; found 0x80000000 to 0x80000004 and 0x80000004 to 0x80000007/,
    ],
  ])('%s', (_, file, message) => {
    expect(() => parseElf(file)).toThrow(ImageError);
    expect(() => parseElf(file)).toThrow(message);
    expect(() => parseElf(file)).not.toThrow(/\n/);
  });

  it('whatever the damage: a program or an ImageError, nothing else', () => {
    const sound = makeElf({ symbols: [{ name: 'main', address: 0x80000000, type: 2 }] });
    const damage = fc.tuple(fc.oneof(fc.nat(120), fc.nat(sound.length - 1)), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 6 }), fc.nat(sound.length), (damages, length) => {
        const file = sound.slice();
        for (const [at, value] of damages) if (at > 5 && at !== 18 && at !== 19) file[at] = value;
        for (const candidate of [file, file.subarray(0, length)]) {
          try {
            for (const { address, bytes: content, memorySize } of parseElf(candidate).segments) {
              expect(content.length).toBeLessThanOrEqual(memorySize);
              expect(address + memorySize).toBeLessThanOrEqual(2 ** 32);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(ImageError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('RAM', () => {
  const ram = { base: 0x80000000, size: 0x1000 };
  const at = (address: number, memorySize: number, virtualAddress = address) =>
    parseElf(makeElf({ segments: [{ address, bytes: CODE, memorySize, virtualAddress }] }));

  it.each([
    ['GNU ld: headers and code in one segment', [{ address: 0x7ffff000, fileOffset: 0, fileSize: 0x1004 }]],
    [
      'lld: headers in a segment of their own',
      [
        { address: 0x7ffff000, fileOffset: 0, fileSize: 0x74 },
        { address: 0x80000000, fileOffset: 0x1000, fileSize: 4 },
      ],
    ],
  ])('does not hold the headers a linker put below it (%s)', (_, plans) => {
    const file = new Uint8Array(0x1004);
    file.set(makeElf({ segments: plans.map((plan) => ({ ...plan, bytes: new Uint8Array(0) })) }).subarray(0, 52 + 64));
    file.fill(0, 52 + 32 * plans.length);
    file.set(CODE, 0x1000);
    expect(elfLoads(parseElf(file), ram)).toEqual([{ address: 0x80000000, bytes: CODE, memorySize: 4 }]);
    file[0x800] = 1; // not only headers
    if (plans.length === 1) expect(() => elfLoads(parseElf(file), ram)).toThrow(/found one at 0x7ffff000/);
  });

  it('holds the headers where the linker put them there', () => {
    const file = makeElf({ segments: [{ address: 0x80000000, fileOffset: 0, fileSize: 0x58, bytes: CODE }] });
    expect(elfLoads(parseElf(file), ram)).toEqual([
      { address: 0x80000000, bytes: file.subarray(0, 0x58), memorySize: 0x58 },
    ]);
  });

  it('may be filled to the last byte', () => {
    expect(() => checkElfFits(at(0x80000000, 0x1000), ram)).not.toThrow();
  });

  it.each([
    [
      'one byte too much',
      at(0x80000000, 0x1001),
      /found one at 0x80000000 to 0x80001000. Give the machine more memory/,
    ],
    [
      'below',
      at(0x1000, 4),
      /in RAM, 0x80000000 to 0x80000fff; found one at 0x1000 to 0x1003. Link the program for RAM/,
    ],
    ['a vmlinux', at(0, 4, 0xc0000000), /Of a Linux kernel take arch\/riscv\/boot\/Image/],
    ['behind', at(0x80001000, 4), /Give the machine more memory/],
    ['far behind', at(0x9000_0000, 4), /Link the program/],
  ])('holds no segment %s', (_, elf, message) => {
    expect(() => checkElfFits(elf, ram)).toThrow(ImageError);
    expect(() => checkElfFits(elf, ram)).toThrow(message);
  });
});
