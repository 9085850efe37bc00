// Story: a student takes the trap of sret away from the machine, runs a guest whose kernel relies on it with its code patched, sees
// the instruction and what the hart executes in its place, and compares it with the bare machine; then Linux, on a machine
// that shows its status register to everybody.

import { test } from '@playwright/test';
import { complaints, consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

test('binary patching repairs a guest on a machine that does not trap, and every replaced instruction is shown', async ({
  page,
}) => {
  test.setTimeout(600_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Virtualizable?');
  const panel = page.locator('[data-panel="virtualizable"]');
  await panel.getByRole('checkbox', { name: /^sret in user mode does nothing/ }).check();
  await panel.getByLabel('Guest').selectOption({ label: 'A system call' });
  await panel.getByRole('button', { name: 'Run it patched' }).click();
  const patched = panel.getByRole('region', { name: /^Patched code of VM \d+, A system call/ });
  await expect(patched).toContainText('2 instructions in 1 page replaced, because sret does not trap here', {
    timeout: 60_000,
  });
  const first = patched.getByRole('row').filter({ hasText: '8040_00ac' });
  await expect(first).toContainText(/1020_0073 sret.*0010_0073 ebreak2in use/);
  await expect(patched).toContainText('Pages with a patched copy1 of at most');
  expect(await complaints(page, 'virtualizable')).toEqual([]);
  await vmChip(page, 'A system call').click();
  await runFromPalette(page, 'Show Console');
  await expect(consoleText(page)).toContainText('the user program ended with 0000002a');

  // The traps of what was replaced have a reason of their own.
  await runFromPalette(page, 'Show Exits');
  const exits = page.locator('[data-panel="exits"]');
  await exits.getByRole('radio', { name: 'Summary' }).check();
  await expect(exits.getByRole('row').filter({ hasText: 'patched-instruction' })).toContainText('EXC_BREAKPOINT');

  // Instruction for instruction as on the bare machine.
  await runFromPalette(page, 'Show Equivalence');
  const equivalence = page.locator('[data-panel="equivalence"]');
  await equivalence.getByRole('checkbox', { name: 'sret', exact: true }).check();
  await equivalence.getByRole('checkbox', { name: /repaired by binary patching/ }).check();
  await equivalence.getByRole('button', { name: 'Compare' }).click();
  await expect(equivalence).toContainText('No difference: registers, CSRs, time, output and memory', {
    timeout: 120_000,
  });

  // The kernel of Linux reads its status in many places.
  await runFromPalette(page, 'Show Virtualizable?');
  await panel.getByRole('checkbox', { name: /^csrr sstatus in user mode reads the real register/ }).check();
  await panel.getByLabel('Guest').selectOption({ label: 'Linux' });
  await panel.getByRole('button', { name: 'Run it patched' }).click();
  const linux = panel.getByRole('region', { name: /^Patched code of VM \d+, Linux/ });
  await expect(linux).toContainText('because sret; sstatus, read do not trap here', { timeout: 120_000 });
  await expect(linux.getByRole('row').filter({ hasText: 'csrr' }).first()).toContainText('ebreak');
  await vmChip(page, 'Linux').click();
  await runFromPalette(page, 'Show Console');
  await expect(consoleText(page)).toContainText('/ #', { timeout: 120_000 });
});
