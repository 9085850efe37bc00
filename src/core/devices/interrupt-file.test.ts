// An interrupt file as the Advanced Interrupt Architecture 1.0 has it, chapter 3, "Incoming MSI Controller (IMSIC)".

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUS_ERROR } from './device.ts';
import { Imsics } from './imsics.ts';
import { InterruptFile } from './interrupt-file.ts';

const EIDELIVERY = 0x70;
const EITHRESHOLD = 0x72;
const EIP = 0x80;
const EIE = 0xc0;

function mount() {
  const signals: boolean[] = [];
  const file = new InterruptFile({ signal: (level) => signals.push(level) });
  return { file, signals };
}

describe('an interrupt file', () => {
  test('signals what is pending, enabled and delivered, and nothing else (3.10)', () => {
    const { file, signals } = mount();
    file.receive(5);
    expect(file.signals).toBe(false);
    file.write(EIE, 1 << 5);
    expect(file.signals).toBe(false);
    file.write(EIDELIVERY, 1);
    expect(file.signals).toBe(true);
    file.claim();
    expect(file.signals).toBe(false);
    expect(signals).toEqual([true, false]);
  });

  test('offers the lowest identity first, and below its threshold only (3.3, 3.8.2, 3.9)', () => {
    const { file } = mount();
    file.write(EIDELIVERY, 1);
    for (const identity of [200, 40, 7]) {
      file.write(EIE + (identity >>> 5), file.read(EIE + (identity >>> 5)) | (1 << (identity & 31)));
      file.receive(identity);
    }
    expect(file.top).toBe((7 << 16) | 7);
    file.write(EITHRESHOLD, 7);
    expect(file.top).toBe(0);
    expect(file.signals).toBe(false);
    file.write(EITHRESHOLD, 8);
    expect(file.top >>> 16).toBe(7);
    file.write(EITHRESHOLD, 0);
    for (const identity of [7, 40, 200]) {
      expect(file.top >>> 16).toBe(identity);
      file.claim();
    }
    expect(file.top).toBe(0);
    file.claim(); // "When a *topei CSR’s value is zero, a write to the register has no effect."
    expect(file.read(EIP)).toBe(0);
  });

  test('knows no identity 0, none beyond the last, and no reserved register (3.1, 3.7)', () => {
    const { file } = mount();
    file.receive(0);
    file.receive(256);
    file.receive(0xffff_ffff);
    for (let select = 0x70; select <= 0xff; select++) file.write(select, 0xffff_ffff);
    expect(file.read(EIP)).toBe(0xffff_fffe);
    expect(file.read(EIE)).toBe(0xffff_fffe);
    expect(file.read(EIDELIVERY)).toBe(1);
    for (const reserved of [0x71, 0x73, 0x7f, EIP + 8, 0xbf, EIE + 8, 0xff]) expect(file.read(reserved)).toBe(0);
  });

  test('agrees with a list of sets, whatever happens to it', () => {
    const identity = fc.integer({ min: 0, max: 300 });
    const step = fc.oneof(
      fc.record({ receive: identity }),
      fc.record({ threshold: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ enable: fc.integer({ min: 0, max: 7 }), word: fc.integer() }),
      fc.record({ deliver: fc.boolean() }),
      fc.constant({ claim: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { file } = mount();
        const pending = new Set<number>();
        const enabled = new Set<number>();
        let threshold = 0;
        let delivers = false;
        const best = () =>
          [...pending]
            .filter((each) => enabled.has(each) && (threshold === 0 || each < threshold))
            .sort((a, b) => a - b)[0] ?? 0;
        for (const each of steps) {
          if ('receive' in each) {
            file.receive(each.receive);
            if (each.receive > 0 && each.receive < 256) pending.add(each.receive);
          } else if ('threshold' in each) {
            file.write(EITHRESHOLD, each.threshold);
            threshold = each.threshold;
          } else if ('deliver' in each) {
            file.write(EIDELIVERY, each.deliver ? 1 : 0);
            delivers = each.deliver;
          } else if ('enable' in each) {
            file.write(EIE + each.enable, each.word);
            for (let bit = 0; bit < 32; bit++) {
              const found = 32 * each.enable + bit;
              if ((each.word >>> bit) % 2 === 1 && found > 0) enabled.add(found);
              else enabled.delete(found);
            }
          } else {
            pending.delete(best());
            file.claim();
          }
          expect(file.top).toBe(best() * 0x1_0001);
          expect(file.signals).toBe(delivers && best() !== 0);
        }
      }),
    );
  });

  test('goes on from a snapshot, and refuses one that was forged', () => {
    const { file } = mount();
    file.write(EIDELIVERY, 1);
    file.write(EIE, 2);
    file.receive(1);
    const other = mount();
    other.file.restore(file.snapshot());
    expect(other.signals).toEqual([true]);
    expect(other.file.top).toBe(file.top);
    expect(() => other.file.restore({ ...file.snapshot(), eip: [0] })).toThrow(/eip/);
    expect(() => other.file.restore({ ...file.snapshot(), eidelivery: 2 })).toThrow(/0 to 1/);
  });
});

describe('the window of the interrupt files (3.5, 3.6)', () => {
  const imsics = () => {
    const signals: string[] = [];
    const device = new Imsics({
      level: 'supervisor',
      harts: 2,
      guestFiles: 2,
      signal: (hart, file, level) => signals.push(`${hart}.${file} ${level}`),
    });
    for (const hart of [0, 1]) {
      for (const file of [0, 1, 2]) {
        device.file(hart, file).write(EIDELIVERY, 1);
        device.file(hart, file).write(EIE, -1);
      }
    }
    return { device, signals };
  };

  test('a page for each file, a hart’s own first, its guests’ behind it', () => {
    const { device, signals } = imsics();
    expect(device.size).toBe(2 * 4 * 4096);
    for (const offset of [0, 0x2000, 0x4000, 0x5000]) expect(device.write(offset, 4, 9)).toBe(true);
    expect(signals).toEqual(['0.0 true', '0.2 true', '1.0 true', '1.1 true']);
    expect([device.guestsPending(0), device.guestsPending(1)]).toEqual([0b100, 0b010]);
    expect(device.read(0, 4)).toBe(0);
  });

  test('pages without a file take words and keep nothing; other accesses fault', () => {
    const { device, signals } = imsics();
    expect(device.write(0x3000, 4, 9)).toBe(true);
    expect(device.write(0x0008, 4, 9)).toBe(true);
    expect(device.write(0x0004, 4, 9 << 24)).toBe(true); // seteipnum_be, on a machine without big-endian harts
    expect(signals).toEqual([]);
    for (const [offset, width] of [
      [0, 1],
      [0, 2],
      [2, 4],
      [0x8000, 4],
    ] as const) {
      expect(device.write(offset, width, 1)).toBe(false);
      expect(device.read(offset, width)).toBe(BUS_ERROR);
    }
  });
});
