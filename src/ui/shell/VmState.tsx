// The state of a VM as a shape and a word. Steady while it runs: who holds the hart is the mode strip's to say.

import type { VmSummary } from '../../protocol/frame.ts';

/** In plain words, for hover text and screen readers. */
export function stateName({ state, ending, stepping }: VmSummary): string {
  if (ending !== undefined) return ending.exitCode === 0 ? 'ended' : `ended with code ${ending.exitCode}`;
  if (stepping) return 'within a step';
  return { running: 'running', waiting: 'waiting for an interrupt', paused: 'paused', ended: 'ended' }[state];
}

export function VmStateShape({ vm }: { readonly vm: VmSummary }) {
  const failed = vm.ending !== undefined && vm.ending.exitCode !== 0;
  return (
    <svg
      width="10"
      height="10"
      viewBox="0 0 10 10"
      aria-hidden="true"
      style={{ color: failed ? 'var(--error)' : 'var(--nobody)' }}
    >
      {vm.state === 'running' && <path d="M2 .8v8.4L9 5z" fill="var(--guest-kernel)" />}
      {vm.state === 'paused' && <path d="M3 1v8M7 1v8" stroke="currentColor" strokeWidth="1.8" />}
      {vm.state === 'waiting' && (
        <circle cx="5" cy="5" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.4" strokeDasharray="2 2" />
      )}
      {vm.state === 'ended' && !failed && <rect x="1.5" y="1.5" width="7" height="7" fill="currentColor" />}
      {vm.state === 'ended' && failed && <path d="M1.5 1.5l7 7M8.5 1.5l-7 7" stroke="currentColor" strokeWidth="1.8" />}
    </svg>
  );
}
