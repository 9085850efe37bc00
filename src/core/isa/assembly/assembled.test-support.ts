// Short ways to assemble in tests and to look at the result.

import { expect } from 'vitest';
import { assemble, type Assembled, type AssembleOptions, type AssemblyMessage } from './assemble.ts';

/** Where .text goes unless said otherwise. */
export const BASE = 0x8000_0000;

export function assembled(source: string, options?: AssembleOptions): Assembled {
  const result = assemble(source, options);
  if (!result.ok) throw new Error(result.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return result;
}

export function errorsOf(source: string): readonly AssemblyMessage[] {
  const result = assemble(source);
  expect(result.ok).toBe(false);
  return result.ok ? [] : result.errors;
}

/** The initialized memory from `base` to its end, as `objcopy -O binary` writes it. */
export function flatImage({ segments }: Assembled, base = BASE): Uint8Array {
  const filled = segments.filter(({ bytes }) => bytes.length > 0);
  const end = Math.max(base, ...filled.map(({ address, bytes }) => address + bytes.length));
  const image = new Uint8Array(end - base);
  for (const { address, bytes } of filled) image.set(bytes, address - base);
  return image;
}

/** The initialized memory as 32-bit words. */
export function wordsOf(result: Assembled, base = BASE): readonly number[] {
  const image = flatImage(result, base);
  const view = new DataView(image.buffer);
  return Array.from({ length: image.length >> 2 }, (_, index) => view.getUint32(4 * index, true));
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function addressOfSymbol(result: Assembled, name: string): number | undefined {
  return result.symbols.find((symbol) => symbol.name === name)?.address;
}
