// A machine made to depart from the manual does so there and nowhere else (privileged manual, "Trap-Return Instructions":
// SRET in user mode is an illegal instruction; in VU-mode a virtual instruction, "Hypervisor Extension").

import { expect, test } from 'vitest';
import { RAM_BASE } from './layout.ts';
import { Privilege } from './hart-state.ts';
import { quirksOf } from './quirks.ts';
import { TestMachine } from './test-machine.test-support.ts';

const SRET = 0x1020_0073;
const VECTOR = RAM_BASE + 0x400;
const RETURN_TO = RAM_BASE + 0x800;

function afterSret(quirky: boolean, privilege: Privilege, virtual: boolean) {
  const machine = new TestMachine({ translator: false, quirks: quirksOf(quirky ? ['sret'] : []) });
  machine.setCsrs({ mtvec: VECTOR, sepc: RETURN_TO, vsepc: RETURN_TO });
  machine.poke(RAM_BASE, SRET);
  machine.enter(privilege, virtual, RAM_BASE);
  machine.hart.run(1);
  const { state } = machine;
  return { pc: state.pc, mode: state.privilege, cause: machine.hart.lastTrap?.trap.cause };
}

test.each([
  { virtual: false, cause: 2 },
  { virtual: true, cause: 22 },
])('in user mode, V = $virtual, SRET traps, unless the machine was made to pass over it', ({ virtual, cause }) => {
  expect(afterSret(false, Privilege.user, virtual)).toEqual({ pc: VECTOR, mode: Privilege.machine, cause });
  expect(afterSret(true, Privilege.user, virtual)).toEqual({
    pc: RAM_BASE + 4,
    mode: Privilege.user,
    cause: undefined,
  });
});

test.each([false, true])('in supervisor mode it returns on either machine (V = %s)', (virtual) => {
  for (const quirky of [false, true]) {
    expect(afterSret(quirky, Privilege.supervisor, virtual)).toEqual({
      pc: RETURN_TO,
      mode: Privilege.user,
      cause: undefined,
    });
  }
});

test('the switch is the machine’s, and works at once', () => {
  const quirks = quirksOf();
  const machine = new TestMachine({ translator: false, quirks });
  machine.setCsrs({ mtvec: VECTOR });
  machine.poke(RAM_BASE, SRET);
  quirks.sret = true;
  machine.enter(Privilege.user, false, RAM_BASE);
  machine.hart.run(1);
  expect(machine.state.pc).toBe(RAM_BASE + 4);
  quirks.sret = false;
  machine.enter(Privilege.user, false, RAM_BASE);
  machine.hart.run(1);
  expect(machine.state.pc).toBe(VECTOR);
});
