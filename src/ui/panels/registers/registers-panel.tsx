// Registers of the VM being looked at: mode and pc, x0 to x31 by their ABI names, the CSRs by field. What differs from the
// stop before is marked. Where the hart holds another value than the guest sees, both stand in one row.

import { useState } from 'react';
import { abiNames } from '../../../core/isa/registers.ts';
import type { CsrValue, RegistersAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Hex } from '../../components/Hex.tsx';
import { ModeBadge } from '../../components/ModeBadge.tsx';
import { Term } from '../../components/Term.tsx';
import { useRovingRows } from '../../components/roving-rows.ts';
import { useNavigate } from '../../navigate-context.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { compareRegisters, type CsrSide, type RegisterChanges } from './changes.ts';
import { CsrTable } from './csr-table.tsx';
import styles from './registers.module.css';

export function Registers({ frame, before, vm }: PanelProps) {
  const answer = frame?.answers.registers;
  if (vm === undefined || answer === undefined) {
    return (
      <EmptyState title="Here stand the registers of the virtual machine you look at.">
        Add a virtual machine with “+ add” in the bar above, or choose one that is there.
      </EmptyState>
    );
  }
  const previous = before?.answers.registers;
  const changes = compareRegisters(previous, answer);
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <ModeBadge actor={vm.runner} mode={answer.mode} />
        {changes.mode && <span className={classNames('changed', shared['quiet'])}>mode changed</span>}
        <span className={shared['spring']} />
        <Term name="pc" />
        <Address space="gva" address={answer.pc} to="instruction" changed={changes.pc} />
      </div>
      <div className={shared['body']}>
        <GeneralRegisters answer={answer} changes={changes} />
        <CsrGroup
          title={vm.technique === 'bare' ? 'CSRs' : 'The guest’s CSRs'}
          side="guest"
          csrs={answer.guestCsrs}
          before={previous?.guestCsrs}
          changes={changes}
        />
        <CsrGroup
          title="The hypervisor’s CSRs"
          side="hypervisor"
          csrs={answer.hypervisorCsrs}
          before={previous?.hypervisorCsrs}
          changes={changes}
        />
      </div>
    </div>
  );
}

interface CsrGroupProps {
  readonly title: string;
  readonly side: CsrSide;
  readonly csrs: readonly CsrValue[];
  readonly before: readonly CsrValue[] | undefined;
  readonly changes: RegisterChanges;
}

function CsrGroup({ title, side, csrs, before, changes }: CsrGroupProps) {
  if (csrs.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3 className={shared['heading']}>{title}</h3>
      <CsrTable label={title} side={side} csrs={csrs} before={before} changes={changes} />
    </section>
  );
}

function GeneralRegisters({
  answer,
  changes,
}: {
  readonly answer: RegistersAnswer;
  readonly changes: RegisterChanges;
}) {
  const [active, setActive] = useState(-1);
  const navigate = useNavigate();
  const rows = useRovingRows({
    count: answer.x.length,
    active,
    onActive: setActive,
    onOpen: (index) => navigate?.toAddress({ space: 'gva', address: answer.x[index] ?? 0 }),
    page: 8,
    idOf: (index) => `register-x${index}`,
  });
  return (
    <div
      {...rows.container}
      role="listbox"
      aria-label="General registers; Enter shows the translation of the value"
      className={styles['registers']}
    >
      {answer.x.map((value, index) => (
        <div
          key={abiNames[index] ?? index}
          {...rows.row(index)}
          role="option"
          title="Double click or Enter: the value as a guest virtual address"
          className={classNames(styles['register'], value === 0 && styles['zero'])}
        >
          <span className={styles['number']}>{`x${index}`}</span>
          <span className={styles['name']}>{abiNames[index]}</span>
          <Hex value={value} changed={changes.x.has(index)} />
        </div>
      ))}
    </div>
  );
}
