// What a person hears of a guest that is stuck in its trap handler; of A and D bits, access-dirty-bits.test.ts.

import { expect, test } from 'vitest';
import { makeElf } from '../../machine/elf-file.test-support.ts';
import { MIB, newLab } from '../guest-rig.test-support.ts';
import { techniques } from '../virtual-machine.ts';

/** `EF_RISCV_RVC`. */
const MAY_BE_COMPRESSED = 1;
const ADDRESS = 0x8040_0000;

/** Jumps over 256 bytes to C.NOP twice, which RV32IMA has not; there is no trap handler. */
function program(flags: number): Uint8Array {
  const code = new DataView(new ArrayBuffer(0x108));
  for (let at = 0; at < 0x108; at += 4) code.setUint32(at, 0x0000_0013, true);
  code.setUint32(0, 0x1000_006f, true);
  code.setUint32(0x100, 0x0001_0001, true);
  return makeElf({ flags, entry: ADDRESS, segments: [{ address: ADDRESS, bytes: new Uint8Array(code.buffer) }] });
}

test.each(techniques)('%s: code with compressed instructions is named where the ELF says so', (technique) => {
  const messageOf = (flags: number) => {
    const lab = newLab();
    const guest = { image: program(flags), boot: 'supervisor', memoryBytes: 16 * MIB, harts: 1 } as const;
    const vm = lab.addVm({ technique, guest });
    lab.start(vm.id);
    lab.computerOf(vm).runSlice(100_000);
    return vm.ending?.message;
  };
  expect(messageOf(MAY_BE_COMPRESSED)).toMatch(/cannot run: .*compressed instructions \(C\).*-march=rv32ima/);
  expect(messageOf(0)).toMatch(/cannot run(?!.*compressed)/);
});
