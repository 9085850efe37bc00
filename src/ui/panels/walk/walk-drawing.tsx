// The drawing of one walker's way: boxes that can be read and focused, arrows in SVG behind them.

import { useId } from 'react';
import type { PteFetch, WalkAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { Hex } from '../../components/Hex.tsx';
import { ActorShape } from '../../components/ModeBadge.tsx';
import { Popover } from '../../components/Popover.tsx';
import { glossary } from '../../glossary.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { layoutBand, showsHost, type Box } from './walk-layout.ts';
import { describeFetch, flagLetters, type WalkBand } from './walk-rows.ts';
import styles from './walk.module.css';

interface WalkDrawingProps {
  readonly band: WalkBand;
  readonly walk: WalkAnswer;
  readonly width: number;
  readonly titled: boolean;
}

export function WalkDrawing({ band, walk, width, titled }: WalkDrawingProps) {
  const layout = layoutBand(band, width);
  const arrow = useId();
  return (
    <section aria-label={band.title}>
      {titled && (
        <h3 className={styles['band']}>
          {band.walker === 'hypervisor' && <ActorShape actor="hypervisor" size={9} />}
          {band.title}
        </h3>
      )}
      <div className={shared['scroller']}>
        {layout.columns.length > 0 && (
          <div className={styles['columns']} style={{ width: layout.width }} aria-hidden="true">
            {layout.columns.map(({ x, title }) => (
              <span key={x} style={{ left: x }}>
                {title}
              </span>
            ))}
          </div>
        )}
        <div className={styles['drawing']} style={{ width: layout.width, height: layout.height }}>
          <svg width={layout.width} height={layout.height} aria-hidden="true" className={styles['arrows']}>
            <marker id={arrow} viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto">
              <path d="M0 0 6 3 0 6z" fill="currentColor" />
            </marker>
            {layout.arrows.map((path) => (
              <path key={path} d={path} fill="none" stroke="currentColor" markerEnd={`url(#${arrow})`} />
            ))}
          </svg>
          {layout.boxes.map((box) => (
            <div
              key={`${box.rowIndex} ${box.x}`}
              className={classNames(styles['box'], styles[box.kind], isFault(box) && styles['faulted'])}
              style={{ left: box.x, top: box.y, width: box.width, height: box.height }}
            >
              <Content box={box} band={band} walk={walk} />
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}

const isFault = ({ kind, row, fetch }: Box): boolean =>
  row.faulted &&
  (kind === 'found'
    ? row.pte !== undefined
    : fetch !== undefined && fetch === row.stage2.at(-1) && row.pte === undefined);

function Content({ box, band, walk }: { readonly box: Box; readonly band: WalkBand; readonly walk: WalkAnswer }) {
  const { row, kind, fetch } = box;
  if (kind === 'address') {
    return (
      <>
        <span className={styles['formula']}>{formula(box, band, walk)}</span>
        {row.gpa !== undefined ? (
          <Address space="gpa" address={row.gpa} />
        ) : row.pte?.hpa !== undefined ? (
          <Address space="hpa" address={row.pte.hpa} />
        ) : row.hpa !== undefined ? (
          <Address space="hpa" address={row.hpa} />
        ) : (
          <span className={shared['quiet']}>not reached</span>
        )}
      </>
    );
  }
  if (kind === 'stage-2') return fetch === undefined ? undefined : <Entry fetch={fetch} name={`L${fetch.level}`} />;
  return (
    <>
      {(showsHost(row) || row.pte === undefined) && row.hpa !== undefined && <Address space="hpa" address={row.hpa} />}
      {row.pte === undefined ? (
        <span className={styles['formula']}>
          {row.faulted
            ? 'may not be used so'
            : band.walker === 'hypervisor'
              ? 'by its own list'
              : `the ${walk.access} itself`}
        </span>
      ) : (
        <Entry fetch={row.pte} name={`${row.pte.table} L${row.pte.level}`} />
      )}
    </>
  );
}

/** How the address of a row comes about: the root register or the entry before it, plus an index or the offset. */
function formula({ row, rowIndex }: Box, band: WalkBand, walk: WalkAnswer): string {
  const before = band.rows[rowIndex - 1]?.pte;
  if (row.kind === 'access')
    return before?.level === 1 ? 'PPN, VPN[0], offset' : before === undefined ? 'the GVA itself' : 'PPN, offset';
  const level = row.pte?.level ?? (before === undefined ? 1 : 0);
  if (before !== undefined) return `PPN, VPN[${level}]`;
  if (row.pte?.table === 'shadow') return `real satp, VPN[${level}]`;
  return `${walk.technique === 'hardware-assisted' ? 'vsatp' : 'satp'}, VPN[${level}]`;
}

const bitTerms = ['pte-d', 'pte-a', 'pte-g', 'pte-u', 'pte-x', 'pte-w', 'pte-r', 'pte-v'] as const;

/** A page-table entry: which one, its value, its flags as letters; hover or focus says all of it in words. */
function Entry({ fetch, name }: { readonly fetch: PteFetch; readonly name: string }) {
  const letters = flagLetters(fetch.flags);
  return (
    <Popover
      className={styles['entry']}
      content={
        <>
          <strong>{describeFetch(fetch)}.</strong>
          <ul className={styles['flags']}>
            {bitTerms.map((term, index) => (
              <li key={term} className={letters[index] === '·' ? shared['faint'] : undefined}>
                <span aria-hidden="true">{letters[index] === '·' ? '0 ' : '1 '}</span>
                <span className="visually-hidden">{letters[index] === '·' ? 'clear: ' : 'set: '}</span>
                {glossary[term].title}: {glossary[term].sentence}
              </li>
            ))}
          </ul>
        </>
      }
    >
      <span className={styles['which']}>
        {name} <span className="mono">[{fetch.index}]</span>
      </span>
      <Hex value={fetch.value} />
      <span className="mono" aria-label={`flags ${letters.replaceAll('·', '')}`}>
        {letters}
      </span>
    </Popover>
  );
}
