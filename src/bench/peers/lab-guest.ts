// The benchmark's guest as a VM of the lab. Orders go in by its serial port; the clock is read at the byte that ends its answer.

import { BareMachine } from '../../core/hypervisor/techniques/bare-machine.ts';
import type { Computer } from '../../core/hypervisor/computer.ts';
import type { Lab } from '../../core/hypervisor/lab.ts';
import type { Technique, VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import { images, type Surroundings } from '../surroundings.ts';
import { answerIn, boardOrder, HEAP_MEBIBYTES, kernelOrder, LineReader, READY, type BoardCommand } from './dialogue.ts';
import type { KernelRun, LabWay, Peer } from './peer.ts';

const MEBIBYTE = 2 ** 20;
/** Instructions of one slice: a few milliseconds, as the hosts cut them. */
export const SLICE = 2_000_000;
/** Milliseconds after which the event loop gets its turn. */
const TURN = 4;
/** RAM in front of the guest's heap: the firmware's 4 MiB, and 4 MiB with image and tables. Behind it lies the device tree. */
const OUTSIDE_HEAP_MEBIBYTES = 8;
/** What the hypervisor needs beside its guests' RAM: page tables. */
const HYPERVISOR_MEBIBYTES = 16;

export const guestMebibytes = (heapMebibytes: number): number => OUTSIDE_HEAP_MEBIBYTES + heapMebibytes;
/** RAM of a machine for so many guests. */
export const machineMebibytes = (guests: number, heapMebibytes: number): number =>
  HYPERVISOR_MEBIBYTES + guests * (guestMebibytes(heapMebibytes) + 2);

interface Heard {
  readonly line: string;
  readonly at: number;
  readonly instructions: number;
}

export interface Answer {
  readonly value: number;
  readonly milliseconds: number;
  readonly instructions: number;
}

export interface GuestPorts {
  readonly lab: Lab;
  readonly technique: Technique;
  readonly image: Uint8Array;
  readonly heapMebibytes: number;
  readonly surroundings: Pick<Surroundings, 'clock' | 'turn'>;
}

export class LabGuest {
  readonly vm: VirtualMachine;
  readonly computer: Computer;
  readonly #lab: Lab;
  readonly #surroundings: GuestPorts['surroundings'];
  #heard: Heard | undefined;

  constructor({ lab, technique, image, heapMebibytes, surroundings }: GuestPorts) {
    const memoryBytes = guestMebibytes(heapMebibytes) * MEBIBYTE;
    this.vm = lab.addVm({ technique, guest: { image, boot: 'supervisor', memoryBytes, harts: 1 } });
    this.computer = lab.computerOf(this.vm);
    this.#lab = lab;
    this.#surroundings = surroundings;
    const reader = new LineReader((line) => this.#hear(line));
    this.vm.console.sink = (byte) => reader.take(byte);
  }

  /** Runs it to the point where it listens. */
  async boot(): Promise<void> {
    this.#lab.start(this.vm.id);
    const { line } = await this.#answer();
    if (line !== READY) throw new Error(`expected “${READY}” of the guest, found “${line}”`);
  }

  async order(text: string): Promise<Answer> {
    this.tell(text);
    const started = this.#surroundings.clock();
    const before = this.vm.instructions;
    const { line, at, instructions } = await this.#answer();
    return { value: answerIn(line), milliseconds: at - started, instructions: instructions - before };
  }

  board(command: BoardCommand, count: number): Promise<Answer> {
    return this.order(boardOrder(command, count));
  }

  /** Gives an order and lets it run without waiting for its end. */
  tell(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (this.vm.receive(bytes) !== bytes.length) throw new Error('the guest of the benchmark does not listen');
    this.#heard = undefined;
    this.#lab.start(this.vm.id);
  }

  #hear(line: string): void {
    this.#heard = { line, at: this.#surroundings.clock(), instructions: this.vm.instructions };
    // From here on it would only poll its serial port.
    this.vm.control.pause();
    if (this.vm instanceof BareMachine) this.vm.machine.interrupt();
  }

  async #answer(): Promise<Heard> {
    let turned = performance.now();
    for (;;) {
      const end = this.computer.runSlice(SLICE);
      if (this.#heard) return this.#heard;
      if (end !== 'budget') throw new Error(`the guest of the benchmark stands: ${this.vm.ending?.message ?? end}`);
      if (performance.now() - turned < TURN) continue;
      await this.#surroundings.turn();
      turned = performance.now();
    }
  }
}

/** A lab with this guest alone, ready for kernels. */
export async function openLabGuest(way: LabWay, surroundings: Surroundings): Promise<Peer> {
  const guest = new LabGuest({
    lab: newLab(surroundings.host, machineMebibytes(1, HEAP_MEBIBYTES), {
      ...usualSwitches,
      translator: way.translator,
    }),
    technique: way.technique,
    image: await surroundings.load(images.rv32),
    heapMebibytes: HEAP_MEBIBYTES,
    surroundings,
  });
  await guest.boot();
  if (way.paging) await guest.board('pagingOn', HEAP_MEBIBYTES);
  return {
    run: async (kernel, rounds): Promise<KernelRun> => {
      const { value, milliseconds, instructions } = await guest.order(kernelOrder(kernel, rounds));
      return { checksum: value, milliseconds, instructions };
    },
    close: () => Promise.resolve(),
  };
}
