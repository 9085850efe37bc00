// The head of an HTTP/1.1 request (RFC 9112, 2 to 6), read strictly: whoever sends something else is told what.

import { textOfOctets } from './octets.ts';

/** Octets of a request line with its header fields; more is refused (RFC 6585, 5). */
export const HTTP_HEAD_LIMIT = 8192;

export interface HttpRequest {
  readonly method: string;
  /** The path, decoded no further, without query. */
  readonly path: string;
  readonly contentLength: number;
  /** Whether another request may follow on the connection (RFC 9112, 9.3). */
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
}

export interface HttpError {
  readonly status: number;
  readonly explanation: string;
}

/** Octets up to and with the empty line that ends a head, or −1 where it has not come yet. Bare line feeds count too (RFC 9112, 2.2). */
export function headLength(octets: Uint8Array): number {
  for (let index = octets.indexOf(0x0a); index >= 0; index = octets.indexOf(0x0a, index + 1)) {
    if (octets[index + 1] === 0x0a) return index + 2;
    if (octets[index + 1] === 0x0d && octets[index + 2] === 0x0a) return index + 3;
  }
  return -1;
}

/** @param head without leading empty lines, ended by one */
export function parseHead(head: Uint8Array): HttpRequest | HttpError {
  const lines = textOfOctets(head).split(/\r?\n/).slice(0, -2);
  const requestLine = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/(\d)\.(\d)$/.exec(lines[0] ?? '');
  if (requestLine === null) return failed(400, 'expected a request line such as "GET / HTTP/1.1"');
  const [, method = '', target = '', major, minor] = requestLine;
  if (major !== '1') return failed(505, 'expected HTTP/1.1');
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const field = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (field === null) return failed(400, 'expected header fields such as "Name: value", each on one line');
    const [, name = '', value = ''] = field;
    const key = name.toLowerCase();
    const before = fields.get(key);
    // RFC 9112, 3.2 and 6.3: several of these would let two readers understand two requests.
    if (before !== undefined && (key === 'host' || (key === 'content-length' && before !== value))) {
      return failed(400, `expected the header field ${name} once`);
    }
    fields.set(key, before === undefined || key === 'content-length' ? value : `${before}, ${value}`);
  }
  if (minor !== '0' && !fields.has('host')) return failed(400, 'expected a Host header field');
  if (fields.has('transfer-encoding')) return failed(411, 'expected a Content-Length, found a transfer coding');
  const length = fields.get('content-length') ?? '0';
  if (!/^\d{1,15}$/.test(length)) return failed(400, 'expected a decimal Content-Length');
  const path = /^(?:http:\/\/[^/?#]*)?(\/[^?#]*)/i.exec(target)?.[1] ?? (target === '*' ? '*' : undefined);
  if (path === undefined) return failed(400, 'expected a target that begins with /');
  const connection = (fields.get('connection') ?? '').toLowerCase().split(/\s*,\s*/);
  return {
    method,
    path,
    contentLength: Number(length),
    keepAlive: minor === '0' ? connection.includes('keep-alive') : !connection.includes('close'),
    expectsContinue: minor !== '0' && (fields.get('expect') ?? '').toLowerCase() === '100-continue',
  };
}

function failed(status: number, explanation: string): HttpError {
  return { status, explanation };
}
