// A copy-on-write disk behaves as a plain one with the same contents, whatever is done to it; its base never changes, and its
// layer can be taken away and put back, but not a damaged one.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from './block-store.ts';
import { CopyOnWriteStore } from './copy-on-write-store.ts';

const SECTOR = 512;
/** Not a whole number of clusters. */
const SECTORS = 83;
const image = () => Uint8Array.from({ length: SECTORS * SECTOR }, (_, index) => (index * 31) >>> 3);

const action = fc.record({
  kind: fc.constantFrom('write', 'zero', 'read', 'flush', 'move'),
  sector: fc.nat(SECTORS + 3),
  count: fc.nat(20),
  fill: fc.nat(255),
});

test('is the same disk as a plain one', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const original = image();
      const plain = new MemoryStore(image());
      let layered = new CopyOnWriteStore(new MemoryStore(original));
      for (const { kind, sector, count, fill } of actions) {
        const bytes = new Uint8Array(count * SECTOR).fill(fill);
        if (kind === 'write') expect(layered.write(sector, bytes)).toBe(plain.write(sector, bytes));
        else if (kind === 'zero') expect(layered.zero(sector, count)).toBe(plain.zero(sector, count));
        else if (kind === 'flush') expect(layered.flush()).toBe(true);
        else if (kind === 'move') {
          const layer = layered.layer();
          layered = new CopyOnWriteStore(new MemoryStore(original));
          layered.adoptLayer(layer);
        } else {
          const other = bytes.slice();
          expect(layered.read(sector, bytes)).toBe(plain.read(sector, other));
          expect(Buffer.compare(bytes, other)).toBe(0);
        }
      }
      const all = new Uint8Array(SECTORS * SECTOR);
      layered.read(0, all);
      expect(Buffer.compare(all, plain.bytes)).toBe(0);
      expect(Buffer.compare(original, image())).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test('a flush hands over what changed since the last one, and keeps it where that failed', () => {
  const calls: number[][] = [];
  let works = false;
  const store = new CopyOnWriteStore(new MemoryStore(image()), (changed) => (calls.push([...changed.keys()]), works));
  store.write(0, new Uint8Array(SECTOR));
  store.write(17, new Uint8Array(SECTOR));
  expect(store.flush()).toBe(false);
  works = true;
  store.write(17, new Uint8Array(SECTOR));
  expect(store.flush()).toBe(true);
  expect(store.flush()).toBe(true);
  expect(calls).toEqual([[0, 2], [0, 2], []]);
});

describe('a layer', () => {
  function layer(): Uint8Array {
    const store = new CopyOnWriteStore(new MemoryStore(image()));
    store.write(3, new Uint8Array(SECTOR).fill(1));
    store.zero(16, 8);
    return store.layer();
  }

  test('for another disk is refused', () => {
    const other = new CopyOnWriteStore(new MemoryStore(new Uint8Array(SECTOR)));
    expect(() => other.adoptLayer(layer())).toThrow(/disk of 1 sectors, found one for 83 sectors/);
  });

  test('that is damaged anywhere is refused or read as something else, and never changes a disk half', () => {
    fc.assert(
      fc.property(fc.nat(layer().length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const damaged = layer();
        damaged[at] = byte;
        const store = new CopyOnWriteStore(new MemoryStore(image()));
        store.write(40, new Uint8Array(SECTOR).fill(9));
        const before = store.layer();
        try {
          store.adoptLayer(cut ? damaged.subarray(0, at) : damaged);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: Expected a copy-on-write layer/);
          expect(Buffer.compare(store.layer(), before)).toBe(0);
        }
      }),
    );
  });
});
