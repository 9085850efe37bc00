// Gives out addresses (RFC 2131, 4.3) from a pool: one lease an address, so the pool is also the cap.
//
//   DISCOVER → OFFER (held for a while) → REQUEST → ACK, lease        REQUEST for what is not to be had → NAK        RELEASE → free again

import type { Ipv4Address, MacAddress } from './address.ts';
import { formatIpv4, isGroupMac } from './address.ts';
import { BOOTP_OPERATION, DHCP_OPTION, DHCP_TYPE, option32 } from './dhcp-message.ts';
import type { DhcpMessage } from './dhcp-message.ts';
import { OctetWriter, octetsOfText, textOfOctets } from './octets.ts';
import type { PlainState, StateReader } from './plain-state.ts';

/** How long an offered address is held for the client that it was offered to. */
const OFFER_SECONDS = 60;
/** How long an address is left alone that a client found in use (RFC 2131, 4.3.3). */
const DECLINED_SECONDS = 600;
/** RFC 2132, 9.14 sets no end; a longer identifier is cut. */
const CLIENT_KEY_BYTES = 64;
/** A label of a host name (RFC 1123, 2.1). */
const LABEL = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/;

const LEASE_STATES = ['offered', 'leased', 'declined'] as const;

export interface Lease {
  readonly address: Ipv4Address;
  readonly state: (typeof LEASE_STATES)[number];
  /** The client's identifier, or its link address: hexadecimal. */
  readonly client: string;
  readonly mac: MacAddress;
  /** A lower-case label, or empty. */
  readonly hostName: string;
  /** Ticks. */
  readonly expires: number;
}

export interface DhcpSettings {
  readonly server: Ipv4Address;
  readonly subnetMask: Ipv4Address;
  readonly router: Ipv4Address;
  readonly nameServer: Ipv4Address;
  readonly domain: string;
  readonly firstAddress: Ipv4Address;
  /** Addresses in the pool, from the first on. */
  readonly addresses: number;
  readonly leaseSeconds: number;
  /** Host names that no client may have. */
  readonly reservedNames: readonly string[];
  readonly ticksPerSecond: number;
}

/** Either an answer, or why there is none. */
export type DhcpOutcome =
  { readonly reply: DhcpMessage; readonly note: string } | { readonly reply: undefined; readonly note: string };

export class DhcpServer {
  readonly #settings: DhcpSettings;
  readonly #leases = new Map<Ipv4Address, Lease>();

  constructor(settings: DhcpSettings) {
    this.#settings = settings;
  }

  /** What is held at `time`, by address. Looking changes nothing. */
  leases(time: number): readonly Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.expires > time).sort((a, b) => a.address - b.address);
  }

  /** Answers one message from a client. @param time in ticks */
  receive(message: DhcpMessage, time: number): DhcpOutcome {
    const [type] = message.options.get(DHCP_OPTION.MESSAGE_TYPE) ?? [];
    if (message.operation !== BOOTP_OPERATION.REQUEST || type === undefined) {
      return ignored('expected a request with a message type (option 53), found none');
    }
    if (message.relayAddress !== 0) return ignored('there is no relay on this segment, but giaddr names one');
    if (isGroupMac(message.clientMac)) return ignored("expected a station's hardware address, found a group's");
    for (const [address, lease] of this.#leases) if (lease.expires <= time) this.#leases.delete(address);
    switch (type) {
      case DHCP_TYPE.DISCOVER:
        return this.#discover(message, time);
      case DHCP_TYPE.REQUEST:
        return this.#request(message, time);
      case DHCP_TYPE.DECLINE:
        return this.#decline(message, time);
      case DHCP_TYPE.RELEASE:
        return this.#release(message);
      case DHCP_TYPE.INFORM:
        return {
          reply: this.#reply(message, DHCP_TYPE.ACK, 0, this.#configuration()),
          note: `informed ${formatIpv4(message.clientAddress)}`,
        };
      default:
        return ignored(`expected a client's message type, found ${type}`);
    }
  }

  snapshot(): readonly PlainState[] {
    return [...this.#leases.values()].map((lease) => ({ ...lease }));
  }

  restore(state: StateReader, list: string): void {
    this.#leases.clear();
    const { firstAddress, addresses } = this.#settings;
    for (const each of state.groups(list, addresses)) {
      const hostName = each.text('hostName', 63);
      if (hostName !== '' && !LABEL.test(hostName)) each.fail('hostName', 'a lower-case label or nothing');
      const lease: Lease = {
        address: each.integer('address', firstAddress, firstAddress + addresses - 1),
        state: each.word('state', LEASE_STATES),
        client: each.text('client', 2 * CLIENT_KEY_BYTES),
        mac: each.integer('mac', 0, 2 ** 48 - 1),
        hostName,
        expires: each.number('expires', 0, Number.MAX_SAFE_INTEGER),
      };
      this.#leases.set(lease.address, lease);
    }
  }

  /** RFC 2131, 4.3.1: the address the client has, had asked for, or the next free one. */
  #discover(message: DhcpMessage, time: number): DhcpOutcome {
    const client = clientKey(message);
    const requested = option32(message, DHCP_OPTION.REQUESTED_ADDRESS);
    const held = this.#heldBy(client);
    const address =
      held?.address ?? (requested !== undefined && this.#isFree(requested) ? requested : this.#firstFree());
    if (address === undefined) return ignored(`all ${this.#settings.addresses} addresses are in use`);
    if (held?.state !== 'leased') {
      const expires = time + OFFER_SECONDS * this.#settings.ticksPerSecond;
      this.#leases.set(address, {
        address,
        state: 'offered',
        client,
        mac: message.clientMac,
        hostName: '',
        expires,
      });
    }
    return {
      reply: this.#reply(message, DHCP_TYPE.OFFER, address, [...this.#leaseTimes(), ...this.#configuration()]),
      note: `offered ${formatIpv4(address)}`,
    };
  }

  /** RFC 2131, 4.3.2: after an offer, after a restart, or to keep what the client has. */
  #request(message: DhcpMessage, time: number): DhcpOutcome {
    const held = this.#heldBy(clientKey(message));
    const chosen = option32(message, DHCP_OPTION.SERVER_IDENTIFIER);
    if (chosen !== undefined && chosen !== this.#settings.server) {
      if (held?.state === 'offered') this.#leases.delete(held.address);
      return ignored(`the client chose the server ${formatIpv4(chosen)}`);
    }
    const requested = option32(message, DHCP_OPTION.REQUESTED_ADDRESS) ?? message.clientAddress;
    if (held?.address === requested) return this.#grant(message, held, time);
    // Of a client that chose nobody and of which nothing is known, somebody else may know: silence (4.3.2, INIT-REBOOT).
    if (chosen === undefined && held === undefined && this.#isFree(requested)) {
      return ignored(`nothing is known of a lease of ${formatIpv4(requested)}`);
    }
    const text = `${formatIpv4(requested)} is not yours`;
    return {
      reply: this.#reply(message, DHCP_TYPE.NAK, 0, [[DHCP_OPTION.MESSAGE, octetsOfText(text)]]),
      note: `refused ${formatIpv4(requested)}`,
    };
  }

  #grant(message: DhcpMessage, held: Lease, time: number): DhcpOutcome {
    const expires = time + this.#settings.leaseSeconds * this.#settings.ticksPerSecond;
    const hostName = this.#acceptName(message, held);
    this.#leases.set(held.address, { ...held, state: 'leased', mac: message.clientMac, hostName, expires });
    const name: DhcpOption[] = hostName === '' ? [] : [[DHCP_OPTION.HOST_NAME, octetsOfText(hostName)]];
    const options = [...this.#leaseTimes(), ...this.#configuration(), ...name];
    return {
      reply: this.#reply(message, DHCP_TYPE.ACK, held.address, options),
      note: `leased ${formatIpv4(held.address)}${hostName === '' ? '' : ` to ${hostName}`}`,
    };
  }

  #decline(message: DhcpMessage, time: number): DhcpOutcome {
    const held = this.#heldBy(clientKey(message));
    const declined = option32(message, DHCP_OPTION.REQUESTED_ADDRESS);
    if (held === undefined || held.address !== declined) return ignored('the declined address was not given');
    const expires = time + DECLINED_SECONDS * this.#settings.ticksPerSecond;
    this.#leases.set(held.address, { ...held, state: 'declined', client: '', hostName: '', expires });
    return ignored(`${formatIpv4(held.address)} is in use by somebody else and is left alone`);
  }

  #release(message: DhcpMessage): DhcpOutcome {
    const held = this.#heldBy(clientKey(message));
    if (held === undefined || held.address !== message.clientAddress)
      return ignored('the released address was not given');
    this.#leases.delete(held.address);
    return ignored(`${formatIpv4(held.address)} is free again`);
  }

  #heldBy(client: string): Lease | undefined {
    for (const lease of this.#leases.values()) if (lease.client === client) return lease;
    return undefined;
  }

  #isFree(address: Ipv4Address): boolean {
    const { firstAddress, addresses } = this.#settings;
    return address >= firstAddress && address < firstAddress + addresses && !this.#leases.has(address);
  }

  #firstFree(): Ipv4Address | undefined {
    const { firstAddress, addresses } = this.#settings;
    for (let address = firstAddress; address < firstAddress + addresses; address += 1) {
      if (this.#isFree(address)) return address;
    }
    return undefined;
  }

  /** The host name the client gives itself (RFC 2132, 3.14), if it is a label that nobody else has; the first label of a longer name. */
  #acceptName(message: DhcpMessage, held: Lease): string {
    const option = message.options.get(DHCP_OPTION.HOST_NAME);
    if (option === undefined) return held.hostName;
    const [name = ''] = textOfOctets(option).replace(/\0+$/, '').toLowerCase().split('.');
    if (!LABEL.test(name) || this.#settings.reservedNames.includes(name)) return '';
    const others = [...this.#leases.values()].filter((lease) => lease.address !== held.address);
    return others.some((lease) => lease.hostName === name) ? '' : name;
  }

  #leaseTimes(): DhcpOption[] {
    const { leaseSeconds } = this.#settings;
    return [
      [DHCP_OPTION.LEASE_TIME, word(leaseSeconds)],
      // RFC 2131, 4.4.5: half, and seven eighths.
      [DHCP_OPTION.RENEWAL_TIME, word(Math.floor(leaseSeconds / 2))],
      [DHCP_OPTION.REBINDING_TIME, word(Math.floor((leaseSeconds * 7) / 8))],
    ];
  }

  #configuration(): DhcpOption[] {
    const { subnetMask, router, nameServer, domain } = this.#settings;
    return [
      [DHCP_OPTION.SUBNET_MASK, word(subnetMask)],
      [DHCP_OPTION.ROUTER, word(router)],
      [DHCP_OPTION.DOMAIN_NAME_SERVER, word(nameServer)],
      [DHCP_OPTION.DOMAIN_NAME, octetsOfText(domain)],
    ];
  }

  #reply(message: DhcpMessage, type: number, address: Ipv4Address, options: readonly DhcpOption[]): DhcpMessage {
    return {
      operation: BOOTP_OPERATION.REPLY,
      transaction: message.transaction,
      seconds: 0,
      broadcast: message.broadcast,
      // RFC 2131, table 3: ciaddr comes back in an ACK only.
      clientAddress: type === DHCP_TYPE.ACK ? message.clientAddress : 0,
      yourAddress: address,
      relayAddress: 0,
      clientMac: message.clientMac,
      options: new Map([
        [DHCP_OPTION.MESSAGE_TYPE, Uint8Array.of(type)],
        [DHCP_OPTION.SERVER_IDENTIFIER, word(this.#settings.server)],
        ...options,
      ]),
    };
  }
}

type DhcpOption = [code: number, value: Uint8Array];

function ignored(note: string): DhcpOutcome {
  return { reply: undefined, note };
}

function word(value: number): Uint8Array {
  return new OctetWriter().u32(value).done();
}

/** RFC 2131, 4.2: the client identifier where there is one, else the hardware address. */
function clientKey(message: DhcpMessage): string {
  const identifier = message.options.get(DHCP_OPTION.CLIENT_IDENTIFIER);
  if (identifier === undefined || identifier.length === 0) return message.clientMac.toString(16).padStart(12, '0');
  // Type 1 stands for Ethernet: the same client with and without the option is one.
  const own = identifier.length === 7 && identifier[0] === 1 ? identifier.subarray(1) : identifier;
  return [...own.subarray(0, CLIENT_KEY_BYTES)].map((octet) => octet.toString(16).padStart(2, '0')).join('');
}
