// What reading foreign bytes gives: the value, or why they are not one. Frames come from guests, so nothing here throws.

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

/** @param reason what was expected and what was found, in words a student can read */
export function malformed(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
