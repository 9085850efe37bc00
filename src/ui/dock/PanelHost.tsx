// One panel inside the dock or on a phone: hands it the frame while it is on the screen, and keeps its failures to itself.

import { Suspense } from 'react';
import { ErrorBoundary, type FallbackProps } from 'react-error-boundary';
import { messageOf } from '../../protocol/message-of.ts';
import { choose, useChoice } from '../choice.ts';
import { EmptyState } from '../components/EmptyState.tsx';
import { useFrame, vmOf } from '../frame-store.ts';
import { useLab } from '../lab.ts';
import type { Panel } from '../panel.ts';
import { useShell } from '../shell-state.ts';
import { useCoreStatus } from '../shell/use-core-status.ts';
import styles from './PanelHost.module.css';

interface PanelHostProps {
  readonly panel: Panel;
  /** On the screen. A hidden panel keeps what it drew last and costs nothing. */
  readonly visible: boolean;
}

export function PanelHost({ panel, visible }: PanelHostProps) {
  const lab = useLab();
  const { frame, before } = useFrame(visible, panel.drawnFirst);
  const choice = useChoice();
  const { catalog } = useCoreStatus();
  const beginning = useShell((state) => state.beginning);
  const vm = vmOf(frame, choice.vm);
  return (
    <section className={styles['host']} data-panel={panel.id} tabIndex={-1} aria-label={panel.title}>
      {/* A guest is on its way: what a panel says when there is none would only flash by. */}
      {(vm !== undefined || !beginning) && (
        <ErrorBoundary FallbackComponent={PanelFailure}>
          <Suspense fallback={<EmptyState title={`${panel.title} is being loaded.`} />}>
            <panel.Component
              frame={frame}
              before={before}
              vm={vm}
              catalog={catalog}
              choice={choice}
              choose={choose}
              command={lab.command}
              navigate={lab.navigate}
            />
          </Suspense>
        </ErrorBoundary>
      )}
    </section>
  );
}

function PanelFailure({ error, resetErrorBoundary }: FallbackProps) {
  return (
    <EmptyState
      title="This panel failed; the machine and the other panels go on."
      action={
        <button type="button" className="button outlined" onClick={resetErrorBoundary}>
          Show it again
        </button>
      }
    >
      {messageOf(error)}
    </EmptyState>
  );
}
