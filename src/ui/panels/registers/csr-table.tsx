// CSRs as rows that open: the number and its meaning in words; opened, the 32 bits drawn and every field explained.
// Under a hypervisor the hart's own register stands in a second line, with the hypervisor's shape before it.

import { Fragment, useState } from 'react';
import type { CsrFieldDescription, CsrValue } from '../../../protocol/frame.ts';
import { Hex } from '../../components/Hex.tsx';
import { ActorShape } from '../../components/ModeBadge.tsx';
import { Explanation } from '../../components/Explained.tsx';
import { Term } from '../../components/Term.tsx';
import { useRovingRows } from '../../components/roving-rows.ts';
import { findTerm } from '../../glossary.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { describeCsr, describeField, splitIntoRuns } from './bit-fields.ts';
import { changedBits, csrKey, type CsrSide, type RegisterChanges } from './changes.ts';
import styles from './registers.module.css';

interface CsrTableProps {
  readonly label: string;
  readonly side: CsrSide;
  readonly csrs: readonly CsrValue[];
  readonly before: readonly CsrValue[] | undefined;
  readonly changes: RegisterChanges;
}

export function CsrTable({ label, side, csrs, before, changes }: CsrTableProps) {
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  const rows = useRovingRows({
    count: csrs.length,
    active,
    onActive: setActive,
    onOpen: (index) => toggle(csrs[index]?.name ?? ''),
    idOf: (index) => `csr-${side}-${index}`,
  });
  return (
    <div {...rows.container} role="tree" aria-label={`${label}; Enter opens a register`} className={styles['csrs']}>
      {csrs.map((csr, index) => {
        const opened = open.has(csr.name);
        const changed = changes.csrs.has(csrKey(side, csr.name));
        const row = rows.row(index);
        return (
          <Fragment key={csr.name}>
            <div
              {...row}
              onDoubleClick={undefined}
              onClick={() => {
                row.onClick();
                toggle(csr.name);
              }}
              role="treeitem"
              aria-level={1}
              aria-expanded={opened}
              className={styles['csr']}
            >
              <span className={styles['twisty']} aria-hidden="true">
                {opened ? '▾' : '▸'}
              </span>
              <Term explain={explainCsr(csr)} tabIndex={-1}>
                <span className="mono">{csr.name}</span>
              </Term>
              <Hex value={csr.value} changed={changed} />
              <span className={styles['words']}>{describeCsr(csr.name, csr.value, csr.fields)}</span>
              {csr.real !== undefined && (
                <span className={styles['real']}>
                  <ActorShape actor="hypervisor" size={8} />
                  <Term name="real-csr" tabIndex={-1}>
                    {csr.real.name === csr.name ? `real ${csr.real.name}` : csr.real.name}
                  </Term>
                  <Hex value={csr.real.value} changed={changes.csrs.has(csrKey('real', csr.name))} />
                  <span className={styles['words']}>{describeCsr(csr.real.name, csr.real.value, csr.fields)}</span>
                </span>
              )}
            </div>
            {opened && (
              <div role="treeitem" aria-level={2} aria-selected={false} className={styles['detail']}>
                <Explanation row={explainCsr(csr)} />
                <Bits
                  value={csr.value}
                  fields={csr.fields}
                  changed={changedBits(before?.find(({ name }) => name === csr.name)?.value ?? csr.value, csr.value)}
                />
              </div>
            )}
          </Fragment>
        );
      })}
    </div>
  );
}

const explainCsr = (csr: CsrValue) => {
  const term = findTerm(csr.name);
  return {
    title: `${csr.name}, CSR ${csr.number.toString(16).padStart(3, '0')}`,
    sentence: term?.sentence ?? csr.meaning,
    section: term?.section ?? `Priv, ${csr.name}`,
    intel: term?.intel,
    arm: term?.arm,
  };
};

interface BitsProps {
  readonly value: number;
  readonly fields: readonly CsrFieldDescription[];
  /** Mask of the bits that differ from the stop before. */
  readonly changed: number;
}

/** The 32 bits in a row, cut where the fields are, and below them every field in words. */
function Bits({ value, fields, changed }: BitsProps) {
  const runs = splitIntoRuns(value, fields);
  return (
    <>
      <div
        className={styles['bits']}
        role="img"
        aria-label={`bits 31 to 0: ${(value >>> 0).toString(2).padStart(32, '0')}`}
      >
        {runs.map((run) => (
          <span
            key={run.high}
            className={classNames(styles['run'], run.field === undefined && styles['reserved'])}
            style={{ gridColumn: `span ${run.high - run.low + 1}` }}
            title={run.field === undefined ? 'reserved' : run.field.name}
          >
            {Array.from({ length: run.high - run.low + 1 }, (_, offset) => {
              const bit = run.high - offset;
              const mark = ((changed >>> bit) & 1) === 1;
              return (
                <span key={bit} className={mark ? 'changed' : undefined}>
                  {(value >>> bit) & 1}
                </span>
              );
            })}
          </span>
        ))}
      </div>
      {fields.length === 0 ? (
        <p className={shared['quiet']}>One number: it has no fields.</p>
      ) : (
        <dl className={styles['fields']}>
          {fields
            .toSorted((one, other) => other.high - one.high)
            .map((field) => (
              <Fragment key={field.name}>
                <dt>
                  <span className="mono">{field.name}</span>{' '}
                  <span className={shared['faint']}>
                    {field.high === field.low ? field.low : `${field.high}–${field.low}`}
                  </span>
                </dt>
                <dd>
                  <strong>{describeField(field, value)}</strong>{' '}
                  <span className={shared['quiet']}>{field.meaning}</span>
                </dd>
              </Fragment>
            ))}
        </dl>
      )}
    </>
  );
}
