// The panel “Techniques compared”: a guest and its twin, which does the same work in another way, run in every way there is.

import { useState } from 'react';
import type { Commands } from '../../../protocol/commands.ts';
import { TECHNIQUE_NAMES } from '../../commands/command-row.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { costLines, verdictOf } from './cost-lines.ts';
import styles from './techniques.module.css';

export function TechniquesCompared({ command, catalog }: PanelProps) {
  const pairs = (catalog?.guests ?? []).filter(({ twin }, index, all) => {
    const other = all.findIndex(({ name }) => name === twin);
    return other > index; // each pair once, by its first
  });
  const [chosen, setChosen] = useState<string>();
  const guest = pairs.find(({ name }) => name === chosen) ?? pairs[0];
  const [result, setResult] = useState<Commands['compareTwins']['reply']>();
  const [running, setRunning] = useState(false);
  const [attempt, failure] = useAttempt();

  const compare = async () => {
    if (guest === undefined) return;
    setRunning(true);
    await attempt(async () => setResult(await command('compareTwins', { guest: guest.name })));
    setRunning(false);
  };
  const titleOf = (name: string) => catalog?.guests.find((each) => each.name === name)?.title ?? name;
  const runs = result?.runs ?? [];

  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <label>
          Guests{' '}
          <select className="field" value={guest?.name ?? ''} onChange={(event) => setChosen(event.target.value)}>
            {pairs.map(({ name, twin }) => (
              <option key={name} value={name}>
                {name} and {twin}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="button primary"
          disabled={running || guest === undefined}
          onClick={() => void compare()}
        >
          Run the twins
        </button>
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {result === undefined ? (
          <EmptyState title="Two kernels, one program, the same work.">
            Press “Run the twins”: each runs in every way it can, on a computer of its own, and what it cost stands side
            by side.
          </EmptyState>
        ) : (
          <>
            <p role="status" className={shared['sentence']}>
              {verdictOf(runs, result.same)}
            </p>
            <div className={shared['scroller']} role="group" aria-label="The runs, side by side" tabIndex={0}>
              <table className={classNames('table', styles['runs'])} aria-label="Exits and cost of each run">
                <thead>
                  <tr>
                    <th scope="col">Exits</th>
                    {runs.map(({ guest: name, technique }) => (
                      <th key={technique + name} scope="col" className="number" title={titleOf(name)}>
                        {TECHNIQUE_NAMES[technique]}
                        <span className={styles['guest']}>{name}</span>
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {costLines(runs, catalog).map(({ title, sentence, values, format, total }) => {
                    const most = Math.max(...values);
                    return (
                      <tr key={title} className={classNames(total === true && styles['total'])}>
                        <th scope="row" title={sentence}>
                          {title}
                        </th>
                        {values.map((value, index) => (
                          <td key={runs[index]?.technique} className="number">
                            {format(value)}
                            <span
                              className={styles['bar']}
                              style={{ inlineSize: `${most > 0 ? (100 * value) / most : 0}%` }}
                              aria-hidden="true"
                            />
                          </td>
                        ))}
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          </>
        )}
      </div>
    </div>
  );
}
