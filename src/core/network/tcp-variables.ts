// The variables of one TCP connection (RFC 9293, 3.3.1), by their names there spelled out. All plain numbers: copying them is the snapshot.

import type { StateReader } from './plain-state.ts';
import { SEQUENCE_LIMIT, sequenceAdd } from './tcp-segment.ts';
import type { TcpSegment } from './tcp-segment.ts';

/** RFC 9293, 3.3.2, without what a server that only listens never is in. */
export const TCP_STATES = [
  'syn-received',
  'established',
  'fin-wait-1',
  'fin-wait-2',
  'close-wait',
  'closing',
  'last-ack',
  'time-wait',
  'closed',
] as const;
export type TcpState = (typeof TCP_STATES)[number];

export interface TcpVariables {
  /** ISS, SND.UNA, SND.NXT, and the highest SND.NXT so far. */
  initialSend: number;
  sendUnacknowledged: number;
  sendNext: number;
  sendMaximum: number;
  /** SND.WND, the largest it was, SND.WL1, SND.WL2. */
  sendWindow: number;
  largestSendWindow: number;
  windowUpdateSequence: number;
  windowUpdateAcknowledgment: number;
  /** IRS, RCV.NXT, and the right edge of the window as last told: RCV.NXT + RCV.WND. */
  initialReceive: number;
  receiveNext: number;
  receiveEdge: number;
  /** Octets of data in a full segment to the peer. */
  segmentBytes: number;
  /** The end of the send queue is followed by a FIN: 1, or 0. */
  finQueued: number;
  /** The peer's FIN has come, with all before it: 1, or 0. */
  peerEnded: number;
  /** The segment whose round trip is measured ends here, and left at this tick; −1 when none is. */
  timedSequence: number;
  timedAt: number;
  /** When the one timer runs out; −1 when it does not run. */
  timerAt: number;
  /** How often it ran out without an answer. */
  retries: number;
  /** When anything last went forward. */
  progressAt: number;
}

/** What this side takes and says so: an Ethernet frame less the headers (RFC 9293, 3.7.1). */
export const MAXIMUM_SEGMENT_BYTES = 1460;
/** What a peer takes that says nothing (RFC 9293, 3.7.1, MUST-15). */
const DEFAULT_SEGMENT_BYTES = 536;
/** A peer that asks for less is not humoured: its stream would go out octet by octet. */
const SMALLEST_SEGMENT_BYTES = 64;

/** After `syn` at a listening port: SYN-RECEIVED (RFC 9293, 3.10.7.2). @param time in ticks */
export function variablesForSyn(syn: TcpSegment, initialSend: number, time: number): TcpVariables {
  const offered = syn.maximumSegmentSize ?? DEFAULT_SEGMENT_BYTES;
  const receiveNext = sequenceAdd(syn.sequence, 1);
  return {
    initialSend,
    sendUnacknowledged: initialSend,
    sendNext: sequenceAdd(initialSend, 1),
    sendMaximum: sequenceAdd(initialSend, 1),
    sendWindow: syn.window,
    largestSendWindow: syn.window,
    windowUpdateSequence: syn.sequence,
    windowUpdateAcknowledgment: initialSend,
    initialReceive: syn.sequence,
    receiveNext,
    receiveEdge: receiveNext,
    segmentBytes: Math.max(SMALLEST_SEGMENT_BYTES, Math.min(offered, MAXIMUM_SEGMENT_BYTES)),
    finQueued: 0,
    peerEnded: 0,
    timedSequence: -1,
    timedAt: -1,
    timerAt: -1,
    retries: 0,
    progressAt: time,
  };
}

const SEQUENCE = [0, SEQUENCE_LIMIT - 1] as const;
const FLAG = [0, 1] as const;
const TIME = [-1, Number.MAX_SAFE_INTEGER] as const;

/** What a snapshot may hold, least and most. */
const RANGES: Readonly<Record<keyof TcpVariables, readonly [number, number]>> = {
  initialSend: SEQUENCE,
  sendUnacknowledged: SEQUENCE,
  sendNext: SEQUENCE,
  sendMaximum: SEQUENCE,
  sendWindow: [0, 0xffff],
  largestSendWindow: [0, 0xffff],
  windowUpdateSequence: SEQUENCE,
  windowUpdateAcknowledgment: SEQUENCE,
  initialReceive: SEQUENCE,
  receiveNext: SEQUENCE,
  receiveEdge: SEQUENCE,
  segmentBytes: [SMALLEST_SEGMENT_BYTES, MAXIMUM_SEGMENT_BYTES],
  finQueued: FLAG,
  peerEnded: FLAG,
  timedSequence: [-1, SEQUENCE_LIMIT - 1],
  timedAt: TIME,
  timerAt: TIME,
  retries: [0, 1000],
  progressAt: TIME,
};

/** @throws Error naming the first variable that is out of range */
export function readVariables(state: StateReader): TcpVariables {
  const read = (name: keyof TcpVariables): number => state.integer(name, RANGES[name][0], RANGES[name][1]);
  return {
    initialSend: read('initialSend'),
    sendUnacknowledged: read('sendUnacknowledged'),
    sendNext: read('sendNext'),
    sendMaximum: read('sendMaximum'),
    sendWindow: read('sendWindow'),
    largestSendWindow: read('largestSendWindow'),
    windowUpdateSequence: read('windowUpdateSequence'),
    windowUpdateAcknowledgment: read('windowUpdateAcknowledgment'),
    initialReceive: read('initialReceive'),
    receiveNext: read('receiveNext'),
    receiveEdge: read('receiveEdge'),
    segmentBytes: read('segmentBytes'),
    finQueued: read('finQueued'),
    peerEnded: read('peerEnded'),
    timedSequence: read('timedSequence'),
    timedAt: read('timedAt'),
    timerAt: read('timerAt'),
    retries: read('retries'),
    progressAt: read('progressAt'),
  };
}
