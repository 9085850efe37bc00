// The registers of the virtio-mmio transport, one row each: what a driver finds at which offset, in the modern interface
// (virtio 1.2, section 4.2.2) and in the legacy one that came before it (section 4.2.4).

import type { RegisterRow } from '../device.ts';
import { BYTE, WORD, type FieldsOf } from '../device-state.ts';
import type { QueueState } from './split-queue.ts';

export type VirtioVersion = 'legacy' | 'modern';

/** `virt`, little-endian. */
const MAGIC = 0x74726976;
/** `QEMU`, little-endian. */
const VENDOR = 0x554d4551;

/** Queue entries that the transport offers, as on QEMU's board. */
export const MAXIMUM_QUEUE_SIZE = 1024;

/** What the registers act on. */
export interface TransportFace {
  readonly version: VirtioVersion;
  /** 0 in an empty slot. */
  readonly deviceId: number;
  readonly state: TransportState;
  /** The queue that QueueSel names; undefined where the device has no such queue. */
  readonly selected: QueueState | undefined;
  /** The same, unless it is in use: then the driver must not change it. */
  readonly configurable: QueueState | undefined;
  /** 32 of the offered feature bits. @param word 0 or 1; others are 0 */
  offered(word: number): number;
  chooseFeatures(bits: number): void;
  setStatus(value: number): void;
  notify(value: number): void;
  acknowledge(bits: number): void;
  setReady(value: number): void;
  setPageFrame(value: number): void;
}

export type TransportState = {
  status: number;
  interruptStatus: number;
  deviceFeaturesSelect: number;
  driverFeaturesSelect: number;
  driverFeaturesLow: number;
  driverFeaturesHigh: number;
  queueSelect: number;
  generation: number;
  guestPageSize: number;
};

export const TRANSPORT_FIELDS: FieldsOf<TransportState> = {
  status: BYTE,
  interruptStatus: BYTE,
  deviceFeaturesSelect: WORD,
  driverFeaturesSelect: WORD,
  driverFeaturesLow: WORD,
  driverFeaturesHigh: WORD,
  queueSelect: WORD,
  generation: WORD,
  guestPageSize: WORD,
};

export const newTransportState = (): TransportState => ({
  status: 0,
  interruptStatus: 0,
  deviceFeaturesSelect: 0,
  driverFeaturesSelect: 0,
  driverFeaturesLow: 0,
  driverFeaturesHigh: 0,
  queueSelect: 0,
  generation: 0,
  guestPageSize: 0,
});

export interface TransportRegister extends RegisterRow {
  /** Reading has no side effect in this transport. */
  readonly look?: (face: TransportFace) => number;
  readonly store?: (face: TransportFace, value: number) => void;
}

type Look = NonNullable<TransportRegister['look']>;
type Store = NonNullable<TransportRegister['store']>;

const readOnly = (name: string, offset: number, meaning: string, look: Look): TransportRegister => ({
  name,
  offset,
  width: 4,
  access: 'read-only',
  meaning,
  look,
});

const writeOnly = (name: string, offset: number, meaning: string, store: Store): TransportRegister => ({
  name,
  offset,
  width: 4,
  access: 'write-only',
  meaning,
  store,
});

const readWrite = (name: string, offset: number, meaning: string, look: Look, store: Store): TransportRegister => ({
  name,
  offset,
  width: 4,
  access: 'read-write',
  meaning,
  look,
  store,
});

/** One half of a queue's 64-bit address. */
const addressHalf = (name: string, offset: number, meaning: string, half: AddressHalf): TransportRegister =>
  writeOnly(name, offset, meaning, ({ configurable }, value) => {
    if (configurable) configurable[half] = value;
  });

type AddressHalf = 'descriptorLow' | 'descriptorHigh' | 'driverLow' | 'driverHigh' | 'deviceLow' | 'deviceHigh';

const MAGIC_VALUE = readOnly('MagicValue', 0x000, 'The letters "virt": here is a virtio transport.', () => MAGIC);
const VERSION = readOnly('Version', 0x004, '1 is the legacy interface, 2 the modern one.', ({ version }) =>
  version === 'legacy' ? 1 : 2,
);
const DEVICE_ID = readOnly(
  'DeviceID',
  0x008,
  'What the device is: 1 network, 2 disk, 3 console …; 0 says that the slot is empty.',
  ({ deviceId }) => deviceId,
);
const VENDOR_ID = readOnly('VendorID', 0x00c, 'Who made the device: the letters "QEMU".', () => VENDOR);

/** What every slot answers, with or without a device. */
export const IDENTITY_REGISTERS = [MAGIC_VALUE, VERSION, DEVICE_ID, VENDOR_ID] as const;

const features = (device: string, driver: string): readonly TransportRegister[] => [
  readOnly(`${device}Features`, 0x010, 'Features the device offers, 32 of them at a time.', (face) =>
    face.offered(face.state.deviceFeaturesSelect),
  ),
  writeOnly(`${device}FeaturesSel`, 0x014, `Which 32 features ${device}Features shows.`, ({ state }, value) => {
    state.deviceFeaturesSelect = value;
  }),
  writeOnly(
    `${driver}Features`,
    0x020,
    'Features the driver has understood and wants, 32 of them at a time.',
    (face, value) => face.chooseFeatures(value),
  ),
  writeOnly(`${driver}FeaturesSel`, 0x024, `Which 32 features ${driver}Features sets.`, ({ state }, value) => {
    state.driverFeaturesSelect = value;
  }),
];

const QUEUE_SELECT = writeOnly(
  'QueueSel',
  0x030,
  'Which queue the other Queue registers are about.',
  ({ state }, value) => {
    state.queueSelect = value;
  },
);
const QUEUE_NUM_MAX = readOnly(
  'QueueNumMax',
  0x034,
  'Most entries the queue may have; 0: there is no such queue.',
  (face) => (face.selected === undefined ? 0 : MAXIMUM_QUEUE_SIZE),
);
const QUEUE_NUM = writeOnly('QueueNum', 0x038, 'Entries of the queue, a power of two.', ({ configurable }, value) => {
  if (configurable) configurable.size = value;
});
const QUEUE_NOTIFY = writeOnly('QueueNotify', 0x050, 'There are new buffers in this queue.', (face, value) =>
  face.notify(value),
);
const INTERRUPT_STATUS = readOnly(
  'InterruptStatus',
  0x060,
  'Why the device interrupts: bit 0 it has used a buffer, bit 1 its configuration has changed.',
  ({ state }) => state.interruptStatus,
);
const INTERRUPT_ACK = writeOnly(
  'InterruptACK',
  0x064,
  'Bits of InterruptStatus that have been handled.',
  (face, value) => face.acknowledge(value),
);
const STATUS = readWrite(
  'Status',
  0x070,
  'How far the driver is: 1 acknowledge, 2 driver, 8 features ok, 4 driver ok; 64 device needs reset, 128 failed. Writing 0 resets.',
  ({ state }) => state.status,
  (face, value) => face.setStatus(value),
);

/** No device here has shared memory: all regions have length and base −1 (section 4.2.2). */
const none: Look = () => 0xffff_ffff;

export const MODERN_REGISTERS: readonly TransportRegister[] = [
  ...IDENTITY_REGISTERS,
  ...features('Device', 'Driver'),
  QUEUE_SELECT,
  QUEUE_NUM_MAX,
  QUEUE_NUM,
  readWrite(
    'QueueReady',
    0x044,
    '1: the device may use the queue.',
    ({ selected }) => (selected?.ready === true ? 1 : 0),
    (face, value) => face.setReady(value),
  ),
  QUEUE_NOTIFY,
  INTERRUPT_STATUS,
  INTERRUPT_ACK,
  STATUS,
  addressHalf('QueueDescLow', 0x080, 'Guest physical address of the descriptor table, low half.', 'descriptorLow'),
  addressHalf('QueueDescHigh', 0x084, 'Guest physical address of the descriptor table, high half.', 'descriptorHigh'),
  addressHalf('QueueDriverLow', 0x090, 'Address of the available ring, low half.', 'driverLow'),
  addressHalf('QueueDriverHigh', 0x094, 'Address of the available ring, high half.', 'driverHigh'),
  addressHalf('QueueDeviceLow', 0x0a0, 'Address of the used ring, low half.', 'deviceLow'),
  addressHalf('QueueDeviceHigh', 0x0a4, 'Address of the used ring, high half.', 'deviceHigh'),
  readOnly('SHMLenLow', 0x0b0, 'Length of a shared memory region: −1, there is none.', none),
  readOnly('SHMLenHigh', 0x0b4, 'Its high half.', none),
  readOnly('SHMBaseLow', 0x0b8, 'Address of a shared memory region: −1, there is none.', none),
  readOnly('SHMBaseHigh', 0x0bc, 'Its high half.', none),
  readOnly(
    'ConfigGeneration',
    0x0fc,
    'Changes whenever the configuration space does: read it before and after.',
    ({ state }) => state.generation,
  ),
];

export const LEGACY_REGISTERS: readonly TransportRegister[] = [
  ...IDENTITY_REGISTERS,
  ...features('Host', 'Guest'),
  writeOnly('GuestPageSize', 0x028, 'Bytes of the pages that QueuePFN counts.', ({ state }, value) => {
    state.guestPageSize = value;
  }),
  QUEUE_SELECT,
  QUEUE_NUM_MAX,
  QUEUE_NUM,
  writeOnly('QueueAlign', 0x03c, 'Alignment of the used ring in bytes.', ({ configurable }, value) => {
    // Kernels written for QEMU write 0 and mean the alignment they found: QEMU leaves it then.
    if (configurable && value !== 0) configurable.align = value;
  }),
  readWrite(
    'QueuePFN',
    0x040,
    'Page number of the queue, whose three parts follow each other; 0: the queue is not in use.',
    ({ selected }) => selected?.pageFrame ?? 0,
    (face, value) => face.setPageFrame(value),
  ),
  QUEUE_NOTIFY,
  INTERRUPT_STATUS,
  INTERRUPT_ACK,
  STATUS,
];
