// An address that says of which space it is, and leads to the panel that shows it.
//
//   <Address space="gva" address={pc} to="instruction" />   to the disassembly
//   <Address space="gpa" address={gpa} />                   gva: to its walk; gpa, hpa: to the bytes
//   <Address space="hpa" address={hpa} to="nowhere" />      text only

import { useChoice } from '../choice.ts';
import { formatHex } from '../format.ts';
import { useNavigate } from '../navigate-context.ts';
import type { Space } from '../panel.ts';
import styles from './Address.module.css';

interface AddressProps {
  readonly space: Space;
  /** Unsigned; up to 34 bits for gpa and hpa. */
  readonly address: number;
  readonly to?: 'default' | 'memory' | 'instruction' | 'nowhere';
  readonly changed?: boolean;
  /** -1 inside a table whose rows carry the focus. */
  readonly tabIndex?: number;
}

const SPACES = { gva: 'guest virtual', gpa: 'guest physical', hpa: 'host physical' } as const;
const LEADS_TO = { memory: 'bytes', instruction: 'disassembly' } as const;

export function Address({ space, address, to = 'default', changed = false, tabIndex }: AddressProps) {
  const navigate = useNavigate();
  const grouping = useChoice((choice) => choice.grouping);
  const where = { space, address };
  const content = (
    <>
      <abbr className={styles['space']} title={`${SPACES[space]} address`}>
        {space}
      </abbr>
      <span className={changed ? 'changed' : undefined}>{formatHex(address, grouping)}</span>
      {changed && <span className="visually-hidden"> (changed)</span>}
    </>
  );
  const className = `${styles['address'] ?? ''} ${styles[space] ?? ''}`;
  if (to === 'nowhere' || navigate === undefined) return <span className={className}>{content}</span>;

  const go = () => {
    if (to === 'memory') navigate.toMemory(where);
    else if (to === 'instruction') navigate.toInstruction(address);
    else navigate.toAddress(where);
  };
  const target = to === 'default' ? (space === 'gva' ? 'translation' : 'bytes') : LEADS_TO[to];
  return (
    <button
      type="button"
      className={className}
      tabIndex={tabIndex}
      title={`${SPACES[space]} address; shows its ${target}`}
      onClick={(event) => {
        event.stopPropagation();
        go();
      }}
    >
      {content}
    </button>
  );
}
