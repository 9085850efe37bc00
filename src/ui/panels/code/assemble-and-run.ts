// Assembles what the person typed and runs it in a VM of its own. A guest that ships stays beside it, to compare; a VM that
// already ran an edited source is replaced.

import { assemble, type AssemblyMessage } from '../../../core/isa/assembly/assemble.ts';
import type { VmSummary } from '../../../protocol/frame.ts';
import { messageOf } from '../../../protocol/message-of.ts';
import type { PanelProps } from '../../panel.ts';
import { textAddressOf } from './use-source.ts';

export interface Outcome {
  readonly errors: readonly AssemblyMessage[];
  readonly warnings: readonly AssemblyMessage[];
  /** Why the core refused the image, where it did. */
  readonly failure: string | undefined;
}

const EDITED = ' (edited)';

export async function assembleAndRun(
  text: string,
  title: string,
  { choice, choose, command }: PanelProps,
  vm: VmSummary,
): Promise<Outcome> {
  const result = assemble(text, { textAddress: textAddressOf(vm.boot) });
  if (!result.ok) return { errors: result.errors, warnings: result.warnings, failure: undefined };
  const name = title.endsWith(EDITED) ? title : `${title}${EDITED}`;
  try {
    const added = await command('addVm', {
      guest: { kind: 'image', title: name, bytes: result.image, boot: vm.boot },
      technique: vm.technique,
      memoryMiB: vm.memoryBytes / 2 ** 20,
      start: true,
    });
    const sources = { ...choice.sources, [added.vm]: { title: name, text } };
    choose({ vm: added.vm, sources, cursor: undefined, exit: undefined, disassembly: 'pc' });
    if (choice.sources[vm.vm] !== undefined) await command('removeVm', { vm: vm.vm });
    return { errors: [], warnings: result.warnings, failure: undefined };
  } catch (error) {
    const reason = messageOf(error);
    return { errors: [], warnings: result.warnings, failure: `It assembled, but does not run: ${reason}` };
  }
}
