// What is known of a guest's page, in words.

import type { GuestPageDetail, GuestPagesAnswer, PageMapping } from '../../../protocol/frame.ts';
import { formatCount, formatHex } from '../../format.ts';
import { FRAME_BYTES } from './frame-map.ts';

export function mappingText(mapping: PageMapping): string {
  switch (mapping.kind) {
    case 'none':
      return 'by nothing now: the next access to it exits.';
    case 'bare':
      return 'directly: the guest has the machine to itself.';
    case 'stage-2': {
      const size = mapping.bytes > FRAME_BYTES ? 'a block of 4 MiB, by one entry' : 'a page of 4 KiB, by an entry';
      return `as ${size} of the second stage; ${mapping.store ? 'stores need no exit' : 'the first store to it exits'}.`;
    }
    case 'shadow': {
      const { entries, stores, atLeast } = mapping;
      const count = `${atLeast ? 'at least ' : ''}${entries} ${entries === 1 && !atLeast ? 'entry' : 'entries'}`;
      return `as a page of 4 KiB, by ${count} of shadow tables, ${stores} of them for stores: one for each address at which an address space of the guest has used it.`;
    }
  }
}

export function sharersText({ sharers }: GuestPageDetail): string {
  if (sharers === 0) return 'none';
  return sharers === 1
    ? 'this page alone lies in its frame'
    : `${formatCount(sharers)} pages lie in its frame, this one among them; the first store to it makes a copy`;
}

export function touchedText({ marks, pinned }: GuestPageDetail): string {
  if (marks.includes('resident') || marks.includes('swapped') || pinned) return 'yes';
  if (marks.includes('ballooned')) return 'given up: what it held is gone';
  return 'never, or not since the guest took it back: it reads as zeros';
}

export function cellText({ cell: { pages, counts } }: GuestPagesAnswer): string {
  const { resident, ballooned, swapped } = counts;
  const named = [
    ['resident', resident],
    ['shared', counts.shared],
    ['dirty', counts.dirty],
    ['in a 4 MiB entry', counts.huge],
    ['ballooned', ballooned],
    ['swapped out', swapped],
    ['never touched', pages - resident - ballooned - swapped],
  ] as const;
  return named
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ');
}

const markWords = {
  resident: 'resident',
  ballooned: 'ballooned',
  shared: 'shared',
  dirty: 'dirty',
  swapped: 'swapped out',
  huge: 'in a 4 MiB entry',
} as const;

export const stateWords = ({ marks }: GuestPageDetail): readonly string[] =>
  marks.length === 0 ? ['never touched'] : marks.map((mark) => markWords[mark]);

/** What a screen reader says when the cursor moves. */
export function spokenPage(answer: GuestPagesAnswer): string {
  const { page, pagesPerCell } = answer;
  const cell = pagesPerCell > 1 ? `; the cell: ${cellText(answer)}` : '';
  return `GPA ${formatHex(page.gpa, false)}, ${stateWords(page).join(', ')}${cell}`;
}
