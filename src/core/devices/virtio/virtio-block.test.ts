// A disk from the driver's side (virtio 1.2, section 5.2), and next to QEMU's own.

import { describe, expect, test } from 'vitest';
import { MemoryStore, type BlockStore } from '../block-store.ts';
import { CopyOnWriteStore } from '../copy-on-write-store.ts';
import { HAS_QEMU, startQemuBoard } from '../qemu-board.test-support.ts';
import { virtioBlock } from './virtio-block.ts';
import { R, Rig, S, startOne, type Buffer as Piece } from './virtio-driver.test-support.ts';

const SECTOR = 512;
/** Section 5.2.6. */
const T = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const FLUSH = 9;

function header(type: number, sector: number | bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return bytes;
}

const pattern = (length: number, seed = 1) => Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 13) & 0xff);

function disk(store: BlockStore, features: readonly number[] = [FLUSH], latency = 0) {
  const rig = new Rig({
    device: virtioBlock({ store, serial: 'serial-number-longer-than-twenty' }),
    features,
    latency,
  });
  const queue = startOne(rig, 64);
  const status = rig.empty(1);
  return {
    rig,
    queue,
    status,
    /** Sends one request and lets it be served. @returns its status byte */
    request: (type: number, sector: number | bigint, ...data: readonly Piece[]): number => {
      rig.memory.store(status.address, 1, 0xee);
      queue.send([rig.filled(header(type, sector)), ...data, status]);
      rig.passTime(rig.now + latency);
      return rig.memory.load(status.address, 1);
    },
  };
}

describe('requests', () => {
  test('OUT, then IN: the same bytes, whatever buffers they are in', () => {
    const store = new MemoryStore(new Uint8Array(64 * SECTOR));
    const { rig, queue, request } = disk(store);
    const bytes = pattern(3 * SECTOR);
    const cut = [bytes.subarray(0, 100), bytes.subarray(100, 1000), bytes.subarray(1000)];
    expect(request(T.out, 5, ...cut.map((part) => rig.filled(part)))).toBe(0);
    expect(store.bytes.subarray(5 * SECTOR, 8 * SECTOR)).toEqual(bytes);
    const reply = [rig.empty(SECTOR + 1), rig.empty(2 * SECTOR - 1)];
    expect(request(T.in, 5, ...reply)).toBe(0);
    expect(Buffer.concat(reply.map((part) => rig.bytes(part)))).toEqual(Buffer.from(bytes));
    expect(queue.collect().map(({ written }) => written)).toEqual([1, 3 * SECTOR + 1]);
  });

  test('the header and the status byte may share buffers with the data (section 2.7.4.4)', () => {
    const store = new MemoryStore(pattern(4 * SECTOR));
    const { rig, queue } = disk(store);
    const whole = rig.empty(SECTOR + 1);
    const [front, back] = [header(T.in, 2).subarray(0, 7), header(T.in, 2).subarray(7)];
    queue.send([rig.filled(front), rig.filled(back), whole]);
    const bytes = rig.bytes(whole);
    expect(bytes.subarray(0, SECTOR)).toEqual(pattern(4 * SECTOR).subarray(2 * SECTOR, 3 * SECTOR));
    expect(bytes[SECTOR]).toBe(0);
  });

  test('GET_ID gives 20 letters', () => {
    const { rig, request } = disk(new MemoryStore(new Uint8Array(SECTOR)));
    const id = rig.empty(20);
    expect(request(T.getId, 0, id)).toBe(0);
    expect(Buffer.from(rig.bytes(id)).toString()).toBe('serial-number-longer');
  });

  test('FLUSH asks the store, and says when it could not', () => {
    let flushes = 0;
    const base = new MemoryStore(new Uint8Array(SECTOR));
    const store = Object.assign(base, { flush: () => ++flushes < 2 });
    const { request } = disk(store);
    expect(request(T.flush, 0)).toBe(0);
    expect(request(T.flush, 0)).toBe(1);
    expect(flushes).toBe(2);
  });

  test('a driver that did not negotiate FLUSH may rely on every write (section 5.2.6.2)', () => {
    let flushes = 0;
    const store = Object.assign(new MemoryStore(new Uint8Array(SECTOR)), { flush: () => (flushes++, true) });
    const { rig, request } = disk(store, []);
    expect(request(T.out, 0, rig.filled(pattern(SECTOR)))).toBe(0);
    expect(flushes).toBe(1);
  });

  test.each([T.discard, T.writeZeroes])('type %i leaves zeros', (type) => {
    const store = new CopyOnWriteStore(new MemoryStore(pattern(64 * SECTOR)));
    const { rig, request } = disk(store);
    const range = new Uint8Array(16);
    const view = new DataView(range.buffer);
    view.setBigUint64(0, 3n, true);
    view.setUint32(8, 20, true);
    expect(request(type, 0, rig.filled(range))).toBe(0);
    const sectors = new Uint8Array(64 * SECTOR);
    store.read(0, sectors);
    const expected = pattern(64 * SECTOR);
    expected.fill(0, 3 * SECTOR, 23 * SECTOR);
    expect(Buffer.compare(sectors, expected)).toBe(0);
    view.setUint32(12, 2, true); // a reserved flag
    expect(request(type, 0, rig.filled(range))).toBe(2);
    view.setUint32(12, 0, true);
    view.setUint32(8, 0xffff_ffff, true);
    expect(request(type, 0, rig.filled(range))).toBe(1);
    expect(request(type, 0, rig.filled(range.subarray(0, 8)))).toBe(1);
  });

  test('several in flight with a latency, each at its time', () => {
    const { rig, queue, status } = disk(new MemoryStore(pattern(64 * SECTOR)), [FLUSH], 1000);
    const replies = [1, 2, 3].map((sector) => {
      const reply = rig.empty(SECTOR);
      queue.send([rig.filled(header(T.in, sector)), reply, status]);
      rig.now += 10;
      return reply;
    });
    expect(queue.collect()).toEqual([]);
    rig.passTime(1010);
    expect(queue.collect()).toHaveLength(2);
    rig.passTime(1020);
    expect(rig.bytes(replies[2] ?? status)).toEqual(pattern(64 * SECTOR).subarray(3 * SECTOR, 4 * SECTOR));
  });
});

describe('what cannot be done', () => {
  const IO_ERROR = 1;
  const UNSUPPORTED = 2;

  test.each([
    ['a sector behind the end', T.in, 64n, SECTOR, IO_ERROR],
    ['a range that crosses the end', T.in, 63n, 2 * SECTOR, IO_ERROR],
    ['a sector whose byte address overflows 64 bits', T.in, 2n ** 64n - 1n, SECTOR, IO_ERROR],
    ['a sector that wraps around 2^64 into the disk', T.out, 2n ** 64n - 1n, 2 * SECTOR, IO_ERROR],
    ['half a sector', T.in, 0n, 100, IO_ERROR],
    ['half a sector written', T.out, 0n, 100, IO_ERROR],
    ['a type from the future', 99, 0n, SECTOR, UNSUPPORTED],
    ['a SCSI command, as old drivers send them', 2, 0n, SECTOR, UNSUPPORTED],
  ])('%s', (_, type, sector, length, status) => {
    const store = new MemoryStore(pattern(64 * SECTOR));
    const { rig, queue, request } = disk(store);
    const data = type === T.out ? rig.filled(new Uint8Array(length)) : rig.empty(length);
    expect(request(type, sector, data)).toBe(status);
    expect(queue.collect().at(-1)?.written).toBe(1);
    expect(Buffer.compare(store.bytes, pattern(64 * SECTOR))).toBe(0);
    expect(rig.failures).toEqual([]); // an error of this request, not of the device
  });

  test('a disk that is read-only says so and stays as it is', () => {
    const store = new MemoryStore(new Uint8Array(4 * SECTOR), { readOnly: true });
    const { rig, request } = disk(store);
    expect(rig.read(R.features) & (1 << 5)).not.toBe(0);
    expect(request(T.out, 0, rig.filled(pattern(SECTOR)))).toBe(IO_ERROR);
    expect(request(T.writeZeroes, 0, rig.filled(new Uint8Array(16)))).toBe(IO_ERROR);
    expect(store.bytes.every((byte) => byte === 0)).toBe(true);
  });

  test('a store that fails', () => {
    const broken: BlockStore = {
      sectors: 8,
      readOnly: false,
      read: () => false,
      write: () => false,
      flush: () => false,
    };
    const { rig, request } = disk(broken);
    expect(request(T.in, 0, rig.empty(SECTOR))).toBe(IO_ERROR);
    expect(request(T.out, 0, rig.filled(pattern(SECTOR)))).toBe(IO_ERROR);
    expect(request(T.flush, 0)).toBe(IO_ERROR);
  });

  test.each([
    ['no status byte', (rig: Rig) => [rig.filled(header(T.in, 0))]],
    ['half a header', (rig: Rig) => [rig.filled(header(T.in, 0).subarray(0, 8)), rig.empty(SECTOR + 1)]],
    ['no header', (rig: Rig) => [rig.empty(SECTOR + 1)]],
  ])('%s: the device asks for a reset', (_, pieces) => {
    const { rig, queue } = disk(new MemoryStore(new Uint8Array(SECTOR)));
    queue.send(pieces(rig));
    expect(rig.failures[0]).toMatch(/16-byte header and a status byte expected/);
    expect(rig.read(R.status) & S.needsReset).toBe(S.needsReset);
    expect(queue.collect()).toEqual([]);
  });
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  test.each(['legacy', 'modern'] as const)('shows the same disk in its %s registers', async (version) => {
    const qemu = startQemuBoard([
      ...['-drive', 'driver=null-co,size=1M,read-zeroes=on,if=none,id=d', '-device', 'virtio-blk-device,drive=d'],
      ...['-global', `virtio-mmio.force-legacy=${version === 'legacy'}`],
    ]);
    try {
      const rig = new Rig({ version, device: virtioBlock({ store: new MemoryStore(new Uint8Array(2 ** 20)) }) });
      const base = 0x1000_8000; // the first -device takes the highest slot
      const at = (offset: number) => qemu.read(base + offset, 4);
      for (const offset of [R.magic, R.version, R.deviceId, R.vendor, R.queueNumMax, R.interruptStatus, R.status]) {
        expect(rig.read(offset), `register ${offset}`).toBe(await at(offset));
      }
      // Whatever this disk offers, QEMU's does too.
      for (const word of [0, 1]) {
        rig.write(R.featuresSel, word);
        await qemu.write(base + R.featuresSel, 4, word);
        expect(rig.read(R.features) & ~(await at(R.features)), `features ${word}`).toBe(0);
      }
      // capacity and blk_size; seg_max and geometry depend on QEMU's own limits.
      for (const offset of [0, 4, 20]) expect(rig.read(R.config + offset)).toBe(await at(R.config + offset));
      rig.write(R.queueSel, 1);
      await qemu.write(base + R.queueSel, 4, 1);
      expect(rig.read(R.queueNumMax)).toBe(await at(R.queueNumMax));
      // The two negotiate alike.
      rig.write(R.status, 3);
      await qemu.write(base + R.status, 4, 3);
      expect(rig.read(R.status)).toBe(await at(R.status));
    } finally {
      qemu.close();
    }
  });
});
