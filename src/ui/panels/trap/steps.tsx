// What stands in each of the four steps. Functions of one exit.

import type { Catalog, Technique } from '../../../protocol/commands.ts';
import type { Effect, ExitDetail, ModeName } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { Hex } from '../../components/Hex.tsx';
import { ModeBadge } from '../../components/ModeBadge.tsx';
import { Sentence } from '../../components/Sentence.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount, formatNanoseconds } from '../../format.ts';
import { classNames } from '../class-names.ts';
import { findReason } from '../exits/exit-reasons.ts';
import shared from '../panel.module.css';
import { describeResume, describeVerdict, effectVerb, isRead, transition } from './stages.ts';
import { trapValues } from './trap-values.ts';
import styles from './trap.module.css';

export interface StepProps {
  readonly exit: ExitDetail;
  readonly technique: Technique;
  readonly catalog: Catalog | undefined;
  readonly grouping: boolean;
}

const isUser = (mode: ModeName): boolean => mode === 'U' || mode === 'VU';

export function CauseStep({ exit, technique }: StepProps) {
  return (
    <>
      <p className={styles['line']}>
        <ModeBadge actor={isUser(exit.mode) ? 'guest-user' : 'guest-kernel'} mode={exit.mode} />
        {(technique === 'trap-and-emulate' || technique === 'paravirtual') && exit.mode !== 'U' && (
          <span className={shared['quiet']}>the hart itself is in U</span>
        )}
      </p>
      <p className={styles['line']}>
        <Address space="gva" address={exit.pc} to="instruction" />
        <code className={styles['instruction']}>{exit.text === '' ? 'no instruction caused it' : exit.text}</code>
      </p>
      <dl className={styles['values']}>
        {trapValues(exit).map(({ name, value, meaning, address }) => (
          <div key={name}>
            <dt>
              <Term name={name} />
            </dt>
            <dd>
              <Hex value={value} />{' '}
              {address !== undefined && <Address space={address.space} address={address.address} />}{' '}
              <span className={shared['quiet']}>{meaning}</span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

export function HandlerStep({ exit, catalog, grouping }: StepProps) {
  const reason = findReason(catalog, exit.reason);
  return (
    <>
      <p className={styles['line']}>
        <ModeBadge actor="hypervisor" /> <code>{exit.reason}</code>
      </p>
      <p className={shared['quiet']}>
        <Sentence>{reason.meaning}</Sentence>
      </p>
      <Effects
        effects={exit.effects.filter(isRead)}
        grouping={grouping}
        none="It read nothing beyond the trap registers."
      />
    </>
  );
}

export function EffectStep({ exit, grouping }: StepProps) {
  return (
    <Effects
      effects={exit.effects.filter((effect) => !isRead(effect))}
      grouping={grouping}
      none="It changed nothing the guest could see."
    />
  );
}

export function ResumeStep({ exit }: StepProps) {
  return (
    <>
      <p className={styles['line']}>
        <Term name={exit.verdict} /> <span className={shared['quiet']}>{describeVerdict(exit.verdict)}</span>
      </p>
      <p className={styles['line']}>
        <Address space="gva" address={exit.resumePc} to="instruction" />
        <span className={shared['quiet']}>{describeResume(exit.pc, exit.resumePc)}</span>
      </p>
      <p className={shared['quiet']}>
        <Term name="virtual-cost">Cost</Term>: {formatCount(exit.virtualCost)}{' '}
        {exit.virtualCost === 1 ? 'instruction' : 'instructions'} of virtual time;{' '}
        {exit.nanoseconds === undefined
          ? 'its time on this computer was not taken'
          : `${formatNanoseconds(exit.nanoseconds)} on this computer`}
      </p>
    </>
  );
}

interface EffectsProps {
  readonly effects: readonly Effect[];
  readonly grouping: boolean;
  readonly none: string;
}

function Effects({ effects, grouping, none }: EffectsProps) {
  if (effects.length === 0) return <p className={shared['quiet']}>{none}</p>;
  return (
    <ul className={styles['effects']}>
      {effects.map((effect, index) => (
        <li key={index}>
          <span className={shared['quiet']}>{effectVerb(effect)}</span> <span>{effect.what}</span>{' '}
          <span className={classNames('mono', styles['transition'])}>{transition(effect, grouping)}</span>
        </li>
      ))}
    </ul>
  );
}
