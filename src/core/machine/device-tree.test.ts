// The flattened device tree against the Devicetree Specification 0.4, chapter 5, and against `dtc` where it is installed.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceTreeNode, DeviceTreeValue } from '../devices/device-tree-node.ts';
import { buildDeviceTree, DeviceTreeError, propertyBytes } from './device-tree.ts';
import { formatDeviceTree, formatProperty, readDeviceTree } from './device-tree-reader.test-support.ts';

const HAS_DTC = spawnSync('dtc', ['--version']).status === 0;

const leaf = (name: string, properties: Record<string, DeviceTreeValue> = {}): DeviceTreeNode => ({
  name,
  properties,
  children: [],
});

const SAMPLE: DeviceTreeNode = {
  name: '',
  properties: {
    '#address-cells': [2],
    model: 'sample',
    compatible: ['one', 'two'],
    ranges: true,
    odd: Uint8Array.of(1, 2, 3),
  },
  children: [
    { name: 'soc', properties: {}, children: [leaf('serial@10000000', { reg: [0, 0x10000000] })] },
    leaf('empty'),
  ],
};

/** The same tree with every value as the bytes a blob holds. */
function asBytes(node: DeviceTreeNode): DeviceTreeNode {
  return {
    name: node.name,
    properties: Object.fromEntries(
      Object.entries(node.properties).map(([name, value]) => [name, propertyBytes(value)]),
    ),
    children: node.children.map(asBytes),
  };
}

const identifier = (characters: string) =>
  fc
    .string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: 31 })
    .filter((name) => !/^\d+$/.test(name));
const values = fc.oneof(
  fc.constant(true as const),
  fc.string(),
  fc.array(fc.string(), { minLength: 1 }),
  fc.array(fc.nat(0xffffffff)),
  fc.uint8Array(),
);
const properties = fc.dictionary(identifier('abcdxyz0189,._+?#-'), values, { maxKeys: 5, noNullPrototype: true });
const nodesAbove = (children: fc.Arbitrary<DeviceTreeNode[]>) =>
  fc.record({ name: identifier('abcdxyz0189,._+-'), properties, children }, { noNullPrototype: true });
const nodesOver = (node: fc.Arbitrary<DeviceTreeNode>) =>
  nodesAbove(fc.uniqueArray(node, { maxLength: 3, selector: ({ name }) => name }));
const trees = nodesOver(nodesOver(nodesOver(nodesAbove(fc.constant([]))))).map((node) => ({ ...node, name: '' }));

describe('writing', () => {
  it('lays out the header of section 5.2', () => {
    const blob = buildDeviceTree(SAMPLE, { bootHart: 3, reservations: [{ address: 0x80000000, size: 0x1000 }] });
    const view = new DataView(blob.buffer);
    const header = Array.from({ length: 10 }, (_, index) => view.getUint32(4 * index));
    const [magic, total, structure, strings, reservations, version, compatible, hart, stringsSize, structureSize] =
      header;
    expect([magic, version, compatible, hart]).toEqual([0xd00dfeed, 17, 16, 3]);
    expect(total).toBe(blob.length);
    expect(reservations).toBe(40);
    expect(structure).toBe(40 + 32);
    expect(strings).toBe((structure ?? 0) + (structureSize ?? 0));
    expect(total).toBe((strings ?? 0) + (stringsSize ?? 0));
  });

  it('stores each property name once', () => {
    const text = Buffer.from(
      buildDeviceTree({ ...leaf('', { reg: [1] }), children: [leaf('a', { reg: [2] })] }),
    ).toString('latin1');
    expect(text.split('reg\0')).toHaveLength(2);
  });

  it.each([
    ['a node name with a blank', { ...leaf(''), children: [leaf('a b')] }, /found "a b" in \//],
    ['a node name of 32 letters', { ...leaf(''), children: [leaf('a'.repeat(32))] }, /1 to 31 letters/],
    ['a root with a name', leaf('root'), /root's is empty\); found "root"/],
    ['a property name with a slash', leaf('', { 'a/b': true }), /found "a\/b" in \//],
    ['two nodes of one name', { ...leaf(''), children: [leaf('a'), leaf('a')] }, /Two nodes named "a" in \//],
  ])('refuses %s', (_, tree, message) => {
    expect(() => buildDeviceTree(tree)).toThrow(DeviceTreeError);
    expect(() => buildDeviceTree(tree)).toThrow(message);
  });
});

describe('reading', () => {
  it('returns any tree that was written', () => {
    fc.assert(
      fc.property(
        trees,
        fc.nat(7),
        fc.array(
          fc.record(
            { address: fc.nat(2 ** 40), size: fc.integer({ min: 1, max: 2 ** 40 }) },
            { noNullPrototype: true },
          ),
        ),
        (root, bootHart, reservations) => {
          const read = readDeviceTree(buildDeviceTree(root, { bootHart, reservations }));
          expect(read).toEqual({ root: asBytes(root), bootHart, reservations });
        },
      ),
    );
  });

  it('reads a blob that lies anywhere in a larger buffer, with bytes behind it', () => {
    const blob = buildDeviceTree(SAMPLE);
    const memory = new Uint8Array(blob.length + 20);
    memory.set(blob, 7);
    expect(readDeviceTree(memory.subarray(7)).root).toEqual(asBytes(SAMPLE));
  });

  it.each([
    ['nothing', () => new Uint8Array(0), /header of 40 bytes; found 0 bytes/],
    ['another kind of file', () => new Uint8Array(64), /starts with 0xd00dfeed; found 0x0/],
    ['a cut file', (blob: Uint8Array) => blob.subarray(0, blob.length - 1), /The file is cut off/],
    ['a future version', (blob: Uint8Array) => patch(blob, 6, 18), /version 16 or 17/],
    ['a structure outside', (blob: Uint8Array) => patch(blob, 9, 0xfffffff0), /its structure should lie at/],
    ['strings outside', (blob: Uint8Array) => patch(blob, 3, 0xfffffff0), /its strings should lie at/],
    ['reservations outside', (blob: Uint8Array) => patch(blob, 4, 0xfffffff0), /reserved memory .* does not end/],
    ['a wrong token', (blob: Uint8Array) => patch(blob, 14, 7), /the root node in the device tree; found the word 0x7/],
    ['a property longer than the blob', (blob: Uint8Array) => patch(blob, 17, 0x7fffffff), /needs 2147483647/],
    ['a property name outside', (blob: Uint8Array) => patch(blob, 18, 0x7fffffff), /a property name ended by NUL/],
  ])('refuses %s and says why', (_, damage, message) => {
    expect(() => readDeviceTree(damage(buildDeviceTree(SAMPLE)))).toThrow(message);
  });

  it('refuses a tower of nodes', () => {
    let tower = leaf('a');
    for (let floor = 0; floor < 100; floor += 1) tower = { name: 'a', properties: {}, children: [tower] };
    expect(() => readDeviceTree(buildDeviceTree({ ...tower, name: '' }))).toThrow(/at most 64 deep/);
  });

  it('survives any damage: a tree or a DeviceTreeError, nothing else', () => {
    const blob = buildDeviceTree(SAMPLE);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(blob.length),
        (damages, length) => {
          const damaged = blob.slice();
          for (const [at, value] of damages) damaged[at] = value;
          for (const candidate of [damaged, damaged.subarray(0, length)]) {
            try {
              readDeviceTree(candidate);
            } catch (error) {
              expect(error).toBeInstanceOf(DeviceTreeError);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

function patch(blob: Uint8Array, index: number, value: number): Uint8Array {
  new DataView(blob.buffer).setUint32(4 * index, value);
  return blob;
}

describe('text', () => {
  it('shows strings, cells and bytes as dtc does', () => {
    expect(formatProperty(['a', 'b"c'])).toBe('"a", "b\\"c"');
    expect(formatProperty([0, 0x10000000])).toBe('<0x00 0x10000000>');
    expect(formatProperty(Uint8Array.of(1, 2, 0xff))).toBe('[01 02 ff]');
    expect(formatProperty(true)).toBe('');
  });
});

describe.skipIf(!HAS_DTC)('dtc', () => {
  const dtc = (from: string, to: string, input: Uint8Array | string) =>
    spawnSync('dtc', ['-q', '-I', from, '-O', to, '-'], { input }).stdout;

  it('reads our blob as the same text', () => {
    const text = dtc('dtb', 'dts', buildDeviceTree(SAMPLE)).toString();
    expect(text.replaceAll('\\0', '", "')).toBe(formatDeviceTree(SAMPLE));
  });

  it('makes of our text the same tree', () => {
    expect(readDeviceTree(Uint8Array.from(dtc('dts', 'dtb', formatDeviceTree(SAMPLE)))).root).toEqual(asBytes(SAMPLE));
  });

  it('reads any blob and any text of ours as the tree they were made from', () => {
    fc.assert(
      fc.property(trees, (root) => {
        const fromBlob = dtc('dtb', 'dtb', buildDeviceTree(root));
        const fromText = dtc('dts', 'dtb', formatDeviceTree(root));
        expect(readDeviceTree(Uint8Array.from(fromBlob)).root).toEqual(asBytes(root));
        expect(readDeviceTree(Uint8Array.from(fromText)).root).toEqual(asBytes(root));
      }),
      { numRuns: 40 },
    );
  });
});
