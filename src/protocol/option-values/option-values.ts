// What the text of each option of a VM, and of the machine under it, may be. `ringside run` reads its options so, scenario files
// their fields, there and in the page: a field is the option of the same name.

import type { MAXIMUM_WEIGHT } from '../../core/hypervisor/scheduling/vcpu-schedule.ts';
import { bandwidth } from './bandwidth.ts';
import { choices } from './choices.ts';
import { diskWords } from './disk-words.ts';
import { networkCard } from './network-card.ts';
import { quirkList } from './quirk-list.ts';
import { inSlot } from './slot.ts';
import { aFile, anyText, count, fileName, fileWith, oneOf, size, wholeNumber } from './values.ts';
import { harts, perVcpu } from './vcpus.ts';

const LARGEST = 2 ** 31;
const PAGE = 4096;
const ram = size({ minimum: 2 * 2 ** 20, maximum: LARGEST, multipleOf: PAGE });
const pages = size({ minimum: PAGE, maximum: LARGEST, multipleOf: PAGE });
const seed = wholeNumber(0, 0xffff_ffff);
/** It is the scheduler's: the compiler compares them. */
const MOST_WEIGHT = 10_000 satisfies typeof MAXIMUM_WEIGHT;

export const optionValues = {
  guest: anyText,
  technique: oneOf(choices.technique),
  memory: ram,
  boot: oneOf(choices.boot),
  harts: wholeNumber(1, 8),
  weight: perVcpu(1, MOST_WEIGHT),
  cap: perVcpu(1, 100),
  pin: harts,
  firmware: fileName,
  initrd: fileName,
  append: anyText,
  adBits: oneOf(choices.adBits),
  aia: oneOf(choices.aia),
  repair: oneOf(choices.repair),
  disk: inSlot(fileWith(diskWords)),
  share: inSlot(fileWith(['readonly'] as const)),
  rng: inSlot((text) => ({ seed: seed(text) })),
  network: inSlot(networkCard),
  virtio: oneOf(choices.virtio),
  balloon: inSlot((text) => ({ targetBytes: pages(text) })),
  console: inSlot(aFile),
  migrateAfter: count,
  bandwidth,
  /** Milliseconds. */
  downtime: wholeNumber(1, 600_000),
  diverge: oneOf(choices.diverge),
  cloneAfter: count,
  save: fileName,
  saveAfter: count,
  restore: fileName,
  traceLevels: fileName,
  processes: fileName,
  systemCalls: fileName,
  physicalHarts: wholeNumber(1, 8),
  machineMemory: ram,
  swap: pages,
  /** Microseconds. */
  swapLatency: wholeNumber(0, 1_000_000),
  merge: wholeNumber(1, 1_000_000),
  hugePages: oneOf(choices.hugePages),
  break: quirkList,
} as const;
