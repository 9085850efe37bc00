// Live migration as a person sees it: what to move over which cable, the rounds as bars of pages sent and pages written
// meanwhile, the time the VM stood still, and whether what arrived is what was sent.

import { useState } from 'react';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { MigrationControls, MigrationSettings, type ChosenMigration } from './migration-settings.tsx';
import { MigrationState } from './migration-state.tsx';

export function MigrationPanel({ frame, vm, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const [chosen, setChosen] = useState<ChosenMigration>({
    bytesPerSecond: 125_000_000,
    milliseconds: 300,
    divergence: 'report',
  });
  const answer = frame?.answers.migration;
  const movable = vm !== undefined && vm.machine !== undefined;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        {answer?.active === true ? (
          <MigrationControls attempt={attempt} command={command} />
        ) : (
          <MigrationSettings
            vm={movable ? vm : undefined}
            chosen={chosen}
            choose={setChosen}
            attempt={attempt}
            command={command}
          />
        )}
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {answer !== undefined && frame !== undefined ? (
          <MigrationState answer={answer} frame={frame} />
        ) : (
          <EmptyState title="Here a VM moves to another machine while it runs.">
            {movable
              ? 'Press “Move to machine B”: its memory travels while it runs, and what it writes meanwhile travels again, until the rest is small enough to stop it for a moment.'
              : 'Add a VM under trap-and-emulate or hardware-assisted first: on the bare machine nobody is below the guest who could move it.'}
          </EmptyState>
        )}
      </div>
    </div>
  );
}
