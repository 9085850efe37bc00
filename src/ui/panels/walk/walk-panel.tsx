// The walk of one address, drawn: GVA → GPA → HPA, every entry fetched with its bits, the fetches nested in fetches, and
// the fault in words. The same as a table below, for screen readers and for copying.

import type { Access, WalkAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Sentence } from '../../components/Sentence.tsx';
import { Term } from '../../components/Term.tsx';
import type { PanelProps } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useSize } from '../use-size.ts';
import { AddressSplit } from './address-split.tsx';
import { WalkDrawing } from './walk-drawing.tsx';
import { explainFault, rightsOf, type AccessRights } from './explain-fault.ts';
import { countReferences, nameOfEntry, walkBands, type WalkBand } from './walk-rows.ts';
import { WalkTable } from './walk-table.tsx';
import styles from './walk.module.css';

const accesses = [
  { value: 'load', label: 'load' },
  { value: 'store', label: 'store' },
  { value: 'fetch', label: 'fetch' },
] as const satisfies readonly { value: Access; label: string }[];

const STACK_POINTER = 2;
/** From this width on, what the hypervisor walks and what the hart walks stand side by side. */
const BESIDE_WIDTH = 620;

export function Walk({ frame, vm, choice, choose }: PanelProps) {
  const [body, { width }] = useSize({ width: 400, height: 0 });
  if (vm === undefined) {
    return (
      <EmptyState title="Here an address is followed through the page tables, entry by entry.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const { gva, access } = choice.walk;
  const follow = (next: number | 'pc', as: Access) => choose({ walk: { gva: next, access: as } });
  const stackPointer = frame?.answers.registers?.x[STACK_POINTER];
  const walk = frame?.answers.walk;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <AddressForm
          label="Guest virtual address to translate, hexadecimal"
          address={gva === 'pc' ? vm.pc : gva}
          onAddress={(address) => follow(address, gva === 'pc' ? 'load' : access)}
        />
        <Segments label="Kind of access" options={accesses} value={access} onChange={(kind) => follow(gva, kind)} />
        <button
          type="button"
          className="button"
          aria-pressed={gva === 'pc'}
          title="Follow the program counter"
          onClick={() => follow(gva === 'pc' ? vm.pc : 'pc', 'fetch')}
        >
          pc
        </button>
        <button
          type="button"
          className="button"
          disabled={stackPointer === undefined}
          title="The stack pointer as it is now"
          onClick={() => stackPointer !== undefined && follow(stackPointer, 'load')}
        >
          sp
        </button>
      </div>
      <div ref={body} className={classNames(shared['body'], shared['padded'], styles['body'])}>
        {walk === undefined ? (
          <p className={shared['quiet']}>Asking the machine…</p>
        ) : (
          <WalkOf walk={walk} width={width} rights={rightsOf(frame?.answers.registers)} />
        )}
      </div>
    </div>
  );
}

interface WalkOfProps {
  readonly walk: WalkAnswer;
  readonly width: number;
  readonly rights: AccessRights;
}

function WalkOf({ walk, width, rights }: WalkOfProps) {
  const bands = walkBands(walk);
  const beside = bands.length > 1 && width >= BESIDE_WIDTH;
  const references = countReferences(walk);
  return (
    <>
      <Outcome walk={walk} references={references} reason={faultReason(bands, walk, rights)} />
      <AddressSplit gva={walk.gva} />
      {walk.fetches.length === 0 ? (
        <p className={shared['quiet']}>No entry is fetched: translation is off, and the address is taken as it is.</p>
      ) : (
        <div className={styles['bands']}>
          {bands
            .filter(({ rows }) => rows.length > 0)
            .map((band) => (
              <WalkDrawing
                key={band.title}
                band={band}
                walk={walk}
                width={beside ? Math.floor(width / 2) - 12 : width}
                titled={bands.length > 1}
              />
            ))}
        </div>
      )}
      <WalkTable walk={walk} bands={bands} />
    </>
  );
}

/** The entry that ended the walk, and the bit that did it. */
function faultReason(bands: readonly WalkBand[], walk: WalkAnswer, rights: AccessRights): string | undefined {
  if (walk.fault === undefined) return undefined;
  const ended = bands.flatMap(({ rows }) => rows).find(({ faulted }) => faulted);
  const entry = ended?.pte ?? ended?.stage2.at(-1);
  if (entry === undefined) return undefined;
  const reason = explainFault(entry, walk.access, rights);
  return reason && `${nameOfEntry(entry)}: ${reason}`;
}

interface OutcomeProps {
  readonly walk: WalkAnswer;
  readonly references: number;
  readonly reason: string | undefined;
}

function Outcome({ walk, references, reason }: OutcomeProps) {
  return (
    <div role="status" className={styles['outcome']}>
      <p className={styles['three']}>
        <Address space="gva" address={walk.gva} to="nowhere" />
        <span aria-label="leads to">→</span>
        {walk.gpa === undefined ? (
          <span className={styles['broken']}>✕ no GPA</span>
        ) : (
          <Address space="gpa" address={walk.gpa} />
        )}
        <span aria-label="leads to">→</span>
        {walk.hpa === undefined ? (
          <span className={styles['broken']}>✕ no HPA</span>
        ) : (
          <Address space="hpa" address={walk.hpa} />
        )}
      </p>
      {walk.fault !== undefined && (
        <p className={styles['fault']}>
          <span aria-hidden="true">✕ </span>
          <Sentence>{walk.fault}</Sentence>
          {reason !== undefined && <span className={styles['reason']}>{reason}</span>}
        </p>
      )}
      <p className={shared['quiet']}>
        Without a TLB this {walk.access} costs the hart {references} memory{' '}
        {references === 1 ? 'reference' : 'references'}
        {walk.technique === 'hardware-assisted' && walk.fetches.some(({ nested }) => nested) && (
          <>
            ; {walk.fetches.filter(({ nested }) => nested).length} of them are{' '}
            <Term name="nested-fetch">nested fetches</Term>
          </>
        )}
        .
      </p>
    </div>
  );
}
