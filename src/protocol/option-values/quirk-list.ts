// Which rules of the manual a machine breaks: one name, or several.

import type { QuirkName } from '../../core/machine/quirks.ts';
import { quirkNames } from '../vocabulary.ts';
import { ValueError, type Reader } from './values.ts';

/** `sret`, or `sret,sstatus`; each name counts once. */
export const quirkList: Reader<readonly QuirkName[]> = (text) => {
  const chosen = text.split(',').map((part) => quirkNames.find((name) => name === part));
  if (!chosen.includes(undefined)) return [...new Set(chosen.filter((name) => name !== undefined))];
  throw new ValueError(`${quirkNames.join(' or ')}, or several of them with commas between`, 'choose among these');
};
