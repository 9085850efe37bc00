// All TCP connections of one host: finds the connection a segment belongs to, opens new ones within fixed limits, answers strays (RFC 9293, 3.10.7.1 and .2).

import type { Ipv4Address, MacAddress } from './address.ts';
import type { PlainState, StateReader } from './plain-state.ts';
import { SeededRandom } from './seeded-random.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { TcpConnectionPorts } from './tcp-connection.ts';
import { SEQUENCE_LIMIT, sequenceAdd, sequenceDistance, sequenceLength, TCP_FLAG } from './tcp-segment.ts';
import type { TcpSegment } from './tcp-segment.ts';
import type { TcpApplication, TcpService } from './tcp-stream.ts';
import type { TcpState } from './tcp-variables.ts';

export const TCP_CONNECTION_LIMIT = 64;
/** Connections whose handshake is not finished; more would let a flood of SYNs take every place. */
const HALF_OPEN_LIMIT = 16;
/** When all places are taken, the connection that has been still for longest, and at least so long, makes room. */
const STILL_SECONDS = 10;
/** The initial sequence number grows by one each 4 µs (RFC 9293, 3.4.1). */
const SEQUENCES_PER_SECOND = 250_000;

/** The two ends of a connection as this host sees them, and the link address that segments come from and answers go to. */
export interface TcpFlow {
  readonly localAddress: Ipv4Address;
  readonly remoteAddress: Ipv4Address;
  readonly remoteMac: MacAddress;
}

export interface TcpEndpointPorts {
  readonly transmit: (segment: TcpSegment, flow: TcpFlow) => void;
  /** What listens, by port number. */
  readonly services: ReadonlyMap<number, TcpService>;
  readonly ticksPerSecond: number;
  readonly seed: number;
}

/** A connection for display. */
export interface TcpConnectionInfo {
  readonly localAddress: Ipv4Address;
  readonly localPort: number;
  readonly remoteAddress: Ipv4Address;
  readonly remotePort: number;
  readonly state: TcpState;
}

interface Entry {
  readonly connection: TcpConnection;
  readonly application: TcpApplication;
  readonly localPort: number;
  readonly remotePort: number;
  /** Fixed when the connection opens: a stray segment cannot divert the answers. */
  readonly flow: TcpFlow;
}

export class TcpEndpoint {
  readonly #ports: TcpEndpointPorts;
  /** In the order of opening. */
  readonly #entries = new Map<string, Entry>();

  constructor(ports: TcpEndpointPorts) {
    this.#ports = ports;
  }

  /** @returns why the segment had no effect, or undefined when it had one */
  receive(segment: TcpSegment, flow: TcpFlow, time: number): string | undefined {
    const key = keyOf(segment.destinationPort, segment.sourcePort, flow);
    const entry = this.#entries.get(key);
    const opens = (segment.flags & (TCP_FLAG.SYN | TCP_FLAG.ACK | TCP_FLAG.RST)) === TCP_FLAG.SYN;
    if (entry !== undefined && !(opens && reopens(entry.connection, segment))) {
      entry.connection.receive(segment, time);
      this.#sweep(key, entry);
      return undefined;
    }
    const service = this.#ports.services.get(segment.destinationPort);
    if (!opens || service === undefined) return this.#refuse(segment, flow);
    const before = entry?.connection.sendMaximum;
    this.#entries.delete(key);
    if (!this.#makeRoom(time)) return `TCP: all ${TCP_CONNECTION_LIMIT} connections are in use; try again later`;
    // Behind whatever the last connection of these sockets sent (RFC 9293, 3.10.7.4, TIME-WAIT).
    const initial = before === undefined ? this.#initialSequence(key, time) : sequenceAdd(before, 0x1_0000);
    this.#open(key, service, segment, flow, initial, time);
    return undefined;
  }

  deadline(): number {
    let earliest = Infinity;
    for (const { connection } of this.#entries.values()) earliest = Math.min(earliest, connection.deadline());
    return earliest;
  }

  elapse(time: number): void {
    for (const [key, entry] of [...this.#entries]) {
      if (entry.connection.deadline() <= time) entry.connection.elapse(time);
      this.#sweep(key, entry);
    }
  }

  /** Looking changes nothing. */
  get connections(): readonly TcpConnectionInfo[] {
    return [...this.#entries.values()].map(({ connection, localPort, remotePort, flow }) => ({
      localAddress: flow.localAddress,
      localPort,
      remoteAddress: flow.remoteAddress,
      remotePort,
      state: connection.state,
    }));
  }

  snapshot(): readonly PlainState[] {
    return [...this.#entries.values()].map(({ connection, application, localPort, remotePort, flow }) => ({
      localPort,
      remotePort,
      flow: { ...flow },
      connection: connection.snapshot(),
      application: application.snapshot(),
    }));
  }

  restore(state: StateReader, list: string): void {
    this.#entries.clear();
    for (const each of state.groups(list, TCP_CONNECTION_LIMIT)) {
      const localPort = each.integer('localPort', 0, 0xffff);
      const remotePort = each.integer('remotePort', 0, 0xffff);
      const addresses = each.group('flow');
      const flow: TcpFlow = {
        localAddress: addresses.integer('localAddress', 0, 2 ** 32 - 1),
        remoteAddress: addresses.integer('remoteAddress', 0, 2 ** 32 - 1),
        remoteMac: addresses.integer('remoteMac', 0, 2 ** 48 - 1),
      };
      const service = this.#ports.services.get(localPort);
      if (service === undefined) return each.fail('localPort', 'a port that something listens on');
      const peer = { address: flow.remoteAddress, port: remotePort };
      const application = service.restore(peer, each.group('application'));
      const key = keyOf(localPort, remotePort, flow);
      const ports = this.#connectionPorts(application, localPort, remotePort, flow);
      const connection = TcpConnection.restored(ports, each.group('connection'));
      this.#entries.set(key, { connection, application, localPort, remotePort, flow });
    }
  }

  #open(key: string, service: TcpService, syn: TcpSegment, flow: TcpFlow, initialSend: number, time: number): void {
    const localPort = syn.destinationPort;
    const remotePort = syn.sourcePort;
    const application = service.accept({ address: flow.remoteAddress, port: remotePort });
    const ports = this.#connectionPorts(application, localPort, remotePort, flow);
    const connection = TcpConnection.accept(ports, syn, initialSend, time);
    this.#entries.set(key, { connection, application, localPort, remotePort, flow });
  }

  #connectionPorts(
    application: TcpApplication,
    localPort: number,
    remotePort: number,
    flow: TcpFlow,
  ): TcpConnectionPorts {
    return {
      application,
      ticksPerSecond: this.#ports.ticksPerSecond,
      transmit: (segment) => {
        this.#ports.transmit({ ...segment, sourcePort: localPort, destinationPort: remotePort }, flow);
      },
    };
  }

  /** A reset for a segment that belongs nowhere (RFC 9293, 3.10.7.1). */
  #refuse(segment: TcpSegment, flow: TcpFlow): string {
    const reason = `TCP: nothing listens on port ${segment.destinationPort} for this connection`;
    if ((segment.flags & TCP_FLAG.RST) !== 0) return reason;
    const acknowledges = (segment.flags & TCP_FLAG.ACK) !== 0;
    this.#ports.transmit(
      {
        sourcePort: segment.destinationPort,
        destinationPort: segment.sourcePort,
        sequence: acknowledges ? segment.acknowledgment : 0,
        acknowledgment: acknowledges ? 0 : sequenceAdd(segment.sequence, sequenceLength(segment)),
        flags: acknowledges ? TCP_FLAG.RST : TCP_FLAG.RST | TCP_FLAG.ACK,
        window: 0,
        data: new Uint8Array(0),
      },
      flow,
    );
    return reason;
  }

  #sweep(key: string, entry: Entry): void {
    if (entry.connection.state === 'closed') this.#entries.delete(key);
  }

  /** @returns whether there is a place for one more */
  #makeRoom(time: number): boolean {
    const entries = [...this.#entries];
    const oldest = (state: TcpState): string | undefined =>
      entries.find(([, { connection }]) => connection.state === state)?.[0];
    const halfOpen = entries.filter(([, { connection }]) => connection.state === 'syn-received').length;
    if (halfOpen >= HALF_OPEN_LIMIT) this.#entries.delete(oldest('syn-received') ?? '');
    if (this.#entries.size < TCP_CONNECTION_LIMIT) return true;
    const [still] = entries.sort(([, a], [, b]) => a.connection.progressAt - b.connection.progressAt);
    const stillFor = still === undefined ? 0 : time - still[1].connection.progressAt;
    const leaves =
      oldest('time-wait') ??
      oldest('syn-received') ??
      (stillFor >= STILL_SECONDS * this.#ports.ticksPerSecond ? still?.[0] : undefined);
    return leaves !== undefined && this.#entries.delete(leaves);
  }

  /** A clock and a number drawn for this pair of sockets (RFC 9293, 3.4.1; the draw is seeded, not secret). */
  #initialSequence(key: string, time: number): number {
    let hash = this.#ports.seed;
    for (const character of key) hash = Math.imul(hash ^ character.charCodeAt(0), 0x0100_0193);
    const clock = Math.floor((time * SEQUENCES_PER_SECOND) / this.#ports.ticksPerSecond) % SEQUENCE_LIMIT;
    return sequenceAdd(new SeededRandom(hash).next32(), clock);
  }
}

function keyOf(localPort: number, remotePort: number, flow: TcpFlow): string {
  return [flow.localAddress, localPort, flow.remoteAddress, remotePort].join(' ');
}

/** A SYN in TIME-WAIT that is surely a new one (RFC 9293, 3.10.7.4). */
function reopens(connection: TcpConnection, syn: TcpSegment): boolean {
  return connection.state === 'time-wait' && sequenceDistance(syn.sequence, connection.receiveNext) > 0;
}
