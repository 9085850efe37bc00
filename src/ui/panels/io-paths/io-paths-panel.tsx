// The same work on each path to a disk and to a network card, measured when the person asks; and the physical devices that
// guests have now, with what the IOMMU has refused them.

import { useState } from 'react';
import type { IoDevice, IoPath, IoPathRow, Technique } from '../../../protocol/commands.ts';
import type { AssignedDevicesAnswer, Frame } from '../../../protocol/frame.ts';
import { unmodifiedTechniques } from '../../../protocol/vocabulary.ts';
import { TECHNIQUE_NAMES } from '../../commands/command-row.ts';
import { Address } from '../../components/Address.tsx';
import { Failure } from '../../components/Failure.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount, formatNanoseconds } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import styles from './io-paths.module.css';

const DEVICES: { readonly [Device in IoDevice]: string } = { disk: 'Disk', card: 'Network card' };
const PATHS: { readonly [Path in IoPath]: { readonly title: string; readonly sentence: string } } = {
  'programmed-io': {
    title: 'programmed I/O',
    sentence: 'The guest carries each 32-bit word through a register of the device model: an exit a word.',
  },
  virtio: {
    title: 'virtio',
    sentence: 'The guest leaves addresses in a queue in its memory and notifies; the device model fetches the rest.',
  },
  passthrough: {
    title: 'passthrough',
    sentence:
      'The device is a physical one: stage 2 leads the guest to its registers, an IOMMU leads it to the guest’s memory. Only interrupts exit.',
  },
  'passthrough-imsic': {
    title: 'passthrough, interrupts by IMSIC',
    sentence:
      'The same on a board with the Advanced Interrupt Architecture: the device’s interrupt is a message to an interrupt file that the hart keeps for this guest. Nothing exits.',
  },
};
const EXITS_AN_INTERRUPT = {
  title: 'Exits an interrupt',
  sentence: 'From when the first of the data was moved to when the last was: the device at work, without set-up.',
};
const COLUMNS = [
  'Bytes',
  'Exits',
  'Bytes an exit',
  EXITS_AN_INTERRUPT.title,
  'Instructions',
  'Virtual time',
  'Host time',
];
/** A tick of the board's clock, in nanoseconds. */
const TICK_NANOSECONDS = 100;

interface Measured {
  readonly technique: Technique;
  readonly rows: readonly IoPathRow[];
}

export function IoPaths({ frame, command }: PanelProps) {
  const [technique, setTechnique] = useState<Technique>('hardware-assisted');
  const [measured, setMeasured] = useState<Measured>();
  const [busy, setBusy] = useState(false);
  const [attempt, failure] = useAttempt();
  const measure = async () => {
    setBusy(true);
    await attempt(async () => {
      const { rows } = await command('measureIoPaths', { technique });
      setMeasured({ technique, rows });
    });
    setBusy(false);
  };
  const assigned = frame?.answers.assignedDevices;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <label>
          Under{' '}
          <select
            className="field"
            value={technique}
            onChange={(event) =>
              setTechnique(unmodifiedTechniques.find((known) => known === event.target.value) ?? technique)
            }
          >
            {unmodifiedTechniques.toReversed().map((known) => (
              <option key={known} value={known}>
                {TECHNIQUE_NAMES[known]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button primary" disabled={busy} onClick={() => void measure()}>
          {busy ? 'Measuring …' : 'Measure'}
        </button>
        <Failure>{failure}</Failure>
      </div>
      <div className={shared['body']}>
        {measured === undefined ? (
          <p className={classNames(shared['quiet'], styles['note'])}>
            A guest writes and reads the same blocks, and sends and takes the same frames, by programmed I/O, through
            virtio and through a device of its own. Press Measure: it runs once for each, apart from your VMs.
          </p>
        ) : (
          <Table measured={measured} />
        )}
        {assigned !== undefined && frame !== undefined && <Assigned answer={assigned} frame={frame} />}
      </div>
    </div>
  );
}

function Table({ measured: { technique, rows } }: { readonly measured: Measured }) {
  return (
    <div className={shared['scroller']}>
      <table className={classNames('table', styles['table'])}>
        <caption className={shared['quiet']}>Measured under {TECHNIQUE_NAMES[technique]}, set-up included</caption>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Path</th>
            {COLUMNS.map((title) => (
              <th key={title} scope="col" className="number">
                {title === EXITS_AN_INTERRUPT.title ? <Term explain={EXITS_AN_INTERRUPT}>{title}</Term> : title}
              </th>
            ))}
            <th scope="col">Exits by reason</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.device} ${row.path}`}>
              <td>{DEVICES[row.device]}</td>
              <th scope="row">
                <Term explain={PATHS[row.path]}>{PATHS[row.path].title}</Term>
              </th>
              {row.refused === undefined ? (
                <Cells row={row} />
              ) : (
                <td colSpan={8} className={styles['refused']}>
                  {row.refused}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cells({ row }: { readonly row: IoPathRow }) {
  const { bytes, exits, exitsByReason, atWork, instructions, ticks, nanoseconds } = row;
  return (
    <>
      <td className="number">{formatCount(bytes)}</td>
      <td className="number">{formatCount(exits)}</td>
      <td className="number">{exits > 0 ? formatCount(bytes / exits) : 'no exit'}</td>
      <td className="number">{formatCount(atWork.exits / atWork.interrupts)}</td>
      <td className="number">{formatCount(instructions)}</td>
      <td className="number">{formatNanoseconds(ticks * TICK_NANOSECONDS)}</td>
      <td className="number">{nanoseconds > 0 ? formatNanoseconds(nanoseconds) : 'in the noise'}</td>
      <td>
        {Object.entries(exitsByReason)
          .map(([reason, count]) => `${reason} ${formatCount(count)}`)
          .join(', ') || '–'}
      </td>
    </>
  );
}

interface AssignedProps {
  readonly answer: AssignedDevicesAnswer;
  readonly frame: Frame;
}

function Assigned({ answer, frame }: AssignedProps) {
  const nameOf = (vm: number | undefined) =>
    vm === undefined ? 'nobody' : (frame.vms.find((each) => each.vm === vm)?.title ?? `VM ${vm}`);
  return (
    <>
      <h3 className={shared['heading']}>Physical devices of guests</h3>
      {answer.devices.length === 0 && <p className={classNames(shared['quiet'], styles['note'])}>None now.</p>}
      <ul className={styles['list']}>
        {answer.devices.map(({ vm, title, deviceId, hpa, gpa, interrupts }) => (
          <li key={deviceId}>
            {title} of {nameOf(vm)}: registers at <Address space="hpa" address={hpa} to="nowhere" />, which the guest
            sees at <Address space="gpa" address={gpa} to="nowhere" />; device {deviceId} to the IOMMU;{' '}
            {formatCount(interrupts)} interrupts passed on.
          </li>
        ))}
      </ul>
      <h3 className={shared['heading']}>Refused by the IOMMU</h3>
      {answer.refused.length === 0 && (
        <p className={classNames(shared['quiet'], styles['note'])}>
          Nothing: every DMA went to memory of the guest that owns the device.
        </p>
      )}
      <ul className={styles['list']}>
        {answer.refused.map(({ sequence, vm, deviceId, store, gpa, cause }) => (
          <li key={sequence} className={shared['error']}>
            Device {deviceId} of {nameOf(vm)}, a {store ? 'write' : 'read'} at{' '}
            <Address space="gpa" address={gpa} to="nowhere" />: {cause}.
          </li>
        ))}
      </ul>
    </>
  );
}
