// The strip at the top edge: the colour, and the form, of who runs. A world switch is seen from across the room.

import type { VmSummary } from '../../protocol/frame.ts';
import styles from './ModeStrip.module.css';
import { useRunner } from './use-calm.ts';

export function ModeStrip({ vm }: { readonly vm: VmSummary | undefined }) {
  const runner = useRunner(vm);
  return <div className={styles['strip']} data-runner={runner} aria-hidden="true" />;
}
