// How much the link between two machines carries.

import { count, ValueError, type Reader } from './values.ts';

/** Bytes a second, as `MigrationLink` takes them. */
export const bandwidth: Reader<number> = (text) => {
  const expected = 'bytes a second from 1K to 1000G';
  let value: number;
  try {
    value = count(text);
  } catch {
    throw new ValueError(expected, 'write digits, and K, M or G for thousands, millions and so on, such as 10M');
  }
  if (value >= 1e3 && value <= 1e12) return value;
  throw new ValueError(expected, 'choose one within these limits');
};
