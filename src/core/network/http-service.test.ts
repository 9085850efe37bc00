// The web server by itself (RFC 9110, RFC 9112): a stream of octets in, a stream of octets out, in whatever pieces.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteQueue } from './byte-queue.ts';
import { DOWNLOAD_LIMIT, downloadOctets, ECHO_LIMIT, httpService } from './http-service.ts';
import { octetsOfText, textOfOctets } from './octets.ts';
import { StateReader } from './plain-state.ts';
import type { TcpApplication } from './tcp-stream.ts';

const PEER = { address: 0x0a00_020f, port: 40000 };
const SERVICE = httpService({ page: () => '<h1>lab</h1>', observe: () => undefined });

/** A stream without TCP: what the peer sent is there at once, and what is written is taken at once. */
class Conversation {
  readonly #application: TcpApplication;
  readonly #input = new ByteQueue(100_000);
  #peerEnded = false;
  output = '';
  ended = false;
  /** Octets taken at a time. */
  room = 1000;

  constructor(application = SERVICE.accept(PEER)) {
    this.#application = application;
  }

  say(octets: Uint8Array | string, pieces = Infinity): string {
    const all = typeof octets === 'string' ? octetsOfText(octets) : octets;
    for (let at = 0; at < all.length; at += pieces) {
      this.#input.append(all.subarray(at, at + pieces));
      this.turn();
    }
    return this.output;
  }

  end(): void {
    this.#peerEnded = true;
    this.turn();
  }

  turn(times = 200): void {
    const input = this.#input;
    for (let time = 0; time < times; time += 1) {
      let room = this.room;
      const peerEnded = this.#peerEnded;
      this.#application.progress(
        {
          get readable() {
            return input.length;
          },
          read: (count) => input.take(count),
          get ended() {
            return peerEnded && input.length === 0;
          },
          get writable() {
            return room;
          },
          write: (octets) => {
            const taken = octets.subarray(0, room);
            room -= taken.length;
            this.output += textOfOctets(taken);
            return taken.length;
          },
          end: () => (this.ended = true),
          abort: () => undefined,
        },
        time,
      );
    }
  }

  get application(): TcpApplication {
    return this.#application;
  }
}

function say(text: string): string {
  return new Conversation().say(text);
}

describe('a request', () => {
  test('for the page is answered with it', () => {
    const conversation = new Conversation();
    expect(conversation.say('GET / HTTP/1.1\r\nHost: www.ringside\r\n\r\n')).toBe(
      'HTTP/1.1 200 OK\r\nServer: ringside\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n<h1>lab</h1>',
    );
    expect(conversation.ended).toBe(false);
  });

  test('in pieces, with bare line feeds or empty lines before it, is the same (RFC 9112, 2.2)', () => {
    const whole = say('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(whole).toContain('10.0.2.15:40000');
    expect(new Conversation().say('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n', 1)).toBe(whole);
    expect(say('\r\n\r\nGET /whoami HTTP/1.1\nHost: a\n\n')).toBe(whole);
    expect(say('GET http://www.ringside/whoami?x=1 HTTP/1.1\r\nhost: a\r\n\r\n')).toBe(whole);
  });

  test('behind another is answered behind it (RFC 9112, 9.3.2)', () => {
    const both = say(
      'GET /whoami HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /',
    );
    expect(both.match(/HTTP\/1.1 200/g)?.length).toBe(2);
    expect(both.endsWith('\r\n\r\nabc')).toBe(true);
  });

  test.each([
    ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', true],
    ['GET / HTTP/1.0\r\n\r\n', true],
    ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', false],
  ])('%j ends the connection: %s (9.3)', (text, ends) => {
    const conversation = new Conversation();
    conversation.say(text);
    expect(conversation.ended).toBe(ends);
  });

  test('for the head alone gets no body (RFC 9110, 9.3.2)', () => {
    const answer = say('HEAD /bytes/5000 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).toContain('Content-Length: 5000');
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  test('that waits for leave to send its body gets it (RFC 9110, 10.1.1)', () => {
    const conversation = new Conversation();
    const head = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n';
    expect(conversation.say(head)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect(conversation.say('ok').endsWith('\r\n\r\nok')).toBe(true);
  });

  test('for octets gets the pattern, through however little room', () => {
    const conversation = new Conversation();
    conversation.room = 7;
    conversation.say('GET /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(conversation.output.endsWith(textOfOctets(downloadOctets(0, 1000)))).toBe(true);
    expect([...downloadOctets(249, 4)]).toEqual([249, 250, 0, 1]);
  });
});

describe('a request that cannot be served', () => {
  test.each([
    ['GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['POST / HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['GET /echo HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    [`GET /bytes/${DOWNLOAD_LIMIT + 1} HTTP/1.1\r\nHost: a\r\n\r\n`, 404],
    ['GET /bytes/99999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n', 404],
  ])('%j gets %i and may go on', (text, status) => {
    const conversation = new Conversation();
    expect(conversation.say(text)).toContain(`HTTP/1.1 ${status} `);
    expect(conversation.ended).toBe(false);
    expect(conversation.say('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n')).toContain('10.0.2.15:40000');
  });

  test.each([
    ['no request at all\r\n\r\n', 400],
    ['GET /\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\n\r\n', 505],
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400],
    ['POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', 411],
    [`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${ECHO_LIMIT + 1}\r\n\r\n`, 413],
    [`GET /${'a'.repeat(9000)}`, 431],
  ])('%.60j gets %i, and the connection ends', (text, status) => {
    const conversation = new Conversation();
    expect(conversation.say(text)).toContain(`HTTP/1.1 ${status} `);
    expect(conversation.output).toMatch(/expected/);
    expect(conversation.ended).toBe(true);
    // Whatever else comes is let go.
    const before = conversation.output;
    expect(conversation.say('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe(before);
  });

  test('because the peer ended in the middle of it stays unanswered', () => {
    const conversation = new Conversation();
    conversation.say('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
    conversation.end();
    expect(conversation.output).toBe('');
    expect(conversation.ended).toBe(true);
  });
});

describe('any octets', () => {
  test('get an answer that begins as one, or wait for more, in bounds', () => {
    const part = fc.constantFrom(
      'GET ',
      '/',
      'bytes/9 ',
      'HTTP/1.1',
      '\r\n',
      '\n',
      'Host: a',
      'Content-Length: 3',
      ':',
      '\0',
      'POST /echo ',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(part, fc.string({ maxLength: 5 })), { maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        (parts, piece) => {
          const conversation = new Conversation();
          conversation.say(parts.join(''), piece);
          expect(conversation.output).toMatch(/^(HTTP\/1\.1 \d{3} |$)/);
          expect(JSON.stringify(conversation.application.snapshot()).length).toBeLessThan(10_000);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('half said go on after a snapshot', () => {
    const text =
      'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /bytes/3000 HTTP/1.1\r\nHost: a\r\n\r\n';
    const whole = say(text);
    for (let cut = 0; cut <= text.length; cut += 3) {
      const first = new Conversation();
      first.room = 40;
      first.say(text.slice(0, cut));
      const state = JSON.parse(JSON.stringify(first.application.snapshot())) as ReturnType<TcpApplication['snapshot']>;
      const second = new Conversation(SERVICE.restore(PEER, new StateReader('session', state)));
      second.output = first.output;
      second.turn(1);
      second.say(text.slice(cut));
      expect(second.output).toBe(whole);
    }
  });
});
