// The strip at the top edge: the colour, and the form, of who runs. A world switch is seen from across the room.

import type { VmSummary } from '../../protocol/frame.ts';
import styles from './ModeStrip.module.css';

export function ModeStrip({ vm }: { readonly vm: VmSummary | undefined }) {
  return <div className={styles['strip']} data-runner={vm?.runner ?? 'nobody'} aria-hidden="true" />;
}
