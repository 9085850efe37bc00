// Story: a student asks whether the instruction set is virtualizable, takes one trap away from the machine, sees which theorem
// fails and a guest that fails with it, finds the instruction where it parts from the bare machine; then lets burglars try.

import { test } from '@playwright/test';
import { complaints, consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

test('the three properties are measured, and one broken rule is followed to the instruction where it shows', async ({
  page,
}) => {
  test.setTimeout(600_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Virtualizable?');
  const sets = page.locator('[data-panel="virtualizable"]');
  await sets.getByRole('button', { name: 'Run the test' }).click();
  await expect(sets).toContainText('Every sensitive instruction is privileged', { timeout: 120_000 });
  await expect(sets).toContainText('Sensitive, not privileged: 0.');
  await sets.getByRole('button', { name: 'wfi', exact: true }).click();
  await expect(sets.getByRole('region', { name: 'What wfi did' })).toContainText(
    'Control-sensitive: in S: the hart executes no more until an interrupt comes',
  );

  // One trap less, on every machine of the lab.
  await sets.getByRole('checkbox', { name: /sret in user mode does nothing/ }).check();
  await sets.getByRole('button', { name: 'Run the test' }).click();
  await expect(sets).toContainText('Sensitive, not privileged: 1.', { timeout: 120_000 });
  await expect(sets).toContainText('None of them is sensitive in user mode');
  expect(await complaints(page, 'virtualizable')).toEqual([]);

  // The guest that relies on it fails where its kernel is deprivileged, and nowhere else.
  await sets.getByRole('button', { name: 'Run it hardware-assisted' }).click();
  await expect(vmChip(page, 'A system call')).toBeVisible();
  await vmChip(page, 'A system call').first().click();
  await expect(consoleText(page)).toContainText('the user program ended with 0000002a');
  await runFromPalette(page, 'Show Virtualizable?');
  await sets.getByRole('button', { name: 'Run it under trap-and-emulate' }).click();
  await expect(vmChip(page, 'A system call')).toHaveCount(2);
  await vmChip(page, 'A system call').last().click();
  await expect(consoleText(page)).toContainText('the user program ended with 00000000');

  // A kernel that asks its hypervisor needs no sret.
  await runFromPalette(page, 'Show Virtualizable?');
  await sets.getByRole('button', { name: 'Run a paravirtual kernel' }).click();
  await vmChip(page, 'Twin: paravirtual').click();
  await expect(consoleText(page)).toContainText('round 7:');

  // Where it parts from the bare machine.
  await runFromPalette(page, 'Show Equivalence');
  const equivalence = page.locator('[data-panel="equivalence"]');
  await equivalence.getByRole('button', { name: 'Compare' }).click();
  await expect(equivalence).toContainText('No difference: registers, CSRs, time, output and memory', {
    timeout: 120_000,
  });
  await equivalence.getByRole('checkbox', { name: 'sret', exact: true }).check();
  await equivalence.getByRole('button', { name: 'Compare' }).click();
  await expect(equivalence).toContainText('Under trap-and-emulate it differs after 778 equal instructions, in sret', {
    timeout: 120_000,
  });
  await expect(equivalence.getByRole('row').filter({ hasText: 'pc' })).toContainText('0x804000b0');

  await runFromPalette(page, 'Show Isolation');
  const isolation = page.locator('[data-panel="isolation"]');
  await isolation.getByRole('button', { name: 'Let them try' }).click();
  await expect(
    isolation.getByRole('listitem').filter({ hasText: 'load from memory behind its own' }).first(),
  ).toContainText('shadow table', { timeout: 120_000 });
  await expect(isolation.getByRole('status')).toContainText(/(\d+) of \1 tried, \1 stopped/, { timeout: 300_000 });
  await expect(isolation.getByText('Not stopped')).toHaveCount(0);
});
