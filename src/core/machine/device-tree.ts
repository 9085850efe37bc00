// The flattened device tree: how a kernel learns what board it is on (Devicetree Specification 0.4, chapter 5). Version 17, big-endian:
//
//   0x00  header, ten words      magic, total size, the offsets and sizes below, version, boot hart
//   0x28  memory reservations    pairs of 64-bit address and size, ended by zeros
//         structure              BEGIN name … PROP length name-offset value … END_NODE … END, each piece padded to words
//         strings                the property names, each once, ended by NUL

import type { DeviceTreeNode, DeviceTreeValue } from '../devices/device-tree-node.ts';

const MAGIC = 0xd00dfeed;
const VERSION = 17;
const LAST_COMPATIBLE_VERSION = 16;
const HEADER_SIZE = 40;

const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const END = 9;

/** Section 2.2.1: 1 to 31 characters, then perhaps a unit address. */
const NODE_NAME = /^[0-9a-zA-Z,._+-]{1,31}(@[0-9a-zA-Z,._+-]+)?$/;
/** Section 2.2.4.1. */
const PROPERTY_NAME = /^[0-9a-zA-Z,._+?#-]{1,31}$/;

/** A device tree that cannot be written, or bytes that are none; the message is for a person. */
export class DeviceTreeError extends Error {
  override readonly name = 'DeviceTreeError';
}

export interface MemoryReservation {
  /** Physical address and size in bytes; both below 2^53. */
  readonly address: number;
  readonly size: number;
}

/** A property's value as it lies in the blob. */
export function propertyBytes(value: DeviceTreeValue): Uint8Array {
  if (value === true) return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  const bytes: number[] = [];
  for (const item of typeof value === 'string' ? [value] : value) {
    if (typeof item === 'string') {
      for (const byte of encodeText(item)) bytes.push(byte);
      bytes.push(0);
    } else bytes.push((item >>> 24) & 0xff, (item >>> 16) & 0xff, (item >>> 8) & 0xff, item & 0xff);
  }
  return Uint8Array.from(bytes);
}

/**
 * Writes the tree as a blob that libfdt, Linux and `dtc` read.
 * @throws DeviceTreeError for a name the specification does not allow, or one used twice in the same node
 */
export function buildDeviceTree(
  root: DeviceTreeNode,
  options: { readonly reservations?: readonly MemoryReservation[]; readonly bootHart?: number } = {},
): Uint8Array {
  const strings = new ByteWriter();
  const stringOffsets = new Map<string, number>();
  const structure = new ByteWriter();

  const writeNode = (node: DeviceTreeNode, path: string, isRoot: boolean): void => {
    if (isRoot ? node.name !== '' : !NODE_NAME.test(node.name)) {
      throw new DeviceTreeError(
        `A node name is 1 to 31 letters, digits or ,._+- and perhaps @ with an address (the root's is empty); found "${node.name}" in ${path || '/'}.`,
      );
    }
    structure.word(BEGIN_NODE);
    structure.bytes(encodeText(node.name), [0]);
    structure.pad();
    for (const [name, value] of Object.entries(node.properties)) {
      if (!PROPERTY_NAME.test(name)) {
        throw new DeviceTreeError(
          `A property name is 1 to 31 letters, digits or ,._+?#-; found "${name}" in ${path || '/'}.`,
        );
      }
      const bytes = propertyBytes(value);
      let offset = stringOffsets.get(name);
      if (offset === undefined) {
        offset = strings.length;
        stringOffsets.set(name, offset);
        strings.bytes(encodeText(name), [0]);
      }
      structure.word(PROPERTY);
      structure.word(bytes.length);
      structure.word(offset);
      structure.bytes(bytes);
      structure.pad();
    }
    const seen = new Set<string>();
    for (const child of node.children) {
      if (seen.has(child.name)) {
        throw new DeviceTreeError(
          `Two nodes named "${child.name}" in ${path || '/'}; give each its own unit address, e.g. "${child.name}@1000".`,
        );
      }
      seen.add(child.name);
      writeNode(child, `${path}/${child.name}`, false);
    }
    structure.word(END_NODE);
  };
  writeNode(root, '', true);
  structure.word(END);

  const reservations = new ByteWriter();
  for (const { address, size } of [...(options.reservations ?? []), { address: 0, size: 0 }]) {
    reservations.word(Math.floor(address / 2 ** 32));
    reservations.word(address);
    reservations.word(Math.floor(size / 2 ** 32));
    reservations.word(size);
  }

  const structureOffset = HEADER_SIZE + reservations.length;
  const stringsOffset = structureOffset + structure.length;
  const blob = new ByteWriter();
  const header = [
    MAGIC,
    stringsOffset + strings.length,
    structureOffset,
    stringsOffset,
    HEADER_SIZE,
    VERSION,
    LAST_COMPATIBLE_VERSION,
    options.bootHart ?? 0,
    strings.length,
    structure.length,
  ];
  for (const word of header) blob.word(word);
  for (const block of [reservations, structure, strings]) blob.bytes(block.take());
  return blob.take();
}

class ByteWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  word(value: number): void {
    this.#bytes.push((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
  }

  bytes(...pieces: readonly Iterable<number>[]): void {
    for (const piece of pieces) for (const byte of piece) this.#bytes.push(byte);
  }

  pad(): void {
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** UTF-8, for lack of TextEncoder in the core: command lines may hold any text. */
function encodeText(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    }
  }
  return bytes;
}
