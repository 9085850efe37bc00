// DHCP messages (RFC 2131, 2; options RFC 2132) as a server reads and writes them.
//
//   0    op htype hlen hops | 4 xid | 8 secs flags | 12 ciaddr | 16 yiaddr | 20 siaddr | 24 giaddr | 28 chaddr (16)
//   44   sname (64) | 108 file (128) | 236 magic cookie | 240 options: code, length, octets … 255

import type { Ipv4Address, MacAddress } from './address.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { OctetWriter, read16, read32, readIpv4, readMac } from './octets.ts';

const OPTIONS_OFFSET = 240;
const MAGIC_COOKIE = 0x6382_5363;
/** Some BOOTP relays and clients drop anything shorter (RFC 1542, 2.1). */
const MINIMUM_MESSAGE_BYTES = 300;
const ETHERNET = 1;
const BROADCAST_FLAG = 0x8000;

export const DHCP_PORT = { SERVER: 67, CLIENT: 68 } as const;
export const BOOTP_OPERATION = { REQUEST: 1, REPLY: 2 } as const;

/** RFC 2132, 9.6 */
export const DHCP_TYPE = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

/** RFC 2132, by section 3, 9. */
export const DHCP_OPTION = {
  PAD: 0,
  SUBNET_MASK: 1,
  ROUTER: 3,
  DOMAIN_NAME_SERVER: 6,
  HOST_NAME: 12,
  DOMAIN_NAME: 15,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  MESSAGE_TYPE: 53,
  SERVER_IDENTIFIER: 54,
  MESSAGE: 56,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_IDENTIFIER: 61,
  END: 255,
} as const;

export interface DhcpMessage {
  readonly operation: number;
  readonly transaction: number;
  readonly seconds: number;
  /** The client cannot yet take unicast (RFC 2131, 4.1). */
  readonly broadcast: boolean;
  /** ciaddr: the address the client uses. */
  readonly clientAddress: Ipv4Address;
  /** yiaddr: "your" address, given by the server. */
  readonly yourAddress: Ipv4Address;
  /** giaddr: the relay the message came through. */
  readonly relayAddress: Ipv4Address;
  readonly clientMac: MacAddress;
  /** By code; an option given in several pieces is put together (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

export function decodeDhcp(octets: Uint8Array): Decoded<DhcpMessage> {
  if (octets.length < OPTIONS_OFFSET) {
    return malformed(`DHCP: expected at least ${OPTIONS_OFFSET} octets, found ${octets.length}`);
  }
  if (octets[1] !== ETHERNET || octets[2] !== 6) {
    return malformed(`DHCP: expected an Ethernet address of 6 octets, found type ${octets[1] ?? 0}, ${octets[2] ?? 0}`);
  }
  if (read32(octets, 236) !== MAGIC_COOKIE) {
    return malformed(
      `DHCP: expected the magic cookie 0x63825363 before the options, found 0x${read32(octets, 236).toString(16)}`,
    );
  }
  const options = decodeOptions(octets.subarray(OPTIONS_OFFSET));
  if (!options.ok) return options;
  return decoded({
    operation: octets[0] ?? 0,
    transaction: read32(octets, 4),
    seconds: read16(octets, 8),
    broadcast: (read16(octets, 10) & BROADCAST_FLAG) !== 0,
    clientAddress: readIpv4(octets, 12),
    yourAddress: readIpv4(octets, 16),
    relayAddress: readIpv4(octets, 24),
    clientMac: readMac(octets, 28),
    options: options.value,
  });
}

export function encodeDhcp(message: DhcpMessage): Uint8Array {
  const writer = new OctetWriter()
    .u8(message.operation, ETHERNET, 6, 0)
    .u32(message.transaction)
    .u16(message.seconds, message.broadcast ? BROADCAST_FLAG : 0)
    .ipv4(message.clientAddress, message.yourAddress, 0, message.relayAddress)
    .mac(message.clientMac)
    .zeros(10 + 64 + 128)
    .u32(MAGIC_COOKIE);
  for (const [code, value] of message.options) writer.u8(code, value.length).bytes(value);
  writer.u8(DHCP_OPTION.END);
  return writer.zeros(MINIMUM_MESSAGE_BYTES - writer.length).done();
}

/** The option as a number of four octets (an address, a time), or undefined where it is absent or of another length. */
export function option32(message: DhcpMessage, code: number): number | undefined {
  const value = message.options.get(code);
  return value?.length === 4 ? read32(value, 0) : undefined;
}

function decodeOptions(octets: Uint8Array): Decoded<Map<number, Uint8Array>> {
  const options = new Map<number, Uint8Array>();
  let offset = 0;
  while (offset < octets.length) {
    const code = octets[offset] ?? DHCP_OPTION.END;
    if (code === DHCP_OPTION.END) break;
    offset += 1;
    if (code === DHCP_OPTION.PAD) continue;
    const length = octets[offset];
    if (length === undefined || offset + 1 + length > octets.length) {
      return malformed(
        `DHCP: expected option ${code} to end within the message, found a length of ${length ?? 'nothing'}`,
      );
    }
    const value = octets.slice(offset + 1, offset + 1 + length);
    const before = options.get(code);
    options.set(code, before === undefined ? value : Uint8Array.from([...before, ...value]));
    offset += 1 + length;
  }
  return decoded(options);
}
