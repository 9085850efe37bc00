// Bytes of any of the three spaces: a window of rows that moves over the address space.

import type { KeyboardEvent } from 'react';
import { EmptyState } from '../../components/EmptyState.tsx';
import { formatHex } from '../../format.ts';
import type { Panel, PanelProps, Space } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useWheel } from '../use-wheel.ts';
import { BYTES_PER_ROW, hexRows, movedWithin, rowStart, spaceLimit } from './hex-rows.ts';
import styles from './memory.module.css';

/** Bytes asked for: more rows than a window shows. */
const LENGTH = 64 * BYTES_PER_ROW;
const ROW_HEIGHT = 20;

const spaces = [
  { value: 'gva', label: 'GVA', title: 'guest virtual, as the guest’s program says' },
  { value: 'gpa', label: 'GPA', title: 'guest physical, as the guest’s kernel believes' },
  { value: 'hpa', label: 'HPA', title: 'host physical, as the machine has it' },
] as const satisfies readonly { value: Space; label: string; title: string }[];

function Memory({ frame, before, vm, choice, choose }: PanelProps) {
  const { space, address } = choice.memory;
  const limit = spaceLimit(space);
  const moveBy = (bytes: number) =>
    choose({ memory: { space, address: movedWithin(rowStart(address), bytes, limit) } });

  const list = useWheel((direction) => moveBy(direction * 3 * BYTES_PER_ROW));

  if (vm === undefined) {
    return (
      <EmptyState title="Here are the bytes of memory, in any of the three address spaces.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const answer = frame?.answers.memory;
  const fits = answer?.space === space && answer.address === rowStart(address);
  const old = before?.answers.memory;
  const comparable = old?.space === space && old.address === rowStart(address) ? old.bytes : undefined;
  const rows = fits ? hexRows(answer.address, answer.bytes, comparable) : [];

  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(event.currentTarget.clientHeight / ROW_HEIGHT) - 1) * BYTES_PER_ROW;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: BYTES_PER_ROW,
      ArrowUp: -BYTES_PER_ROW,
      PageDown: page,
      PageUp: -page,
    };
    const by = moves[event.key];
    if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    moveBy(by);
  };
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments
          label="Address space"
          options={spaces}
          value={space}
          onChange={(next) => choose({ memory: { space: next, address } })}
        />
        <AddressForm
          key={space}
          label={`Address, ${space.toUpperCase()}, hexadecimal`}
          address={address}
          limit={limit}
          onAddress={(next) => choose({ memory: { space, address: next } })}
        />
      </div>
      <div
        ref={list}
        tabIndex={0}
        role="group"
        aria-label="Bytes; arrows and page keys move"
        className={styles['hex']}
        onKeyDown={onKeyDown}
      >
        <table className={styles['bytes']}>
          <caption className="visually-hidden">{`${LENGTH} bytes from ${formatHex(address)} (${space})`}</caption>
          <tbody>
            {rows.map((row) => (
              <tr key={row.address}>
                <th scope="row" className={styles[space]}>
                  {formatHex(row.address, choice.grouping)}
                </th>
                {row.bytes.map((byte) => (
                  <td
                    key={byte.address}
                    className={classNames(
                      byte.changed && 'changed',
                      byte.address === address && styles['here'],
                      (byte.value === undefined || byte.value === 0) && shared['faint'],
                    )}
                  >
                    {byte.value === undefined ? '--' : byte.value.toString(16).padStart(2, '0')}
                  </td>
                ))}
                <td className={styles['ascii']}>{row.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length > 0 && rows.every(({ bytes }) => bytes.every(({ value }) => value === undefined)) && (
          <p className={classNames(shared['quiet'], shared['padded'])}>
            {space === 'gva'
              ? 'Nothing is mapped here, or a device is.'
              : 'No memory is here; perhaps a device, which looking must not disturb.'}
          </p>
        )}
      </div>
    </div>
  );
}

export const memoryPanel: Panel = {
  id: 'memory',
  title: 'Memory',
  key: '8',
  place: 'centre-below',
  closedAtFirst: true,
  queries: ({ memory }, vm) =>
    vm === undefined ? {} : { memory: { space: memory.space, address: rowStart(memory.address), length: LENGTH } },
  Component: Memory,
};
