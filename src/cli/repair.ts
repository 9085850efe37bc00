// What makes up for a machine on which a sensitive instruction does not trap, as options say it.

import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import { guests, type Guest } from '../guests/manifest.ts';
import { paravirtualTwin, techniqueOfRepair, type Repair } from '../protocol/option-values/repair.ts';
import { UsageError } from './options.ts';

/** The technique that a guest runs under. @throws UsageError where the one that was asked for has no such repair */
export function techniqueOf(repair: Repair = 'none', technique: Technique | undefined): Technique {
  const needed = techniqueOfRepair(repair);
  if (needed === undefined) return technique ?? 'bare';
  if (technique === undefined || technique === needed) return needed;
  throw new UsageError(
    `--technique ${needed} with --repair ${repair}`,
    `--technique ${technique}`,
    'leave --technique out',
  );
}

/** The guest that does the same work and makes hypercalls. @throws UsageError where there is none */
export function twinOf(guest: Guest | undefined): Guest {
  const twin = paravirtualTwin(guest, guests);
  if (twin !== undefined) return twin;
  const names = guests.filter(({ twin: other }) => other !== undefined).map(({ name }) => name);
  throw new UsageError(
    'a guest that has a paravirtual twin with --repair paravirtualization',
    guest?.name ?? 'an image',
    `add --guest ${names.join(' or ')}; any guest can be repaired by patching`,
  );
}
