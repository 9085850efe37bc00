// A CSR by its fields: `MODE 1 · ASID 003 · PPN 80401`. A field that is zero is dimmed, one that changed is marked,
// and each explains itself. Named values (SPP: user, supervisor) are shown by name.

import type { CsrFieldDescription } from '../../protocol/frame.ts';
import { Term } from './Term.tsx';
import styles from './FieldBits.module.css';

interface FieldBitsProps {
  readonly value: number;
  readonly fields: readonly CsrFieldDescription[];
  /** The value at the last stop, where it should be compared. */
  readonly before?: number | undefined;
  /** Leave out fields that are zero and did not change. */
  readonly onlySet?: boolean;
}

/** The field's bits, right-aligned and unsigned. */
export function fieldValue(value: number, field: CsrFieldDescription): number {
  const width = field.high - field.low + 1;
  return Math.floor((value >>> 0) / 2 ** field.low) % 2 ** width;
}

export function FieldBits({ value, fields, before, onlySet = false }: FieldBitsProps) {
  return (
    <ul className={styles['fields']}>
      {fields.map((field) => {
        const now = fieldValue(value, field);
        const changed = before !== undefined && fieldValue(before, field) !== now;
        if (onlySet && now === 0 && !changed) return null;
        return (
          <li key={field.name} className={now === 0 ? styles['zero'] : undefined}>
            <Term
              explain={{
                title: field.name,
                sentence: field.meaning,
                section: field.high === field.low ? `bit ${field.low}` : `bits ${field.high} to ${field.low}`,
              }}
            >
              {field.name}
            </Term>{' '}
            <span className={changed ? 'mono changed' : 'mono'}>
              {field.values?.[now] ?? (field.high - field.low < 4 ? now.toString() : now.toString(16))}
            </span>
            {changed && <span className="visually-hidden"> (changed)</span>}
          </li>
        );
      })}
    </ul>
  );
}
