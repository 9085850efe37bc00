// The VMs a visit begins with: those the page's address asks for, else those that ran last, else a small one. Knows no React,
// because the page's entry asks it before anything else is loaded.

import {
  diskModels,
  type GuestDescription,
  type Technique,
  type VmDisk,
  type VmOptions,
} from '../protocol/commands.ts';
import { store, stored } from './storage.ts';

type Guests = readonly Pick<GuestDescription, 'name' | 'techniques' | 'memoryMiB'>[];

const VMS = 'ringside.vms.1';
/** What the core gives a guest at most. */
export const MOST_MEMORY_MIB = 1024;
const MOST_BYTES = 2 ** 31;
const MOST_HARTS = 8;
/** As the kernel’s command line: what is longer was not typed. */
const LONGEST_TEXT = 4096;

/** What of a VM is kept, but its guest: nothing the person brought as a file. */
type Kept = Omit<VmOptions, 'guest' | 'start' | 'initrd' | 'firmware' | 'saved' | 'shares' | 'input' | 'scenario'>;
type Wanted = Readonly<Partial<Record<keyof Kept | 'guest', unknown>>>;

/** Keeps the VMs for the next visit. Images the person brought are too large to keep. */
export function rememberVms(vms: readonly VmOptions[]): void {
  store(
    VMS,
    vms.flatMap(({ guest, start: _, initrd, firmware, saved, shares: __, input: ___, scenario: ____, ...options }) => {
      const brought = [initrd, firmware, saved].some((bytes) => bytes !== undefined);
      if (guest.kind !== 'shipped' || brought) return [];
      // A disk with an image is one of those: it is gone with its VM.
      const disks = options.disks?.filter(({ image }) => image === undefined);
      return [{ ...options, guest: guest.name, ...(disks && { disks }) } satisfies Wanted];
    }),
  );
}

/** A VM asked for by the page's address: `#guest=linux&technique=bare&network=user`. */
function vmOfAddress(guests: Guests): readonly VmOptions[] {
  const asked = new URLSearchParams(location.hash.slice(1));
  const name = asked.get('guest');
  return name === null
    ? []
    : checked(guests, {
        guest: name,
        technique: asked.get('technique'),
        memoryMiB: Number(asked.get('memory')),
        adBits: asked.get('ad-bits'),
        network: asked.get('network') === 'user',
      });
}

const whole = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;

const text = (value: unknown): value is string => typeof value === 'string' && value.length <= LONGEST_TEXT;

type Fields = Readonly<Partial<Record<string, unknown>>>;
const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;

const slotOf = ({ slot }: Fields) => whole(slot, 0, 7) && { slot };

function balloonOf(wanted: unknown): Pick<VmOptions, 'balloon'> {
  if (wanted === true) return { balloon: true };
  const { targetBytes, ...rest } = fieldsOf(wanted) ?? {};
  return whole(targetBytes, 0, MOST_BYTES) ? { balloon: { targetBytes, ...slotOf(rest) } } : {};
}

function rngOf(wanted: unknown): Pick<VmOptions, 'rng'> {
  const { seed, ...rest } = fieldsOf(wanted) ?? {};
  return whole(seed, 0, 0xffff_ffff) ? { rng: { seed, ...slotOf(rest) } } : {};
}

/** The cable is not kept but for its card: it is set in the panel, while the VM runs. */
function cardOf(wanted: unknown): Pick<VmOptions, 'card'> {
  const { model: name, ...rest } = fieldsOf(wanted) ?? {};
  const model = diskModels.find((known) => known === name);
  return model === undefined ? {} : { card: { model, ...slotOf(rest) } };
}

function entitlementsOf(wanted: unknown): Pick<VmOptions, 'entitlements'> {
  if (!Array.isArray(wanted)) return {};
  const entitlements = wanted.slice(0, MOST_HARTS).map((each: unknown) => {
    const { weight, cap, pin } = fieldsOf(each) ?? {};
    return {
      ...(whole(weight, 1, 10_000) && { weight }),
      ...(whole(cap, 1, 100) && { cap }),
      ...(whole(pin, 1, 0xff) && { pin }),
    };
  });
  return { entitlements };
}

function disksOf(wanted: unknown): readonly VmDisk[] {
  return (Array.isArray(wanted) ? wanted : []).flatMap((disk: Readonly<Partial<Record<string, unknown>>> | null) => {
    const model = diskModels.find((known) => known === disk?.['model']);
    const name = disk?.['name'];
    return typeof name === 'string' && model !== undefined ? [{ name, model, ...slotOf({ ...disk }) }] : [];
  });
}

function checked(guests: Guests, wanted: Wanted): readonly VmOptions[] {
  const { technique, memoryMiB, adBits, aia, network, virtio, harts, boot, bootArguments, title } = wanted;
  const disks = disksOf(wanted.disks);
  const guest = guests.find((known) => known.name === wanted.guest);
  if (guest === undefined) return [];
  const preferred: readonly unknown[] = [technique, 'trap-and-emulate', ...guest.techniques];
  const possible = preferred.find((each): each is Technique => guest.techniques.some((known) => known === each));
  if (possible === undefined) return [];
  const fits = typeof memoryMiB === 'number' && memoryMiB >= 1 && memoryMiB <= MOST_MEMORY_MIB;
  return [
    {
      guest: { kind: 'shipped', name: guest.name },
      technique: possible,
      memoryMiB: Math.round(fits ? memoryMiB : guest.memoryMiB),
      start: true,
      ...(adBits === 'hardware' && { adBits }),
      ...(aia === 'aplic-imsic' && { aia }),
      ...(wanted.binaryPatching === true && possible === 'trap-and-emulate' && { binaryPatching: true }),
      ...(whole(harts, 2, MOST_HARTS) && { harts }),
      ...((boot === 'machine' || boot === 'supervisor') && { boot }),
      ...(text(bootArguments) && { bootArguments }),
      ...(text(title) && { title }),
      ...(network === true && { network, ...cardOf(wanted.card) }),
      ...balloonOf(wanted.balloon),
      ...rngOf(wanted.rng),
      ...(possible !== 'bare' && entitlementsOf(wanted.entitlements)),
      ...(disks.length > 0 && { disks }),
      ...(virtio === 'modern' && { virtio }),
    },
  ];
}

/** The small guest of a first visit: one whose exits keep coming, so that there is something to stop at. */
const FIRST_GUESTS = ['heartbeat', 'timer', 'hello'];

/** The VMs to begin with: those of the address, else those of the last visit, else a small one. */
export function vmsToBeginWith(guests: Guests): readonly VmOptions[] {
  const asked = vmOfAddress(guests);
  if (asked.length > 0) return asked;
  const found = stored(VMS);
  const last = (Array.isArray(found) ? found : []).slice(0, 4).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    return checked(guests, entry);
  });
  if (last.length > 0) return last;
  const first = FIRST_GUESTS.find((name) => guests.some((guest) => guest.name === name));
  return checked(guests, { guest: first ?? guests[0]?.name, technique: 'trap-and-emulate' });
}
