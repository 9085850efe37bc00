// What went wrong, in plain words, between the bars: the machine had to be started anew, or a command failed.

import { Sentence } from '../components/Sentence.tsx';
import { useLab } from '../lab.ts';
import { showProblem, useShell } from '../shell-state.ts';
import styles from './Notices.module.css';
import { useCoreStatus } from './use-core-status.ts';

export function Notices() {
  const { core } = useLab();
  const { phase, trouble } = useCoreStatus();
  const problem = useShell((state) => state.problem);
  return (
    <div role="alert">
      {trouble !== undefined && (
        <p className={styles['notice']}>
          <span>
            <Sentence>{trouble}</Sentence>
          </span>
          {phase === 'dead' ? (
            <>
              <button type="button" className="button outlined" onClick={() => core.restart('forget')}>
                Start without the VMs
              </button>
              <button type="button" className="button" onClick={() => core.restart('keep')}>
                Try again with them
              </button>
            </>
          ) : (
            <button type="button" className="button" onClick={core.dismissTrouble}>
              Dismiss
            </button>
          )}
        </p>
      )}
      {problem !== undefined && (
        <p className={styles['notice']}>
          <span>
            <Sentence>{problem}</Sentence>
          </span>
          <button type="button" className="button" onClick={() => showProblem(undefined)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}
