// An APLIC's interrupt domains in MSI delivery mode, as the Advanced Interrupt Architecture 1.0 has them (chapter 4), and next to
// QEMU 7.2 where that keeps to it: a level-sensitive source of it stays pending when its wire falls and a detached one looks at the
// wire (against 4.7); a domain takes sources that its parent has not left to it, and keeps bits of inactive ones (against 4.5.2).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Aplic } from './aplic.ts';
import { BUS_ERROR } from './device.ts';
import { HAS_QEMU, startQemuBoard } from './qemu-board.test-support.ts';

const DOMAINCFG = 0;
const sourcecfg = (source: number) => 4 * source;
const target = (source: number) => 0x3000 + 4 * source;
const SETIP = 0x1c00;
const SETIPNUM = 0x1cdc;
const IN_CLRIP = 0x1d00;
const CLRIPNUM = 0x1ddc;
const SETIE = 0x1e00;
const SETIENUM = 0x1edc;
const CLRIE = 0x1f00;
const CLRIENUM = 0x1fdc;
const IE = 0x100;
const DETACHED = 1;
const EDGE1 = 4;
const EDGE0 = 5;
const LEVEL1 = 6;
const LEVEL0 = 7;
const DELEGATED = 0x400;

function mount() {
  const sent: string[] = [];
  const send = (address: number, identity: number) => sent.push(`${address.toString(16)} ${identity}`);
  const root = new Aplic({ level: 'machine', harts: 2, guestFiles: 0, send });
  const child = new Aplic({ level: 'supervisor', harts: 2, guestFiles: 7, send, parent: root });
  const write = (domain: Aplic, offset: number, value: number) => expect(domain.write(offset, 4, value)).toBe(true);
  return { root, child, sent, write };
}

/** A supervisor's domain that all wires come to, with files for seven guests of each hart. */
function alone() {
  const sent: string[] = [];
  const aplic = new Aplic({
    level: 'supervisor',
    harts: 2,
    guestFiles: 7,
    send: (address, identity) => sent.push(`${address.toString(16)} ${identity}`),
    files: { base: 0x2800_0000, guestBits: 3 },
  });
  const write = (offset: number, value: number) => expect(aplic.write(offset, 4, value)).toBe(true);
  const listen = (source: number, mode: number, to = source) => {
    write(sourcecfg(source), mode);
    write(target(source), to);
    write(SETIENUM, source);
  };
  return { aplic, sent, write, listen };
}

describe('a source', () => {
  test('sends one message a rise of its wire, where edge-sensitive (4.7)', () => {
    const { aplic, sent, write, listen } = alone();
    write(DOMAINCFG, IE);
    listen(5, EDGE1);
    listen(6, EDGE0);
    sent.length = 0;
    for (const level of [true, true, false, true]) {
      aplic.line(5)(level);
      aplic.line(6)(level);
    }
    expect(sent).toEqual(['28000000 5', '28000000 6', '28000000 5']);
  });

  test('that stays high is sent again only when asked, where level-sensitive (4.7, 4.9.2)', () => {
    const { aplic, sent, write, listen } = alone();
    write(DOMAINCFG, IE);
    listen(5, LEVEL1);
    aplic.line(5)(true);
    aplic.line(5)(true);
    expect(sent).toHaveLength(1);
    expect(aplic.read(IN_CLRIP, 4)).toBe(1 << 5);
    write(SETIPNUM, 5);
    expect(sent).toHaveLength(2);
    aplic.line(5)(false);
    write(SETIPNUM, 5);
    expect(sent).toHaveLength(2);
    expect([aplic.read(SETIP, 4), aplic.read(IN_CLRIP, 4)]).toEqual([0, 0]);
  });

  test('asks while its wire is low, where its mode is inverted (4.5.2)', () => {
    const { aplic, sent, write, listen } = alone();
    write(DOMAINCFG, IE);
    aplic.line(5)(true);
    listen(5, LEVEL0);
    expect([aplic.read(IN_CLRIP, 4), sent.length]).toEqual([0, 0]);
    aplic.line(5)(false);
    expect([aplic.read(IN_CLRIP, 4), sent.length]).toEqual([1 << 5, 1]);
  });

  test('that fell before anybody listened is forgotten, where level-sensitive; kept, where edge-sensitive (4.7)', () => {
    const { aplic, sent, write, listen } = alone();
    listen(5, LEVEL1);
    listen(6, EDGE1);
    for (const source of [5, 6]) {
      aplic.line(source)(true);
      aplic.line(source)(false);
    }
    expect(aplic.read(SETIP, 4)).toBe(1 << 6);
    write(DOMAINCFG, IE);
    expect(sent).toEqual(['28000000 6']);
    expect(aplic.read(SETIP, 4)).toBe(0);
  });

  test('that is inactive is read-only zero everywhere (4.5.2)', () => {
    const { aplic, write, sent } = alone();
    write(DOMAINCFG, IE);
    for (const mode of [0, 2, 3]) {
      write(sourcecfg(9), mode);
      write(target(9), 9);
      write(SETIENUM, 9);
      write(SETIPNUM, 9);
      aplic.line(9)(true);
      aplic.line(9)(false);
      for (const offset of [sourcecfg(9), target(9), SETIE, SETIP, IN_CLRIP]) expect(aplic.read(offset, 4)).toBe(0);
    }
    write(sourcecfg(9), DETACHED);
    write(target(9), 9);
    write(SETIE, 1 << 9);
    aplic.line(9)(true);
    expect(sent).toEqual([]);
    write(SETIP, 1 << 9);
    expect(sent).toEqual(['28000000 9']);
    write(sourcecfg(9), 0);
    expect(aplic.read(target(9), 4)).toBe(0);
  });

  test('goes to the interrupt file of its hart and guest, and to none that there is not (4.5.16, 4.9.1)', () => {
    const { sent, write, listen } = alone();
    write(DOMAINCFG, IE);
    const to = (hart: number, guest: number, identity: number) => {
      listen(5, DETACHED, (hart << 18) | (guest << 12) | identity);
      write(SETIPNUM, 5);
      return sent.splice(0);
    };
    expect(to(1, 0, 7)).toEqual(['28008000 7']);
    expect(to(1, 7, 255)).toEqual(['2800f000 255']);
    expect(to(2, 0, 7)).toEqual([]);
    expect(to(0, 8, 7)).toEqual(['28000000 7']);
  });

  test('beyond the last, or number 0, is nothing', () => {
    const { aplic, write, sent } = alone();
    write(DOMAINCFG, IE);
    for (const register of [SETIPNUM, CLRIPNUM, SETIENUM, CLRIENUM]) {
      for (const source of [0, 97, 1023, 0xffff_ffff]) write(register, source);
    }
    write(SETIP, 1);
    write(SETIE + 12, 0xffff_ffff);
    expect(sent).toEqual([]);
    for (const source of [0, 97, -1, 1.5]) expect(() => aplic.line(source)).toThrow(`there is no source ${source}`);
    expect([aplic.read(0, 2), aplic.read(2, 4), aplic.read(0x8000, 4)]).toEqual([BUS_ERROR, BUS_ERROR, BUS_ERROR]);
    expect([aplic.write(0, 1, 0), aplic.write(0x8000, 4, 0)]).toEqual([false, false]);
  });
});

describe('two domains', () => {
  test('a source is in one of them: the root’s, or, delegated, its child’s (4.2, 4.5.2)', () => {
    const { root, child, write, sent } = mount();
    for (const domain of [root, child]) write(domain, DOMAINCFG, IE);
    write(child, sourcecfg(5), EDGE1);
    expect(child.read(sourcecfg(5), 4)).toBe(0);
    write(root, sourcecfg(5), DELEGATED);
    write(child, sourcecfg(5), EDGE1);
    expect([root.read(sourcecfg(5), 4), child.read(sourcecfg(5), 4)]).toEqual([DELEGATED, EDGE1]);
    // Where files lie says the root's firmware: 2^13 bytes from hart to hart.
    write(root, 0x1bc0, 0x24000);
    write(root, 0x1bc4, 1 << 12);
    write(root, 0x1bc8, 0x28000);
    write(root, 0x1bcc, 1 << 20);
    write(child, target(5), (1 << 18) | 33);
    write(child, SETIENUM, 5);
    root.line(5)(true);
    expect(sent.splice(0)).toEqual(['28002000 33']);
    root.line(5)(false);
    write(root, sourcecfg(5), EDGE1);
    expect(child.read(sourcecfg(5), 4)).toBe(0);
    write(root, target(5), (1 << 18) | 34);
    write(root, SETIENUM, 5);
    root.line(5)(true);
    expect(sent.splice(0)).toEqual(['24001000 34']);
  });

  test('addresses are fixed for good once they are locked, and are the root’s alone (4.5.3)', () => {
    const { root, child, write } = mount();
    write(root, 0x1bc0, 0x24000);
    write(root, 0x1bc4, 0x8000_0000);
    for (const offset of [0x1bc0, 0x1bc4, 0x1bc8, 0x1bcc]) {
      write(root, offset, 0x1234);
      write(child, offset, 0x1234);
      expect(child.read(offset, 4)).toBe(0);
    }
    expect([root.read(0x1bc0, 4), root.read(0x1bc4, 4), root.read(0x1bc8, 4)]).toEqual([0x24000, 0x8000_0000, 0]);
  });
});

test('a snapshot is a whole domain; one that was forged is refused', () => {
  const { aplic, sent, write, listen } = alone();
  listen(5, LEVEL1);
  aplic.line(5)(true);
  const other = alone();
  other.aplic.restore(aplic.snapshot());
  write(DOMAINCFG, IE);
  other.write(DOMAINCFG, IE);
  expect(other.sent).toEqual(sent);
  expect(() => other.aplic.restore({ ...aplic.snapshot(), target: [] })).toThrow(/target/);
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  test('answers the same to random wires and accesses', async () => {
    const sources = [1, 5, 31, 32, 63, 95];
    const APLIC = '/machine/unattached/device[4]';
    const base = { root: 0x0c00_0000, child: 0x0d00_0000 } as const;
    const source = fc.constantFrom(...sources);
    const word = fc.constantFrom(0, 4, 8);
    const mask = fc.constantFrom(0x22, 0x8000_0000, 0x8000_0001, 0x8000_0022, 0xffff_ffff);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('line' as const), source, level: fc.boolean() }),
      fc.tuple(source, fc.constantFrom(EDGE1, EDGE0)).map(([each, mode]) => ({ offset: sourcecfg(each), value: mode })), // prettier-ignore
      fc.tuple(source, fc.constantFrom(1, 63, 255)).map(([each, identity]) => ({ offset: target(each), value: identity })), // prettier-ignore
      fc.tuple(fc.constantFrom(SETIP, SETIE, CLRIE), word, mask).map(([array, at, value]) => ({ offset: array + at, value })), // prettier-ignore
      fc.tuple(fc.constantFrom(SETIPNUM, CLRIPNUM, SETIENUM, CLRIENUM, 0x2000), source).map(([offset, value]) => ({ offset, value })), // prettier-ignore
      fc.record({ offset: fc.constant(DOMAINCFG), value: fc.constantFrom(0, IE, 0xff) }),
    );
    const qemu = startQemuBoard([], 'virt,aia=aplic-imsic');
    try {
      const { root, child } = mount();
      const domains = { root, child };
      const both = async (name: keyof typeof base, offset: number, value: number) => {
        domains[name].write(offset, 4, value);
        await qemu.write(base[name] + offset, 4, value);
      };
      // Messages go where nobody is: what was sent is seen by what is no longer pending.
      // QEMU 7.2 does not clear its memory for what it keeps of a source: it begins with whatever was there.
      for (const each of sources) {
        await both('root', sourcecfg(each), DELEGATED);
        await both('child', sourcecfg(each), DETACHED);
        for (const register of [CLRIPNUM, CLRIENUM]) await both('child', register, each);
        await both('child', target(each), 1);
        await qemu.drive(each, true, APLIC);
        await qemu.drive(each, false, APLIC);
      }
      const ofSources = [0, 1, 2].map((at) =>
        sources.filter((each) => each >>> 5 === at).reduce((bits, each) => bits | (1 << (each & 31)), 0),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
          for (const each of steps) {
            if ('kind' in each) {
              root.line(each.source)(each.level);
              await qemu.drive(each.source, each.level, APLIC);
            } else await both('child', each.offset, each.value);
            for (const array of [SETIP, SETIE]) {
              for (const [at, bits] of ofSources.entries()) {
                const theirs = await qemu.read(base.child + array + 4 * at, 4);
                expect(child.read(array + 4 * at, 4) & bits).toBe(theirs & bits);
              }
            }
            expect(child.read(DOMAINCFG, 4)).toBe(await qemu.read(base.child + DOMAINCFG, 4));
            for (const wired of sources) {
              expect(child.read(sourcecfg(wired), 4)).toBe(await qemu.read(base.child + sourcecfg(wired), 4));
            }
          }
        }),
        { numRuns: 15, endOnFailure: true, verbose: 1 },
      );
    } finally {
      qemu.close();
    }
  });
});
