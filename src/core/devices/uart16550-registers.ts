// The 16550A's registers and their bits, by the names of the PC16550D data sheet; `uart16550.ts` gives them their behaviour.

import type { RegisterRow } from './device.ts';

export const IER_RECEIVED = 0x01;
export const IER_TRANSMITTER_EMPTY = 0x02;
export const IER_LINE_STATUS = 0x04;

export const IIR_NONE = 0x01;
export const IIR_TRANSMITTER_EMPTY = 0x02;
export const IIR_RECEIVED = 0x04;
export const IIR_LINE_STATUS = 0x06;
export const IIR_CHARACTER_TIMEOUT = 0x0c;
export const IIR_IDENTITY = 0x0f;
export const IIR_FIFO_ENABLED = 0xc0;

export const FCR_ENABLE = 0x01;
export const FCR_RESET_RECEIVE = 0x02;
export const FCR_RESET_TRANSMIT = 0x04;
/** Bits that are kept: trigger level, DMA mode, enable. */
export const FCR_KEPT = 0xc9;
export const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

export const LCR_DIVISOR_ACCESS = 0x80;
export const MCR_OUT2 = 0x08;
export const MCR_LOOPBACK = 0x10;

export const LSR_DATA_READY = 0x01;
export const LSR_OVERRUN = 0x02;
export const LSR_TRANSMITTER_EMPTY = 0x60;

/** Carrier, data set ready, clear to send: the cable is plugged in, and nothing on it ever changes. */
export const MSR_CONNECTED = 0xb0;
/** 9600 baud. */
export const DIVISOR_AFTER_RESET = 12;

export const UART_REGISTERS: readonly RegisterRow[] = [
  row('RBR', 0, 'read-only', 'Receiver buffer: the oldest byte received; reading takes it.'),
  row('THR', 0, 'write-only', 'Transmitter holding: a byte written here is sent.'),
  row('IER', 1, 'read-write', 'Interrupt enable: data received, transmitter empty, line status, modem status.'),
  row('IIR', 2, 'read-only', 'Interrupt identification: the most urgent reason for the interrupt.'),
  row('FCR', 2, 'write-only', 'FIFO control: enable, reset, and how many received bytes interrupt.'),
  row(
    'LCR',
    3,
    'read-write',
    'Line control: word length, parity, stop bits; bit 7 shows the divisor latch at 0 and 1.',
  ),
  row('MCR', 4, 'read-write', 'Modem control: DTR, RTS, OUT1, OUT2, loopback.'),
  row('LSR', 5, 'read-only', 'Line status: data ready, overrun, transmitter empty.'),
  row('MSR', 6, 'read-only', 'Modem status: carrier, ring, data set ready, clear to send.'),
  row('SCR', 7, 'read-write', 'Scratch: keeps a byte.'),
  row('DLL', 0, 'read-write', 'Divisor latch, low byte (while LCR bit 7 is set).'),
  row('DLM', 1, 'read-write', 'Divisor latch, high byte (while LCR bit 7 is set).'),
];

function row(name: string, offset: number, access: RegisterRow['access'], meaning: string): RegisterRow {
  return { name, offset, width: 1, access, meaning };
}
