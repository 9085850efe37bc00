// A kept disk is a plain disk, whatever is done to it; and whenever its host dies, it is as it was at one instant that is not
// before the last flush that was answered.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore, SECTOR_BYTES, ZeroStore, type BlockStore } from './block-store.ts';
import { crc32c } from './byte-file.ts';
import { DiskLayer } from './disk-layer.ts';
import { DyingFile, HostDied } from './dying-file.test-support.ts';
import { KeptDisk } from './kept-disk.ts';

/** Not a whole number of clusters. */
const SECTORS = 83;
const image = () => Uint8Array.from({ length: SECTORS * SECTOR_BYTES }, (_, index) => (index * 31) >>> 3);

function formatted(sectors = SECTORS): Uint8Array {
  const file = new DyingFile(new Uint8Array(0));
  DiskLayer.format(file, sectors);
  return file.durable;
}

function contents(store: BlockStore): Uint8Array {
  const all = new Uint8Array(store.sectors * SECTOR_BYTES);
  expect(store.read(0, all)).toBe(true);
  return all;
}

const action = fc.record({
  kind: fc.constantFrom('write', 'write', 'zero', 'read', 'flush', 'reopen'),
  sector: fc.nat(SECTORS + 3),
  count: fc.nat(20),
  fill: fc.nat(255),
});
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

function act(store: BlockStore, { kind, sector, count, fill }: Action): boolean {
  const bytes = new Uint8Array(count * SECTOR_BYTES).fill(fill);
  if (kind === 'write') return store.write(sector, bytes);
  if (kind === 'zero') return store.zero?.(sector, count) ?? false;
  if (kind === 'read') return store.read(sector, bytes);
  return kind !== 'flush' || store.flush();
}

test('CRC-32C has the check value of its catalogue entry (CRC-32/ISCSI: 0xe3069283)', () => {
  const digits = new TextEncoder().encode('123456789');
  expect(crc32c(digits)).toBe(0xe306_9283);
  expect(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4)))).toBe(0xe306_9283);
});

test('is the same disk as a plain one, also after it was closed and opened', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const plain = new MemoryStore(image());
      const base = new MemoryStore(image(), { readOnly: true });
      const file = new DyingFile(formatted());
      let kept = new KeptDisk(file, base, { mostUnflushedBytes: 3 * 4096 });
      for (const each of actions) {
        if (each.kind === 'reopen') {
          expect(kept.close()).toBe(true);
          kept = new KeptDisk(file, base, { mostUnflushedBytes: 3 * 4096 });
        } else expect(act(kept, each)).toBe(act(plain, each));
        expect(kept.unflushedBytes).toBeLessThanOrEqual(6 * 4096 + 4096 * 20);
      }
      expect(Buffer.compare(contents(kept), plain.bytes)).toBe(0);
      expect(Buffer.compare(base.bytes, image())).toBe(0);
    }),
    { numRuns: 60 },
  );
});

/** A pseudo-random sequence from a seed, so that a failure can be repeated (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a host that dies at any write', () => {
  /** Runs until the host dies. @returns every state the disk has been in since the last flush that was answered, and its file */
  function dieAt(actions: readonly Action[], durable: Uint8Array, callsLeft: number, mostUnflushedBytes: number) {
    const file = new DyingFile(durable, callsLeft);
    const base = new MemoryStore(image(), { readOnly: true });
    const plain = new MemoryStore(image());
    plain.bytes.set(contents(new KeptDisk(new DyingFile(durable), base)));
    const kept = new KeptDisk(file, base, { mostUnflushedBytes });
    let possible = [plain.bytes.slice()];
    for (const each of actions) {
      if (each.kind === 'reopen') continue;
      const done = act(kept, each);
      if (file.dead) break;
      expect(act(plain, each)).toBe(done);
      if (each.kind === 'flush' && done) possible = [];
      possible.push(plain.bytes.slice());
    }
    return { file, possible, dead: file.dead };
  }

  test('finds the disk as at one instant, not before the last answered flush; and again, and again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(action, { minLength: 5, maxLength: 40 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(60), { minLength: 3, maxLength: 3 }),
        fc.integer(),
        fc.constantFrom(8 * 4096, 2 ** 20),
        (lives, deaths, seed, bound) => {
          const random = randomFrom(seed);
          let durable: Uint8Array = formatted();
          lives.forEach((actions, life) => {
            const { file, possible } = dieAt(actions, durable, deaths[life] ?? 10, bound);
            durable = file.remains(random);
            const found = contents(new KeptDisk(new DyingFile(durable), new MemoryStore(image())));
            expect(possible.some((state) => Buffer.compare(state, found) === 0)).toBe(true);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  test('each call of one history in turn, with the journal full and the map written anew in between', () => {
    const sectors = 8 * 64;
    const base = new ZeroStore(sectors);
    const durable = formatted(sectors);
    /** 64 clusters a commit fill the journal in 83; then the map is written. */
    const commits = 86;
    const run = (file: DyingFile, from: number): number => {
      const kept = new KeptDisk(file, base, { mostUnflushedBytes: 2 ** 20 });
      let answered = from;
      for (let commit = from + 1; commit <= commits; commit++) {
        if (!kept.write(0, new Uint8Array(sectors * SECTOR_BYTES).fill(commit)) || !kept.flush()) return answered;
        answered = commit;
      }
      return answered;
    };
    const early = new DyingFile(durable);
    // Begin shortly before the journal is full.
    const kept = new KeptDisk(early, base);
    for (let commit = 1; commit <= 80; commit++) {
      kept.write(0, new Uint8Array(sectors * SECTOR_BYTES).fill(commit));
      expect(kept.flush()).toBe(true);
    }
    const random = randomFrom(7);
    // Commit 84 writes the map, in calls 263 to 265.
    const spread = Array.from({ length: 14 }, (_, index) => 29 * index);
    const aroundTheMap = [262, 263, 264, 265].flatMap((calls) => Array.from({ length: 8 }, () => calls));
    for (const calls of [...spread, ...aroundTheMap]) {
      const file = new DyingFile(early.durable, calls);
      const answered = run(file, 80);
      const after = new KeptDisk(new DyingFile(file.remains(random)), base);
      const found = contents(after);
      expect(found.every((byte) => byte === found[0])).toBe(true);
      expect([answered, answered + 1]).toContain(found[0]);
    }
  });
});

describe('a host without room', () => {
  test('fails the flush, keeps what was committed, and goes on when there is room again', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), fc.nat(20), (actions, pages) => {
        const file = new DyingFile(formatted());
        const base = new MemoryStore(image());
        const kept = new KeptDisk(file, base, { mostUnflushedBytes: 4 * 4096 });
        const plain = new MemoryStore(image());
        file.room = file.getSize() + 4096 * pages;
        for (const each of actions) {
          if (each.kind === 'flush') kept.flush();
          else if (each.kind !== 'reopen' && act(kept, each)) act(plain, each);
          else if (each.kind === 'write') {
            // Refused in part or whole: a guest is told of an error and knows nothing of these sectors.
            file.room = Infinity;
            expect(act(kept, each)).toBe(act(plain, each));
          }
        }
        file.room = Infinity;
        expect(kept.flush()).toBe(true);
        const found = contents(new KeptDisk(new DyingFile(file.durable), base));
        expect(Buffer.compare(found, plain.bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a file that is no layer of this disk', () => {
  test.each([
    ['an empty one', () => new Uint8Array(0), /found something else/],
    ['one of another kind', () => new Uint8Array(100_000).fill(7), /found something else/],
    ['one for another size', () => formatted(SECTORS + 1), /found one for 84/],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => new KeptDisk(new DyingFile(bytes()), new MemoryStore(image()))).toThrow(message);
  });

  test('damage anywhere is refused, or is not seen, or is older data: never a crash or a hang', () => {
    const base = new MemoryStore(image());
    const file = new DyingFile(formatted());
    const kept = new KeptDisk(file, base);
    for (let commit = 0; commit < 5; commit++) {
      kept.write(8 * commit, new Uint8Array(8 * SECTOR_BYTES).fill(commit));
      kept.flush();
    }
    fc.assert(
      fc.property(fc.nat(file.durable.length - 1), fc.nat(255), (at, byte) => {
        const damaged = file.durable.slice();
        damaged[at] = byte;
        try {
          contents(new KeptDisk(new DyingFile(damaged), base));
        } catch (error) {
          expect(error).not.toBeInstanceOf(HostDied);
          expect(String(error)).toMatch(/^Error: Expected .*found.*\./);
        }
      }),
      { numRuns: 200 },
    );
  });
});
