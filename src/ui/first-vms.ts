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

/** Keeps the VMs for the next visit. Images the person brought are too large to keep. */
export function rememberVms(vms: readonly VmOptions[]): void {
  store(
    VMS,
    vms.flatMap(({ guest, technique, memoryMiB, adBits, network, disks, virtio }) => {
      if (guest.kind !== 'shipped') return [];
      // A disk with an image is one of those: it is gone with its VM.
      const kept = disks?.filter(({ image }) => image === undefined);
      return [{ guest: guest.name, technique, memoryMiB, adBits, network, disks: kept, virtio }];
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

type Wanted = Readonly<
  Partial<Record<'guest' | 'technique' | 'memoryMiB' | 'adBits' | 'network' | 'disks' | 'virtio', unknown>>
>;

function disksOf(wanted: unknown): readonly VmDisk[] {
  return (Array.isArray(wanted) ? wanted : []).flatMap((disk: Readonly<Partial<Record<string, unknown>>> | null) => {
    const model = diskModels.find((known) => known === disk?.['model']);
    const name = disk?.['name'];
    return typeof name === 'string' && model !== undefined ? [{ name, model }] : [];
  });
}

function checked(guests: Guests, wanted: Wanted): readonly VmOptions[] {
  const { technique, memoryMiB, adBits, network, virtio } = wanted;
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
      ...(network === true && { network }),
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
