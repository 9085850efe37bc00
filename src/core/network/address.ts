// The two kinds of address on a segment: link addresses (48 bits, IEEE 802) and IPv4 addresses (32 bits, RFC 791), as numbers, so
// that they compare, sort and serve as keys. The optional tag keeps one kind from being passed for the other.

/** 48 bits, the octet sent first being the most significant. */
export type MacAddress = number & { readonly kind?: 'mac' };

/** 32 bits, unsigned. */
export type Ipv4Address = number & { readonly kind?: 'ipv4' };

/** Every station of the segment (IEEE 802, 8.2.2). */
export const BROADCAST_MAC: MacAddress = 0xffff_ffff_ffff;
/** Every host on this segment (RFC 919). */
export const BROADCAST_IPV4: Ipv4Address = 0xffff_ffff;

/** The I/G bit: the first bit sent, set in multicast and broadcast addresses (IEEE 802, 8.2.2). */
export function isGroupMac(address: MacAddress): boolean {
  return Math.floor(address / 2 ** 40) % 2 === 1;
}

/** 224.0.0.0/4 (RFC 1112, 4). */
export function isMulticastIpv4(address: Ipv4Address): boolean {
  return address >>> 28 === 0xe;
}

/** `52:55:0a:00:02:02` */
export function formatMac(address: MacAddress): string {
  return (address.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** `10.0.2.2` */
export function formatIpv4(address: Ipv4Address): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** Four decimal numbers to 255 with dots, without leading zeros; undefined for anything else. */
export function parseIpv4(text: string): Ipv4Address | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((address, part) => address * 256 + part, 0);
}
