// A TCP connection as the program behind it sees it: octets in, octets out. The program is asked whenever something may have changed.

import type { Ipv4Address } from './address.ts';
import type { PlainState, StateReader } from './plain-state.ts';

export interface TcpStream {
  /** Octets that can be read now. */
  readonly readable: number;
  /** Takes up to `count` octets. */
  read(count: number): Uint8Array;
  /** The peer has sent its last octet, and it was read. */
  readonly ended: boolean;
  /** Octets that can be written now. */
  readonly writable: number;
  /** @returns how many octets were taken; the rest when there is room again */
  write(octets: Uint8Array): number;
  /** Nothing more will be written; what was is still delivered. */
  end(): void;
  /** Resets the connection; nothing more is delivered. */
  abort(): void;
}

/** One end of one connection. */
export interface TcpApplication {
  /** The connection is new, octets came, room came, or the peer ended. @param time in ticks */
  progress(stream: TcpStream, time: number): void;
  snapshot(): PlainState;
}

export interface TcpPeer {
  readonly address: Ipv4Address;
  readonly port: number;
}

/** What listens on a port. */
export interface TcpService {
  accept(peer: TcpPeer): TcpApplication;
  /** An application from its snapshot. @throws Error when it does not fit */
  restore(peer: TcpPeer, state: StateReader): TcpApplication;
}
