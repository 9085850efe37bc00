// RAM of 2 GiB puts linear addresses above 2^31, where signed arithmetic on them would go wrong.

import { expect, test } from 'vitest';
import { nodeHost } from '../../cli/node-host.ts';
import { Machine } from './machine.ts';

test('code at the end of 2 GiB runs, and its stores land where it says', () => {
  const ramBytes = 2 ** 31;
  const machine = new Machine({
    host: nodeHost,
    harts: 1,
    ramBytes,
    epochNanoseconds: { high: 0, low: 0 },
    transmit: () => undefined,
  });
  const start = 0x8000_0000 + ramBytes - 4096;
  const words = [
    0x02a0_0513, // li a0, 42
    0x0000_0297, // auipc t0, 0
    0x0ea2_ae23, // sw a0, 252(t0)
    0x0fc2_a583, // lw a1, 252(t0)
    0x0015_8593, // addi a1, a1, 1
  ];
  machine.ram.write(start, new Uint8Array(Uint32Array.from(words).buffer));
  const [hart] = machine.harts;
  if (hart === undefined) throw new Error('no hart');
  hart.state.pc = start;
  for (let round = 0; round < 2; round++) {
    // Once with nothing decoded, once through decoded code.
    hart.state.pc = start;
    expect(machine.run(words.length).kind).toBe('budget');
    expect([hart.state.x(10), hart.state.x(11), hart.state.pc]).toEqual([42, 43, start + 4 * words.length]);
  }
  expect(machine.ram.readEntry(start + 4 + 252)).toBe(42);
});
