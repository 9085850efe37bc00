// An exit reason in the words of perf and VMX, from the catalog; its own name where the catalog does not know it.

import type { Catalog, ExitReasonDescription, Technique } from '../../../protocol/commands.ts';
import type { GlossaryRow } from '../../glossary.ts';

/**
 * The one name that fits this technique. A reason that the hart reports by another cause with the H extension has both names in
 * the catalog, divided by ` / `: the one in user mode first.
 */
export function nameUnder(name: string, technique: Technique | undefined): string {
  const names = name.split(' / ');
  return (technique === 'hardware-assisted' ? names.at(-1) : names[0]) ?? name;
}

/** The row of a reason, with the names that fit the technique where that is known. */
export function findReason(catalog: Catalog | undefined, reason: string, technique?: Technique): ExitReasonDescription {
  const row = catalog?.exitReasons.find((one) => one.reason === reason);
  if (row === undefined) {
    return { reason, perfName: reason, vmxName: '–', meaning: 'The catalog does not describe this reason.' };
  }
  return technique === undefined
    ? row
    : { ...row, perfName: nameUnder(row.perfName, technique), vmxName: nameUnder(row.vmxName, technique) };
}

/** The tooltip of a reason. */
export const explainReason = (description: ExitReasonDescription): GlossaryRow => ({
  title: description.reason,
  sentence: description.meaning.replaceAll('`', ''),
  section: `perf kvm stat: ${description.perfName}`,
  intel: description.vmxName,
});
