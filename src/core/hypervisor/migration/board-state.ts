// The devices of a board as plain data and back, each under the name and address that the device tree has for it.

import type { DeviceState } from '../../devices/device.ts';
import type { Board } from '../../machine/board.ts';

type Mount = Board['mounts'][number];

const keyOf = ({ device, base }: Mount): string => `${device.name}@${base.toString(16)}`;

/** Names of everything on the board, in its order: two boards with the same names are of the same shape. */
export const boardShape = (board: Board): readonly string[] => board.mounts.map(keyOf);

export function saveBoard(board: Board): DeviceState {
  return Object.fromEntries(board.mounts.map((mount) => [keyOf(mount), mount.device.snapshot()]));
}

/** @throws Error, one line for a person, where the state is of another board; then the board must not be used any more */
export function restoreBoard(board: Board, saved: DeviceState): void {
  const expected = boardShape(board);
  const strange = Object.keys(saved).find((key) => !expected.includes(key));
  if (strange !== undefined) throw refusal(`a board without ${strange}`, 'one with it');
  const states = board.mounts.map((mount) => {
    const state = Object.hasOwn(saved, keyOf(mount)) ? saved[keyOf(mount)] : undefined;
    if (typeof state !== 'object' || Array.isArray(state)) throw refusal(keyOf(mount), 'none');
    return { device: mount.device, state: state as DeviceState };
  });
  // Interrupt controllers come last: the others drive their lines into them, and what they remember of that is their own state.
  const last = states.filter(({ device }) => board.controllers.includes(device));
  for (const { device, state } of [...states.filter((each) => !last.includes(each)), ...last]) device.restore(state);
}

const refusal = (expected: string, found: string): Error =>
  new Error(
    `The saved state does not fit this VM’s board: expected ${expected}, found ${found}. Give the VM the same devices.`,
  );
