// What a visit begins with: the address before memory, memory before the first guest, and no trust in either.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { guests } from '../guests/manifest.ts';
import { rememberVms, vmsToBeginWith } from './first-vms.ts';

const kept = new Map<string, string>();

function visit(hash = ''): void {
  vi.stubGlobal('location', { hash });
}

beforeEach(() => {
  kept.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  });
  visit();
});
afterEach(() => void vi.unstubAllGlobals());

const shipped = (name: string) => ({ kind: 'shipped', name }) as const;

test('a first visit begins with a small guest that shows exits', () => {
  const [first, ...others] = vmsToBeginWith(guests);
  expect(others).toEqual([]);
  expect(first).toMatchObject({ guest: shipped('heartbeat'), technique: 'trap-and-emulate', start: true });
});

test('what ran last runs again, as it was', () => {
  rememberVms([
    {
      guest: shipped('linux'),
      technique: 'hardware-assisted',
      memoryMiB: 96,
      adBits: 'hardware',
      network: true,
      disks: [{ name: 'data', model: 'virtio' }],
      virtio: 'modern',
      start: false,
    },
    {
      guest: { kind: 'image', title: 'mine', bytes: new Uint8Array(4), boot: 'machine' },
      technique: 'bare',
      memoryMiB: 8,
      start: true,
    },
    { guest: shipped('hello'), technique: 'bare', memoryMiB: 16, start: true },
  ]);
  expect(vmsToBeginWith(guests)).toEqual([
    {
      guest: shipped('linux'),
      technique: 'hardware-assisted',
      memoryMiB: 96,
      adBits: 'hardware',
      network: true,
      disks: [{ name: 'data', model: 'virtio' }],
      virtio: 'modern',
      start: true,
    },
    { guest: shipped('hello'), technique: 'bare', memoryMiB: 16, start: true },
  ]);
});

test('everything a person chose is kept, but the files they brought', () => {
  const chosen = {
    guest: shipped('linux'),
    technique: 'trap-and-emulate',
    memoryMiB: 64,
    title: 'one: Linux',
    binaryPatching: true,
    aia: 'aplic-imsic',
    harts: 2,
    boot: 'supervisor',
    bootArguments: 'quiet',
    network: true,
    card: { model: 'programmed-io', slot: 2 },
    balloon: { targetBytes: 8192, slot: 1 },
    rng: { seed: 7 },
    entitlements: [{ weight: 200, cap: 50 }, { pin: 3 }],
    disks: [{ name: 'data', model: 'virtio', slot: 4 }],
    start: true,
  } as const;
  const bytes = new Uint8Array(4);
  const brought = { guest: shipped('hello'), technique: 'bare', memoryMiB: 16, start: true } as const;
  rememberVms([
    { ...chosen, shares: [{ files: [] }], input: [{ text: 'x' }] },
    { ...brought, firmware: bytes },
    { ...brought, initrd: bytes },
    { ...brought, saved: bytes },
  ]);
  expect(vmsToBeginWith(guests)).toEqual([chosen]);
});

test('a guest that is not patched under this technique is not asked to be', () => {
  kept.set(
    'ringside.vms.1',
    JSON.stringify([{ guest: 'linux', technique: 'bare', binaryPatching: true, entitlements: [{}] }]),
  );
  expect(vmsToBeginWith(guests)).toEqual([{ guest: shipped('linux'), technique: 'bare', memoryMiB: 64, start: true }]);
});

test('the address comes first', () => {
  rememberVms([{ guest: shipped('hello'), technique: 'bare', memoryMiB: 16, start: true }]);
  visit('#guest=linux&technique=bare&memory=128');
  expect(vmsToBeginWith(guests)).toEqual([{ guest: shipped('linux'), technique: 'bare', memoryMiB: 128, start: true }]);
});

test.each([
  'no JSON {',
  '{"guest":"linux"}',
  '[null, 3, {"guest":"nobody"}, {"guest":5}]',
  '[{"guest":"heartbeat","disks":[null,7,{"name":3}],"virtio":9}]',
  '[{"guest":"heartbeat","harts":900,"balloon":{"targetBytes":-1},"rng":[3],"card":7,"entitlements":[null,{"cap":0}],"aia":1,"title":{}}]',
])('what was stored and is damaged is passed over: %s', (text) => {
  kept.set('ringside.vms.1', text);
  expect(vmsToBeginWith(guests)).toMatchObject([{ guest: shipped('heartbeat') }]);
});

test.each([0, -4, 1e9, 'many', null])('memory of %s MiB is the guest’s own instead', (memoryMiB) => {
  kept.set('ringside.vms.1', JSON.stringify([{ guest: 'linux', technique: 'bare', memoryMiB }]));
  expect(vmsToBeginWith(guests)).toMatchObject([{ memoryMiB: 64 }]);
});
