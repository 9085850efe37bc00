// Story: a student gives Linux four virtual CPUs on a machine with two harts, looks at each of them, watches the scheduler, and
// takes most of a vCPU's time away with a cap.
import { test } from '@playwright/test';
import { addLinux, complaints, consoleText, expect, openLab, runFromPalette, type } from './lab-page.ts';

test('Linux has four virtual CPUs on two harts, and the scheduler shows where each has been', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello&technique=bare');
  await runFromPalette(page, 'Show Scheduler');
  const scheduler = page.locator('[data-panel="scheduler"]');
  await expect(scheduler).toContainText('No VM shares the hypervisor’s machine');
  await scheduler.getByRole('combobox', { name: 'Physical harts' }).selectOption('2');

  await addLinux(page, { choose: (dialog) => dialog.getByRole('spinbutton', { name: 'Virtual CPUs' }).fill('4') });
  await type(page, 'nproc');
  await expect(consoleText(page)).toContainText('nproc4', { timeout: 60_000 });

  const row = (vcpu: number) => scheduler.getByRole('row').filter({ hasText: `vCPU ${vcpu}` });
  for (const vcpu of [0, 1, 2, 3]) await expect(row(vcpu)).toContainText(/\d\.\d %/);
  await expect(scheduler.getByRole('figure')).toContainText('of the machine’s clock');
  await expect(scheduler.getByRole('combobox', { name: 'Physical harts' })).toBeDisabled();

  // Each vCPU has registers of its own.
  const chosen = page.getByRole('combobox', { name: 'vCPU to look at' });
  await expect(chosen).toHaveValue('0');
  await chosen.selectOption('3');
  await expect(page.locator('[data-panel="registers"]')).toContainText('tp');

  // What it is entitled to can be changed while it runs; what cannot be is refused with a reason.
  const cap = scheduler.getByRole('spinbutton', { name: /Cap of Linux .*vCPU 1/ });
  await cap.fill('10');
  await cap.press('Enter');
  await expect(cap).toHaveValue('10');
  const weight = scheduler.getByRole('spinbutton', { name: /Weight of Linux .*vCPU 0/ });
  await weight.fill('0');
  await weight.press('Enter');
  await expect(scheduler.getByRole('alert')).toContainText('Expected a weight from 1 to 10000');
  await weight.fill('300');
  await weight.press('Enter');
  await scheduler.getByRole('checkbox', { name: /vCPU 2 may use hart 0/ }).click();
  await expect(scheduler.getByRole('checkbox', { name: /vCPU 2 may use hart 0/ })).not.toBeChecked();
  await type(page, 'for i in 0 1 2 3; do (while :; do :; done) & done; sleep 1; grep cpu1 /proc/stat; kill $(jobs -p)');
  await expect(row(1)).toContainText(/\d\d\.\d %/);

  expect(await complaints(page, 'scheduler')).toEqual([]);
});
