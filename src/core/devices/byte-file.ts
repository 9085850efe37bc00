// A file of the host's as a disk is kept in it: bytes at positions. What was written is safe only once `flush` has returned;
// before that a crash may keep any part of it, in any order.

/** The shape of the browser's FileSystemSyncAccessHandle, as far as it is used; every call may throw (no room, file gone). */
export interface ByteFile {
  /** @returns how many bytes were there */
  read(into: Uint8Array, options: { readonly at: number }): number;
  /** @returns how many bytes were taken */
  write(from: Uint8Array, options: { readonly at: number }): number;
  /** Returns when everything written so far would survive the loss of the host. */
  flush(): void;
  /** Bytes. */
  getSize(): number;
  close(): void;
}

/** Fills all of `into`; what is behind the end of the file is zeros. */
export function readFully(file: ByteFile, into: Uint8Array, at: number): void {
  let done = 0;
  while (done < into.length) {
    const count = file.read(into.subarray(done), { at: at + done });
    if (count <= 0) break;
    done += count;
  }
  into.fill(0, done);
}

/** @throws Error where the file does not take everything */
export function writeFully(file: ByteFile, from: Uint8Array, at: number): void {
  for (let done = 0; done < from.length;) {
    const count = file.write(from.subarray(done), { at: at + done });
    if (count <= 0) throw new Error(`expected room for ${from.length - done} more bytes in the file, found none`);
    done += count;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli, RFC 3720 B.4). @param seed the checksum of what comes before */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  let value = ~seed;
  for (const byte of bytes) value = (CRC_TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return ~value >>> 0;
}
