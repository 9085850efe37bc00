// What the list of exits asks of the next frame; in one place, because two panels may ask it and must ask the same.

import type { ExitsQuestion } from '../../../protocol/frame.ts';
import type { Choice } from '../../choice.ts';

export const exitsQuestion = ({ exits }: Choice, vm: number | undefined): ExitsQuestion => ({
  vm: exits.vm === 'all' ? undefined : vm,
  reasons: exits.reasons,
  skip: exits.skip,
  count: exits.count,
});
