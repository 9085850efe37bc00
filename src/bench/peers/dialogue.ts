// How the benchmark talks to its guest program (kernels/guest.c) over a serial port, whoever emulates that port.

/** What the guest says once it has started. */
export const READY = 'ready';
/** What it says when it takes a trap it did not ask for. */
const UNEXPECTED_TRAP = '!';

/** Commands to the guest's board, as kernels/rv32-board.c lists them; a kernel's letter is that of its index. */
const boardCommands = {
  pagingOn: 'P',
  nothing: 'N',
  sbiCalls: 'E',
  csrWrites: 'C',
  deviceReads: 'D',
  waitForEver: 'W',
} as const;
export type BoardCommand = keyof typeof boardCommands;

/** Heap that the guest's page tables cover: all that any kernel needs. */
export const HEAP_MEBIBYTES = 16;

export const kernelOrder = (kernel: number, rounds: number): string =>
  `${String.fromCharCode('a'.charCodeAt(0) + kernel)}${rounds}\n`;
export const boardOrder = (command: BoardCommand, count: number): string => `${boardCommands[command]}${count}\n`;

/** Puts the bytes a guest sends together to lines. */
export class LineReader {
  readonly #heard: (line: string) => void;
  #line = '';

  /** @param heard called with each line, without its end, at the moment its last byte arrives */
  constructor(heard: (line: string) => void) {
    this.#heard = heard;
  }

  take(byte: number): void {
    if (byte !== 10) {
      this.#line += String.fromCharCode(byte);
      return;
    }
    const line = this.#line;
    this.#line = '';
    this.#heard(line);
  }
}

/** The number in a guest's answer, unsigned. @throws Error where it is none */
export function answerIn(line: string): number {
  if (line === UNEXPECTED_TRAP) throw new Error('the guest of the benchmark took a trap it did not ask for');
  if (!/^[0-9a-f]{8}$/.test(line)) throw new Error(`expected eight hexadecimal digits of the guest, found “${line}”`);
  return parseInt(line, 16);
}
