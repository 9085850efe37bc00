// The walk as a table: the drawing's content in reading order.

import type { WalkAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { Hex } from '../../components/Hex.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { describeFetch, flagLetters, type WalkBand } from './walk-rows.ts';
import styles from './walk.module.css';

export function WalkTable({ walk, bands }: { readonly walk: WalkAnswer; readonly bands: readonly WalkBand[] }) {
  return (
    <details className={styles['details']}>
      <summary>The same as a table</summary>
      <div className={shared['scroller']}>
        <table className={classNames('table', styles['table'])}>
          <caption className="visually-hidden">
            {bands.map(({ title }) => title).join('; ')}: the entries in the order they are fetched
          </caption>
          <thead>
            <tr>
              <th scope="col" className="number">
                #
              </th>
              <th scope="col">Entry</th>
              <th scope="col">At</th>
              <th scope="col">Value</th>
              <th scope="col">Flags</th>
              <th scope="col">Points to</th>
            </tr>
          </thead>
          <tbody>
            {walk.fetches.map((fetch, index) => (
              <tr key={index}>
                <td className="number">{index + 1}</td>
                <td>
                  {describeFetch(fetch)}
                  {fetch.nested && ' (nested)'}
                </td>
                <td>
                  {fetch.gpa !== undefined && <Address space="gpa" address={fetch.gpa} />}{' '}
                  {fetch.hpa !== undefined && <Address space="hpa" address={fetch.hpa} />}
                </td>
                <td>
                  <Hex value={fetch.value} />
                </td>
                <td className="mono">{flagLetters(fetch.flags)}</td>
                <td>
                  {fetch.kind !== 'invalid' && (
                    <Address
                      space={fetch.table === 'guest' && walk.technique !== 'bare' ? 'gpa' : 'hpa'}
                      address={fetch.pointsTo}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
