// AMOs at device registers: a load and a store of the register, as on QEMU's board; LR and SC find no reservation there
// (privileged manual, "Atomicity PMAs": a device may have AMOs without reservations).

import { expect, test } from 'vitest';
import { runAlone, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import { techniques } from '../virtual-machine.ts';

/** Priorities of the interrupt controller hold 3 bits: 0x0c000008 is that of source 2. What faults leaves its cause in s7 … */
const KERNEL = `
_start: la      t0, handler
        csrw    stvec, t0
        li      s0, 0x0c000008
        li      t0, 5
        sw      t0, (s0)
        li      t1, 3
        amoswap.w s1, t1, (s0)          # 5, then 3
        li      t1, 4
        amoor.w s2, t1, (s0)            # 3, then 7
        li      t1, -2
        amoand.w s3, t1, (s0)           # 7, then 6
        amomaxu.w zero, zero, (s0)      # still 6
        lw      s4, (s0)
        lr.w    t1, (s0)
        mv      s5, s7
        sc.w    t1, zero, (s0)
        mv      s6, s7
        li      t0, 0x08000000          # nothing is there
        amoadd.w t1, t1, (t0)
        mv      s8, s7
        addi    t0, s0, 2
        amoadd.w t1, t1, (t0)
        ${SHUTDOWN}
        .balign 4
handler:
        csrr    s7, scause
        csrr    t2, sepc
        addi    t2, t2, 4
        csrw    sepc, t2
        sret
`;

test.each(techniques)('%s', (technique) => {
  const { vm } = runAlone(technique, sourceGuest(KERNEL));
  expect(vm.ending).toMatchObject({ kind: 'shutdown' });
  const s = (register: number) => vm.look().x(register === 1 ? 9 : register + 16);
  expect([1, 2, 3, 4].map(s), 'old values, and the last').toEqual([5, 3, 7, 6]);
  expect([5, 6, 8, 7].map(s), 'LR, SC, nowhere, misaligned').toEqual([5, 7, 7, 6]);
});
