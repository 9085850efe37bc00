// Makes the suite's attempts out of their sources: each host does so with the same assembler, so that all try the same.

import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { assemble } from '../../isa/assembly/assemble.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { Attempt } from './isolation-suite.ts';

/** RAM of the attempts and of their neighbours, in bytes: little, so that all of it is quickly compared. */
export const ISOLATION_MEMORY = 8 * 2 ** 20;

/** A row of guests/hostile/attempts.ts. */
export interface AttemptSource {
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly source: string;
  readonly endless: boolean;
  readonly entropy: boolean;
}

/** @param textAddress guest physical address of `.text` @throws Error where a source is not a program */
export function attemptOf({ source, entropy, ...row }: AttemptSource, textAddress: number): Attempt {
  const assembled = assemble(source, { textAddress });
  if (!assembled.ok)
    throw new Error(`the attempt ${row.name} cannot be assembled: ${assembled.errors[0]?.message ?? ''}`);
  const { image, symbols } = assembled;
  return {
    ...row,
    offence: symbols.find(({ name }) => name === 'offence')?.address ?? 0,
    guest: (failed): GuestImage => ({
      image,
      boot: 'supervisor',
      memoryBytes: ISOLATION_MEMORY,
      harts: 1,
      ...(entropy && {
        devices: {
          virtioVersion: 'modern',
          virtio: [{ device: virtioEntropy(new SeededEntropy(1)), slot: 0, observer: { failed } }],
        },
      }),
    }),
  };
}
