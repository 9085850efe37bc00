// The measurement that a person has asked for, a part with each message, so that the lab's own computers and its page go on.

import type { Lab } from '../core/hypervisor/lab.ts';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import type { KernelLayout } from '../core/linux/kernel-layout.ts';
import { measureContainers, type MeasureProgress } from '../core/linux/measure.ts';
import type { GuestFiles } from './guest-files.ts';
import { loadGuest } from './guest-images.ts';

const PART_MILLISECONDS = 40;
const MEMORY_MIB = 64;

export interface MeasurementPorts {
  readonly files: GuestFiles;
  readonly layouts: () => Promise<readonly KernelLayout[]>;
  readonly makeLab: () => Lab;
}

export class Measurement {
  readonly #ports: MeasurementPorts;
  #run: ReturnType<typeof measureContainers> | undefined;

  constructor(ports: MeasurementPorts) {
    this.#ports = ports;
  }

  /** A part of it. @throws Error with one line for a person */
  async next(
    technique: Exclude<Technique, 'bare'>,
    begin: boolean,
  ): Promise<MeasureProgress & { readonly done: boolean }> {
    if (begin) this.#run = await this.#begin(technique);
    const run = this.#run;
    if (run === undefined) throw new Error('Expected a measurement under way, found none. Begin one.');
    const end = performance.now() + PART_MILLISECONDS;
    for (;;) {
      const { done, value } = run.next();
      if (done === true) {
        this.#run = undefined;
        return { sentence: 'All four are measured.', rows: value, done: true };
      }
      if (performance.now() >= end) return { ...value, done: false };
    }
  }

  async #begin(technique: Exclude<Technique, 'bare'>) {
    const { files, layouts, makeLab } = this.#ports;
    const { image } = await loadGuest(
      { guest: { kind: 'shipped', name: 'linux' }, technique, memoryMiB: MEMORY_MIB, start: false },
      files,
    );
    return measureContainers({
      makeLab,
      guest: image,
      technique,
      layouts: await layouts(),
      now: () => performance.now(),
    });
  }
}
