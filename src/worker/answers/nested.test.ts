// What the page shows of a bare guest that runs a guest of its own: two stages, both sets of registers, tables read through
// the second stage. Known from src/guests/nested: GPA 80012000 is L2's root, its first frame lies behind the stage-2 leaf.

import { expect, test } from 'vitest';
import { BareMachine } from '../../core/hypervisor/techniques/bare-machine.ts';
import { drive, hashOf, newLab, shippedGuest } from '../../core/hypervisor/guest-rig.test-support.ts';
import { tablesAnswer, walkAnswer } from './memory.ts';
import { registersAnswer } from './registers.ts';

function inUserOfL2() {
  const lab = newLab();
  const vm = lab.addVm({ technique: 'bare', guest: shippedGuest('nested') });
  if (!(vm instanceof BareMachine)) throw new Error('a guest of the bare machine');
  for (let step = 0; step < 200; step++) {
    lab.step(vm.id, 'crossing');
    drive(vm, { until: () => !vm.control.running });
    const { virtual, privilege, pc } = vm.look();
    // Behind its first call: its page and its tables are there.
    if (virtual && privilege === 0 && pc > 0x8001_1000) return vm;
  }
  throw new Error('the guest of the guest was never in its user mode');
}

test('its walk goes through both stages, its tables are those of the walk, and looking changes nothing', () => {
  const vm = inUserOfL2();
  const before = hashOf(vm);
  const { pc } = vm.look();
  const walk = walkAnswer(vm, { gva: pc, access: 'fetch' });
  expect(walk.fault).toBeUndefined();
  expect(walk.fetches.map(({ table, nested }) => `${table}${nested ? '*' : ''}`)).toEqual([
    ...['stage-2*', 'stage-2*', 'guest', 'stage-2*', 'stage-2*', 'guest', 'stage-2', 'stage-2'],
  ]);

  const own = tablesAnswer(vm, { table: 'guest', expanded: [] });
  expect(own).toMatchObject({ name: 'vsatp', root: 0x8001_2000 });
  expect(own.entries.map(({ index }) => index)).toEqual([0x040, 0x100, 0x200]);
  const second = tablesAnswer(vm, { table: 'stage-2', expanded: [0x200] });
  expect(second.name).toBe('hgatp');
  const pages = second.entries.flatMap(({ children }) => children ?? []);
  expect(pages.map(({ address }) => address)).toContain(0x8001_2000);
  expect(pages.length).toBe(5);

  const registers = registersAnswer(vm);
  expect(registers.mode).toBe('VU');
  const value = (name: string) => registers.hypervisorCsrs.find((csr) => csr.name === name)?.value ?? 0;
  expect((value('hgatp') & 0x3f_ffff) * 4096).toBe(second.root);
  expect((value('vsatp') & 0x3f_ffff) * 4096).toBe(own.root);
  expect(hashOf(vm)).toBe(before);
});
