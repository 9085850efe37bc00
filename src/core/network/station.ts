// What a switch needs to know of what hangs on its ports.

/** What hangs on a port: a virtual NIC, a service host, a bridge to another lab. */
export interface Station {
  /** Unique on its switch; shown to people and the identity of the port in a snapshot. */
  readonly name: string;
  /**
   * A frame has arrived. It is shared with the other receivers: read it, do not write it.
   * @param time ticks at which it arrived @param id the frame's id
   */
  deliver(frame: Uint8Array, time: number, id: number): void;
  /** Ticks at which the station wants to act by itself; Infinity if it does not. */
  deadline?(): number;
  /** Its deadline has come: `time` is that deadline, and deadline() afterwards lies behind it. */
  elapse?(time: number): void;
}
