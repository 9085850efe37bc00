// Story: a student runs a kernel and its twin that knows its hypervisor, and sees what the difference costs; then starts the
// paravirtual one, stops at a hypercall, and looks at the tables the hart walks; then runs a program in machine mode as a guest.
import { test } from '@playwright/test';
import { assemble } from '../src/core/isa/assembly/assemble.ts';
import { complaints, consoleText, expect, openAddVm, openLab, runFromPalette, vmChip } from './lab-page.ts';

test('the twins do the same, and one of them has hardly an exit', async ({ page }) => {
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Techniques compared');
  const panel = page.locator('[data-panel="techniques"]');
  await expect(panel).toContainText('Two kernels, one program');
  await panel.getByRole('button', { name: 'Run the twins' }).click();
  await expect(panel.getByRole('status')).toContainText('All printed the same 8 lines', { timeout: 60_000 });
  const row = (title: string) =>
    panel.getByRole('row').filter({ has: page.getByRole('rowheader', { name: title, exact: true }) });
  const cells = await row('all exits').getByRole('cell').allTextContents();
  const [bare, trapped, asked] = cells.map((cell) => Number(cell.replaceAll(/\D/g, '')));
  expect(bare).toBe(0);
  expect(trapped ?? 0).toBeGreaterThan(20 * (asked ?? Infinity));
  await expect(row('supervisor-return').getByRole('cell').nth(2)).toHaveText('0');
  await expect(row('hypercall').getByRole('cell').nth(1)).toHaveText('0');
  expect(await complaints(page, 'techniques')).toEqual([]);
});

test('a hypercall, stage by stage, and the tables the hart walks', async ({ page }) => {
  await openLab(page, '#guest=hello');
  const dialog = await openAddVm(page);
  await dialog.getByRole('radio', { name: /^Twin: paravirtual/ }).check();
  await expect(dialog.getByRole('radio', { name: /^paravirtual/ })).toBeChecked();
  await dialog.getByRole('checkbox', { name: /start/i }).uncheck();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'Twin: paravirtual')).toBeChecked();
  const trap = page.locator('[data-panel="trap"]');
  await runFromPalette(page, 'Run to the next exit'); // its very first instruction is not in the shadow yet
  await runFromPalette(page, 'Show The trap');
  await expect(trap).toContainText('instruction page fault');
  await runFromPalette(page, 'Run to the next exit');
  await trap.getByRole('button', { name: /^Next stage/ }).click();
  await expect(trap).toContainText('hypercall get-version');
  await runFromPalette(page, 'Show Page tables');
  await expect(page.locator('[data-panel="tables"]')).toContainText(/shadow/i);
  await runFromPalette(page, 'Show Console');
  await runFromPalette(page, 'Continue');
  await expect(consoleText(page)).toContainText('round 7: sum 09e0, disk ok', { timeout: 60_000 });
});

test('a program in machine mode is a guest like any other, and is seen in M', async ({ page }) => {
  const made = assemble('_start: csrr t0, misa\n csrw mscratch, t0\n1: j 1b\n', { textAddress: 0x8000_0000 });
  if (!made.ok) throw new Error('the program does not assemble');
  await openLab(page, '#guest=hello');
  const dialog = await openAddVm(page);
  await dialog.getByLabel('A file of yours').setInputFiles({
    name: 'machine.elf',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(made.image),
  });
  await expect(dialog.getByRole('radio', { name: /hardware-assisted/ })).toHaveCount(0);
  await dialog.getByRole('radio', { name: 'trap and emulate' }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'machine.elf')).toBeChecked();
  const registers = page.locator('[data-panel="registers"]');
  await runFromPalette(page, 'Show Registers');
  await expect(registers).toContainText('mscratch');
  await expect(registers.getByText('M', { exact: true }).first()).toBeVisible();
});
