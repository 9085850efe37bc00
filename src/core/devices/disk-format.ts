// Disk images in the formats of other hypervisors, by their first bytes. A disk here is its sectors, one after the other; one of
// these taken for that would show the guest the format's own tables, and the guest's first store would ruin them.

/** Bytes that are enough to know them by. */
export const FORMAT_BYTES = 0x44;

const formats: readonly (readonly [name: string, at: number, bytes: readonly number[]])[] = [
  ['qcow2', 0, [0x51, 0x46, 0x49, 0xfb]],
  ['QED', 0, [...'QED\0'].map((letter) => letter.charCodeAt(0))],
  ['VMDK', 0, [...'KDMV'].map((letter) => letter.charCodeAt(0))],
  ['VMDK', 0, [...'# Disk DescriptorFile'].map((letter) => letter.charCodeAt(0))],
  ['VHDX', 0, [...'vhdxfile'].map((letter) => letter.charCodeAt(0))],
  ['VHD', 0, [...'conectix'].map((letter) => letter.charCodeAt(0))],
  ['VDI', 0x40, [0x7f, 0x10, 0xda, 0xbe]],
];

/** @param start the first bytes of an image, up to FORMAT_BYTES @returns the name of its format; undefined for plain sectors */
export const diskFormatOf = (start: Uint8Array): string | undefined =>
  formats.find(([, at, bytes]) => bytes.every((byte, index) => start[at + index] === byte))?.[0];

/** What to do about it. */
export const FORMAT_ADVICE = 'turn it into plain sectors: qemu-img convert -O raw FILE disk.img';
