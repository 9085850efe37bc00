// Reads a flattened device tree back (Devicetree Specification 0.4, chapter 5) and prints it as `dtc -O dts` does, to see what
// was written. It takes nothing from the writer but the type of its errors and how a value lies in the blob.

import type { DeviceTreeNode, DeviceTreeValue } from '../devices/device-tree-node.ts';
import { DeviceTreeError, propertyBytes, type MemoryReservation } from './device-tree.ts';

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

export interface DeviceTree {
  readonly root: DeviceTreeNode;
  readonly reservations: readonly MemoryReservation[];
  /** The hart that boots (`boot_cpuid_phys`). */
  readonly bootHart: number;
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

function escapeByte(character: string): string {
  const named: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r' }; // prettier-ignore
  return named[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
