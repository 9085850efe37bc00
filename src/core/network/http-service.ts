// A small web server behind TCP (RFC 9110, RFC 9112): a page about the lab, octets to download, an echo to upload to.
//
//   GET /            the page              GET /bytes/N   N octets: octet i is i modulo 251
//   GET /whoami      the caller's address  POST /echo     the body comes back

import { formatIpv4 } from './address.ts';
import { HTTP_HEAD_LIMIT, headLength, parseHead } from './http-request.ts';
import type { HttpError, HttpRequest } from './http-request.ts';
import { octetsOfText } from './octets.ts';
import type { PlainState, StateReader } from './plain-state.ts';
import type { TcpApplication, TcpPeer, TcpService, TcpStream } from './tcp-stream.ts';

/** The largest body that is echoed, and the largest that is read past to answer at all. */
export const ECHO_LIMIT = 64 * 1024;
export const DOWNLOAD_LIMIT = 2 ** 30;
/** A prime, so that no block of a power of two repeats. */
const PATTERN_PERIOD = 251;
/** Octets of a download made at a time. */
const CHUNK = 16 * 1024;

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  411: 'Length Required',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  505: 'HTTP Version Not Supported',
};

export interface HttpServicePorts {
  /** The page at `/`, made when it is asked for. */
  readonly page: (time: number) => string;
  /** One request was answered, for people. */
  readonly observe: (note: string, time: number) => void;
}

interface Response {
  readonly status: number;
  readonly type: string;
  /** The body, or how many octets of the pattern. */
  readonly body: Uint8Array | number;
  readonly allow?: string;
}

/** `offset` … of the download: octet i is i modulo 251. */
export function downloadOctets(offset: number, count: number): Uint8Array {
  const octets = new Uint8Array(count);
  let value = offset % PATTERN_PERIOD;
  for (let index = 0; index < count; index += 1) {
    octets[index] = value;
    value = value + 1 === PATTERN_PERIOD ? 0 : value + 1;
  }
  return octets;
}

export function httpService(ports: HttpServicePorts): TcpService {
  return {
    accept: (peer) => new HttpSession(ports, peer),
    restore: (peer, state) => {
      const session = new HttpSession(ports, peer);
      session.restore(state);
      return session;
    },
  };
}

/** One connection: requests one after another; the next is read when the last is answered. */
class HttpSession implements TcpApplication {
  readonly #ports: HttpServicePorts;
  readonly #peer: TcpPeer;
  /** What came and is not used yet: a head that is still coming, a body, the next request. */
  #input: Uint8Array = new Uint8Array(0);
  /** The request whose body is awaited. */
  #request: HttpRequest | undefined;
  /** What is still to be written: first these octets, then the pattern from `#patternAt` to `#patternEnd`. */
  #output: Uint8Array = new Uint8Array(0);
  #patternAt = 0;
  #patternEnd = 0;
  #closing = false;

  constructor(ports: HttpServicePorts, peer: TcpPeer) {
    this.#ports = ports;
    this.#peer = peer;
  }

  progress(stream: TcpStream, time: number): void {
    for (;;) {
      this.#write(stream);
      if (this.#output.length > 0 || this.#patternAt < this.#patternEnd) return;
      if (this.#closing) {
        stream.end();
        // What still comes is of no interest, but must not close the window.
        stream.read(stream.readable);
        return;
      }
      const wanted = this.#request === undefined ? HTTP_HEAD_LIMIT : this.#request.contentLength;
      this.#input = join(this.#input, stream.read(Math.max(0, wanted - this.#input.length)));
      const answered = this.#request === undefined ? this.#takeHead(time) : this.#takeBody(this.#request, time);
      if (answered) continue;
      // The peer will say nothing more: an unfinished request stays unanswered.
      if (!stream.ended) return;
      this.#closing = true;
    }
  }

  snapshot(): PlainState {
    return {
      input: [...this.#input],
      request: this.#request === undefined ? {} : { ...this.#request },
      output: [...this.#output],
      patternAt: this.#patternAt,
      patternEnd: this.#patternEnd,
      closing: this.#closing,
    };
  }

  restore(state: StateReader): void {
    this.#input = state.octets('input', Math.max(HTTP_HEAD_LIMIT, ECHO_LIMIT));
    this.#output = state.octets('output', 2 * ECHO_LIMIT);
    this.#patternAt = state.integer('patternAt', 0, DOWNLOAD_LIMIT);
    this.#patternEnd = state.integer('patternEnd', 0, DOWNLOAD_LIMIT);
    this.#closing = state.boolean('closing');
    const request = state.group('request');
    if (!request.has('method')) {
      this.#request = undefined;
      return;
    }
    this.#request = {
      method: request.text('method', HTTP_HEAD_LIMIT),
      path: request.text('path', HTTP_HEAD_LIMIT),
      contentLength: request.integer('contentLength', 0, ECHO_LIMIT),
      keepAlive: request.boolean('keepAlive'),
      expectsContinue: request.boolean('expectsContinue'),
    };
  }

  #write(stream: TcpStream): void {
    if (this.#output.length > 0) this.#output = this.#output.slice(stream.write(this.#output));
    while (this.#output.length === 0 && this.#patternAt < this.#patternEnd && stream.writable > 0) {
      const count = Math.min(CHUNK, stream.writable, this.#patternEnd - this.#patternAt);
      this.#patternAt += stream.write(downloadOctets(this.#patternAt, count));
    }
  }

  /** @returns whether a head was there to be taken */
  #takeHead(time: number): boolean {
    this.#input = skipEmptyLines(this.#input);
    const length = headLength(this.#input);
    if (length < 0) {
      if (this.#input.length < HTTP_HEAD_LIMIT) return false;
      this.#fail({ status: 431, explanation: `expected a head of at most ${HTTP_HEAD_LIMIT} octets` }, time);
      return true;
    }
    const request = parseHead(this.#input.subarray(0, length));
    this.#input = this.#input.slice(length);
    if ('status' in request) this.#fail(request, time);
    else if (request.contentLength > ECHO_LIMIT) {
      this.#fail({ status: 413, explanation: `expected a body of at most ${ECHO_LIMIT} octets` }, time);
    } else {
      this.#request = request;
      const waits = request.expectsContinue && this.#input.length < request.contentLength;
      if (waits) this.#output = octetsOfText('HTTP/1.1 100 Continue\r\n\r\n');
    }
    return true;
  }

  /** @returns whether the body was complete */
  #takeBody(request: HttpRequest, time: number): boolean {
    if (this.#input.length < request.contentLength) return false;
    const body = this.#input.slice(0, request.contentLength);
    this.#input = this.#input.slice(request.contentLength);
    this.#request = undefined;
    const response = this.#respond(request, body, time);
    this.#send(response, request.keepAlive, request.method === 'HEAD');
    this.#ports.observe(`${request.method} ${request.path}: ${response.status}`, time);
    return true;
  }

  #respond(request: HttpRequest, body: Uint8Array, time: number): Response {
    const { method, path } = request;
    if (path === '/echo') return method === 'POST' ? { status: 200, type: OCTETS, body } : notAllowed('POST');
    const download = /^\/bytes\/(\d{1,10})$/.exec(path)?.[1];
    const known = path === '/' || path === '/whoami' || download !== undefined;
    if (!known) return text(404, `Nothing is at ${path}: try /, /whoami, /bytes/1000 or POST /echo.\n`);
    if (method !== 'GET' && method !== 'HEAD') return notAllowed('GET, HEAD');
    if (path === '/whoami') return text(200, `${formatIpv4(this.#peer.address)}:${this.#peer.port}\n`);
    if (download === undefined) return { status: 200, type: HTML, body: octetsOfText(this.#ports.page(time)) };
    if (Number(download) <= DOWNLOAD_LIMIT) return { status: 200, type: OCTETS, body: Number(download) };
    return text(404, `Expected at most ${DOWNLOAD_LIMIT} octets, found ${download}.\n`);
  }

  #send(response: Response, keepAlive: boolean, headOnly: boolean): void {
    const { status, type, body } = response;
    const length = typeof body === 'number' ? body : body.length;
    const head = [
      `HTTP/1.1 ${status} ${REASONS[status] ?? ''}`,
      'Server: ringside',
      `Content-Type: ${type}`,
      `Content-Length: ${length}`,
      ...(response.allow === undefined ? [] : [`Allow: ${response.allow}`]),
      `Connection: ${keepAlive ? 'keep-alive' : 'close'}`,
    ];
    const withBody = typeof body === 'number' || headOnly ? new Uint8Array(0) : body;
    this.#output = join(octetsOfText(`${head.join('\r\n')}\r\n\r\n`), withBody);
    this.#patternAt = 0;
    this.#patternEnd = typeof body === 'number' && !headOnly ? body : 0;
    this.#closing = !keepAlive;
  }

  /** An answer after which nothing that follows can be understood (RFC 9112, 9.6: close). */
  #fail(error: HttpError, time: number): void {
    this.#send(text(error.status, `${REASONS[error.status] ?? 'Error'}: ${error.explanation}.\n`), false, false);
    this.#input = new Uint8Array(0);
    this.#ports.observe(`a request that is none: ${error.status}, ${error.explanation}`, time);
  }
}

const OCTETS = 'application/octet-stream';
const HTML = 'text/html; charset=iso-8859-1';

function text(status: number, body: string): Response {
  return { status, type: 'text/plain; charset=iso-8859-1', body: octetsOfText(body) };
}

function notAllowed(allow: string): Response {
  return { ...text(405, `Expected ${allow}.\n`), allow };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** RFC 9112, 2.2: empty lines before a request line are ignored. */
function skipEmptyLines(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (octets[start] === 0x0d || octets[start] === 0x0a) start += 1;
  return octets.slice(start);
}
