// Everybody who runs the kernels, one row each, in the order of the table.

import type { Size } from '../kernel-list.ts';
import type { LabWay, PeerKind } from './peer.ts';

export interface PeerRow {
  /** Its name in the JSON. */
  readonly key: string;
  readonly title: string;
  readonly kind: PeerKind;
  readonly size: Size;
  /** Left out of the quick form. */
  readonly extra?: boolean;
}

/** The four ways of the lab that the goals are about. */
const labWays = [
  { key: 'bare', title: 'bare, no paging', technique: 'bare', paging: false },
  { key: 'bareSv32', title: 'bare, Sv32', technique: 'bare', paging: true },
  { key: 'hardwareAssisted', title: 'hardware-assisted, Sv32', technique: 'hardware-assisted', paging: true },
  { key: 'trapAndEmulate', title: 'trap-and-emulate, Sv32', technique: 'trap-and-emulate', paging: true },
] as const satisfies readonly (Omit<LabWay, 'translator'> & { key: string; title: string })[];

type LabKey = (typeof labWays)[number]['key'];

/** The row's key of one way of the lab, with the translator on or off. */
const labKey = (key: LabKey, translator: boolean): string => (translator ? key : `${key}Interpreted`);

const labRows: readonly PeerRow[] = [true, false].flatMap((translator) =>
  labWays.map(({ key, title, ...way }) => ({
    key: labKey(key, translator),
    title: `${title}${translator ? '' : ', interpreted'}`,
    kind: { kind: 'lab', ...way, translator } as const,
    size: translator ? 'large' : 'small',
    ...(!translator && key !== 'bareSv32' && { extra: true }),
  })),
);

export const peerRows: readonly PeerRow[] = [
  // What the method itself adds or hides: the baseline against itself must be 1.
  { key: 'control', title: 'direct wasm again (control)', kind: { kind: 'wasm' }, size: 'large' },
  ...labRows,
  { key: 'v86', title: 'v86, i386, no paging', kind: { kind: 'v86' }, size: 'large' },
  { key: 'qemu', title: 'QEMU, rv32, no paging', kind: { kind: 'qemu', paging: false }, size: 'large' },
  { key: 'qemuSv32', title: 'QEMU, rv32, Sv32', kind: { kind: 'qemu', paging: true }, size: 'large', extra: true },
];

/** Means across kernels that the goals name: time over time, so below 1 the first is faster. */
export const ratioRows = [
  { name: 'bareSv32OverWasm', above: 'bareSv32', below: undefined },
  { name: 'hardwareAssistedOverBare', above: 'hardwareAssisted', below: 'bareSv32' },
  { name: 'trapAndEmulateOverBare', above: 'trapAndEmulate', below: 'bareSv32' },
  { name: 'v86OverBareSv32', above: 'v86', below: 'bareSv32' },
  { name: 'qemuOverBareSv32', above: 'qemu', below: 'bareSv32' },
] as const satisfies readonly { name: string; above: LabKey | 'v86' | 'qemu'; below: LabKey | undefined }[];
