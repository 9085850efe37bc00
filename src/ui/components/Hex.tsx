// A number in hexadecimal, grouped as the person chose, monospaced.

import { useChoice } from '../choice.ts';
import { formatHex } from '../format.ts';

interface HexProps {
  /** Unsigned. */
  readonly value: number;
  /** Shown digits, zero-padded: 8 for a word, 2 for a byte. */
  readonly digits?: number;
  /** Differs from the last stop. */
  readonly changed?: boolean;
}

export function Hex({ value, digits = 8, changed = false }: HexProps) {
  const grouping = useChoice((choice) => choice.grouping);
  return (
    <span className={changed ? 'mono changed' : 'mono'}>
      {formatHex(value, grouping, digits)}
      {changed && <span className="visually-hidden"> (changed)</span>}
    </span>
  );
}
