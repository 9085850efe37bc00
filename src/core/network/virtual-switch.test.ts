// The switch: what goes where (IEEE 802.1Q, 8.6 to 8.8), when it arrives, what is lost, and that it is the same in every run.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FrameEvent } from './frame-event.ts';
import { RecordingStation, TICKS_PER_SECOND } from './lab-segment.test-support.ts';
import { DEFAULT_LINK, IN_FLIGHT_LIMIT_FRAMES, transmissionTicks } from './link.ts';
import type { LinkSettings } from './link.ts';
import { OctetWriter } from './octets.ts';
import { VirtualSwitch } from './virtual-switch.ts';
import type { SwitchPort, SwitchSettings } from './virtual-switch.ts';

const BROADCAST = 0xffff_ffff_ffff;

function frame(destination: number, source: number, length = 60, tag = 0): Uint8Array {
  const writer = new OctetWriter().mac(destination).mac(source).u16(0x88b5).u32(tag);
  return writer.zeros(length - writer.length).done();
}

class Bench {
  now = 0;
  readonly events: FrameEvent[] = [];
  readonly lan: VirtualSwitch;
  readonly stations: RecordingStation[] = [];
  readonly ports: SwitchPort[] = [];

  constructor(count: number, link: Partial<LinkSettings> = {}, settings: Partial<SwitchSettings> = {}) {
    this.lan = new VirtualSwitch({ now: () => this.now, observe: (event) => this.events.push(event) }, settings);
    for (let index = 0; index < count; index += 1) {
      const station = new RecordingStation(`station ${index}`);
      this.stations.push(station);
      this.ports.push(this.lan.attach(station, link));
    }
  }

  send(port: number, octets: Uint8Array): void {
    this.ports[port]?.send(octets);
  }

  run(ticks: number): void {
    this.now += ticks;
    this.lan.elapse();
  }

  /** Which stations got something since the last question. */
  receivers(): number[] {
    this.run(TICKS_PER_SECOND);
    return this.stations.flatMap((station, index) => (station.got.splice(0).length > 0 ? [index] : []));
  }

  reasons(): string[] {
    return this.events.flatMap((event) => (event.kind === 'dropped' ? [event.reason] : []));
  }
}

describe('forwarding', () => {
  test('an unknown address is flooded to all but the sender; a learned one goes to its port alone', () => {
    const bench = new Bench(4);
    bench.send(0, frame(0xb, 0xa));
    expect(bench.receivers()).toEqual([1, 2, 3]);
    bench.send(2, frame(0xa, 0xb));
    expect(bench.receivers()).toEqual([0]);
    bench.send(0, frame(0xb, 0xa));
    expect(bench.receivers()).toEqual([2]);
    const forwarded = bench.events.filter((event) => event.kind === 'forwarded');
    expect(forwarded.map(({ why, to }) => [why, to])).toEqual([
      ['unknown-unicast', [1, 2, 3]],
      ['learned', [0]],
      ['learned', [2]],
    ]);
  });

  test('broadcast and multicast go to all but the sender, always', () => {
    const bench = new Bench(3);
    bench.send(1, frame(BROADCAST, 0xa));
    expect(bench.receivers()).toEqual([0, 2]);
    bench.send(1, frame(0x0100_5e00_00fb, 0xa));
    expect(bench.receivers()).toEqual([0, 2]);
  });

  test('a station that moved is found at its new port', () => {
    const bench = new Bench(3);
    bench.send(0, frame(BROADCAST, 0xa));
    bench.receivers();
    bench.send(1, frame(BROADCAST, 0xa));
    bench.receivers();
    bench.send(2, frame(0xa, 0xc));
    expect(bench.receivers()).toEqual([1]);
    expect(bench.events.filter((event) => event.kind === 'learned').map(({ how }) => how)).toEqual([
      'new',
      'moved',
      'new',
    ]);
  });

  test('an address not heard of for 300 s is forgotten (8.8.3)', () => {
    const bench = new Bench(3);
    bench.send(0, frame(BROADCAST, 0xa));
    bench.receivers();
    bench.run(290 * TICKS_PER_SECOND);
    bench.send(1, frame(0xa, 0xb));
    expect(bench.receivers()).toEqual([0]);
    expect(bench.lan.addresses.map(({ address }) => address)).toEqual([0xa, 0xb]);
    bench.run(20 * TICKS_PER_SECOND);
    expect(bench.lan.addresses.map(({ address }) => address)).toEqual([0xb]);
    bench.send(1, frame(0xa, 0xb));
    expect(bench.receivers()).toEqual([0, 2]);
  });

  test.each([
    ['runt', new Uint8Array(13)],
    ['too-long', new Uint8Array(1519)],
    ['group-source', frame(0xa, 0x0100_0000_0001)],
    ['reserved-destination', frame(0x0180_c200_0000, 0xa)],
    ['reserved-destination', frame(0x0180_c200_000f, 0xa)],
  ])('%s is dropped, counted and told', (reason, octets) => {
    const bench = new Bench(2);
    bench.send(0, octets);
    expect(bench.receivers()).toEqual([]);
    expect(bench.reasons()).toEqual([reason]);
    expect(bench.ports[0]?.counters.dropped).toMatchObject({ [reason]: 1 });
  });

  test('01:80:c2:00:00:10 and the longest tagged frame pass', () => {
    const bench = new Bench(2);
    bench.send(0, frame(0x0180_c200_0010, 0xa));
    expect(bench.receivers()).toEqual([1]);
    bench.send(0, frame(BROADCAST, 0xa, 1518));
    expect(bench.receivers()).toEqual([1]);
  });

  test('a frame never goes back out of the port it came from, whatever is sent', () => {
    const sending = fc.record({
      port: fc.integer({ min: 0, max: 3 }),
      destination: fc.constantFrom(1, 2, 3, 4, 5, BROADCAST),
      source: fc.constantFrom(1, 2, 3, 4, 5),
    });
    fc.assert(
      fc.property(fc.array(sending, { maxLength: 40 }), (sendings) => {
        const bench = new Bench(4);
        for (const { port, destination, source } of sendings) {
          bench.send(port, frame(destination, source));
          bench.run(1000);
        }
        const came = new Map<number, number>();
        for (const event of bench.events) {
          if (event.kind === 'sent') came.set(event.frame, event.port);
          if (event.kind === 'delivered') expect(event.port).not.toBe(came.get(event.frame));
          if (event.kind === 'forwarded') expect(event.to).not.toContain(event.port);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('one station that invents addresses', () => {
  test('fills its own share of the table only', () => {
    const bench = new Bench(3);
    bench.send(1, frame(BROADCAST, 0xb));
    for (let source = 0x100; source < 0x400; source += 1) {
      bench.send(0, frame(0xffff, source));
      bench.run(1000);
    }
    expect(bench.lan.addresses.length).toBe(65);
    expect(bench.events.some((event) => event.kind === 'learned' && event.how === 'table-full')).toBe(true);
    bench.receivers();
    bench.send(2, frame(0xb, 0xc));
    expect(bench.receivers()).toEqual([1]);
    bench.send(0, frame(0xc, 0x100));
    expect(bench.receivers()).toEqual([2]);
  });
});

describe('time on the cable', () => {
  test('a shortest frame takes 672 bits: 1,488,095 a second at 1 Gbit/s (IEEE 802.3, 3.1.1, 4.4.2)', () => {
    expect(Math.floor(TICKS_PER_SECOND / transmissionTicks(60, 1e9, TICKS_PER_SECOND))).toBe(1_488_095);
    expect(transmissionTicks(14, 1e9, TICKS_PER_SECOND)).toBe(transmissionTicks(60, 1e9, TICKS_PER_SECOND));
    // The longest: 1538 octets with what is around them, 8,127 a second at 100 Mbit/s.
    expect(Math.floor(TICKS_PER_SECOND / transmissionTicks(1514, 1e8, TICKS_PER_SECOND))).toBe(8127);
    expect(transmissionTicks(1514, 0, TICKS_PER_SECOND)).toBe(0);
  });

  test('a frame arrives after transmission and delay on both cables', () => {
    const bench = new Bench(2, { bitsPerSecond: 1_000_000, delayTicks: 5000 });
    bench.now = 77;
    bench.send(0, frame(BROADCAST, 0xa, 1000));
    expect(bench.lan.deadline()).toBe(77 + 81_920 + 5000);
    bench.receivers();
    const delivered = bench.events.find((event) => event.kind === 'delivered');
    // 1024 octets at 1 Mbit/s are 8192 µs.
    expect(delivered?.time).toBe(77 + 2 * (81_920 + 5000));
  });

  test('frames follow each other at the rate of the link', () => {
    const bench = new Bench(2, { bitsPerSecond: 10_000_000, delayTicks: 1 });
    bench.ports[1]?.configure({ bitsPerSecond: 0 });
    for (let tag = 0; tag < 10; tag += 1) bench.send(0, frame(BROADCAST, 0xa, 976, tag));
    bench.run(TICKS_PER_SECOND);
    // 1000 octets at 10 Mbit/s: 800 µs each.
    expect(bench.stations[1]?.got.map(({ time }) => time)).toEqual(
      Array.from({ length: 10 }, (_, index) => 8000 * (index + 1) + 1 + 1),
    );
  });

  test('a full queue drops what comes last, and takes again what comes when it has drained', () => {
    const bench = new Bench(2, { bitsPerSecond: 8_000_000, queueBytes: 4000 });
    for (let tag = 0; tag < 10; tag += 1) bench.send(0, frame(BROADCAST, 0xa, 1000, tag));
    // One is being sent, four wait.
    expect(bench.reasons()).toEqual(Array.from({ length: 5 }, () => 'queue-full'));
    bench.run(10_240 * 2);
    bench.send(0, frame(BROADCAST, 0xa, 1000, 100));
    bench.receivers();
    expect(bench.ports[0]?.counters.dropped['queue-full']).toBe(5);
    expect(bench.ports[1]?.counters.toStation).toEqual({ frames: 6, bytes: 6000 });
    // Drained to the end, it takes as much as at first.
    for (let tag = 0; tag < 5; tag += 1) bench.send(0, frame(BROADCAST, 0xa, 1000, tag));
    bench.receivers();
    for (let tag = 0; tag < 5; tag += 1) bench.send(0, frame(BROADCAST, 0xa, 1000, tag));
    bench.receivers();
    expect(bench.ports[0]?.counters.dropped['queue-full']).toBe(5);
  });

  test('a frame sent over a cable made shorter arrives with the one before it, not earlier', () => {
    const bench = new Bench(2, { delayTicks: 50_000, bitsPerSecond: 0 });
    bench.send(0, frame(BROADCAST, 0xa, 60, 1));
    bench.ports[0]?.configure({ delayTicks: 1 });
    bench.send(0, frame(BROADCAST, 0xa, 60, 2));
    const state = bench.lan.snapshot();
    const twin = new Bench(2);
    twin.lan.restore(state);
    twin.receivers();
    bench.receivers();
    const delivered = bench.events.filter((event) => event.kind === 'delivered').map(({ time }) => time);
    expect(delivered).toEqual([100_000, 100_000]);
  });

  test('what is on the wire is bounded', () => {
    const bench = new Bench(2, { bitsPerSecond: 0, delayTicks: 1_000_000 });
    for (let tag = 0; tag < IN_FLIGHT_LIMIT_FRAMES + 10; tag += 1) bench.send(0, frame(BROADCAST, 0xa));
    expect(bench.ports[0]?.counters.dropped['wire-full']).toBe(10);
  });

  test('an unplugged cable passes nothing, either way', () => {
    const bench = new Bench(3);
    bench.ports[1]?.configure({ connected: false });
    bench.send(0, frame(BROADCAST, 0xa));
    expect(bench.receivers()).toEqual([2]);
    bench.send(1, frame(BROADCAST, 0xb));
    expect(bench.receivers()).toEqual([]);
    expect(bench.reasons()).toEqual(['link-down', 'link-down']);
    bench.ports[1]?.configure({ connected: true });
    bench.send(0, frame(BROADCAST, 0xa));
    expect(bench.receivers()).toEqual([1, 2]);
  });

  test('loss is as likely as it is set', () => {
    const bench = new Bench(2, { bitsPerSecond: 0 });
    bench.ports[0]?.configure({ lossProbability: 0.25 });
    for (let tag = 0; tag < 4000; tag += 1) {
      bench.send(0, frame(BROADCAST, 0xa, 60, tag));
      bench.run(200);
    }
    const lost = bench.ports[0]?.counters.dropped.lost ?? 0;
    // Five standard deviations of 27.4 around 1000.
    expect(Math.abs(lost - 1000)).toBeLessThan(137);
    expect(bench.ports[1]?.counters.dropped.lost).toBe(0);
    bench.ports[0]?.configure({ lossProbability: 1 });
    bench.stations[1]?.got.splice(0);
    bench.send(0, frame(BROADCAST, 0xa));
    expect(bench.receivers()).toEqual([]);
  });

  test('the order between two ports is kept, whatever the settings and their changes', () => {
    const change = fc.record({
      delayTicks: fc.integer({ min: 1, max: 100_000 }),
      bitsPerSecond: fc.constantFrom(0, 1_000_000, 1_000_000_000),
      lossProbability: fc.constantFrom(0, 0.3),
    });
    const step = fc.record({
      change: fc.option(change),
      wait: fc.integer({ min: 0, max: 5000 }),
      length: fc.integer({ min: 18, max: 1514 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const bench = new Bench(3);
        let tag = 0;
        for (const { change: settings, wait, length } of steps) {
          if (settings !== null) bench.ports[tag % 2]?.configure(settings);
          bench.send(0, frame(BROADCAST, 0xa, length, (tag += 1)));
          bench.run(wait);
        }
        bench.run(TICKS_PER_SECOND);
        for (const station of bench.stations) {
          const tags = station.got.map(({ octets }) => new DataView(octets.buffer).getUint32(14));
          expect(tags).toEqual([...tags].sort((a, b) => a - b));
          const times = station.got.map(({ time }) => time);
          expect(times).toEqual([...times].sort((a, b) => a - b));
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('determinism', () => {
  /** Two stations that answer each frame they get, over lossy wires. */
  function pingPong(step: (bench: Bench) => void, settings: Partial<SwitchSettings> = {}): string {
    const bench = new Bench(0, {}, settings);
    for (const own of [1, 2]) {
      const port: SwitchPort = bench.lan.attach(
        {
          name: `echo ${own}`,
          deliver: (octets) => port.send(frame(3 - own, own, Math.min(1514, octets.length + 10))),
        },
        { lossProbability: 0.02, delayTicks: 700 * own, bitsPerSecond: 50_000_000 },
      );
      for (let count = 0; count < 20; count += 1) port.send(frame(BROADCAST, own));
    }
    while (bench.now < TICKS_PER_SECOND / 10) step(bench);
    return JSON.stringify(bench.events, (key, value: unknown) => (key === 'octets' ? undefined : value));
  }

  test('the run does not depend on how time is cut', () => {
    const whole = pingPong((bench) => bench.run(TICKS_PER_SECOND / 10));
    expect(whole.length).toBeGreaterThan(10_000);
    expect(pingPong((bench) => bench.run(1000))).toBe(whole);
    expect(
      pingPong((bench) =>
        bench.run(Math.min(Math.max(1, bench.lan.deadline() - bench.now), TICKS_PER_SECOND / 10 - bench.now)),
      ),
    ).toBe(whole);
  });

  test('another seed loses other frames', () => {
    const run = (seed: number) => pingPong((bench) => bench.run(TICKS_PER_SECOND / 10), { seed });
    expect(run(2)).not.toBe(run(1));
    expect(run(2)).toBe(run(2));
  });
});

describe('snapshot and restore', () => {
  function busy(): Bench {
    const bench = new Bench(3, { lossProbability: 0.2, bitsPerSecond: 1_000_000 });
    for (let tag = 0; tag < 30; tag += 1)
      bench.send(tag % 3, frame([1, 2, BROADCAST][tag % 3] ?? 0, (tag % 3) + 1, 300, tag));
    bench.run(20_000);
    return bench;
  }

  test('a switch taken back goes on exactly as the first did, also through JSON', () => {
    const first = busy();
    const state = JSON.parse(JSON.stringify(first.lan.snapshot())) as ReturnType<VirtualSwitch['snapshot']>;
    const second = new Bench(3);
    second.now = first.now;
    second.lan.restore(state);
    expect(second.lan.snapshot()).toEqual(state);
    first.events.length = 0;
    for (const bench of [first, second]) {
      bench.send(1, frame(1, 2, 500, 1000));
      bench.run(TICKS_PER_SECOND);
    }
    expect(first.events.some((event) => event.kind === 'delivered')).toBe(true);
    expect(second.events).toEqual(first.events);
    expect(second.lan.ports).toEqual(first.lan.ports);
  });

  test('looking changes nothing', () => {
    const bench = busy();
    const before = JSON.stringify(bench.lan.snapshot());
    void [bench.lan.addresses, bench.lan.ports, bench.lan.deadline(), bench.ports[0]?.counters, bench.lan.snapshot()];
    expect(JSON.stringify(bench.lan.snapshot())).toBe(before);
  });

  test('a snapshot of another switch, or a spoilt one, is refused by name', () => {
    const state = busy().lan.snapshot();
    expect(() => new Bench(2).lan.restore(state)).toThrow(/ports/);
    for (const [key, bad] of Object.entries({ version: 2, time: -1, nextFrame: 'x', addresses: 3, ports: [1, 2, 3] })) {
      expect(() => new Bench(3).lan.restore({ ...state, [key]: bad })).toThrow(key);
    }
    expect(() => new Bench(3).lan.restore({ ...state, addresses: [{ address: 1, port: 9, seen: 0 }] })).toThrow(
      /addresses/,
    );
  });

  test('any JSON whatever is refused with a message, or fits', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('time', 'addresses', 'ports', 'nextOrder'), (junk, key) => {
        const bench = new Bench(1);
        try {
          bench.lan.restore({ ...bench.lan.snapshot(), [key]: junk as number });
        } catch (error) {
          expect((error as Error).message).toMatch(/does not fit this switch/);
        }
      }),
    );
  });
});

describe('ports', () => {
  test('have unique names, and settings in range', () => {
    const bench = new Bench(1);
    expect(() => bench.lan.attach(new RecordingStation('station 0'))).toThrow(/no other port has/);
    const port = bench.ports[0];
    expect(() => port?.configure({ lossProbability: 1.5 })).toThrow(/lossProbability/);
    expect(() => port?.configure({ delayTicks: 0 })).toThrow(/delayTicks/);
    expect(() => port?.configure({ queueBytes: 100 })).toThrow(/queueBytes/);
    expect(() => port?.configure({ bitsPerSecond: Number.NaN })).toThrow(/bitsPerSecond/);
    expect(port?.settings).toEqual(DEFAULT_LINK);
  });

  test('are 64 at most, and can be taken away with what is on their cable', () => {
    const bench = new Bench(64);
    expect(() => bench.lan.attach(new RecordingStation('one more'))).toThrow(/64 ports/);
    bench.send(0, frame(BROADCAST, 0xa));
    bench.run(150);
    bench.ports[5]?.detach();
    bench.run(TICKS_PER_SECOND);
    expect(bench.stations[5]?.got).toEqual([]);
    expect(bench.stations[6]?.got.length).toBe(1);
    bench.send(5, frame(BROADCAST, 0xb));
    expect(bench.receivers()).toEqual(
      Array.from({ length: 63 }, (_, index) => index + 1).filter((index) => index !== 5),
    );
    expect(bench.reasons()).toContain('port-gone');
    expect(bench.lan.attach(new RecordingStation('instead')).id).toBe(5);
  });

  test('are told of a frame they share only by reading', () => {
    const bench = new Bench(2);
    const octets = frame(BROADCAST, 0xa);
    bench.send(0, octets);
    octets.fill(0xee);
    bench.receivers();
    const delivered = bench.events.find((event) => event.kind === 'delivered');
    expect(delivered?.octets).toEqual(frame(BROADCAST, 0xa));
  });

  test('with a timer that does not move on do not stop the world', () => {
    const bench = new Bench(1);
    let calls = 0;
    bench.lan.attach({ name: 'stuck', deliver: () => undefined, deadline: () => 10, elapse: () => void (calls += 1) });
    bench.run(100);
    expect(calls).toBe(91);
  });
});
