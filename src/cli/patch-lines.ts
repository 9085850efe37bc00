// What binary patching has done to a guest's code, as lines of text: each site with its instruction, what stands in its place,
// and how often it was executed.

import type { PatchReport } from '../core/hypervisor/techniques/patching/code-patches.ts';
import { disassemble } from '../core/isa/disassemble.ts';

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** Several lines, each with its end. */
export function patchLines({ instructions, trapWord, pages, examinations, withdrawn, accesses }: PatchReport): string {
  const sites = pages.flatMap((page) => page.sites.map((site) => ({ ...site, live: page.live })));
  const stand = `${hex(trapWord)} ${disassemble(trapWord, 0).text}`;
  const lines = sites.map(({ gpa, original, trapped, live }) => {
    const instruction = `${hex(original)} ${disassemble(original, gpa).text}`;
    return `  0x${hex(gpa)}  ${instruction.padEnd(34)} → ${stand}  trapped ${plural(trapped, 'time')}${live ? '' : ', copy given up'}`;
  });
  return [
    `Patched for ${instructions.join('; ') || 'nothing'}: ${plural(sites.length, 'instruction')} in ${plural(pages.length, 'page')}. ` +
      `${plural(examinations, 'page')} looked through, ${plural(withdrawn, 'copy').replace(/copys$/, 'copies')} withdrawn, ` +
      `${accesses === 1 ? '1 load or store' : `${accesses} loads and stores`} performed.`,
    ...lines,
    '',
  ].join('\n');
}
