// Formats of disk images by their first bytes, as the documents of each format have them.

import { expect, test } from 'vitest';
import { diskFormatOf, FORMAT_BYTES } from './disk-format.ts';

const at = (offset: number, text: string) => {
  const bytes = new Uint8Array(512);
  for (let index = 0; index < text.length; index++) bytes[offset + index] = text.charCodeAt(index);
  return bytes;
};

test.each([
  ['qcow2', at(0, 'QFI\xfb\0\0\0\x03')], // docs/interop/qcow2.txt
  ['QED', at(0, 'QED\0')],
  ['VMDK', at(0, 'KDMV')], // Virtual Disk Format 5.0: SPARSE_MAGICNUMBER
  ['VMDK', at(0, '# Disk DescriptorFile\nversion=1')],
  ['VHDX', at(0, 'vhdxfile')], // [MS-VHDX] 2.2.1
  ['VHD', at(0, 'conectix')],
  ['VDI', at(0x40, '\x7f\x10\xda\xbe')],
])('%s', (name, bytes) => {
  expect(diskFormatOf(bytes)).toBe(name);
  expect(diskFormatOf(bytes.subarray(0, FORMAT_BYTES))).toBe(name);
});

test.each([
  ['nothing', new Uint8Array()],
  ['zeros', new Uint8Array(512)],
  ['a boot sector', at(510, '\x55\xaa')],
  ['a tape archive', at(257, 'ustar')],
  ['half a name', at(0, 'vhdx')],
  ['compressed data, which a kernel may want to read as such', at(0, '\x1f\x8b')],
])('%s is a disk of sectors', (_, bytes) => {
  expect(diskFormatOf(bytes)).toBeUndefined();
});
