// One TCP connection of a server (RFC 9293): the handshake from the listening side, data both ways, retransmission, flow and
// congestion control, the ways to end. No urgent data, no options but the segment size, no delayed acknowledgments.
//
//   peer ─segments→ acceptable? → acknowledgment → data → reassembly → receive queue → application
//   peer ←segments─ window, congestion window ← send queue (from SND.UNA on) ← application

import { ByteQueue } from './byte-queue.ts';
import type { PlainState, StateReader } from './plain-state.ts';
import { Reassembly } from './reassembly.ts';
import { sequenceAdd, sequenceDistance, sequenceLength, TCP_FLAG } from './tcp-segment.ts';
import type { TcpSegment } from './tcp-segment.ts';
import type { TcpApplication, TcpStream } from './tcp-stream.ts';
import { CongestionWindow, RetransmissionTimeout } from './tcp-timing.ts';
import { MAXIMUM_SEGMENT_BYTES, readVariables, TCP_STATES, variablesForSyn } from './tcp-variables.ts';
import type { TcpState, TcpVariables } from './tcp-variables.ts';

const RECEIVE_BYTES = 32 * 1024;
const SEND_BYTES = 64 * 1024 - 1;
const HANDSHAKE_RETRIES = 5;
const DATA_RETRIES = 12;
/** A connection on which nothing goes forward for so long is given up, so that no peer holds a place for ever. */
const IDLE_SECONDS = 300;
/** Two maximum segment lifetimes (RFC 9293, 3.4.2 says two times two minutes); no frame lives so long here. */
const TIME_WAIT_SECONDS = 30;

export type OutgoingSegment = Omit<TcpSegment, 'sourcePort' | 'destinationPort'>;

export interface TcpConnectionPorts {
  readonly transmit: (segment: OutgoingSegment) => void;
  readonly application: TcpApplication;
  readonly ticksPerSecond: number;
}

export class TcpConnection {
  readonly #ports: TcpConnectionPorts;
  readonly #timeout: RetransmissionTimeout;
  readonly #congestion: CongestionWindow;
  readonly #received = new ByteQueue(RECEIVE_BYTES);
  readonly #ahead = new Reassembly();
  readonly #toSend = new ByteQueue(SEND_BYTES);
  readonly #stream: TcpStream;
  #state: TcpState = 'syn-received';
  #variables: TcpVariables;
  /** The peer must hear how far we are, with the next segment or one of its own. Always false between events. */
  #acknowledgmentDue = false;

  private constructor(ports: TcpConnectionPorts, variables: TcpVariables) {
    this.#ports = ports;
    this.#variables = variables;
    this.#timeout = new RetransmissionTimeout(ports.ticksPerSecond);
    this.#congestion = new CongestionWindow(variables.segmentBytes, variables.initialSend);
    this.#stream = this.#makeStream();
  }

  /** A SYN has come to a listening port: answers it. @param initialSend the initial send sequence number */
  static accept(ports: TcpConnectionPorts, syn: TcpSegment, initialSend: number, time: number): TcpConnection {
    const connection = new TcpConnection(ports, variablesForSyn(syn, initialSend, time));
    connection.#variables.timedSequence = connection.#variables.sendNext;
    connection.#variables.timedAt = time;
    connection.#answerSyn(time);
    return connection;
  }

  /** A connection as it was; sends nothing. @throws Error when the snapshot does not fit */
  static restored(ports: TcpConnectionPorts, state: StateReader): TcpConnection {
    const connection = new TcpConnection(ports, readVariables(state.group('variables')));
    connection.#adopt(state);
    return connection;
  }

  get state(): TcpState {
    return this.#state;
  }

  /** When anything last went forward, in ticks. */
  get progressAt(): number {
    return this.#variables.progressAt;
  }

  /** RCV.NXT: a SYN beyond it may open the pair of sockets anew in TIME-WAIT (RFC 9293, 3.10.7.4). */
  get receiveNext(): number {
    return this.#variables.receiveNext;
  }

  /** SND.NXT at its highest: the next connection of the same sockets begins behind it. */
  get sendMaximum(): number {
    return this.#variables.sendMaximum;
  }

  deadline(): number {
    if (this.#state === 'closed') return Infinity;
    const { timerAt, progressAt } = this.#variables;
    return Math.min(timerAt < 0 ? Infinity : timerAt, progressAt + IDLE_SECONDS * this.#ports.ticksPerSecond);
  }

  elapse(time: number): void {
    const variables = this.#variables;
    if (this.#state === 'closed' || time < this.deadline()) return;
    if (variables.timerAt < 0 || time < variables.timerAt) return this.#abort();
    variables.timerAt = -1;
    if (this.#state === 'time-wait') {
      this.#state = 'closed';
      return;
    }
    variables.retries += 1;
    variables.timedSequence = -1;
    this.#timeout.backOff();
    if (this.#state === 'syn-received') {
      if (variables.retries > HANDSHAKE_RETRIES) this.#abort();
      else this.#answerSyn(time);
      return;
    }
    if (variables.retries > DATA_RETRIES) return this.#abort();
    const flight = sequenceDistance(variables.sendNext, variables.sendUnacknowledged);
    variables.sendNext = variables.sendUnacknowledged;
    if (variables.sendWindow === 0) this.#probe(time);
    else {
      this.#congestion.timedOut(flight, variables.sendMaximum);
      this.#output(time);
    }
    this.#setTimer(time);
  }

  /** A segment of this connection (RFC 9293, 3.10.7.4, in its order). */
  receive(segment: TcpSegment, time: number): void {
    if (this.#state === 'closed') return;
    this.#take(segment, time);
    this.#settle(time);
  }

  snapshot(): PlainState {
    return {
      state: this.#state,
      variables: { ...this.#variables },
      timeout: this.#timeout.snapshot(),
      congestion: this.#congestion.snapshot(),
      received: [...this.#received.peek(0, RECEIVE_BYTES)],
      ahead: this.#ahead.snapshot(),
      toSend: [...this.#toSend.peek(0, SEND_BYTES)],
    };
  }

  #adopt(state: StateReader): void {
    const variables = this.#variables;
    this.#state = state.word('state', TCP_STATES);
    this.#timeout.restore(state.group('timeout'));
    this.#congestion.restore(state.group('congestion'));
    this.#received.append(state.octets('received', RECEIVE_BYTES));
    this.#ahead.restore(state, 'ahead', RECEIVE_BYTES);
    this.#toSend.append(state.octets('toSend', SEND_BYTES));
    const flight = sequenceDistance(variables.sendNext, variables.sendUnacknowledged);
    const highest = sequenceDistance(variables.sendMaximum, variables.sendUnacknowledged);
    const window = sequenceDistance(variables.receiveEdge, variables.receiveNext);
    const beside = this.#state === 'syn-received' ? 1 : variables.finQueued;
    if (flight < 0 || flight > highest || highest > this.#toSend.length + beside || window > this.#received.free) {
      state.fail('variables', 'sequence numbers that agree with the queues');
    }
  }

  /** Everything about one segment but the answer. */
  #take(segment: TcpSegment, time: number): void {
    const variables = this.#variables;
    const has = (flag: number): boolean => (segment.flags & flag) !== 0;
    const repeatedSyn = has(TCP_FLAG.SYN) && !has(TCP_FLAG.ACK) && segment.sequence === variables.initialReceive;
    if (this.#state === 'syn-received' && repeatedSyn) {
      // Which of the two answers the peer will acknowledge cannot be told: nothing to measure.
      variables.timedSequence = -1;
      return this.#answerSyn(time);
    }

    const window = Math.max(0, sequenceDistance(variables.receiveEdge, variables.receiveNext));
    const offset = sequenceDistance(segment.sequence, variables.receiveNext);
    const length = sequenceLength(segment);
    // With a closed window the data is refused, but what the segment says beside it counts.
    const atEdge = window === 0 && offset === 0;
    if (!atEdge && !(offset < window && (length === 0 ? offset >= 0 : offset + length > 0))) {
      if (!has(TCP_FLAG.RST)) this.#acknowledgmentDue = true;
      return;
    }
    if (has(TCP_FLAG.RST)) {
      // Only the exact number resets; any other in the window is asked to prove itself (RFC 5961, 3.2).
      if (offset === 0) this.#state = 'closed';
      else this.#acknowledgmentDue = true;
      return;
    }
    if (has(TCP_FLAG.SYN)) {
      this.#acknowledgmentDue = true;
      return;
    }
    if (!has(TCP_FLAG.ACK) || !this.#takeAcknowledgment(segment, time)) return;
    this.#takeData(segment, offset, window, time);
  }

  /** @returns whether the rest of the segment counts */
  #takeAcknowledgment(segment: TcpSegment, time: number): boolean {
    const variables = this.#variables;
    const ahead = sequenceDistance(segment.acknowledgment, variables.sendMaximum);
    const acknowledged = sequenceDistance(segment.acknowledgment, variables.sendUnacknowledged);
    if (this.#state === 'syn-received') {
      if (ahead !== 0) {
        this.#emit(TCP_FLAG.RST, segment.acknowledgment, new Uint8Array(0));
        return false;
      }
      this.#state = 'established';
      variables.sendUnacknowledged = segment.acknowledgment;
      this.#measure(segment.acknowledgment, time);
      this.#restartTimer(time);
      this.#updateWindow(segment);
      return true;
    }
    if (ahead > 0 || acknowledged < -variables.largestSendWindow) {
      this.#acknowledgmentDue = true;
      return false;
    }
    const sameWindow = segment.window === variables.sendWindow;
    if (acknowledged > 0) this.#advance(segment.acknowledgment, acknowledged, time);
    else if (acknowledged === 0 && sequenceLength(segment) === 0 && sameWindow) this.#repeated(time);
    if (acknowledged >= 0) this.#updateWindow(segment);
    return true;
  }

  /** `acknowledged` more octets, FIN included, have arrived at the peer. */
  #advance(acknowledgment: number, acknowledged: number, time: number): void {
    const variables = this.#variables;
    const finArrived = acknowledged > this.#toSend.length;
    this.#toSend.discard(acknowledged);
    variables.sendUnacknowledged = acknowledgment;
    if (sequenceDistance(variables.sendNext, acknowledgment) < 0) variables.sendNext = acknowledgment;
    variables.progressAt = time;
    this.#timeout.answered();
    this.#measure(acknowledgment, time);
    this.#restartTimer(time);
    if (this.#congestion.acknowledged(acknowledged, acknowledgment)) this.#sendFirstAgain();
    if (!finArrived) return;
    if (this.#state === 'fin-wait-1') this.#state = 'fin-wait-2';
    else if (this.#state === 'closing') this.#enterTimeWait(time);
    else if (this.#state === 'last-ack') this.#state = 'closed';
  }

  #repeated(time: number): void {
    const variables = this.#variables;
    const flight = sequenceDistance(variables.sendNext, variables.sendUnacknowledged);
    if (flight === 0) return;
    if (!this.#congestion.duplicate(variables.sendUnacknowledged, variables.sendMaximum, flight)) return;
    this.#sendFirstAgain();
    variables.timerAt = time + this.#timeout.ticks;
  }

  #updateWindow(segment: TcpSegment): void {
    const variables = this.#variables;
    const newer = sequenceDistance(segment.sequence, variables.windowUpdateSequence);
    const later = sequenceDistance(segment.acknowledgment, variables.windowUpdateAcknowledgment);
    if (newer < 0 || (newer === 0 && later < 0)) return;
    variables.sendWindow = segment.window;
    variables.largestSendWindow = Math.max(variables.largestSendWindow, segment.window);
    variables.windowUpdateSequence = segment.sequence;
    variables.windowUpdateAcknowledgment = segment.acknowledgment;
  }

  #takeData(segment: TcpSegment, offset: number, window: number, time: number): void {
    const variables = this.#variables;
    if (sequenceLength(segment) === 0) return;
    this.#acknowledgmentDue = true;
    if (this.#state !== 'established' && this.#state !== 'fin-wait-1' && this.#state !== 'fin-wait-2') return;
    const fresh = segment.data.subarray(Math.max(0, -offset), Math.max(0, window - offset));
    const complete = offset + segment.data.length <= window;
    if (offset > 0) {
      if (fresh.length > 0) this.#ahead.hold(segment.sequence, fresh);
      return;
    }
    this.#append(fresh, time);
    for (
      let next = this.#ahead.release(variables.receiveNext);
      next !== undefined;
      next = this.#ahead.release(variables.receiveNext)
    ) {
      this.#append(next, time);
    }
    const end = sequenceAdd(segment.sequence, segment.data.length);
    const ends = (segment.flags & TCP_FLAG.FIN) !== 0 && complete && end === variables.receiveNext;
    if (ends) this.#takeFin(time);
  }

  #append(octets: Uint8Array, time: number): void {
    const accepted = this.#received.append(octets);
    this.#variables.receiveNext = sequenceAdd(this.#variables.receiveNext, accepted);
    if (accepted > 0) this.#variables.progressAt = time;
  }

  #takeFin(time: number): void {
    const variables = this.#variables;
    variables.receiveNext = sequenceAdd(variables.receiveNext, 1);
    variables.peerEnded = 1;
    variables.progressAt = time;
    if (this.#state === 'established') this.#state = 'close-wait';
    else if (this.#state === 'fin-wait-1') this.#state = 'closing';
    else this.#enterTimeWait(time);
  }

  #enterTimeWait(time: number): void {
    this.#state = 'time-wait';
    this.#variables.timerAt = time + TIME_WAIT_SECONDS * this.#ports.ticksPerSecond;
  }

  /** After an event: the application acts, what may go out goes out, what is owed is said. */
  #settle(time: number): void {
    if (this.#state !== 'closed' && this.#state !== 'syn-received') {
      this.#ports.application.progress(this.#stream, time);
    }
    if (this.#isClosed()) {
      this.#acknowledgmentDue = false;
      return;
    }
    this.#output(time);
    // A window that had run low has opened by a segment or more: tell (RFC 9293, 3.8.6.2.2).
    const told = sequenceDistance(this.#variables.receiveEdge, this.#variables.receiveNext);
    const opened = this.#windowToTell() > told && told < RECEIVE_BYTES / 2;
    if (this.#acknowledgmentDue || (opened && this.#variables.peerEnded === 0)) this.#acknowledge();
    this.#setTimer(time);
  }

  /** Read through a call, since the application may have changed it. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Sends what the windows allow, from SND.NXT on. */
  #output(time: number): void {
    const variables = this.#variables;
    if (this.#state === 'syn-received' || this.#state === 'fin-wait-2' || this.#state === 'time-wait') return;
    for (;;) {
      const flight = sequenceDistance(variables.sendNext, variables.sendUnacknowledged);
      const unsent = this.#toSend.length - flight;
      const allowed = Math.floor(Math.min(variables.sendWindow, this.#congestion.window)) - flight;
      const length = Math.max(0, Math.min(unsent, variables.segmentBytes, allowed));
      // Nothing is unsent behind a FIN that is under way: then `unsent` is −1.
      const fin = variables.finQueued === 1 && length === unsent && allowed > length;
      if (length === 0 && !fin) return;
      // Not a dribble while more is to come and something is under way (RFC 9293, 3.8.6.2.1).
      if (length < variables.segmentBytes && length < unsent && flight > 0) return;
      this.#sendData(flight, length, fin, time);
    }
  }

  #sendData(flight: number, length: number, fin: boolean, time: number): void {
    const variables = this.#variables;
    const last = flight + length === this.#toSend.length;
    const flags = TCP_FLAG.ACK | (fin ? TCP_FLAG.FIN : 0) | (last && length > 0 ? TCP_FLAG.PSH : 0);
    this.#emit(flags, variables.sendNext, this.#toSend.peek(flight, length));
    variables.sendNext = sequenceAdd(variables.sendNext, length + (fin ? 1 : 0));
    if (sequenceDistance(variables.sendNext, variables.sendMaximum) > 0) {
      variables.sendMaximum = variables.sendNext;
      if (variables.timedSequence < 0) {
        variables.timedSequence = variables.sendNext;
        variables.timedAt = time;
      }
    }
    if (!fin) return;
    if (this.#state === 'established') this.#state = 'fin-wait-1';
    else if (this.#state === 'close-wait') this.#state = 'last-ack';
  }

  /** One octet, or the FIN, into a closed window, to hear whether it is still closed (RFC 9293, 3.8.6.1). */
  #probe(time: number): void {
    const length = Math.min(1, this.#toSend.length);
    const fin = length === 0 && this.#variables.finQueued === 1;
    if (length > 0 || fin) this.#sendData(0, length, fin, time);
  }

  #sendFirstAgain(): void {
    const variables = this.#variables;
    variables.timedSequence = -1;
    const flight = sequenceDistance(variables.sendMaximum, variables.sendUnacknowledged);
    const length = Math.min(variables.segmentBytes, this.#toSend.length, flight);
    // A FIN alone under way has no data before it.
    const fin = variables.finQueued === 1 && length === this.#toSend.length && flight > length;
    if (length === 0 && !fin) return;
    this.#emit(TCP_FLAG.ACK | (fin ? TCP_FLAG.FIN : 0), variables.sendUnacknowledged, this.#toSend.peek(0, length));
  }

  #answerSyn(time: number): void {
    this.#emit(TCP_FLAG.SYN | TCP_FLAG.ACK, this.#variables.initialSend, new Uint8Array(0));
    this.#setTimer(time);
  }

  #acknowledge(): void {
    this.#emit(TCP_FLAG.ACK, this.#variables.sendNext, new Uint8Array(0));
  }

  #abort(): void {
    this.#emit(TCP_FLAG.RST | TCP_FLAG.ACK, this.#variables.sendNext, new Uint8Array(0));
    this.#state = 'closed';
  }

  #emit(flags: number, sequence: number, data: Uint8Array): void {
    const variables = this.#variables;
    const window = this.#windowToTell();
    variables.receiveEdge = sequenceAdd(variables.receiveNext, window);
    this.#acknowledgmentDue = false;
    this.#ports.transmit({
      sequence,
      acknowledgment: flags === TCP_FLAG.RST ? 0 : variables.receiveNext,
      flags,
      window: flags === TCP_FLAG.RST ? 0 : window,
      data,
      ...((flags & TCP_FLAG.SYN) === 0 ? {} : { maximumSegmentSize: MAXIMUM_SEGMENT_BYTES }),
    });
  }

  /** The window never shrinks, and opens in steps worth a segment (RFC 9293, 3.8.6.2.2). */
  #windowToTell(): number {
    const { receiveEdge, receiveNext } = this.#variables;
    const told = Math.max(0, sequenceDistance(receiveEdge, receiveNext));
    const free = this.#received.free;
    return free - told >= Math.min(RECEIVE_BYTES / 2, MAXIMUM_SEGMENT_BYTES) ? free : told;
  }

  #measure(acknowledgment: number, time: number): void {
    const variables = this.#variables;
    if (variables.timedSequence < 0 || sequenceDistance(acknowledgment, variables.timedSequence) < 0) return;
    this.#timeout.measure(time - variables.timedAt);
    variables.timedSequence = -1;
  }

  #restartTimer(time: number): void {
    this.#variables.retries = 0;
    this.#variables.timerAt = -1;
    this.#setTimer(time);
  }

  /** The timer runs while something is under way, or waits before a closed window (RFC 6298, 5.1 to 5.3). */
  #setTimer(time: number): void {
    const variables = this.#variables;
    if (this.#state === 'time-wait' || this.#state === 'closed') return;
    const flight = sequenceDistance(variables.sendNext, variables.sendUnacknowledged);
    const waiting = this.#toSend.length + variables.finQueued > flight && variables.sendWindow === 0;
    if (flight === 0 && !waiting) variables.timerAt = -1;
    else if (variables.timerAt < 0) variables.timerAt = time + this.#timeout.ticks;
  }

  #makeStream(): TcpStream {
    const received = this.#received;
    const toSend = this.#toSend;
    const variables = (): TcpVariables => this.#variables;
    return {
      get readable() {
        return received.length;
      },
      read: (count) => received.take(count),
      get ended() {
        return variables().peerEnded === 1 && received.length === 0;
      },
      get writable() {
        return variables().finQueued === 1 ? 0 : toSend.free;
      },
      write: (octets) => (variables().finQueued === 1 ? 0 : toSend.append(octets)),
      end: () => {
        variables().finQueued = 1;
      },
      abort: () => this.#abort(),
    };
  }
}
