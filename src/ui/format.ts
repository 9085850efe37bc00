// Numbers as the page writes them. Hexadecimal has no 0x: the place and the typeface say that it is one.

/**
 * An unsigned number in hexadecimal, zero-padded to `digits`, in groups of four from the right where `grouping`:
 * `8040_1a2c`; 34-bit addresses grow a group: `3_8040_1a2c`.
 */
export function formatHex(value: number, grouping = true, digits = 8): string {
  const plain = (value < 0 ? value >>> 0 : value).toString(16).padStart(digits, '0');
  return grouping ? plain.replace(/\B(?=(?:[0-9a-f]{4})+$)/g, '_') : plain;
}

const wholeNumber = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `1,234,567`. */
export function formatCount(value: number): string {
  return wholeNumber.format(value);
}

/** `1,234`, `12.3 k`, `1.23 M`, `4.56 G`: three digits that matter, for numbers that keep changing. */
export function formatLarge(value: number): string {
  if (value < 10_000) return formatCount(value);
  const [unit, size] = value < 1e6 ? ['k', 1e3] : value < 1e9 ? ['M', 1e6] : ['G', 1e9];
  return `${(value / Number(size)).toPrecision(3)} ${String(unit)}`;
}

/** A size in binary units: `128 MiB`, `4 KiB`, `12 B`. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))} ${unit}`;
  }
  return `${bytes} B`;
}

/** Host time: `840 ns`, `12.5 µs`, `3.1 ms`. */
export function formatNanoseconds(nanoseconds: number): string {
  if (nanoseconds < 1000) return `${Math.round(nanoseconds)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  return `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

/** Reads what a person typed as an address: `8040_1a2c`, `0x80401a2c`. Undefined unless it is 1 to 9 hexadecimal digits. */
export function parseHex(text: string): number | undefined {
  const digits = text.trim().replace(/^0x/i, '').replaceAll('_', '');
  return /^[0-9a-f]{1,9}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
