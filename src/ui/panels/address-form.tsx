// A place to type an address. What was typed stays until Enter; a mistake is explained beside it, not swallowed.

import { useId, useState, type FormEvent } from 'react';
import { formatHex, parseHex } from '../format.ts';
import styles from './panel.module.css';

interface AddressFormProps {
  readonly label: string;
  readonly address: number;
  /** First number that is not an address of the space: 2³² or 2³⁴. */
  readonly limit?: number;
  readonly onAddress: (address: number) => void;
}

export function AddressForm({ label, address, limit = 2 ** 32, onAddress }: AddressFormProps) {
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const [mistake, setMistake] = useState<string | undefined>(undefined);
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (draft === undefined) return;
    const value = parseHex(draft);
    if (value === undefined) {
      setMistake(`Expected hexadecimal digits such as 8040_1a2c, found “${draft.trim() || 'nothing'}”.`);
    } else if (value >= limit) {
      setMistake(`Expected an address below ${formatHex(limit)}, found ${formatHex(value)}.`);
    } else {
      setMistake(undefined);
      setDraft(undefined);
      onAddress(value);
    }
  };
  return (
    <form onSubmit={submit}>
      <input
        className={`field ${styles['address-input'] ?? ''}`}
        aria-label={label}
        aria-invalid={mistake !== undefined}
        aria-describedby={mistake === undefined ? undefined : id}
        spellCheck={false}
        autoComplete="off"
        value={draft ?? formatHex(address)}
        onChange={(event) => setDraft(event.target.value)}
        onFocus={(event) => event.target.select()}
        onBlur={() => {
          if (mistake === undefined) setDraft(undefined);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setDraft(undefined);
          setMistake(undefined);
        }}
      />
      {mistake !== undefined && (
        <span id={id} role="alert" className={`${styles['quiet'] ?? ''} ${styles['error'] ?? ''}`}>
          {' '}
          {mistake}
        </span>
      )}
    </form>
  );
}
