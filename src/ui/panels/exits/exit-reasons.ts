// An exit reason in the words of perf and VMX, from the catalog; its own name where the catalog does not know it.

import type { Catalog, ExitReasonDescription } from '../../../protocol/commands.ts';
import type { GlossaryRow } from '../../glossary.ts';

export function findReason(catalog: Catalog | undefined, reason: string): ExitReasonDescription {
  return (
    catalog?.exitReasons.find((row) => row.reason === reason) ?? {
      reason,
      perfName: reason,
      vmxName: '–',
      meaning: 'The catalog does not describe this reason.',
    }
  );
}

/** The tooltip of a reason. */
export const explainReason = (description: ExitReasonDescription): GlossaryRow => ({
  title: description.reason,
  sentence: description.meaning,
  section: `perf kvm stat: ${description.perfName}`,
  intel: description.vmxName,
});
