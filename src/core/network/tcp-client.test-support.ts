// A TCP client for tests, written on its own from RFC 9293 with its own frame building: it shares no code with what it tests.
// It takes data in order only, acknowledges at once, and sends its own data again every half second until it is acknowledged.
import type { Station } from './station.ts';
import { TICKS_PER_SECOND } from './lab-segment.test-support.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
const RESEND_TICKS = TICKS_PER_SECOND / 2;

export interface ClientOptions {
  readonly mac: string;
  readonly ip: string;
  readonly serverMac: string;
  readonly serverIp: string;
  readonly sourcePort?: number;
  readonly initial?: number;
  readonly window?: number;
  readonly mss?: number;
  readonly serverPort?: number;
}

export interface ParsedTcp {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly data: Buffer;
}

function sum16(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 1) sum += (bytes[i] ?? 0) * (i % 2 === 0 ? 256 : 1);
  return 0xffff - (sum === 0 ? 0 : ((sum - 1) % 0xffff) + 1);
}

/** An Ethernet frame around an IPv4 packet, checksums filled in. */
export function ipFrame(options: ClientOptions, protocol: number, payload: Buffer): Buffer {
  const addresses = Buffer.from([...options.ip.split('.'), ...options.serverIp.split('.')].map(Number));
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt8(64, 8);
  header.writeUInt8(protocol, 9);
  addresses.copy(header, 12);
  header.writeUInt16BE(sum16(header), 10);
  const mac = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
  return Buffer.concat([mac(options.serverMac), mac(options.mac), Buffer.from([8, 0]), header, payload]);
}

/** A TCP segment in a frame. */
export function tcpFrame(
  options: ClientOptions,
  fields: { seq: number; ack?: number; flags: number; window?: number; data?: Uint8Array; options?: Uint8Array },
): Buffer {
  const extra = Buffer.from(fields.options ?? []);
  const data = Buffer.from(fields.data ?? []);
  const header = Buffer.alloc(20);
  header.writeUInt16BE(options.sourcePort ?? 40000, 0);
  header.writeUInt16BE(options.serverPort ?? 80, 2);
  header.writeUInt32BE(fields.seq >>> 0, 4);
  header.writeUInt32BE((fields.ack ?? 0) >>> 0, 8);
  header.writeUInt8(((20 + extra.length) / 4) << 4, 12);
  header.writeUInt8(fields.flags, 13);
  header.writeUInt16BE(fields.window ?? options.window ?? 65535, 14);
  const segment = Buffer.concat([header, extra, data]);
  const pseudo = Buffer.from([
    ...[...options.ip.split('.'), ...options.serverIp.split('.')].map(Number),
    0,
    6,
    segment.length >> 8,
    segment.length & 0xff,
  ]);
  segment.writeUInt16BE(sum16(Buffer.concat([pseudo, segment])), 16);
  return ipFrame(options, 6, segment);
}

/** The segment in a frame, if it is one for this client whose checksums are right. */
export function parseTcp(options: ClientOptions, octets: Uint8Array): ParsedTcp | undefined {
  const frame = Buffer.from(octets);
  const ip = frame.subarray(14, 14 + frame.readUInt16BE(16));
  if (frame.readUInt16BE(12) !== 0x800 || ip[9] !== 6) return undefined;
  const segment = ip.subarray(20);
  if (segment.readUInt16BE(2) !== (options.sourcePort ?? 40000)) return undefined;
  if (ip.subarray(16, 20).join('.') !== options.ip) return undefined;
  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 6, segment.length >> 8, segment.length & 0xff])]);
  if (sum16(ip.subarray(0, 20)) !== 0 || sum16(Buffer.concat([pseudo, segment])) !== 0) {
    throw new Error('a frame with a wrong checksum was sent to the client');
  }
  return {
    flags: segment.readUInt8(13),
    seq: segment.readUInt32BE(4),
    ack: segment.readUInt32BE(8),
    window: segment.readUInt16BE(14),
    data: segment.subarray((segment.readUInt8(12) >> 4) * 4),
  };
}

export class TcpClient implements Station {
  readonly name: string;
  readonly options: ClientOptions;
  transmit: (frame: Uint8Array) => void = () => undefined;
  state: 'closed' | 'syn-sent' | 'open' | 'reset' = 'closed';
  /** All data received, in order. */
  received: Buffer[] = [];
  receivedBytes = 0;
  /** The server's FIN has come. */
  serverEnded = false;
  /** Our FIN was acknowledged. */
  ended = false;
  /** Every segment that arrived, in whatever order. */
  readonly segments: ParsedTcp[] = [];
  window: number;
  #toSend: Buffer = Buffer.alloc(0);
  #finWanted = false;
  #seq: number;
  #una: number;
  #ack = 0;
  #serverWindow = 0;
  #resendAt = Infinity;
  #time = 0;

  constructor(name: string, options: ClientOptions) {
    this.name = name;
    this.options = options;
    this.window = options.window ?? 65535;
    this.#seq = this.#una = options.initial ?? 1000;
  }

  connect(time: number): void {
    this.#time = time;
    this.state = 'syn-sent';
    this.#sendSyn();
  }

  write(data: Uint8Array | string): void {
    this.#toSend = Buffer.concat([this.#toSend, Buffer.from(data as string)]);
    if (this.state === 'open') this.#push();
  }

  end(): void {
    this.#finWanted = true;
    if (this.state === 'open') this.#push();
  }

  /** Tells the server the window as it is now. */
  tellWindow(time: number): void {
    this.#time = time;
    this.#segment(ACK, this.#seq, Buffer.alloc(0));
  }

  get body(): Buffer {
    const all = Buffer.concat(this.received);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  }

  get head(): string {
    const all = Buffer.concat(this.received).toString('latin1');
    return all.slice(0, all.indexOf('\r\n\r\n'));
  }

  deadline(): number {
    return this.#resendAt;
  }

  elapse(time: number): void {
    this.#time = time;
    if (this.state === 'syn-sent') this.#sendSyn();
    else if (this.state === 'open') this.#push();
    else this.#resendAt = Infinity;
  }

  deliver(octets: Uint8Array, time: number): void {
    this.#time = time;
    const segment = parseTcp(this.options, octets);
    if (segment === undefined) return;
    this.segments.push(segment);
    if ((segment.flags & RST) !== 0) {
      this.state = 'reset';
      this.#resendAt = Infinity;
      return;
    }
    if (this.state === 'syn-sent') {
      if ((segment.flags & (SYN | ACK)) !== (SYN | ACK) || segment.ack !== (this.#seq + 1) >>> 0) return;
      this.#seq = this.#una = segment.ack;
      this.#ack = (segment.seq + 1) >>> 0;
      this.#serverWindow = segment.window;
      this.state = 'open';
      this.#segment(ACK, this.#seq, Buffer.alloc(0));
      this.#push();
      return;
    }
    if (this.state !== 'open') return;
    this.#serverWindow = segment.window;
    const acknowledged = (segment.ack - this.#una) | 0;
    if (acknowledged > 0) {
      if (acknowledged > this.#toSend.length) this.ended = true;
      this.#toSend = this.#toSend.subarray(acknowledged);
      this.#una = segment.ack;
      this.#resendAt = Infinity;
      this.#push();
    }
    const fin = (segment.flags & FIN) !== 0;
    if (segment.data.length === 0 && !fin && (segment.flags & SYN) === 0) return;
    if (segment.seq === this.#ack && segment.data.length <= this.window && !this.serverEnded) {
      this.received.push(segment.data);
      this.receivedBytes += segment.data.length;
      this.#ack = (this.#ack + segment.data.length + (fin ? 1 : 0)) >>> 0;
      this.serverEnded = fin;
    }
    this.#segment(ACK, this.#seq, Buffer.alloc(0));
  }

  #sendSyn(): void {
    const mss = this.options.mss ?? 1460;
    this.transmit(
      tcpFrame(this.options, { seq: this.#seq, flags: SYN, options: Buffer.from([2, 4, mss >> 8, mss & 0xff]) }),
    );
    this.#resendAt = this.#time + RESEND_TICKS;
  }

  /** Sends everything unacknowledged that the server's window allows, from the start. */
  #push(): void {
    const allowed = this.#toSend.subarray(0, this.#serverWindow);
    for (let offset = 0; offset < allowed.length; offset += 1000) {
      const data = allowed.subarray(offset, offset + 1000);
      this.#segment(ACK | PSH, (this.#una + offset) >>> 0, data);
    }
    this.#seq = (this.#una + allowed.length) >>> 0;
    const all = allowed.length === this.#toSend.length;
    if (this.#finWanted && !this.ended && all) {
      this.#segment(ACK | FIN, this.#seq, Buffer.alloc(0));
      this.#seq = (this.#seq + 1) >>> 0;
    }
    const waiting = this.#toSend.length > 0 || (this.#finWanted && !this.ended);
    this.#resendAt = waiting ? this.#time + RESEND_TICKS : Infinity;
  }

  #segment(flags: number, seq: number, data: Buffer): void {
    this.transmit(tcpFrame(this.options, { seq, ack: this.#ack, flags, window: this.window, data }));
  }
}
