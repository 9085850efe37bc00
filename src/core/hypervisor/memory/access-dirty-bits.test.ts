// Who sets the A and D bits of a guest's page tables: with Svade the guest, after a page fault; with Svadu the walker,
// under every technique ("Supervisor-Level ISA", Svade and Svadu; QEMU's default CPU has Svadu).

import { describe, expect, test } from 'vitest';
import { runAlone, SHUTDOWN, sourceGuest, wordAt } from '../guest-rig.test-support.ts';
import { addressOfSymbol, assembled } from '../../isa/assembly/assembled.test-support.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../../../guests/manifest.ts';
import { techniques } from '../virtual-machine.ts';

/** Identity maps with every A and D clear; loads from one page, stores to another, leaves a third alone. */
const KERNEL = `
_start: la      t0, fault
        csrw    stvec, t0
        la      t0, root
        srli    t1, t0, 12
        li      t2, 0x80000000
        or      t1, t1, t2
        csrw    satp, t1
        sfence.vma
        li      t0, 0x80800000
        lw      t1, 0(t0)
        li      t0, 0x80c00000
        lw      t1, 0(t0)
        sw      t0, 0(t0)
        ${SHUTDOWN}
        .balign 4
fault:  j       fault                 # as unreachable as everything else
        .balign 4096
root:   .zero   4 * 513
code:   .word   0x2010000f            # 0x80400000: V R W X
loaded: .word   0x20200007            # 0x80800000: V R W
stored: .word   0x20300007            # 0x80c00000: V R W
idle:   .word   0x20400007            # 0x81000000: V R W
        .balign 4096
`;

const words = assembled(KERNEL, { textAddress: SUPERVISOR_TEXT_ADDRESS });
const flags = ['code', 'loaded', 'stored', 'idle'].map((name) => addressOfSymbol(words, name) ?? 0);

describe.each(techniques)('%s', (technique) => {
  const run = (svadu: boolean) => {
    const { vm, hash } = runAlone(technique, sourceGuest(KERNEL, { memoryBytes: 32 * 2 ** 20, svadu }));
    return {
      ending: vm.ending,
      hash,
      bits: flags.map((address) => wordAt(vm, address) & 0xc0),
      cause: vm.look().get('scause'),
    };
  };

  test('Svade: the first fetch with A clear is a page fault, nothing is set, and the person hears of the bits', () => {
    expect(run(false)).toMatchObject({
      ending: {
        kind: 'dead',
        message: expect.stringMatching(
          /instruction page fault.* leave the A bits clear.*Svadu; --ad-bits hardware/,
        ) as string,
      },
      cause: 12,
      bits: [0, 0, 0, 0],
    });
  });

  test('Svadu: the walker sets A with every access and D with a store', () => {
    expect(run(true)).toMatchObject({ ending: { kind: 'shutdown' }, cause: 0, bits: [0x40, 0x40, 0xc0, 0] });
  });
});

describe.each(techniques)('%s, a handler that cannot be fetched', (technique) => {
  const messageOf = (source: string) =>
    runAlone(technique, sourceGuest(source, { memoryBytes: 32 * 2 ** 20 })).vm.ending?.message;

  test('with no trap vector set yet, as in kernels that switch paging on first, the tables still tell', () => {
    expect(messageOf(KERNEL.replace('la      t0, fault', 'li      t0, 0'))).toMatch(/--ad-bits hardware/);
  });

  test('a kernel that sets A itself is told nothing of it', () => {
    const unmapped = KERNEL.replace('la      t0, fault', 'li      t0, 0')
      .replace('0x2010000f', '0x201000cf')
      .replace('0x20200007', '0');
    expect(messageOf(unmapped)).toMatch(/cannot run(?!.*ad-bits)/);
  });
});

describe.each(techniques)('%s, a kernel that sets A and leaves D to the walker', (technique) => {
  // Its handler begins by saving a register to a page of that kind.
  const aOnly = (page: string) =>
    KERNEL.replace('fault:  j       fault', 'fault:  sw      t1, 0(t0)')
      .replace('0x2010000f', '0x201000cf')
      .replace('0x20200007', '0x20200047')
      .replace('0x20300007', page);
  const run = (source: string, svadu: boolean) =>
    runAlone(technique, sourceGuest(source, { memoryBytes: 32 * 2 ** 20, svadu }), { limit: 1_000_000 }).vm.ending;

  test('hears of the bits, and runs where hardware sets them', () => {
    expect(run(aOnly('0x20300047'), false)?.message).toMatch(
      /store\/AMO page fault.* leave the D bits of pages that it stores to clear.*Svadu; --ad-bits hardware/,
    );
    expect(run(aOnly('0x20300047'), true)).toMatchObject({ kind: 'shutdown' });
  });

  test('is told nothing of it where the page is only read', () => {
    expect(run(aOnly('0x20300043'), false)?.message).toMatch(/store\/AMO page fault(?!.*ad-bits)/);
  });
});

test('Svadu ends in one state under all techniques', () => {
  const guest = sourceGuest(KERNEL, { memoryBytes: 32 * 2 ** 20, svadu: true });
  const hashes = techniques.map((technique) => runAlone(technique, guest).hash);
  expect(new Set(hashes).size).toBe(1);
});
