// The state hash against its definition: FNV-1a over 64 bits, taking 32-bit words (README, "State hash"; the constants are
// those of the FNV specification), worked out here with big integers.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { LinearMemory } from '../../machine/linear-memory.ts';
import { PrivilegedState } from '../../machine/privileged-state.ts';
import { cornerWord } from '../../machine/test-machine.test-support.ts';
import { newLab, sourceGuest } from '../guest-rig.test-support.ts';
import { unmodifiedTechniques } from '../virtual-machine.ts';
import { hashOfVm, stateHash } from './state-hash.ts';

const OFFSET_BASIS = 0xcbf2_9ce4_8422_2325n;
const PRIME = 0x100_0000_01b3n;

function reference(words: readonly number[]): string {
  let hash = OFFSET_BASIS;
  for (const word of words) hash = BigInt.asUintN(64, (hash ^ BigInt(word >>> 0)) * PRIME);
  return hash.toString(16).padStart(16, '0');
}

const state = new PrivilegedState(new LinearMemory(nodeHost.allocate(65536)), 4096, {
  hypervisorExtension: false,
  svadu: false,
  time: () => 0,
  executed: () => 0,
  changed: () => undefined,
});

test('is FNV-1a of registers, pc, mode, CSRs and all of RAM, in this order', () => {
  const anyRegisters = fc.array(cornerWord, { minLength: 31, maxLength: 31 });
  fc.assert(
    fc.property(anyRegisters, cornerWord, fc.array(cornerWord, { maxLength: 200 }), (registers, satp, ram) => {
      state.reset(0);
      registers.forEach((value, index) => state.setX(index + 1, value));
      state.pc = 0x8040_0000;
      state.csrs.satp = satp;
      const csrs = [0, 0, 0, 0, 0, 0, 0, 0, satp]; // sstatus … stval are zero after reset
      const half = ram.length >> 1;
      const views = [ram.slice(0, half), ram.slice(half)].map((words) => new Uint8Array(Int32Array.from(words).buffer));
      expect(stateHash(state, { views: () => views }, false)).toBe(
        reference([...registers, 0x8040_0000, 3, ...csrs, ...ram]),
      );
    }),
  );
});

test.each(unmodifiedTechniques)(
  '%s: of a VM it is that of its hart, where it has one, and of all, where it has several',
  (technique) => {
    const guest = (harts: number) => sourceGuest('.globl _start\n_start: j _start', { harts });
    const lab = newLab();
    const one = lab.addVm({ technique, guest: guest(1) });
    expect(hashOfVm(one)).toBe(stateHash(one.look(), one.memory, false));
    const four = lab.addVm({ technique, guest: guest(4) });
    const hashes = [hashOfVm(four)];
    for (const hart of [0, 1, 2, 3]) {
      four.look(hart).setX(8, 77);
      hashes.push(hashOfVm(four));
    }
    four.look(3).stopped = false;
    hashes.push(hashOfVm(four));
    expect(new Set(hashes).size).toBe(6);
  },
);
