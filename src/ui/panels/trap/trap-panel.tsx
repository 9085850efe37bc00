// One exit in four steps: cause → handler → effect → resume. Shows the exit under way while the VM stands inside the
// hypervisor, or the one chosen in the list. "Next stage" walks on.

import { useEffect, useRef } from 'react';
import { findCause } from '../../../core/isa/causes.ts';
import type { ExitDetail, StageAnswer, VmSummary } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Failure } from '../../components/Failure.tsx';
import { Sentence } from '../../components/Sentence.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import { explainReason, findReason } from '../exits/exit-reasons.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { CauseStep, EffectStep, HandlerStep, ResumeStep } from './steps.tsx';
import { stepNames, stepState, type StepName } from './stages.ts';
import styles from './trap.module.css';

interface ShownExit {
  readonly exit: ExitDetail;
  readonly stage: StageAnswer['stage'] | 'past';
}

/** The exit to show: the chosen one, or the one under way. */
function shownExit({ frame, choice }: PanelProps): ShownExit | undefined {
  const underWay = frame?.answers.stage;
  if (choice.exit === undefined || choice.exit === underWay?.exit.sequence) return underWay;
  const exit = frame?.answers.exitDetail;
  return exit?.sequence === choice.exit ? { exit, stage: 'past' } : undefined;
}

const captions: Readonly<Record<StepName, string>> = {
  cause: 'what the guest did, what the hart wrote',
  handler: 'what the hypervisor read',
  effect: 'what it changed',
  resume: 'how the guest goes on',
};

const steps = { cause: CauseStep, handler: HandlerStep, effect: EffectStep, resume: ResumeStep } as const;

/** Keeps the stage that an exit has come to in sight: give the step that is now what this returns. */
function useNowInSight(shown: ShownExit | undefined) {
  const now = useRef<HTMLLIElement>(null);
  const sequence = shown?.exit.sequence;
  const stage = shown?.stage;
  useEffect(() => {
    if (sequence !== undefined && stage !== undefined) now.current?.scrollIntoView({ block: 'nearest' });
  }, [sequence, stage]);
  return now;
}

export function Trap(props: PanelProps) {
  const { vm, frame, catalog, choice, choose } = props;
  const shown = shownExit(props);
  const now = useNowInSight(shown);
  if (vm === undefined) {
    return (
      <EmptyState title="Here one exit is taken apart: cause, handler, effect, resume.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const underWay = frame?.answers.stage;
  if (shown === undefined) return <Nothing {...props} vm={vm} />;
  const { exit, stage } = shown;
  const { technique } = frame?.vms.find((summary) => summary.vm === exit.vm) ?? vm;
  const reason = findReason(catalog, exit.reason, technique);
  const perfName = findCause(exit.cause)?.perfName ?? reason.perfName;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <span>
          Exit <strong className="tabular">{formatCount(exit.sequence)}</strong>
        </span>
        <Term explain={explainReason(reason)}>
          <span className="mono">{perfName}</span>
        </Term>
        <span className={classNames(shared['quiet'], styles['vmx'])}>{reason.vmxName}</span>
        <span className={shared['spring']} />
        {stage === 'past' ? (
          <>
            <Neighbour {...props} exit={exit} by={-1} />
            <Neighbour {...props} exit={exit} by={1} />
            {underWay !== undefined && (
              <button type="button" className="button outlined" onClick={() => choose({ exit: undefined })}>
                Show the exit under way
              </button>
            )}
          </>
        ) : (
          <NextStage {...props} vm={vm} stage={stage} />
        )}
      </div>
      <div className={shared['body']}>
        <p className={shared['sentence']}>
          <Sentence>{exit.sentence}</Sentence>
        </p>
        <ol className={styles['steps']} aria-label="Stages of this exit">
          {stepNames.map((name, index) => {
            const state = stepState(name, stage);
            const Step = steps[name];
            return (
              <li
                key={name}
                ref={state === 'now' ? now : undefined}
                className={classNames(
                  styles['step'],
                  state === 'now' && styles['now'],
                  state === 'to come' && styles['to-come'],
                )}
                aria-current={state === 'now' ? 'step' : undefined}
              >
                <h3 className={styles['title']}>
                  <span className={styles['ordinal']} aria-hidden="true">
                    {index + 1}
                  </span>
                  <Term name={name} />
                  <span className={styles['caption']}>{captions[name]}</span>
                </h3>
                <div className={styles['content']}>
                  {state === 'to come' ? (
                    <p className={shared['quiet']}>Not yet. “Next stage” goes there.</p>
                  ) : (
                    <Step exit={exit} technique={technique} catalog={catalog} grouping={choice.grouping} />
                  )}
                </div>
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

const nextMeans: Readonly<Record<StageAnswer['stage'], string>> = {
  trapped: 'The hypervisor handles it',
  handled: 'The guest resumes',
  resumed: 'The guest runs to its next exit',
};

function NextStage({
  vm,
  stage,
  command,
}: PanelProps & { readonly vm: VmSummary; readonly stage: StageAnswer['stage'] }) {
  const [attempt, failure] = useAttempt();
  return (
    <>
      <Failure>{failure}</Failure>
      <button
        type="button"
        className="button outlined"
        title={nextMeans[stage]}
        disabled={vm.state === 'ended'}
        onClick={() => void attempt(() => command('step', { vm: vm.vm, kind: 'stage' }))}
      >
        {stage === 'resumed' ? 'Next exit' : 'Next stage'}
      </button>
    </>
  );
}

function Neighbour({ exit, by, choose }: PanelProps & { readonly exit: ExitDetail; readonly by: 1 | -1 }) {
  const word = by < 0 ? 'Earlier' : 'Later';
  return (
    <button
      type="button"
      className="button"
      aria-label={`${word} exit`}
      title={`${word} exit, of any VM`}
      disabled={exit.sequence + by < 0}
      onClick={() => choose({ exit: exit.sequence + by })}
    >
      {by < 0 ? '‹' : '›'}
    </button>
  );
}

function Nothing({ vm, choice, choose, command }: PanelProps & { readonly vm: VmSummary }) {
  const [attempt, failure] = useAttempt();
  if (vm.technique === 'bare') {
    return (
      <EmptyState title="A bare machine has no exits: there is no hypervisor to exit to.">
        Choose another technique in the bar above, and this guest’s traps appear here.
      </EmptyState>
    );
  }
  if (choice.exit !== undefined) {
    return (
      <EmptyState
        title={`Exit ${formatCount(choice.exit)} is not in the ring.`}
        action={
          <button type="button" className="button outlined" onClick={() => choose({ exit: undefined })}>
            Follow the exit under way
          </button>
        }
      >
        The ring keeps the newest exits only. Choose one in the list of exits.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Here one exit is taken apart: cause, handler, effect, resume."
      action={
        vm.state !== 'ended' && (
          <button
            type="button"
            className="button outlined"
            onClick={() => void attempt(() => command('step', { vm: vm.vm, kind: 'exit' }))}
          >
            Stop at the next exit
          </button>
        )
      }
    >
      {failure ??
        (vm.state === 'ended' ? (
          'The guest has ended. Choose one of its exits in the list, or press “Stop at the first exit” in the bar: it runs again.'
        ) : vm.lastExit === undefined ? (
          'Stop at an exit, or choose one in the list.'
        ) : (
          <Sentence>{`The last one: ${vm.lastExit}`}</Sentence>
        ))}
    </EmptyState>
  );
}
