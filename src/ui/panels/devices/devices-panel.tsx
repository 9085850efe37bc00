// The devices of the VM being looked at and their registers, as they are: looking has no side effects.

import { memo } from 'react';
import type { DeviceAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Hex } from '../../components/Hex.tsx';
import { ActorShape } from '../../components/ModeBadge.tsx';
import { Term } from '../../components/Term.tsx';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import styles from './devices.module.css';

export function Devices({ frame, before, vm }: PanelProps) {
  const devices = frame?.answers.devices;
  if (vm === undefined || devices === undefined || devices.length === 0) {
    return (
      <EmptyState title="Here stand the registers of the guest’s devices.">
        {vm === undefined ? 'Add a virtual machine in the bar above first.' : 'This machine has no devices.'}
      </EmptyState>
    );
  }
  return (
    <div className={shared['panel']}>
      <div className={shared['body']}>
        <p className={classNames(shared['quiet'], styles['note'])}>
          {vm.technique === 'bare'
            ? 'Devices of the board.'
            : 'Device models: every access of the guest to them is an exit.'}{' '}
          Looking here has no side effects.
        </p>
        {devices.map((device) => (
          <Device
            key={`${device.name} ${device.gpa}`}
            device={device}
            before={before?.answers.devices?.find(({ gpa }) => gpa === device.gpa)}
          />
        ))}
      </div>
    </div>
  );
}

function Device({ device, before }: { readonly device: DeviceAnswer; readonly before: DeviceAnswer | undefined }) {
  const old = new Map(before?.registers.map(({ name, value }) => [name, value]));
  return (
    <details open className={styles['fold']}>
      <summary className={styles['device']}>
        <ActorShape actor="device" /> <strong>{device.name}</strong>{' '}
        <Address space="gpa" address={device.gpa} to="nowhere" />
      </summary>
      <table className={classNames('table', styles['registers'])}>
        <caption className="visually-hidden">Registers of {device.name}</caption>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Offset</th>
            <th scope="col">Register</th>
            <th scope="col">Value</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {device.registers.map((register) => (
            <Register
              key={register.name}
              {...register}
              changed={old.has(register.name) && old.get(register.name) !== register.value}
            />
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** Few of the many registers change from frame to frame: the others are not drawn anew. */
const Register = memo(function Register({
  name,
  offset,
  value,
  meaning,
  changed,
}: DeviceAnswer['registers'][number] & { readonly changed: boolean }) {
  return (
    <tr>
      <td className={classNames('mono', shared['faint'])}>+{offset.toString(16).padStart(3, '0')}</td>
      <td>
        <Term explain={{ title: name, sentence: meaning }} tabIndex={-1}>
          {name}
        </Term>
      </td>
      <td>
        <Hex value={value} changed={changed} />
      </td>
      <td className={shared['quiet']}>{meaning}</td>
    </tr>
  );
});
