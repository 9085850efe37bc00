// What makes up for a machine on which a sensitive instruction does not trap, as options say it: which technique each way is a
// matter of, and which guest.

import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import { guests, type Guest } from '../guests/manifest.ts';
import { UsageError } from './options.ts';

export const repairs = ['none', 'patching', 'paravirtualization'] as const;
export type Repair = (typeof repairs)[number];

const techniques = { patching: 'trap-and-emulate', paravirtualization: 'paravirtual' } as const;

/** The technique that a guest runs under. @throws UsageError where the one that was asked for has no such repair */
export function techniqueOf(repair: Repair = 'none', technique: Technique | undefined): Technique {
  if (repair === 'none') return technique ?? 'bare';
  const needed = techniques[repair];
  if (technique === undefined || technique === needed) return needed;
  throw new UsageError(
    `--technique ${needed} with --repair ${repair}`,
    `--technique ${technique}`,
    'leave --technique out',
  );
}

/** The guest that does the same work and makes hypercalls. @throws UsageError where there is none */
export function twinOf(guest: Guest | undefined): Guest {
  const isParavirtual = ({ techniques: possible }: Guest) => possible.includes('paravirtual');
  const twin =
    guest !== undefined && isParavirtual(guest)
      ? guest
      : guests.find((each) => each.name === guest?.twin && isParavirtual(each));
  if (twin !== undefined) return twin;
  const names = guests.filter(({ twin: other }) => other !== undefined).map(({ name }) => name);
  throw new UsageError(
    'a guest that has a paravirtual twin with --repair paravirtualization',
    guest?.name ?? 'an image',
    `add --guest ${names.join(' or ')}; any guest can be repaired by patching`,
  );
}
