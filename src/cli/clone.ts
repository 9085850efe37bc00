// A copy of the VM, made in the middle of a run: it goes on from there beside the original, with a console of its own.

import type { LabVm } from './lab-vm.ts';
import { forkLine, type CloneStatistics } from './clone-options.ts';
import { MoveError, refused } from './move-options.ts';
import type { Plan } from './plan.ts';

const FRAME = 4096;

/** The copy, and what making it took. */
interface Made extends Pick<CloneStatistics, 'at' | 'milliseconds' | 'framesShared' | 'framesTaken'> {
  readonly copy: LabVm;
  /** Copies that the original had made of shared frames before. */
  readonly copiesBefore: number;
}

export class CloneAfter implements Plan {
  readonly #original: LabVm;
  readonly #after: number;
  readonly #say: (line: string) => void;
  readonly #opened: (copy: LabVm) => void;
  #made: Made | undefined;

  /**
   * @param after instructions of the original; Infinity: never
   * @param say told in one line that there is a copy
   * @param opened called with the copy before it executes anything
   */
  constructor(original: LabVm, after: number, say: (line: string) => void, opened: (copy: LabVm) => void) {
    this.#original = original;
    this.#after = after;
    this.#say = say;
    this.#opened = opened;
  }

  get due(): number {
    return this.#made === undefined ? this.#after : Infinity;
  }

  look(): undefined {
    const { vm } = this.#original;
    if (this.#made !== undefined || vm.ending !== undefined || vm.instructions < this.#after) return;
    const { migration } = this.#original;
    if (migration?.active === true && migration.vm === vm.id) {
      throw new MoveError(
        '--clone-after: expected a VM that stays where it is, found it on its way to the second machine: clone it later, or earlier',
      );
    }
    const frames = this.#original.hypervisor?.frames;
    const before = frames?.usedBytes ?? 0;
    const copiesBefore = vm.memory.use.copies;
    const started = performance.now();
    let copy: LabVm;
    try {
      copy = this.#original.clone();
    } catch (error) {
      throw refused('--clone-after', error);
    }
    this.#made = {
      copy,
      copiesBefore,
      at: vm.instructions,
      milliseconds: performance.now() - started,
      framesShared: copy.vm.memory.use.shared,
      framesTaken: ((frames?.usedBytes ?? 0) - before) / FRAME,
    };
    this.#opened(copy);
    this.#say(`${forkLine(this.#made)}.`);
  }

  end(): void {
    if (this.#made !== undefined || this.#after === Infinity) return;
    this.#say(
      `expected the guest to come to ${this.#after} instructions for --clone-after, found the run over after ${this.#original.vm.instructions}: it was not cloned, choose a smaller number`,
    );
  }

  /** The copy, once there is one. */
  get copy(): LabVm | undefined {
    return this.#made?.copy;
  }

  /** What the statistics have of it, once there is one. */
  get statistics(): CloneStatistics | undefined {
    if (this.#made === undefined) return undefined;
    const { copy, copiesBefore, at, milliseconds, framesShared, framesTaken } = this.#made;
    const original = Math.max(0, this.#original.vm.memory.use.copies - copiesBefore);
    const framesCopied = { original, clone: copy.vm.memory.use.copies };
    return { at, milliseconds, framesShared, framesTaken, framesCopied };
  }
}
