// The interrupt controller against the RISC-V PLIC specification 1.0.0 (chapters named below) and against QEMU's.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUS_ERROR } from './device.ts';
import { Plic } from './plic.ts';
import { HAS_QEMU, startQemuBoard } from './qemu-board.test-support.ts';

const priority = (source: number) => 4 * source;
const PENDING = 0x1000;
const enable = (context: number, word = 0) => 0x2000 + 0x80 * context + 4 * word;
const threshold = (context: number) => 0x200000 + 0x1000 * context;
const claim = (context: number) => threshold(context) + 4;

function mount(contexts = 4) {
  const outputs = new Array<boolean>(contexts).fill(false);
  const chain: string[] = [];
  const plic = new Plic({
    contexts,
    sources: 96,
    interrupt: (context, level) => (outputs[context] = level),
    raised: (source, level) => chain.push(`${level ? 'raised' : 'fell'} ${source}`),
    claimed: (context, source) => chain.push(`context ${context} claimed ${source}`),
    completed: (context, source) => chain.push(`context ${context} completed ${source}`),
  });
  return {
    plic,
    outputs,
    chain,
    read: (offset: number) => plic.read(offset, 4),
    write: (offset: number, value: number) => plic.write(offset, 4, value),
  };
}

describe('routing', () => {
  it('interrupts exactly the contexts that enabled the source below its priority (chapters 4 to 6)', () => {
    const { plic, outputs, write } = mount();
    write(priority(10), 3);
    write(enable(0), 1 << 10);
    write(enable(1), 1 << 10);
    write(enable(2), 1 << 10);
    write(threshold(1), 2);
    write(threshold(2), 3);
    plic.line(10)(true);
    expect(outputs).toEqual([true, true, false, false]);
  });

  it('keeps an accepted request when the device takes it back (chapter 4)', () => {
    const { plic, outputs, read, write, chain } = mount();
    write(priority(10), 1);
    write(enable(0), 1 << 10);
    plic.line(10)(true);
    plic.line(10)(false);
    expect(outputs[0]).toBe(true);
    expect(read(claim(0))).toBe(10);
    write(claim(0), 10);
    expect(outputs[0]).toBe(false);
    expect(chain).toEqual(['raised 10', 'fell 10', 'context 0 claimed 10', 'context 0 completed 10']);
  });

  it('never interrupts at priority 0 (chapter 3)', () => {
    const { plic, outputs, write } = mount();
    write(enable(0), 2);
    plic.line(1)(true);
    expect(outputs[0]).toBe(false);
    write(priority(1), 1);
    expect(outputs[0]).toBe(true);
  });

  it('interrupts at once when a pending source is enabled', () => {
    const { plic, outputs, write } = mount();
    write(priority(33), 1);
    plic.line(33)(true);
    expect(outputs[1]).toBe(false);
    write(enable(1, 1), 2);
    expect(outputs[1]).toBe(true);
  });
});

describe('claim and complete (chapters 7 and 8)', () => {
  it('claims by priority, then by the lower number, then nothing', () => {
    const { plic, read, write } = mount();
    write(enable(1, 0), 0xffffffff);
    write(enable(1, 2), 0xffffffff);
    for (const [source, urgency] of [
      [5, 2],
      [7, 2],
      [80, 6],
      [31, 1],
    ] as const) {
      // prettier-ignore
      write(priority(source), urgency);
      plic.line(source)(true);
    }
    expect(Array.from({ length: 5 }, () => read(claim(1)))).toEqual([80, 5, 7, 31, 0]);
  });

  it('offers a claimed source to nobody until it is completed, and then again if the device has asked since', () => {
    const { plic, outputs, read, write, chain } = mount();
    write(priority(10), 1);
    write(enable(0), 1 << 10);
    write(enable(1), 1 << 10);
    plic.line(10)(true);
    expect(read(claim(1))).toBe(10);
    expect(outputs).toEqual([false, false, false, false]);
    plic.line(10)(true);
    expect(read(PENDING)).toBe(1 << 10);
    expect(read(claim(0))).toBe(0);
    write(claim(1), 10);
    expect(outputs).toEqual([true, true, false, false]);
    expect(chain).toEqual(['raised 10', 'context 1 claimed 10', 'raised 10', 'context 1 completed 10']);
  });

  it('ignores the completion of what was not claimed or does not exist', () => {
    const { write, chain } = mount();
    for (const source of [0, 5, 95, 96, 0xffffffff]) expect(write(claim(0), source)).toBe(true);
    expect(chain).toEqual([]);
  });
});

describe('registers', () => {
  it('keeps three bits of priority and threshold', () => {
    const { read, write } = mount();
    for (const offset of [priority(1), priority(95), threshold(3)]) {
      write(offset, 0xffffffff);
      expect(read(offset)).toBe(7);
    }
  });

  it('reads zero and ignores writes where there is no register', () => {
    const { read, write } = mount();
    for (const offset of [
      0,
      0x184,
      0xffc,
      0x100c,
      0x200c,
      enable(4),
      threshold(4),
      claim(4),
      threshold(0) + 8,
      0x5ffffc,
    ]) {
      expect(write(offset, 0xffffffff)).toBe(true);
      expect(read(offset)).toBe(0);
    }
  });

  it('refuses all but aligned words inside the window', () => {
    const { plic } = mount();
    for (const [offset, width] of [
      [4, 1],
      [4, 2],
      [6, 4],
      [0x600000, 4],
    ] as const) {
      // prettier-ignore
      expect(plic.read(offset, width)).toBe(BUS_ERROR);
      expect(plic.write(offset, width, 0)).toBe(false);
    }
  });

  it('has no source 0 and none beyond the last', () => {
    const { plic } = mount();
    for (const source of [0, 96, -1, 1.5]) expect(() => plic.line(source)).toThrow(`there is no source ${source}`);
  });
});

describe('looking', () => {
  it('shows the claimable source without claiming it', () => {
    const { plic, read, write } = mount();
    write(priority(9), 1);
    write(enable(0), 1 << 9);
    plic.line(9)(true);
    const before = plic.snapshot();
    expect(plic.inspect().find(({ row }) => row.name === 'CLAIM0')?.value).toBe(9);
    expect(plic.snapshot()).toEqual(before);
    expect(read(claim(0))).toBe(9);
  });

  it('restores outputs with the state, and refuses a board of another size', () => {
    const { plic, write } = mount();
    write(priority(9), 1);
    write(enable(3), 1 << 9);
    plic.line(9)(true);
    const other = mount();
    other.plic.restore(plic.snapshot());
    expect(other.outputs).toEqual([false, false, false, true]);
    expect(() => mount(2).plic.restore(plic.snapshot())).toThrow(/expected 6 entries in `enable`, found 12/);
    other.plic.reset();
    expect(other.outputs).toEqual([false, false, false, false]);
  });
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  it('answers random lines and accesses alike', async () => {
    const BASE = 0x0c000000;
    const sources = [1, 2, 10, 31, 32, 64, 95];
    const step = fc.oneof(
      fc.record({ kind: fc.constant('line' as const), source: fc.constantFrom(...sources), level: fc.boolean() }),
      fc.record({
        kind: fc.constant('write' as const),
        offset: fc.constantFrom(...sources.map(priority)),
        value: fc.nat(9),
      }),
      fc.record({
        kind: fc.constant('write' as const),
        offset: fc.tuple(fc.nat(3), fc.nat(3)).map(([context, word]) => enable(context, word)),
        value: fc.constantFrom(0, 0xffffffff, 0x80000406, 1),
      }),
      fc.record({ kind: fc.constant('write' as const), offset: fc.nat(3).map(threshold), value: fc.nat(9) }),
      fc.record({
        kind: fc.constant('write' as const),
        offset: fc.nat(3).map(claim),
        value: fc.constantFrom(...sources, 0, 96),
      }),
      fc.record({ kind: fc.constant('read' as const), offset: fc.nat(3).map(claim) }),
      fc.record({
        kind: fc.constant('read' as const),
        offset: fc.constantFrom(PENDING, PENDING + 4, PENDING + 8, priority(96), enable(3, 2)),
      }),
    );
    const qemu = startQemuBoard(['-smp', '2']);
    await qemu.watchOutputs();
    try {
      const { plic, outputs } = mount();
      const both = async (offset: number, value: number) => {
        plic.write(offset, 4, value);
        await qemu.write(BASE + offset, 4, value);
      };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80 }), async (steps) => {
          for (const { kind, ...rest } of steps) {
            if ('level' in rest) {
              plic.line(rest.source)(rest.level);
              await qemu.drive(rest.source, rest.level);
            } else if ('value' in rest) {
              await both(rest.offset, rest.value);
              // QEMU looks at its enable bits only at the next other event; a threshold written back is one.
              if (kind === 'write') await both(threshold(0), plic.read(threshold(0), 4));
            } else {
              expect(plic.read(rest.offset, 4)).toBe(await qemu.read(BASE + rest.offset, 4));
            }
            // QEMU's outputs: the supervisor's of each hart, then the machine's.
            const theirs = [2, 0, 3, 1].map((output) => qemu.outputs.get(output) ?? false);
            expect(outputs).toEqual(theirs);
          }
        }),
        { numRuns: 40, endOnFailure: true, verbose: 1 },
      );
    } finally {
      qemu.close();
    }
  });
});
