// Hostile guests try to get out, one by one, each between two neighbours: what stopped it, and that nobody can tell.

import type { AttemptResult } from '../../../protocol/properties.ts';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import shared from '../panel.module.css';
import styles from './properties.module.css';
import { useInstrument } from '../use-instrument.ts';

export function Isolation({ command }: PanelProps) {
  const { reply, running, failure, run } = useInstrument(
    (begin) => command('isolation', begin ? { begin: true } : {}),
    ({ results, total }) => results.length === total,
  );
  const results = reply?.results ?? [];
  const held = results.filter((each) => each.held).length;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <button type="button" className="button outlined" disabled={running} onClick={run}>
          Let them try
        </button>
        <span className={shared['spring']} />
        <span role="status" className={shared['quiet']}>
          {reply === undefined ? '' : `${results.length} of ${reply.total} tried, ${held} stopped`}
        </span>
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {running && reply && (
          <progress className={styles['bar']} value={results.length} max={reply.total} aria-label="Tried" />
        )}
        {reply === undefined && (
          <p className={styles['note']}>
            Each attempt is a guest of a few instructions, on a machine of its own, between two neighbours that do
            honest work: memory behind its own, its page tables, the machine’s registers, DMA, descriptor rings, others’
            interrupts, the firmware, floods of exits. The check that stops it is told from what the machine recorded,
            and the neighbours’ state hash must be what it is without it.
          </p>
        )}
        <ol className={styles['attempts']} aria-label="Attempts, newest first">
          {results.toReversed().map((result) => (
            <Row key={`${result.technique} ${result.name}`} result={result} />
          ))}
        </ol>
      </div>
    </div>
  );
}

function Row({ result }: { readonly result: AttemptResult }) {
  const { held, technique, kind, title, denial, neighboursUnchanged, neighbourHash, entries, foreignEntries } = result;
  return (
    <li className={styles['attempt']}>
      <p>
        <b className={held ? undefined : shared['error']}>{held ? 'Stopped' : 'Not stopped'}</b>: {title}{' '}
        <span className={shared['quiet']}>
          ({kind}, {technique})
        </span>
      </p>
      <p className={shared['quiet']}>
        <span className={styles['by']}>{denial?.by ?? 'nothing that is known'}</span> {denial?.check}
      </p>
      <p className={shared['quiet']}>
        Neighbours {neighboursUnchanged ? 'as without it' : 'changed'}, state hash <code>{neighbourHash}</code>;{' '}
        {foreignEntries === 0 ? `all ${entries}` : `${entries - foreignEntries} of ${entries}`} table entries lead to
        its own memory.
      </p>
    </li>
  );
}
