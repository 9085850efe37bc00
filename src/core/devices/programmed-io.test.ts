// The two devices by programmed I/O, as a driver uses them: each word through one register, an interrupt when there is something
// to move; wrong commands end in the error bit, never in anything else.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from './block-store.ts';
import { BUS_ERROR, type AccessWidth, type Device } from './device.ts';
import { DiskCommand, DiskStatus, PROGRAMMED_IO_DISK_IDENTITY, ProgrammedIoDisk } from './programmed-io-disk.ts';
import { NetworkStatus, PROGRAMMED_IO_NETWORK_IDENTITY, ProgrammedIoNetwork } from './programmed-io-network.ts';

const register = (device: Device, name: string): number => {
  const found = device.registers.find((row) => row.name === name);
  if (found === undefined) throw new Error(name);
  return found.offset;
};
const get = (device: Device, name: string) => device.read(register(device, name), 4);
const put = (device: Device, name: string, value: number) => device.write(register(device, name), 4, value);

describe('disk', () => {
  function disk(latency = 0) {
    const store = new MemoryStore(Uint8Array.from({ length: 16 * 512 }, (_, index) => (index * 3) >>> 2));
    const rig = { now: 0, line: false, store };
    const ports = { store, interrupt: (level: boolean) => void (rig.line = level), clock: () => rig.now, latency };
    return { ...rig, rig, disk: new ProgrammedIoDisk(ports), twin: () => new ProgrammedIoDisk(ports) };
  }

  function command(device: ProgrammedIoDisk, what: number, sector: number, count: number): void {
    put(device, 'SECTOR', sector);
    put(device, 'COUNT', count);
    put(device, 'COMMAND', what);
  }

  test('reads, a word at a time', () => {
    const { disk: device, rig, store } = disk();
    expect(get(device, 'IDENTITY')).toBe(PROGRAMMED_IO_DISK_IDENTITY);
    expect(get(device, 'SECTORS')).toBe(16);
    command(device, DiskCommand.read, 3, 2);
    expect(rig.line).toBe(true);
    const words = Array.from({ length: 256 }, () => get(device, 'DATA'));
    expect(new Uint8Array(Uint32Array.from(words).buffer)).toEqual(store.bytes.slice(3 * 512, 5 * 512));
    put(device, 'ACKNOWLEDGE', 0);
    expect(rig.line).toBe(false);
    expect(get(device, 'STATUS')).toBe(0);
    expect(get(device, 'DATA')).toBe(0);
  });

  test('writes, and is done only when the last word is there', () => {
    const { disk: device, rig, store } = disk();
    command(device, DiskCommand.write, 1, 1);
    for (let word = 0; word < 128; word++) {
      expect(get(device, 'STATUS') & DiskStatus.request).toBe(DiskStatus.request);
      put(device, 'DATA', 0x01010101 * (word & 0x7f));
    }
    expect(get(device, 'STATUS')).toBe(DiskStatus.interrupt);
    expect([...store.bytes.slice(512, 520)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(rig.line).toBe(true);
  });

  test('takes its time, and can be moved meanwhile', () => {
    const { disk: device, rig, twin } = disk(50);
    command(device, DiskCommand.read, 0, 1);
    expect(get(device, 'STATUS')).toBe(DiskStatus.busy);
    expect(device.deadline()).toBe(50);
    rig.now = 50;
    device.elapse();
    expect(get(device, 'STATUS') & DiskStatus.request).toBe(DiskStatus.request);
    get(device, 'DATA');
    const other = twin();
    other.restore(device.snapshot());
    expect(get(other, 'DATA')).toBe(get(device, 'DATA'));
    expect(other.snapshot()).toEqual(device.snapshot());
  });

  test.each([
    ['behind the end', DiskCommand.read, 16, 1],
    ['across the end', DiskCommand.write, 15, 2],
    ['no sectors', DiskCommand.read, 0, 0],
    ['too many', DiskCommand.read, 0, 129],
    ['wrapping', DiskCommand.write, 0xffff_ffff, 2],
    ['no command', 9, 0, 1],
  ])('%s', (_, what, sector, count) => {
    const { disk: device, store } = disk();
    const before = store.bytes.slice();
    command(device, what, sector, count);
    expect(get(device, 'STATUS')).toBe(DiskStatus.error | DiskStatus.interrupt);
    put(device, 'DATA', 1);
    expect(store.bytes).toEqual(before);
    command(device, DiskCommand.flush, 0, 0);
    expect(get(device, 'STATUS')).toBe(DiskStatus.interrupt);
  });
});

describe('network card', () => {
  function card() {
    const sent: Uint8Array[] = [];
    let receive: (frame: Uint8Array) => boolean = () => false;
    const rig = { line: false, told: 0 };
    const device = new ProgrammedIoNetwork({
      cable: { send: (frame) => void sent.push(frame), attach: (into) => void (receive = into) },
      mac: Uint8Array.of(2, 0, 0, 0, 0, 7),
      interrupt: (level) => (rig.line = level),
      interrupted: () => rig.told++,
    });
    return { device, rig, sent, receive: (frame: Uint8Array) => receive(frame) };
  }
  const frame = (length: number) => Uint8Array.from({ length }, (_, index) => index + 1);

  test('sends with the last word', () => {
    const { device, sent } = card();
    expect(get(device, 'IDENTITY')).toBe(PROGRAMMED_IO_NETWORK_IDENTITY);
    expect([get(device, 'MAC_LOW'), get(device, 'MAC_HIGH')]).toEqual([2, 0x0700]);
    put(device, 'SEND_LENGTH', 62);
    const padded = new Uint8Array(64);
    padded.set(frame(62));
    for (const word of new Uint32Array(padded.buffer)) {
      expect(sent).toEqual([]);
      expect(get(device, 'STATUS')).toBe(NetworkStatus.sending);
      put(device, 'DATA', word);
    }
    expect(sent).toEqual([frame(62)]);
    put(device, 'DATA', 1);
    expect(sent).toHaveLength(1);
  });

  test('receives word by word, interrupting while there is something', () => {
    const { device, rig, receive } = card();
    receive(frame(15));
    expect(rig).toEqual({ line: false, told: 0 });
    put(device, 'INTERRUPT_ENABLE', 1);
    expect(rig.line).toBe(true);
    receive(frame(64));
    expect(rig.told).toBe(1);
    receive(frame(13)); // no frame
    expect(rig.told).toBe(1);
    expect(get(device, 'RECEIVE_LENGTH')).toBe(15);
    const words = Array.from({ length: 4 }, () => get(device, 'DATA'));
    expect(new Uint8Array(Uint32Array.from(words).buffer).slice(0, 15)).toEqual(frame(15));
    expect(get(device, 'RECEIVE_LENGTH')).toBe(64);
    for (let word = 0; word < 16; word++) get(device, 'DATA');
    expect(rig.line).toBe(false);
    expect(get(device, 'STATUS')).toBe(0);
  });

  test('keeps sixteen frames and counts what it drops', () => {
    const { device, receive } = card();
    const taken = Array.from({ length: 20 }, () => receive(frame(60)));
    expect(taken.filter(Boolean)).toHaveLength(16);
    expect(receive(frame(2000))).toBe(false);
    expect(device.dropped).toBe(5);
    const { device: other } = card();
    other.restore(device.snapshot());
    expect(other.snapshot()).toEqual(device.snapshot());
  });

  test('no frame of an impossible length', () => {
    const { device, sent } = card();
    for (const length of [0, 13, 1519, 0xffff_ffff]) {
      put(device, 'SEND_LENGTH', length);
      for (let word = 0; word < 400; word++) put(device, 'DATA', word);
    }
    expect(sent).toEqual([]);
  });
});

test('any access at all: an answer of its width, or a bus error', () => {
  const access = fc.record({
    offset: fc.integer({ min: -4, max: 0x24 }),
    width: fc.constantFrom<AccessWidth>(1, 2, 4),
    value: fc.oneof(fc.nat(3), fc.nat(0xffff_ffff)),
    write: fc.boolean(),
  });
  const make = [
    () =>
      new ProgrammedIoDisk({
        store: new MemoryStore(new Uint8Array(2048)),
        interrupt: () => undefined,
        clock: () => 0,
      }),
    () =>
      new ProgrammedIoNetwork({
        cable: { send: () => undefined, attach: () => undefined },
        mac: new Uint8Array(6),
        interrupt: () => undefined,
      }),
  ];
  fc.assert(
    fc.property(fc.array(access, { maxLength: 400 }), fc.constantFrom(...make), (accesses, create) => {
      const device = create();
      for (const { offset, width, value, write } of accesses) {
        if (write) device.write(offset, width, value);
        else {
          const found = device.read(offset, width);
          expect(found === BUS_ERROR || (found >= 0 && found < 2 ** 32)).toBe(true);
        }
      }
      const state = device.snapshot();
      device.restore(state);
      expect(device.snapshot()).toEqual(state);
    }),
    { numRuns: 100 },
  );
});
