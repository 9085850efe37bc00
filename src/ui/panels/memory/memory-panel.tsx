// Bytes of any of the three spaces: a window of rows that moves over the address space.

import { memo, type KeyboardEvent } from 'react';
import { EmptyState } from '../../components/EmptyState.tsx';
import { formatHex } from '../../format.ts';
import type { PanelProps, Space } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useWheel } from '../use-wheel.ts';
import {
  BYTES_ASKED,
  BYTES_PER_ROW,
  hexRows,
  movedWithin,
  rowStart,
  sameRow,
  spaceLimit,
  type HexRow,
} from './hex-rows.ts';
import styles from './memory.module.css';

const ROW_HEIGHT = 20;

const spaces = [
  { value: 'gva', label: 'GVA', title: 'guest virtual, as the guest’s program says' },
  { value: 'gpa', label: 'GPA', title: 'guest physical, as the guest’s kernel believes' },
  { value: 'hpa', label: 'HPA', title: 'host physical, as the machine has it' },
] as const satisfies readonly { value: Space; label: string; title: string }[];

export function Memory({ frame, before, vm, choice, choose }: PanelProps) {
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
          <caption className="visually-hidden">{`${BYTES_ASKED} bytes from ${formatHex(address)} (${space})`}</caption>
          <tbody>
            {rows.map((row) => (
              <Row
                key={row.address}
                row={row}
                space={space}
                here={address >= row.address && address < row.address + BYTES_PER_ROW ? address : undefined}
                grouping={choice.grouping}
              />
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

interface RowProps {
  readonly row: HexRow;
  readonly space: Space;
  /** The address looked at, if it is in this row. */
  readonly here: number | undefined;
  readonly grouping: boolean;
}

/** Most rows are the same in the next frame: they are not drawn anew. */
const Row = memo(
  function Row({ row, space, here, grouping }: RowProps) {
    return (
      <tr>
        <th scope="row" className={styles[space]}>
          {formatHex(row.address, grouping)}
        </th>
        {row.bytes.map((byte) => (
          <td
            key={byte.address}
            className={classNames(
              byte.changed && 'changed',
              byte.address === here && styles['here'],
              (byte.value === undefined || byte.value === 0) && shared['faint'],
            )}
          >
            {byte.value === undefined ? '--' : byte.value.toString(16).padStart(2, '0')}
          </td>
        ))}
        <td className={styles['ascii']}>{row.text}</td>
      </tr>
    );
  },
  (one, other) =>
    one.space === other.space &&
    one.here === other.here &&
    one.grouping === other.grouping &&
    sameRow(one.row, other.row),
);
