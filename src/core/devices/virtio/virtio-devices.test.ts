// The smaller devices, request by request, from the driver's side: network card (virtio 1.2, section 5.1), console (5.3), entropy
// (5.4), balloon (5.5).

import { describe, expect, test } from 'vitest';
import { virtioBalloon, type VirtioBalloon } from './virtio-balloon.ts';
import { virtioConsole, type VirtioConsole } from './virtio-console.ts';
import { R, Rig, startOne } from './virtio-driver.test-support.ts';
import { SeededEntropy, virtioEntropy } from './virtio-entropy.ts';
import { virtioNetwork, VirtioNetwork } from './virtio-network.ts';

const both = ['legacy', 'modern'] as const;
const words = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const text = (value: string) => new TextEncoder().encode(value);
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);

describe.each(both)('network card, %s', (version) => {
  const HEADER = version === 'legacy' ? 10 : 12; // section 5.1.6.1

  function card() {
    const sent: Uint8Array[] = [];
    let receive: (frame: Uint8Array) => boolean = () => false;
    const cable = {
      send: (frame: Uint8Array) => void sent.push(frame),
      attach: (into: typeof receive) => void (receive = into),
    };
    const rig = new Rig({ version, device: virtioNetwork({ cable, mac: MAC }), features: [5, 16] });
    const [rx, tx] = rig.start(2);
    if (rx === undefined || tx === undefined) throw new Error('no queues');
    return { rig, rx, tx, sent, receive: (frame: Uint8Array) => receive(frame) };
  }

  const frame = (length: number) => Uint8Array.from({ length }, (_, index) => index);

  test('sends what is behind the header, however it is cut', () => {
    const { rig, tx, sent } = card();
    const bytes = new Uint8Array(HEADER + 60);
    bytes.set(frame(60), HEADER);
    tx.send([rig.filled(bytes)]);
    tx.send([rig.filled(bytes.subarray(0, 5)), rig.filled(bytes.subarray(5, 30)), rig.filled(bytes.subarray(30))]);
    expect(sent).toEqual([frame(60), frame(60)]);
    expect(tx.collect().map(({ written }) => written)).toEqual([0, 0]);
  });

  test('drops what is no Ethernet frame, and gives the buffer back', () => {
    const { rig, tx, sent } = card();
    for (const length of [0, HEADER, HEADER + 13, HEADER + 1519, 100_000])
      tx.send([rig.filled(new Uint8Array(length))]);
    expect(sent).toEqual([]);
    expect(tx.collect()).toHaveLength(5);
    expect(rig.failures).toEqual([]);
  });

  test('receives into the driver’s buffers, the header in front', () => {
    const { rig, rx, receive } = card();
    const buffer = rig.empty(HEADER + 1514);
    rx.send([buffer]);
    expect(receive(frame(64))).toBe(true);
    expect(rx.collect()).toEqual([{ head: 0, written: HEADER + 64 }]);
    const bytes = rig.bytes(buffer);
    expect(bytes.subarray(HEADER, HEADER + 64)).toEqual(frame(64));
    // num_buffers is 1 (section 5.1.6.4.1); everything else is zero.
    expect([...bytes.subarray(0, HEADER)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0].slice(0, HEADER));
    expect(rig.line).toBe(true);
  });

  test('a frame without room, too long, or without a cable is lost and counted', () => {
    const { rig, rx, receive } = card();
    expect(receive(frame(64))).toBe(false);
    rx.send([rig.empty(HEADER + 32)]);
    expect(receive(frame(64))).toBe(false);
    rx.send([rig.empty(HEADER + 4096)]);
    expect(receive(frame(1519))).toBe(false);
    const device = rig.slot.function;
    if (!(device instanceof VirtioNetwork)) throw new Error('no card');
    device.setLink(false);
    expect(receive(frame(64))).toBe(false);
    expect(device.dropped).toBe(4);
    expect(rig.slot.read(R.config + 6, 2)).toBe(0);
    expect(rig.read(R.interruptStatus) & 2).toBe(2);
  });

  test('shows its address and that the cable is plugged in', () => {
    const { rig } = card();
    expect(Array.from({ length: 6 }, (_, index) => rig.slot.read(R.config + index, 1))).toEqual([...MAC]);
    expect(rig.slot.read(R.config + 6, 2)).toBe(1);
  });

  test('no notification is asked for while it has buffers left (section 2.7.10)', () => {
    const { rig, rx, receive } = card();
    for (let index = 0; index < 3; index++) rx.offer(rx.chain([rig.empty(HEADER + 100)]));
    receive(frame(60));
    expect(rx.usedFlags).toBe(1);
    receive(frame(60));
    receive(frame(60));
    expect(rx.usedFlags).toBe(0);
  });
});

describe.each(both)('network card with mergeable receive buffers, %s (section 5.1.6.4)', (version) => {
  const HEADER = 12; // num_buffers is there on both interfaces (section 5.1.6.1)
  const frame = (length: number) => Uint8Array.from({ length }, (_, index) => index);

  function card(features: readonly number[] = []) {
    const sent: Uint8Array[] = [];
    let receive: (frame: Uint8Array) => boolean = () => false;
    const cable = {
      send: (frame: Uint8Array) => void sent.push(frame),
      attach: (into: typeof receive) => void (receive = into),
    };
    const rig = new Rig({ version, device: virtioNetwork({ cable, mac: MAC }), features: [5, 15, ...features] });
    const [rx, tx] = rig.start(2);
    if (rx === undefined || tx === undefined) throw new Error('no queues');
    return { rig, rx, tx, sent, receive: (frame: Uint8Array) => receive(frame) };
  }

  test('a frame lies in as many buffers as it takes, and the first says how many', () => {
    const { rig, rx, receive } = card();
    const buffers = [rig.empty(100), rig.empty(40), rig.empty(100), rig.empty(100)];
    for (const buffer of buffers) rx.send([buffer]);
    expect(receive(frame(200))).toBe(true);
    expect(rx.collect().map(({ written }) => written)).toEqual([100, 40, HEADER + 200 - 140]);
    const bytes = buffers.slice(0, 3).flatMap((buffer) => [...rig.bytes(buffer)]);
    expect(bytes.slice(0, HEADER)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
    expect(Uint8Array.from(bytes.slice(HEADER, HEADER + 200))).toEqual(frame(200));
    expect(receive(frame(60))).toBe(true);
    expect(rx.collect()).toEqual([{ head: 3, written: HEADER + 60 }]);
  });

  test('where the buffers do not suffice the frame is lost, and they stay for the next', () => {
    const { rig, rx, receive } = card();
    rx.send([rig.empty(64)]);
    rx.send([rig.empty(64)]);
    expect(receive(frame(200))).toBe(false);
    expect(rx.collect()).toEqual([]);
    rx.send([rig.empty(100)]);
    expect(receive(frame(200))).toBe(true);
    expect(rx.collect().map(({ head }) => head)).toEqual([0, 1, 2]);
  });

  test('with the event index the driver is asked to tell of more when they do not suffice (section 2.7.10)', () => {
    const { rig, rx, receive } = card([29]);
    rx.send([rig.empty(64)]);
    expect(receive(frame(200))).toBe(false);
    rx.send([rig.empty(64)]);
    rx.send([rig.empty(100)]);
    expect(receive(frame(200))).toBe(true);
    expect(rig.failures).toEqual([]);
  });

  test('what is sent has the long header too', () => {
    const { rig, tx, sent } = card();
    const bytes = new Uint8Array(HEADER + 60);
    bytes.set(frame(60), HEADER);
    tx.send([rig.filled(bytes)]);
    expect(sent).toEqual([frame(60)]);
  });
});

describe('console', () => {
  function line() {
    let out = '';
    let device: VirtioConsole | undefined;
    const rig = new Rig({
      device: virtioConsole({
        transmit: (bytes) => (out += Buffer.from(bytes).toString()),
        columns: 132,
        rows: 43,
        attached: (found) => (device = found),
      }),
      features: [0],
    });
    const [rx, tx] = rig.start(2);
    if (rx === undefined || tx === undefined || device === undefined) throw new Error('no console');
    return { rig, rx, tx, device, out: () => out };
  }

  test('writes whole buffers', () => {
    const { rig, tx, out } = line();
    tx.send([rig.filled(text('to be')), rig.filled(text(' or not'))]);
    expect(out()).toBe('to be or not');
  });

  test('takes as many bytes as the driver has room for', () => {
    const { rig, rx, device } = line();
    expect(device.receive(text('early'))).toBe(0);
    const buffers = [rig.empty(4), rig.empty(4)];
    for (const buffer of buffers) rx.offer(rx.chain([buffer]));
    expect(device.receive(text('abcdefghij'))).toBe(8);
    expect(buffers.map((buffer) => Buffer.from(rig.bytes(buffer)).toString())).toEqual(['abcd', 'efgh']);
    expect(device.receive(text('x'))).toBe(0);
  });

  test('a buffer without room does not hold it for ever', () => {
    const { rx, device } = line();
    rx.send([{ address: 0x8000_0000, length: 0, write: true }]);
    expect(device.receive(text('x'))).toBe(0);
    expect(rx.collect()).toHaveLength(1);
  });

  test('tells its size, and when it changes', () => {
    const { rig, device } = line();
    expect(rig.read(R.config)).toBe((43 << 16) | 132);
    device.resize(100, 30);
    expect(rig.read(R.config)).toBe((30 << 16) | 100);
    expect(rig.read(R.interruptStatus)).toBe(2);
  });

  test('a character in an emergency (section 5.3.4)', () => {
    const { rig, out } = line();
    rig.write(R.config + 8, 0x21);
    expect(out()).toBe('!');
  });
});

describe('entropy', () => {
  test('fills what it is given, the same from the same seed, and goes on from a snapshot', () => {
    const draw = (rig: Rig, queue: ReturnType<typeof startOne>) => {
      const buffer = rig.empty(32);
      queue.send([buffer]);
      expect(queue.collect().at(-1)?.written).toBe(32);
      return Buffer.from(rig.bytes(buffer)).toString('hex');
    };
    const [first, second] = [1, 1].map((seed) => new Rig({ device: virtioEntropy(new SeededEntropy(seed)) }));
    if (first === undefined || second === undefined) throw new Error('no rigs');
    const queues = [startOne(first), startOne(second)] as const;
    const one = draw(first, queues[0]);
    expect(draw(second, queues[1])).toBe(one);
    const state = first.slot.snapshot();
    const next = draw(first, queues[0]);
    expect(next).not.toBe(one);
    const third = new Rig({ device: virtioEntropy(new SeededEntropy(99)) });
    startOne(third);
    third.slot.restore(state);
    const again = startOne(third);
    expect(draw(third, again)).toBe(next);
  });

  test('its bytes are spread evenly enough', () => {
    const bytes = new Uint8Array(65536);
    new SeededEntropy(5).fill(bytes);
    const counts = new Array<number>(256).fill(0);
    for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
    const chi = counts.reduce((sum, count) => sum + (count - 256) ** 2 / 256, 0);
    expect(chi).toBeLessThan(330); // 99.9 % of random samples, 255 degrees of freedom
  });

  test('fills less than a huge buffer (section 5.4.6)', () => {
    const rig = new Rig({ device: virtioEntropy(new SeededEntropy(1)) });
    const queue = startOne(rig);
    queue.send([rig.empty(100_000)]);
    expect(queue.collect()).toEqual([{ head: 0, written: 4096 }]);
  });
});

describe('balloon', () => {
  function inflatable() {
    const given = new Set<number>();
    const told: Readonly<Record<string, number>>[] = [];
    let device: VirtioBalloon | undefined;
    const rig = new Rig({
      device: virtioBalloon({
        given: (page) => page >= 0x80000 && given.add(page).has(page),
        taken: (page) => given.delete(page),
        statistics: (statistics) => told.push(statistics),
        attached: (found) => (device = found),
      }),
      features: [0, 1],
    });
    const [inflate, deflate, statistics] = rig.start(3);
    if (!inflate || !deflate || !statistics || !device) throw new Error('no balloon');
    return { rig, inflate, deflate, statistics, given, told, device };
  }

  test('pages go and come back, by number', () => {
    const { rig, inflate, deflate, given } = inflatable();
    inflate.send([rig.filled(words(0x80010, 0x80011, 0x80020))]);
    expect([...given]).toEqual([0x80010, 0x80011, 0x80020]);
    deflate.send([rig.filled(words(0x80011))]);
    expect([...given]).toEqual([0x80010, 0x80020]);
    expect(inflate.collect()).toHaveLength(1);
  });

  test('a page that is not the guest’s is refused, and said so', () => {
    const { rig, inflate, given } = inflatable();
    inflate.send([rig.filled(words(3, 0x80001))]);
    expect([...given]).toEqual([0x80001]);
    expect(rig.served[0]?.status).toBe('not the guest’s');
  });

  test('the host sets its wish, the driver what it did (section 5.5.4)', () => {
    const { rig, device } = inflatable();
    device.setTarget(256);
    expect(rig.read(R.config)).toBe(256);
    expect(rig.read(R.interruptStatus)).toBe(2);
    rig.write(R.config + 4, 200);
    expect(device.actual).toBe(200);
    rig.write(R.config, 9); // the host's own
    expect(device.target).toBe(256);
  });

  test('statistics: a buffer waits until the host asks for newer ones (section 5.5.6.3)', () => {
    const { rig, statistics, told, device } = inflatable();
    const bytes = new Uint8Array(30);
    const view = new DataView(bytes.buffer);
    [[4, 1000n], [5, 5000n], [77, 1n]].forEach(([tag, value], index) => {
      view.setUint16(10 * index, Number(tag), true);
      view.setBigUint64(10 * index + 2, BigInt(value ?? 0), true);
    }); // prettier-ignore
    statistics.send([rig.filled(bytes)]);
    expect(told).toEqual([{ free: 1000, total: 5000 }]);
    expect(statistics.collect()).toEqual([]);
    expect(statistics.usedFlags).toBe(0); // it wants to hear of the next one
    expect(device.askStatistics()).toBe(true);
    expect(statistics.collect()).toEqual([{ head: 0, written: 0 }]);
    expect(device.askStatistics()).toBe(false);
  });
});
