// What a scenario that was opened expects of each of its VMs, and what has come of it so far: the same judgements as those of
// `ringside scenario`, while it runs.

import type { Judgement, ScenarioAnswer, ScenarioVmRow } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import type { Navigate, PanelProps } from '../../panel.ts';
import shared from '../panel.module.css';
import { standings, standingOf, summaryOf } from './standing.ts';
import styles from './scenario.module.css';

export function ScenarioPanel({ frame, vm, navigate }: PanelProps) {
  const scenarios = frame?.answers.scenarios ?? [];
  return (
    <div className={shared['panel']}>
      <div className={shared['body']}>
        {scenarios.length === 0 ? (
          <EmptyState title="What is expected of each VM of a scenario, and what has come of it.">
            Open one: type “scenario” into the palette (F1), or drop its file on the page.
          </EmptyState>
        ) : (
          scenarios.map((scenario) => (
            <Scenario key={scenario.run} scenario={scenario} looked={vm?.vm} navigate={navigate} />
          ))
        )}
      </div>
    </div>
  );
}

interface ScenarioProps {
  readonly scenario: ScenarioAnswer;
  /** The VM that is looked at. */
  readonly looked: number | undefined;
  readonly navigate: Navigate;
}

function Scenario({ scenario: { title, about, vms }, looked, navigate }: ScenarioProps) {
  return (
    <section className={styles['scenario']} aria-label={`Scenario: ${title}`}>
      <h3>{title}</h3>
      {about !== '' && <p className={shared['quiet']}>{about}</p>}
      <p role="status" className={styles['summary']}>
        {summaryOf(vms.flatMap(({ judgements }) => judgements))}
      </p>
      {vms.map((row) => (
        <Vm key={row.name} row={row} looked={looked} navigate={navigate} />
      ))}
    </section>
  );
}

interface VmProps extends Pick<ScenarioProps, 'looked' | 'navigate'> {
  readonly row: ScenarioVmRow;
}

function Vm({ row: { name, vm, judgements }, looked, navigate }: VmProps) {
  return (
    <>
      <h4 className={styles['vm']}>
        {vm === undefined ? (
          name
        ) : (
          <button
            type="button"
            className="button"
            aria-pressed={vm === looked}
            title="Look at this VM"
            onClick={() => navigate.toVm(vm)}
          >
            {name}
          </button>
        )}
      </h4>
      {judgements.length === 0 ? (
        <p className={styles['nothing']}>Nothing is expected of it.</p>
      ) : (
        <ul className={styles['judgements']} aria-label={`Expected of ${name}`}>
          {judgements.map((judgement, index) => (
            <Row key={`${index} ${judgement.wanted}`} judgement={judgement} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ judgement }: { readonly judgement: Judgement }) {
  const standing = standingOf(judgement);
  const { words, mark } = standings[standing];
  return (
    <li data-standing={standing}>
      <span aria-hidden="true" className={styles['mark']}>
        {mark}
      </span>
      <span className={styles['words']}>{words}</span>
      <span className={styles['sentence']}>
        {judgement.wanted}
        {standing === 'missed' && `, ${judgement.found}`}
      </span>
    </li>
  );
}
