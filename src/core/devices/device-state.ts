// Copying and checking the plain objects that devices keep their state in: a snapshot is a copy, a restore a checked copy back.

import type { DeviceState } from './device.ts';

/** A deep copy that shares nothing with `state`. */
export function copyState<S extends DeviceState>(state: S): S {
  const copy: DeviceState = {};
  for (const [key, value] of Object.entries(state)) copy[key] = copyValue(value);
  return copy as S;
}

type StateValue = DeviceState[string];

function copyValue(value: StateValue): StateValue {
  if (isList(value)) return [...value];
  if (typeof value === 'object') return copyState(value);
  return value;
}

/** `Array.isArray` does not narrow a union that holds a readonly array. */
function isList(value: StateValue): value is readonly number[] {
  return Array.isArray(value);
}

/**
 * A copy of `state`, checked to have the same fields as `shape`: a snapshot of another device, of another version or of a
 * board with another number of harts is refused before anything changed. Lists that are empty in `shape` may have any length.
 * @throws Error naming the first field that does not fit
 */
export function adoptState<S extends DeviceState>(device: string, shape: S, state: DeviceState): S {
  for (const [key, expected] of Object.entries(shape)) {
    const found = state[key];
    if (found === undefined || kindOf(found) !== kindOf(expected)) {
      throw new Error(
        `The snapshot does not fit this ${device}: expected ${kindOf(expected)} in \`${key}\`, found ${found === undefined ? 'nothing' : kindOf(found)}. Take the snapshot from a board of the same shape.`,
      );
    }
    if (isList(found) && isList(expected) && expected.length > 0 && found.length !== expected.length) {
      throw new Error(
        `The snapshot does not fit this ${device}: expected ${expected.length} entries in \`${key}\`, found ${found.length}. Take the snapshot from a board of the same shape.`,
      );
    }
    if (kindOf(expected) === 'a group') adoptState(device, expected as DeviceState, found as DeviceState);
  }
  return copyState(state) as S;
}

function kindOf(value: StateValue): string {
  if (isList(value)) return 'a list';
  if (typeof value === 'object') return 'a group';
  return `a ${typeof value}`;
}
