// A segment for tests: a clock turned by hand, a switch, the service host on it, and stations that write down what they get.
import type { FrameEvent } from './frame-event.ts';
import type { LinkSettings } from './link.ts';
import type { ServiceEvent, ServiceHostSettings } from './service-host.ts';
import { ServiceHost } from './service-host.ts';
import type { Station } from './station.ts';
import type { SwitchPort, SwitchSettings } from './virtual-switch.ts';
import { VirtualSwitch } from './virtual-switch.ts';

export const TICKS_PER_SECOND = 10_000_000;

export class RecordingStation implements Station {
  readonly name: string;
  readonly got: { readonly octets: Uint8Array; readonly time: number; readonly id: number }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  deliver(octets: Uint8Array, time: number, id: number): void {
    this.got.push({ octets, time, id });
  }
}

export class LabSegment {
  now = 0;
  readonly events: FrameEvent[] = [];
  readonly served: ServiceEvent[] = [];
  readonly lan: VirtualSwitch;
  readonly host: ServiceHost;
  readonly hostPort: SwitchPort;

  constructor(
    options: {
      readonly link?: Partial<LinkSettings>;
      readonly lan?: Partial<SwitchSettings>;
      readonly host?: Partial<ServiceHostSettings>;
    } = {},
  ) {
    this.lan = new VirtualSwitch({ now: () => this.now, observe: (event) => this.events.push(event) }, options.lan);
    this.host = new ServiceHost(
      { transmit: (frame) => this.hostPort.send(frame), observe: (event) => this.served.push(event) },
      options.host,
    );
    this.hostPort = this.lan.attach(this.host, options.link);
  }

  attach(station: Station, link?: Partial<LinkSettings>): SwitchPort {
    return this.lan.attach(station, link);
  }

  /** Lets `seconds` of virtual time pass, in steps of `step` ticks (all at once by default). */
  run(seconds: number, step = Infinity): void {
    const end = this.now + seconds * TICKS_PER_SECOND;
    while (this.now < end) {
      this.now = Math.min(end, this.now + step);
      this.lan.elapse();
    }
  }

  /** As a board does: straight to each deadline, until nothing is left to do before `seconds` have passed. */
  runToDeadlines(seconds: number): void {
    const end = this.now + seconds * TICKS_PER_SECOND;
    for (let next = this.lan.deadline(); next <= end; next = this.lan.deadline()) {
      this.now = Math.max(this.now, next);
      this.lan.elapse();
    }
    this.now = end;
  }
}

/** Octets written as hexadecimal digits, with any white space between them. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[\da-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}
