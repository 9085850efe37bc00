// Numbers in network byte order (most significant octet first, RFC 791 appendix B): reading, and building a message piece by piece.
// Whoever reads has checked the length before; an octet that is not there reads as 0, so no read can fail.

import type { Ipv4Address, MacAddress } from './address.ts';

export function read16(octets: Uint8Array, offset: number): number {
  return ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
}

/** @returns 0 to 2^32 − 1 */
export function read32(octets: Uint8Array, offset: number): number {
  return ((read16(octets, offset) << 16) | read16(octets, offset + 2)) >>> 0;
}

export function readMac(octets: Uint8Array, offset: number): MacAddress {
  return read16(octets, offset) * 2 ** 32 + read32(octets, offset + 2);
}

export function readIpv4(octets: Uint8Array, offset: number): Ipv4Address {
  return read32(octets, offset);
}

export function write16(octets: Uint8Array, offset: number, value: number): void {
  octets[offset] = value >>> 8;
  octets[offset + 1] = value;
}

/** Collects the fields of a message in the order in which they go on the wire. */
export class OctetWriter {
  #octets = new Uint8Array(64);
  #length = 0;

  u8(...values: readonly number[]): this {
    for (const value of values) {
      // First the room: growing replaces the array.
      const at = this.#grow(1);
      this.#octets[at] = value;
    }
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) {
      const at = this.#grow(2);
      write16(this.#octets, at, value);
    }
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.u16(value >>> 16, value);
    return this;
  }

  mac(address: MacAddress): this {
    return this.u16(Math.floor(address / 2 ** 32)).u32(address % 2 ** 32);
  }

  ipv4(...addresses: readonly Ipv4Address[]): this {
    return this.u32(...addresses);
  }

  bytes(octets: ArrayLike<number>): this {
    const at = this.#grow(octets.length);
    this.#octets.set(octets, at);
    return this;
  }

  /** `count` zero octets; none for a negative count. */
  zeros(count: number): this {
    this.#grow(Math.max(0, count));
    return this;
  }

  get length(): number {
    return this.#length;
  }

  done(): Uint8Array {
    return this.#octets.slice(0, this.#length);
  }

  /** Room for `count` more octets. @returns where it begins */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#octets.length) {
      const octets = new Uint8Array(2 * this.#length);
      octets.set(this.#octets.subarray(0, at));
      this.#octets = octets;
    }
    return at;
  }
}

/** Characters of ISO 8859-1, one octet each; others become `?`. */
export function octetsOfText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? code : 0x3f;
  });
}

/** One character for each octet (ISO 8859-1), so that no sequence of octets is invalid. */
export function textOfOctets(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}
