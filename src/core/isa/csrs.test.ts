// Every CSR row: its address, its bits, and that a write of anything leaves something legal (WARL).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csrs, findCsr, findCsrByName, readCsr, virtualAliases, writeCsr, type Csr, type CsrPort } from './csrs.ts';
import { storedCsrs, type StoredCsrName, type StoredCsrs } from './csr-stored.ts';

const names = Object.keys(storedCsrs) as readonly StoredCsrName[];
function nameAt(index: number): StoredCsrName {
  const name = names[index];
  if (name === undefined) throw new Error(`no stored CSR at ${index}`);
  return name;
}

/** A hart that consists of CSRs only. */
class CsrFile implements CsrPort {
  readonly hypervisorExtension = true;
  readonly svadu = true;
  readonly interruptFiles = undefined;
  readonly csrs = Object.fromEntries(names.map((name) => [name, storedCsrs[name].reset])) as StoredCsrs;
  readonly counters = { cycle: 0n, instret: 0n };

  storedAt(index: number): number {
    return this.csrs[nameAt(index)] >>> 0;
  }
  setStoredAt(index: number, value: number): void {
    this.csrs[nameAt(index)] = value >>> 0;
  }
  counter(name: 'cycle' | 'instret' | 'time'): bigint {
    return name === 'time' ? 0n : this.counters[name];
  }
  setCounter(name: 'cycle' | 'instret', value: bigint): void {
    this.counters[name] = value;
  }
  named(name: string): number {
    return readCsr(this, csrNamed(name));
  }
  write(name: string, value: number): void {
    writeCsr(this, csrNamed(name), value);
  }
}

function csrNamed(name: string): Csr {
  const csr = findCsrByName(name);
  if (csr === undefined) throw new Error(`no CSR ${name}`);
  return csr;
}

const anyWord = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0x1800, 0x1000, 0x800),
  fc.integer().map((value) => value >>> 0),
);

/** A file in any state that writes can bring about. */
const anyFile = fc
  .array(fc.tuple(fc.constantFrom(...csrs), anyWord), { maxLength: 12 })
  .map((writes) => writes.reduce((file, [csr, value]) => (writeCsr(file, csr, value), file), new CsrFile()));

describe('every CSR', () => {
  test('has a 12-bit address of its own, and a name of its own', () => {
    expect(csrs.every(({ row }) => row.number >= 0 && row.number < 0x1000)).toBe(true);
    expect(new Set(csrs.map(({ row }) => row.number)).size).toBe(csrs.length);
    expect(new Set(csrs.map(({ name }) => name)).size).toBe(csrs.length);
  });

  // Privileged manual, "CSR Address Mapping Conventions" and tables "Currently allocated RISC-V … CSR addresses".
  test.each([
    ['sstatus', 0x100], ['sie', 0x104], ['stvec', 0x105], ['scounteren', 0x106], ['senvcfg', 0x10a], ['sscratch', 0x140],
    ['sepc', 0x141], ['scause', 0x142], ['stval', 0x143], ['sip', 0x144], ['stimecmp', 0x14d], ['stimecmph', 0x15d], ['satp', 0x180],
    ['hstatus', 0x600], ['hedeleg', 0x602], ['hideleg', 0x603], ['hie', 0x604], ['htimedelta', 0x605], ['hcounteren', 0x606],
    ['hgeie', 0x607], ['henvcfg', 0x60a], ['hedelegh', 0x612], ['htimedeltah', 0x615], ['henvcfgh', 0x61a], ['htval', 0x643],
    ['hip', 0x644], ['hvip', 0x645], ['htinst', 0x64a], ['hgatp', 0x680], ['hgeip', 0xe12],
    ['vsstatus', 0x200], ['vsie', 0x204], ['vstvec', 0x205], ['vsscratch', 0x240], ['vsepc', 0x241], ['vscause', 0x242],
    ['vstval', 0x243], ['vsip', 0x244], ['vstimecmp', 0x24d], ['vstimecmph', 0x25d], ['vsatp', 0x280],
    ['mvendorid', 0xf11], ['marchid', 0xf12], ['mimpid', 0xf13], ['mhartid', 0xf14], ['mconfigptr', 0xf15],
    ['mstatus', 0x300], ['misa', 0x301], ['medeleg', 0x302], ['mideleg', 0x303], ['mie', 0x304], ['mtvec', 0x305],
    ['mcounteren', 0x306], ['mstatush', 0x310], ['medelegh', 0x312], ['mscratch', 0x340], ['mepc', 0x341], ['mcause', 0x342],
    ['mtval', 0x343], ['mip', 0x344], ['mtinst', 0x34a], ['mtval2', 0x34b], ['menvcfg', 0x30a], ['menvcfgh', 0x31a],
    ['mcountinhibit', 0x320], ['mhpmevent3', 0x323], ['mhpmevent31', 0x33f], ['pmpcfg0', 0x3a0], ['pmpcfg3', 0x3a3],
    ['pmpaddr0', 0x3b0], ['pmpaddr15', 0x3bf], ['mcycle', 0xb00], ['minstret', 0xb02], ['mhpmcounter3', 0xb03], ['mcycleh', 0xb80],
    ['minstreth', 0xb82], ['mhpmcounter31h', 0xb9f], ['cycle', 0xc00], ['time', 0xc01], ['instret', 0xc02],
    ['hpmcounter3', 0xc03], ['hpmcounter31', 0xc1f], ['cycleh', 0xc80], ['timeh', 0xc81], ['instreth', 0xc82],
    ['hpmcounter3h', 0xc83], ['hpmcounter31h', 0xc9f],
  ] as const)('%s lies at %i', (name, number) => {
    expect(findCsr(number)?.name).toBe(name);
  }); // prettier-ignore

  test('there are 16 entries of physical memory protection, as on QEMU’s hart, and no CSR of a 17th', () => {
    expect([0x3a4, 0x3af, 0x3c0, 0x3ef].map(findCsr)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('stands under the address of the privilege its name says', () => {
    const levels: Readonly<Record<string, number>> = { m: 3, p: 3, t: 3, h: 2, v: 2, s: 1 };
    const user = /^(cycle|time|instret|hpmcounter\d+)h?$/;
    for (const { name, row } of csrs) {
      const expected = user.test(name) ? 0 : levels[name[0] ?? ''];
      expect([name, (row.number >> 8) & 3]).toEqual([name, expected]);
    }
  });

  test('has fields that lie beside one another within 32 bits', () => {
    for (const { name, row } of csrs) {
      const bits = row.fields.flatMap(({ high, low }) =>
        Array.from({ length: high - low + 1 }, (_, index) => low + index),
      );
      expect([name, bits.every((bit) => bit >= 0 && bit < 32)]).toEqual([name, true]);
      expect([name, new Set(bits).size]).toEqual([name, bits.length]);
    }
  });
});

describe('a write of anything', () => {
  test.each(csrs.map((csr) => [csr.name, csr] as const))(
    'to %s: what is read back is legal, and writing that again changes nothing',
    (_, csr) => {
      fc.assert(
        fc.property(anyFile, anyWord, (file, value) => {
          writeCsr(file, csr, value);
          const once = readCsr(file, csr);
          expect(once).toBe(once >>> 0);
          const words = { ...file.csrs };
          writeCsr(file, csr, once);
          expect(readCsr(file, csr)).toBe(once);
          // Nothing else moves when a CSR is given what it holds.
          if (csr.name !== 'mip' && csr.name !== 'henvcfgh') expect(file.csrs).toEqual(words);
        }),
        { numRuns: 15 },
      );
    },
  );

  /** Bits that may ever be 1, by the manual for a hart with S, U, H, Sstc, Svadu and without the rest. */
  const possible: Readonly<Record<string, number>> = {
    mstatus: 0x007e_19aa, mstatush: 0xc0, sstatus: 0x000c_0122, vsstatus: 0x000c_0122, hstatus: 0x0070_03c0,
    medeleg: 0x00f0_b7ff, mideleg: 0x666, hedeleg: 0xb1ff, hideleg: 0x444, mie: 0xeee, sie: 0x222, hie: 0x444, vsie: 0x222,
    hvip: 0x444, hip: 0x444, sip: 0x222, vsip: 0x222, mtvec: 0xffff_fffd, stvec: 0xffff_fffd, vstvec: 0xffff_fffd,
    mepc: 0xffff_fffc, sepc: 0xffff_fffc, vsepc: 0xffff_fffc, hgatp: 0x9fff_fffc, menvcfg: 1, senvcfg: 1, henvcfg: 1,
    henvcfgh: 0xa000_0000, mcountinhibit: 5, hgeie: 0, hgeip: 0, mhartid: 0,
  }; // prettier-ignore

  test.each(Object.entries(possible))('to %s sets no reserved bit', (name, mask) => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        file.write('menvcfgh', 0xffff_ffff);
        file.write(name, value);
        expect(file.named(name) & ~mask).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('to mstatus never makes MPP the reserved 2 ("MPP … WARL")', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        file.write('mstatus', value);
        expect((file.named('mstatus') >>> 11) & 3).not.toBe(2);
      }),
    );
  });

  test('to mstatus leaves mstatush alone, to sstatus the rest of mstatus', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        const upper = file.named('mstatush');
        const machineBits = file.named('mstatus') & ~0x000c_0122;
        file.write('sstatus', value);
        expect(file.named('mstatus') & ~0x000c_0122).toBe(machineBits);
        expect(file.named('sstatus')).toBe(value & 0x000c_0122);
        file.write('mstatus', value);
        expect(file.named('mstatush')).toBe(upper);
      }),
    );
  });

  test('to a trap vector keeps modes 0 and 1 only', () => {
    fc.assert(
      fc.property(fc.constantFrom('mtvec', 'stvec', 'vstvec'), anyWord, (name, value) => {
        const file = new CsrFile();
        file.write(name, 0x8000_0001);
        file.write(name, value);
        expect(file.named(name)).toBe((value & 2) === 0 ? value : 0x8000_0001);
      }),
    );
  });
});

describe('interrupt registers are windows onto one set of bits', () => {
  // "Supervisor Interrupt (sip and sie) Registers"; "Hypervisor Interrupt (hvip, hip, and hie) Registers"; "Virtual Supervisor Interrupt".
  test('sie shows the delegated bits of mie and writes no other', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        const delegated = file.named('mideleg') & 0x222;
        const others = file.named('mie') & ~delegated;
        file.write('sie', value);
        expect(file.named('mie')).toBe((others | (value & delegated)) >>> 0);
        expect(file.named('sie')).toBe(value & delegated);
      }),
    );
  });

  test('vsie and vsip show the delegated bits of hie and hip one place lower', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        const delegated = file.named('hideleg');
        expect(file.named('vsip')).toBe((file.named('hip') & delegated) >>> 1);
        file.write('vsie', value);
        expect(file.named('hie') & delegated).toBe((value << 1) & delegated & 0x444);
        expect(file.named('vsie')).toBe((file.named('hie') & delegated) >>> 1);
      }),
    );
  });

  test('of hip only VSSIP can be written, and it is hvip’s; of vsip only SSIP, where it is delegated', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        const before = file.named('hvip');
        file.write('hip', value);
        expect(file.named('hvip')).toBe((before & ~4) | (value & 4));
        const delegated = file.named('hideleg') & 4;
        const now = file.named('hvip');
        file.write('vsip', value);
        expect(file.named('hvip')).toBe((now & ~delegated) | ((value << 1) & delegated));
      }),
    );
  });

  test('of sip only SSIP can be written, where it is delegated', () => {
    fc.assert(
      fc.property(anyFile, anyWord, (file, value) => {
        const delegated = file.named('mideleg') & 2;
        const before = file.named('mip');
        file.write('sip', value);
        expect(file.named('mip')).toBe(((before & ~delegated) | (value & delegated)) >>> 0);
      }),
    );
  });

  test('the external interrupt of mip is what software wrote or the wire, and set and clear do not mix them ("mip")', () => {
    const file = new CsrFile();
    file.csrs.mipLines = 0x200;
    expect(file.named('mip') & 0x200).toBe(0x200);
    const mip = csrNamed('mip');
    if (mip.kind !== 'view' || mip.row.readForModify === undefined) throw new Error('mip is modified as it is read');
    // CSRRC of another bit must not turn the wire into a software bit.
    file.write('mip', mip.row.readForModify(file) & ~0x20);
    file.csrs.mipLines = 0;
    expect(file.named('mip') & 0x200).toBe(0);
  });

  test('STIP cannot be written while stimecmp drives it, and what was written before does not count ("Sstc")', () => {
    const file = new CsrFile();
    file.write('mip', 0x20);
    expect(file.named('mip')).toBe(0x20);
    file.write('menvcfgh', 0x8000_0000);
    expect(file.named('mip')).toBe(0);
    file.write('mip', 0x20);
    expect(file.named('mip')).toBe(0);
    file.csrs.mipLines = 0x20;
    expect(file.named('mip')).toBe(0x20);
  });

  test('mideleg: the VS-level bits are read-only one (norm:mideleg with H)', () => {
    const file = new CsrFile();
    file.write('mideleg', 0);
    expect(file.named('mideleg')).toBe(0x444);
  });
});

test('henvcfgh shows STCE and ADUE only while menvcfgh grants them', () => {
  fc.assert(
    fc.property(anyWord, anyWord, (machine, value) => {
      const file = new CsrFile();
      file.csrs.menvcfgh = (machine & 0xa000_0000) >>> 0;
      file.write('henvcfgh', value);
      expect(file.named('henvcfgh')).toBe((value & machine & 0xa000_0000) >>> 0);
    }),
  );
});

test('with V = 1 the supervisor CSRs that have a VS counterpart stand for it, the others do not', () => {
  // "Virtual Supervisor CSRs": vsstatus, vsie, vsip, vstvec, vsscratch, vsepc, vscause, vstval, vstimecmp(h), vsatp.
  const aliases = [...virtualAliases].map(([from, to]) => [findCsr(from)?.name, findCsr(to)?.name]);
  expect(aliases.every(([from, to]) => to === `v${from}`)).toBe(true);
  expect(aliases).toHaveLength(17);
  expect(virtualAliases.has(csrNamed('scounteren').row.number)).toBe(false);
  expect(virtualAliases.has(csrNamed('senvcfg').row.number)).toBe(false);
});
