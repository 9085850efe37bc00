// The bytes of a migration: they come back as they were sent, in pieces of any size, and nothing wrong in them gets further
// than an error that says what was expected (issue, section 2; CRC-32 by its published check value).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  crc32,
  encodeSection,
  PAGE_BYTES,
  PagesWriter,
  readPages,
  Section,
  StreamError,
  streamHeader,
  StreamReader,
  type ReadSection,
} from './migration-stream.ts';
import { decodePlain, encodePlain } from './plain-encoding.ts';
import type { DeviceState } from '../../devices/device.ts';

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

const kinds = Object.values(Section);
const section = fc.record({ kind: fc.constantFrom(...kinds), payload: fc.uint8Array({ maxLength: 60 }) });
const sections = fc.array(section, { minLength: 1, maxLength: 5 });
const streamOf = (all: readonly ReadSection[]): Uint8Array =>
  joined([streamHeader(), ...all.map(({ kind, payload }) => encodeSection(kind, payload))]);

const plain = fc.letrec<{ group: DeviceState; value: DeviceState[string] }>((tie) => ({
  group: fc.dictionary(fc.stringMatching(/^[ -~]{1,20}$/), tie('value'), { maxKeys: 4, depthIdentifier: 'group' }),
  value: fc.oneof(
    { depthIdentifier: 'group', maxDepth: 3 },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.array(fc.nat(255), { maxLength: 9 }),
    fc.array(fc.nat(2 ** 32 - 1), { maxLength: 9 }),
    fc.array(fc.maxSafeInteger(), { maxLength: 9 }),
    tie('group'),
  ),
})).group;

test('the checksum is that of zip and Ethernet', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf4_3926);
});

describe('a stream', () => {
  test('comes back as it was sent, in pieces of any size', () => {
    fc.assert(
      fc.property(sections, fc.integer({ min: 1, max: 90 }), (sent, piece) => {
        const stream = streamOf(sent);
        const reader = new StreamReader();
        const found: ReadSection[] = [];
        for (let at = 0; at < stream.length; at += piece) found.push(...reader.push(stream.subarray(at, at + piece)));
        expect(found).toEqual(sent);
        expect(reader.midway).toBe(false);
      }),
    );
  });

  test('that is cut off has only the sections that came whole', () => {
    fc.assert(
      fc.property(sections, fc.nat(), (sent, cut) => {
        const stream = streamOf(sent);
        const found = new StreamReader().push(stream.subarray(0, cut % stream.length));
        expect(found).toEqual(sent.slice(0, found.length));
        expect(found.length).toBeLessThan(sent.length);
      }),
    );
  });

  test('with one bit turned over is never taken for a whole one', () => {
    fc.assert(
      fc.property(sections, fc.nat(), (sent, where) => {
        const stream = streamOf(sent);
        const bit = where % (8 * stream.length);
        stream[bit >> 3] = (stream[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const found: ReadSection[] = [];
        const reader = new StreamReader();
        let refused = false;
        try {
          found.push(...reader.push(stream));
        } catch (error) {
          expect(error).toBeInstanceOf(StreamError);
          refused = true;
        }
        // A length that grew makes the reader wait for more than there is.
        expect(refused || reader.midway).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('of anything at all throws nothing but what it says', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 }), (parts) => {
        const reader = new StreamReader();
        for (const part of [streamHeader(), ...parts]) {
          try {
            reader.push(part);
          } catch (error) {
            expect(error).toBeInstanceOf(StreamError);
          }
        }
      }),
    );
  });

  test.each([
    ['another file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 0, 0, 0), /begins with “RSVM”/],
    ['another version', Uint8Array.of(0x52, 0x53, 0x56, 0x4d, 9, 0, 0, 0), /version 3 .* found 9/],
    ['a section without end', joined([streamHeader(), Uint8Array.of(2, 0, 0, 0, 255, 255, 255, 255)]), /at most/],
  ])('%s is refused in words', (_, bytes, message) => {
    expect(() => new StreamReader().push(bytes)).toThrow(message);
  });

  test('says nothing more after its first error', () => {
    const reader = new StreamReader();
    expect(() => reader.push(new Uint8Array(8))).toThrow(StreamError);
    expect(reader.push(streamOf([{ kind: Section.end, payload: new Uint8Array(3) }]))).toEqual([]);
  });
});

describe('pages', () => {
  const page = fc.record({ page: fc.nat(99), fill: fc.nat(3) });
  test('come back with their numbers; one of zeros takes four bytes', () => {
    fc.assert(
      fc.property(fc.array(page, { maxLength: 6 }), (sent) => {
        const writer = new PagesWriter();
        for (const { page: number, fill } of sent) {
          expect(writer.add(number, new Uint8Array(PAGE_BYTES).fill(fill))).toBe(fill === 0);
        }
        const size = writer.bytes;
        const bytes = writer.finish();
        expect(bytes.length).toBe(size);
        const [read] = new StreamReader().push(joined([streamHeader(), bytes]));
        const found = [...readPages(read?.payload ?? new Uint8Array(0), 100)];
        expect(found.map((each) => ({ page: each.page, fill: each.contents?.[PAGE_BYTES - 1] ?? 0 }))).toEqual(sent);
        const stored = sent.filter(({ fill }) => fill !== 0).length;
        expect(read?.payload.length).toBe(4 * sent.length + stored * PAGE_BYTES);
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ['outside the memory', Uint8Array.of(200, 0, 0, 0), /expected pages below 100, found page 100/],
    ['cut off in its number', Uint8Array.of(1, 0), /number is cut off/],
    ['cut off in its bytes', new Uint8Array(4 + PAGE_BYTES - 1), /page 0 is cut off/],
  ])('one %s is refused', (_, payload, message) => {
    expect(() => [...readPages(payload, 100)]).toThrow(message);
  });
});

describe('plain state', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(plain, (state) => {
        expect(decodePlain(encodePlain(state))).toEqual({ ...state });
      }),
    );
  });

  test('cut off, or changed in any byte, is an Error or another state', () => {
    fc.assert(
      fc.property(plain, fc.nat(), fc.nat(255), (state, where, value) => {
        const bytes = encodePlain(state);
        expect(() => decodePlain(bytes.subarray(0, where % bytes.length))).toThrow(/damaged/);
        bytes[where % bytes.length] = value;
        try {
          expect(typeof decodePlain(bytes)).toBe('object');
        } catch (error) {
          expect(String(error)).toMatch(/damaged/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of a list longer than its bytes takes no room', () => {
    expect(() => decodePlain(Uint8Array.of(7, 1, 0, 0, 0, 1, 97, 6, 255, 255, 255, 255))).toThrow(/as many entries/);
  });
});
