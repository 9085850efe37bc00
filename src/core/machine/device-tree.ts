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
const NOP = 4;
const END = 9;

/** A node inside a node inside …: far beyond any board, near enough that no blob can exhaust the stack. */
const DEEPEST = 64;

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

export interface DeviceTree {
  readonly root: DeviceTreeNode;
  readonly reservations: readonly MemoryReservation[];
  /** The hart that boots (`boot_cpuid_phys`). */
  readonly bootHart: number;
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

/**
 * Reads a blob of version 16 or 17; every value comes back as bytes.
 * @throws DeviceTreeError where the bytes are no device tree, are cut off, or contradict themselves
 */
export function readDeviceTree(bytes: Uint8Array): DeviceTree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE) {
    throw new DeviceTreeError(
      `A device tree starts with a header of ${HEADER_SIZE} bytes; found ${bytes.length} bytes. The file is cut off or is no device tree blob.`,
    );
  }
  const header = (index: number): number => view.getUint32(4 * index);
  if (header(0) !== MAGIC) {
    throw new DeviceTreeError(
      `A device tree blob starts with ${hex(MAGIC)}; found ${hex(header(0))}. Compile a source with \`dtc -O dtb\` first.`,
    );
  }
  const totalSize = header(1);
  const version = header(5);
  if (totalSize > bytes.length) {
    throw new DeviceTreeError(
      `The device tree says it is ${totalSize} bytes long; found ${bytes.length}. The file is cut off: copy it again.`,
    );
  }
  if (version < LAST_COMPATIBLE_VERSION || header(6) > VERSION) {
    throw new DeviceTreeError(
      `Expected a device tree of version 16 or 17; found version ${version}, readable as ${header(6)}. Convert it with \`dtc -V 17\`.`,
    );
  }
  const stringsSize = header(8);
  const structureSize = version >= VERSION ? header(9) : totalSize - header(2);
  const strings = block(bytes, 'strings', header(3), stringsSize, totalSize);
  const structure = block(bytes, 'structure', header(2), structureSize, totalSize);
  const reader = new StructureReader(structure, strings);
  const root = reader.tree();
  return { root, reservations: readReservations(view, header(4), totalSize), bootHart: header(7) };
}

/** A property's value as text, guessed much as `dtc -O dts` does: strings, cells or bytes. */
export function formatProperty(value: DeviceTreeValue): string {
  const bytes = propertyBytes(value);
  if (bytes.length === 0) return '';
  const text = byteText(bytes);
  if (/^[\x20-\x7e\t\n\r\v\f\b\x07]+(\0[\x20-\x7e\t\n\r\v\f\b\x07]+)*\0$/.test(text)) {
    return `"${text
      .slice(0, -1)
      .replace(/[\\"]/g, '\\$&')
      .replaceAll('\0', '", "')
      .replace(/[^\x20-\x7e]/g, escapeByte)}"`;
  }
  if (bytes.length % 4 !== 0) return `[${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')}]`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cells = Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
  return `<${cells.map((cell) => `0x${cell.toString(16).padStart(2, '0')}`).join(' ')}>`;
}

/** The tree as source text, for people: what `dtc -O dts` prints. */
export function formatDeviceTree(root: DeviceTreeNode): string {
  const lines = ['/dts-v1/;', ''];
  const print = (node: DeviceTreeNode, indent: string): void => {
    lines.push(`${indent}${node.name === '' ? '/' : node.name} {`);
    for (const [name, value] of Object.entries(node.properties)) {
      const text = formatProperty(value);
      lines.push(`${indent}\t${name}${text === '' ? '' : ` = ${text}`};`);
    }
    for (const child of node.children) {
      lines.push('');
      print(child, `${indent}\t`);
    }
    lines.push(`${indent}};`);
  };
  print(root, '');
  return `${lines.join('\n')}\n`;
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

class StructureReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #strings: Uint8Array;
  #at = 0;

  constructor(structure: Uint8Array, strings: Uint8Array) {
    this.#bytes = structure;
    this.#view = new DataView(structure.buffer, structure.byteOffset, structure.byteLength);
    this.#strings = strings;
  }

  tree(): DeviceTreeNode {
    const first = this.#token();
    if (first !== BEGIN_NODE) throw this.#unexpected('the root node', first);
    const root = this.#node(0);
    if (root.name !== '') {
      throw new DeviceTreeError(`The root of a device tree has no name; found "${root.name}". The blob is damaged.`);
    }
    const last = this.#token();
    if (last !== END) throw this.#unexpected('the end of the structure', last);
    return root;
  }

  /** The rest of a node whose BEGIN_NODE has been read. */
  #node(depth: number): DeviceTreeNode {
    if (depth > DEEPEST) {
      throw new DeviceTreeError(`Expected nodes at most ${DEEPEST} deep; found more. The device tree is damaged.`);
    }
    const name = this.#name();
    const properties: Record<string, Uint8Array> = {};
    const children: DeviceTreeNode[] = [];
    for (;;) {
      const token = this.#token();
      if (token === PROPERTY) {
        const length = this.#word();
        const property = terminated(this.#strings, this.#word(), 'a property name');
        properties[property] = this.#take(length);
      } else if (token === BEGIN_NODE) {
        children.push(this.#node(depth + 1));
      } else if (token === END_NODE) {
        return { name, properties, children };
      } else {
        throw this.#unexpected(`a property, a node or the end of "${name || '/'}"`, token);
      }
    }
  }

  #name(): string {
    const name = terminated(this.#bytes, this.#at, 'a node name');
    this.#take(name.length + 1);
    return name;
  }

  #token(): number {
    let token = this.#word();
    while (token === NOP) token = this.#word();
    return token;
  }

  #word(): number {
    const at = this.#at;
    this.#take(4);
    return this.#view.getUint32(at);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new DeviceTreeError(
        `The device tree's structure is ${this.#bytes.length} bytes long, but what starts at ${this.#at} needs ${length}. The blob is damaged.`,
      );
    }
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = Math.ceil(end / 4) * 4;
    return taken;
  }

  #unexpected(expected: string, token: number): DeviceTreeError {
    return new DeviceTreeError(
      `Expected ${expected} in the device tree; found the word ${hex(token)} before offset ${this.#at} of its structure. The blob is damaged.`,
    );
  }
}

function block(bytes: Uint8Array, what: string, offset: number, size: number, totalSize: number): Uint8Array {
  if (size < 0 || offset + size > totalSize || (what === 'structure' && offset % 4 !== 0)) {
    throw new DeviceTreeError(
      `The device tree is ${totalSize} bytes long, but its ${what} should lie at ${offset} with ${size} bytes. The blob is damaged.`,
    );
  }
  return bytes.subarray(offset, offset + size);
}

function readReservations(view: DataView, offset: number, totalSize: number): MemoryReservation[] {
  const reservations: MemoryReservation[] = [];
  for (let at = offset; at + 16 <= totalSize; at += 16) {
    const pair = (index: number): number => view.getUint32(at + index) * 2 ** 32 + view.getUint32(at + index + 4);
    const reservation = { address: pair(0), size: pair(8) };
    if (reservation.address === 0 && reservation.size === 0) return reservations;
    reservations.push(reservation);
  }
  throw new DeviceTreeError(
    `The list of reserved memory at ${offset} does not end inside the ${totalSize} bytes of the device tree. The blob is damaged.`,
  );
}

function terminated(bytes: Uint8Array, start: number, what: string): string {
  const end = start < bytes.length ? bytes.indexOf(0, start) : -1;
  if (end < 0) {
    throw new DeviceTreeError(`Expected ${what} ended by NUL at offset ${start}; found none. The blob is damaged.`);
  }
  return byteText(bytes.subarray(start, end));
}

/** One character a byte; names and values may be longer than a call has arguments. */
function byteText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
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

function escapeByte(character: string): string {
  const named: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r' }; // prettier-ignore
  return named[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
