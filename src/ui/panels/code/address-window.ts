// The window over the address space that a list of instructions shows. There is no list of a thousand million rows to
// scroll: a window has a first address, and moves. Pure; addresses are guest virtual and wrap at 2³².

export const INSTRUCTION_BYTES = 4;
/** Rows asked for above and below the anchor: more than any window shows. */
export const ROWS_BEFORE = 96;
export const ROWS_AFTER = 160;

/** Distance from one address forward to another, around the end of the address space. */
const forward = (from: number, to: number): number => (to - from) >>> 0;

/** Whether an instruction stands in the `rows` rows from `top` on. */
export const isInWindow = (top: number, rows: number, gva: number): boolean =>
  forward(top, gva) < rows * INSTRUCTION_BYTES;

/** The first address of a window that shows `gva` a third from its top; the present window where that shows it already. */
export function windowShowing(top: number, rows: number, gva: number): number {
  if (isInWindow(top, rows, gva) && (top - gva) % INSTRUCTION_BYTES === 0) return top;
  return movedBy(gva, -Math.floor(rows / 3));
}

/** An address some instructions further, or back where `rows` is negative. */
export const movedBy = (gva: number, rows: number): number => (gva + rows * INSTRUCTION_BYTES) >>> 0;

/** The smallest move of the window that shows `gva`: at its upper or its lower edge. */
export function windowFollowing(top: number, rows: number, gva: number): number {
  if (isInWindow(top, rows, gva)) return top;
  const above = forward(gva, top) < 0x8000_0000;
  return above ? gva : movedBy(gva, 1 - rows);
}
