// The UART against the PC16550D data sheet's tables, against what the Linux 8250 driver does to it, and against QEMU's.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUS_ERROR } from './device.ts';
import { HAS_QEMU, startQemuBoard } from './qemu-board.test-support.ts';
import { Uart16550 } from './uart16550.ts';

const RBR = 0;
const THR = 0;
const IER = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

function mount() {
  const sent: number[] = [];
  const line = { level: false, drivenHigh: false, edges: [] as boolean[] };
  const uart = new Uart16550({
    interrupt: (level) => {
      if (level !== line.level) line.edges.push(level);
      line.level = level;
      if (level) line.drivenHigh = true;
    },
    transmit: (byte) => sent.push(byte),
  });
  return {
    uart,
    sent,
    line,
    read: (offset: number) => uart.read(offset, 1),
    write: (offset: number, value: number) => uart.write(offset, 1, value),
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('after reset (data sheet, table III)', () => {
  it('shows the reset values', () => {
    const { read } = mount();
    expect([IER, IIR, LCR, MCR, LSR, MSR, SCR].map(read)).toEqual([0, 1, 0, 8, 0x60, 0xb0, 0]);
  });

  it('answers no offset beyond its eight registers', () => {
    const { uart } = mount();
    expect(uart.read(8, 1)).toBe(BUS_ERROR);
    expect(uart.write(8, 1, 0)).toBe(false);
  });
});

describe('transmitter', () => {
  it('sends at once and is always empty', () => {
    const { sent, read, write } = mount();
    write(THR, 0x41);
    expect(sent).toEqual([0x41]);
    expect(read(LSR)).toBe(0x60);
  });

  it('interrupts when the interrupt is turned on while empty, and reading IIR takes it back', () => {
    const { line, read, write } = mount();
    write(IER, 2);
    expect(line.level).toBe(true);
    expect(read(IIR)).toBe(0x02);
    expect(line.level).toBe(false);
    expect(read(IIR)).toBe(0x01);
  });

  it('interrupts again when turned off and on (the 8250 driver restarts transmission so)', () => {
    const { line, read, write } = mount();
    write(IER, 2);
    read(IIR);
    write(IER, 2);
    expect(line.level).toBe(false);
    write(IER, 0);
    write(IER, 2);
    expect(line.level).toBe(true);
  });

  it('lowers and raises the line for every byte', () => {
    const { line, write } = mount();
    write(IER, 2);
    line.edges.length = 0;
    write(THR, 0x41);
    expect(line.edges).toEqual([false, true]);
  });
});

describe('receiver', () => {
  it('hands bytes over one by one without FIFO, never overrunning', () => {
    const { uart, line, read, write } = mount();
    write(IER, 1);
    uart.receive(bytes('ab'));
    expect(line.level).toBe(true);
    expect(read(IIR)).toBe(0x04);
    expect(read(LSR)).toBe(0x61);
    expect([read(RBR), read(RBR)]).toEqual([0x61, 0x62]);
    expect(read(LSR)).toBe(0x60);
    expect(line.level).toBe(false);
  });

  it.each([
    [0x01, 1],
    [0x41, 4],
    [0x81, 8],
    [0xc1, 14],
  ])('with FCR %i says "received" from %i bytes on, below that "character timeout"', (control, level) => {
    const { uart, read, write } = mount();
    write(FCR, control);
    write(IER, 1);
    uart.receive(new Uint8Array(level));
    expect(read(IIR)).toBe(0xc4);
    read(RBR);
    expect(read(IIR)).toBe(level > 1 ? 0xcc : 0xc1);
  });

  it('loses nothing that was typed when a driver enables interrupts first and turns the FIFO on afterwards', () => {
    // Linux: IER = 5 with the FIFO off, and only then FCR = 1 (serial8250_do_startup, serial8250_do_set_termios).
    const { uart, read, write } = mount();
    uart.receive(bytes('uname'));
    write(IER, 5);
    write(FCR, 1);
    let text = '';
    while ((read(LSR) & 1) !== 0) text += String.fromCharCode(read(RBR));
    expect(text).toBe('uname');
  });

  it('resets its FIFO through FCR bit 1 and when the FIFO is turned on or off', () => {
    const { uart, read, write } = mount();
    write(FCR, 1);
    write(IER, 1);
    uart.receive(bytes('abc'));
    write(IER, 0);
    write(FCR, 3);
    expect(read(LSR)).toBe(0x60);
    expect(read(RBR)).toBe(0);
  });

  it('keeps host input until the guest listens: a probing driver loses nothing', () => {
    const { uart, read, write } = mount();
    expect(uart.receive(bytes('root\n'))).toBe(5);
    // serial8250_do_startup: clear the FIFOs, then read LSR, RBR, IIR, MSR once each.
    for (const control of [1, 7, 0]) write(FCR, control);
    for (const offset of [LSR, RBR, IIR, MSR, LSR, RBR]) read(offset);
    expect(uart.waiting).toBe(5);
    write(FCR, 1);
    write(IER, 5);
    const received = Array.from({ length: 5 }, () => read(RBR));
    expect(String.fromCharCode(...received)).toBe('root\n');
  });

  it('hands host input to a guest that polls without interrupts', () => {
    const { uart, read } = mount();
    uart.receive(bytes('x'));
    let looks = 0;
    while ((read(LSR) & 1) === 0 && looks < 1000) looks += 1;
    expect(looks).toBeLessThan(1000);
    expect(read(RBR)).toBe(0x78);
  });

  it('hands host input to a guest that looks once between any two bytes it sends', () => {
    const { uart, read, write } = mount();
    uart.receive(bytes('x'));
    let rounds = 0;
    for (; (read(LSR) & 1) === 0 && rounds < 10_000; rounds += 1) {
      read(LSR);
      write(THR, 0x2e);
    }
    expect(rounds).toBeLessThan(10_000);
  });

  it('does not take a transmitter’s looks for a receiver’s: boot messages cost no input', () => {
    const { uart, read, write } = mount();
    uart.receive(bytes('x'));
    for (let byte = 0; byte < 100_000; byte += 1) {
      read(LSR);
      write(THR, 0x2e);
    }
    expect(uart.waiting).toBe(1);
  });

  it('accepts 64 KiB ahead and says how much it took', () => {
    const { uart } = mount();
    expect(uart.receive(new Uint8Array(60_000))).toBe(60_000);
    expect(uart.receive(new Uint8Array(60_000))).toBe(5_536);
    expect(uart.receive(new Uint8Array(1))).toBe(0);
  });

  it('gives the guest every byte in order, whatever the chunks and FIFO settings', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.constantFrom(0, 1, 0xc1),
        (chunks, control) => {
          const { uart, read, write } = mount();
          write(FCR, control);
          write(IER, 1);
          const got: number[] = [];
          for (const chunk of chunks) {
            uart.receive(chunk);
            for (let take = 0; take < 7 && (read(LSR) & 1) !== 0; take += 1) got.push(read(RBR));
          }
          while ((read(LSR) & 1) !== 0) got.push(read(RBR));
          expect(got).toEqual(chunks.flatMap((chunk) => [...chunk]));
        },
      ),
    );
  });
});

describe('loopback (MCR bit 4)', () => {
  it('wires the modem outputs to the inputs and the transmitter to the receiver', () => {
    const { sent, read, write } = mount();
    write(MCR, 0x10 | 0x0a);
    expect(read(MSR) & 0xf0).toBe(0x90); // what autoconfig() of the 8250 driver expects
    write(THR, 0x55);
    expect(sent).toEqual([]);
    expect(read(RBR)).toBe(0x55);
  });

  it('overruns: the buffer is replaced without FIFO, the newcomer lost with one', () => {
    const { line, read, write } = mount();
    write(MCR, 0x10);
    write(IER, 4);
    write(THR, 1);
    write(THR, 2);
    expect(line.level).toBe(true);
    expect(read(IIR)).toBe(0x06);
    expect(read(LSR)).toBe(0x63);
    expect(line.level).toBe(false);
    expect(read(RBR)).toBe(2);
    write(FCR, 1);
    for (let byte = 0; byte <= 16; byte += 1) write(THR, byte);
    expect(read(LSR)).toBe(0x63);
    expect(Array.from({ length: 17 }, () => read(RBR))).toEqual([...Array(16).keys(), 0]);
  });
});

describe('looking', () => {
  it('names every register and changes nothing', () => {
    const { uart, line, write } = mount();
    write(FCR, 1);
    write(IER, 3);
    uart.receive(bytes('hi'));
    const before = uart.snapshot();
    line.edges.length = 0;
    const values = new Map(uart.inspect().map(({ row, value }) => [row.name, value]));
    expect(values.get('RBR')).toBe(0x68);
    expect(values.get('IIR')).toBe(0xc4);
    expect(values.get('DLL')).toBe(12);
    expect(uart.inspect().map(({ row }) => row)).toEqual(uart.registers);
    expect(uart.snapshot()).toEqual(before);
    expect(line.edges).toEqual([]);
  });

  it('restores a snapshot into a fresh device, the interrupt line too', () => {
    const { uart, write } = mount();
    write(FCR, 1);
    write(IER, 1);
    uart.receive(bytes('hi'));
    const other = mount();
    other.uart.restore(uart.snapshot());
    expect(other.uart.snapshot()).toEqual(uart.snapshot());
    expect(other.line.level).toBe(true);
    expect(other.read(RBR)).toBe(0x68);
    expect(uart.inspect()[0]?.value).toBe(0x68);
  });

  it('refuses a state of another shape and names the field', () => {
    expect(() => mount().uart.restore({ divisor: true })).toThrow(
      /expected a number in `receiveBuffer`, found nothing/,
    );
  });
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  it('answers random accesses in loopback alike, byte for byte and interrupt for interrupt', async () => {
    const BASE = 0x10000000;
    const CLAIM = 0x0c200004;
    const qemu = startQemuBoard();
    try {
      await qemu.write(0x0c000028, 4, 1);
      await qemu.write(0x0c002000, 4, 1 << 10);
      // QEMU's stopped clock never times a character out, so the trigger level stays at one byte.
      const write = fc.oneof(
        fc.record({ offset: fc.constantFrom(THR, IER, LCR, SCR), value: fc.nat(255) }),
        fc.record({ offset: fc.constant(FCR), value: fc.nat(15) }),
        fc.record({ offset: fc.constant(MCR), value: fc.nat(255).map((value) => value | 0x10) }),
        fc.record({ offset: fc.constant(LCR), value: fc.constant(3) }),
      );
      const access = fc.oneof(write, fc.record({ offset: fc.nat(7) }));
      await fc.assert(
        fc.asyncProperty(fc.array(access, { minLength: 1, maxLength: 60 }), async (accesses) => {
          const { line, uart } = mount();
          // QEMU cannot be reset here: bring both to one known state through the registers.
          const bring = [[LCR, 0], [MCR, 0x10], [IER, 0], [FCR, 1], [FCR, 0], [THR, 0]] as const; // prettier-ignore
          for (const [offset, value] of bring) {
            uart.write(offset, 1, value);
            await qemu.write(BASE + offset, 1, value);
          }
          for (const offset of [RBR, LSR]) {
            uart.read(offset, 1);
            await qemu.read(BASE + offset, 1);
          }
          await qemu.write(CLAIM, 4, await qemu.read(CLAIM, 4));
          line.drivenHigh = false;
          for (const step of accesses) {
            if ('value' in step) {
              uart.write(step.offset, 1, step.value);
              await qemu.write(BASE + step.offset, 1, step.value);
            } else {
              // SCR and the divisor keep what an earlier run left in QEMU.
              const [ours, theirs] = [uart.read(step.offset, 1), await qemu.read(BASE + step.offset, 1)];
              const kept = step.offset === SCR || ((uart.read(LCR, 1) & 0x80) !== 0 && step.offset < 2);
              if (!kept) expect(ours).toBe(theirs);
            }
            // Claiming and completing through the interrupt controller shows the drives of the line since the last time.
            const claimed = await qemu.read(CLAIM, 4);
            await qemu.write(CLAIM, 4, claimed);
            expect(claimed).toBe(line.drivenHigh ? 10 : 0);
            line.drivenHigh = false;
          }
        }),
        { numRuns: 60, endOnFailure: true },
      );
    } finally {
      qemu.close();
    }
  });
});
