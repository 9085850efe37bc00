// The rounds of a migration: a row each, with bars of the pages sent and of the pages written meanwhile.

import type { MigrationAnswer, MigrationRound } from '../../../protocol/frame.ts';
import { formatBytes, formatCount } from '../../format.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import styles from './migration.module.css';
import { formatTicks } from './ticks.ts';

export function MigrationRounds({ answer: { rounds, progress, active } }: { readonly answer: MigrationAnswer }) {
  const most = Math.max(1, progress.pages, ...rounds.flatMap(({ pages, dirtyPages }) => [pages, dirtyPages]));
  return (
    <div className={shared['scroller']} role="region" aria-label="Rounds" tabIndex={0}>
      <table className={classNames('table', styles['rounds'])}>
        <caption className="visually-hidden">Rounds of the migration</caption>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">Pages sent</th>
            <th scope="col">Written meanwhile</th>
            {['On the cable', 'Took', 'If stopped now', 'Throttle'].map((name) => (
              <th key={name} scope="col" className="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <Round key={round.number} round={round} most={most} />
          ))}
          {active && (
            <tr>
              <th scope="row">{progress.round}</th>
              <td>
                <Bar pages={progress.sent} most={most} fill="var(--guest-kernel)" />
                {formatCount(progress.sent)} of {formatCount(progress.pages)}
              </td>
              <td className={shared['quiet']} colSpan={5}>
                under way
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Round({ round, most }: { readonly round: MigrationRound; readonly most: number }) {
  const { startedAt, endedAt, pages, zeroPages, dirtyPages, bytes, expectedDowntime, throttle } = round;
  return (
    <tr>
      <th scope="row">{round.number}</th>
      <td>
        <Bar pages={pages} most={most} fill="var(--guest-kernel)" />
        {formatCount(pages)}
        {zeroPages > 0 && <span className={shared['quiet']}> ({formatCount(zeroPages)} zeros)</span>}
      </td>
      <td>
        <Bar pages={dirtyPages} most={most} fill="var(--host-interrupt)" />
        {formatCount(dirtyPages)}
      </td>
      <td className="number">{formatBytes(bytes)}</td>
      <td className="number">{formatTicks(endedAt - startedAt)}</td>
      <td className="number">{expectedDowntime === 0 ? '–' : formatTicks(expectedDowntime)}</td>
      <td className="number">{throttle === 0 ? '–' : `${throttle} %`}</td>
    </tr>
  );
}

const BAR = 72;

/** The number stands beside it. */
function Bar({ pages, most, fill }: { readonly pages: number; readonly most: number; readonly fill: string }) {
  return (
    <svg className={styles['bar']} width={BAR} height="10" aria-hidden="true">
      <rect width={BAR} height="10" fill="var(--sunken)" />
      <rect width={pages === 0 ? 0 : Math.max(1, (pages / most) * BAR)} height="10" fill={fill} />
    </svg>
  );
}
