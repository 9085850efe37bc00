// What makes up for a machine on which a sensitive instruction does not trap: which technique each way is a matter of, and
// which guest.

import type { Technique } from '../vocabulary.ts';
import type { choices } from './choices.ts';

export type Repair = (typeof choices.repair)[number];

const needed = { none: undefined, patching: 'trap-and-emulate', paravirtualization: 'paravirtual' } as const;

/** The technique that a guest repaired in this way runs under; undefined where any will do. */
export const techniqueOfRepair = (repair: Repair = 'none'): Technique | undefined => needed[repair];

interface WithTwin {
  readonly name: string;
  readonly techniques: readonly Technique[];
  readonly twin?: string;
}

const isParavirtual = ({ techniques }: WithTwin): boolean => techniques.includes('paravirtual');

/** The guest that does the same work and makes hypercalls: itself, or its twin; undefined where there is none. */
export const paravirtualTwin = <Guest extends WithTwin>(
  guest: Guest | undefined,
  guests: readonly Guest[],
): Guest | undefined =>
  guest === undefined || isParavirtual(guest)
    ? guest
    : guests.find((each) => each.name === guest.twin && isParavirtual(each));
