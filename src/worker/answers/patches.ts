// What binary patching has done to the code of each VM, as the page shows it.

import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import type { PatchedVm } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** Replaced instructions that are shown one by one. */
const MOST_SHOWN = 100;

export const patchesAnswer = ({ lab }: AnswerContext): readonly PatchedVm[] =>
  lab.vms.flatMap((vm) => {
    if (!(vm instanceof HostedVm) || vm.patches === undefined) return [];
    const { pages, ...report } = vm.patches.report;
    const all = pages.flatMap(({ sites, live, withdrawn }) => sites.map((site) => ({ ...site, live, withdrawn })));
    const shown = all.sort((a, b) => b.trapped - a.trapped || a.gpa - b.gpa).slice(0, MOST_SHOWN);
    return [{ ...report, vm: vm.id, sites: all.length, pages: pages.length, shown }];
  });
