// Story: someone adds a VM of their own choice, from the list or from a file of theirs.
import { test } from '@playwright/test';
import { consoleText, expect, openAddVm, openLab, vmChip } from './lab-page.ts';

test('the list says what each guest teaches, and the chosen one runs', async ({ page }) => {
  await openLab(page, '#guest=linux');
  const dialog = await openAddVm(page);
  await dialog.getByRole('radio', { name: 'Hello, two ways' }).check();
  await dialog.getByRole('radio', { name: 'hardware-assisted' }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();

  await expect(dialog).toHaveCount(0);
  await expect(vmChip(page, 'Hello, two ways')).toBeChecked();
  await expect(consoleText(page)).toContainText(/hello/i);
});

test('a file that is no program is refused in plain words, and nothing else is lost', async ({ page }) => {
  await openLab(page, '#guest=linux');
  const dialog = await openAddVm(page);
  const file = dialog.getByLabel('A file of yours');

  await file.setInputFiles({ name: 'empty.elf', mimeType: 'application/octet-stream', buffer: Buffer.alloc(0) });
  await expect(dialog.getByRole('alert')).toContainText('found an empty file');

  await file.setInputFiles({
    name: 'letter.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('Dear guest, please run.'),
  });
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(dialog.getByRole('alert')).toContainText(/[Ee]xpected.*found/s);
  await page.keyboard.press('Escape');
  await expect(vmChip(page)).toHaveCount(1);
});

test('a program of one’s own runs', async ({ page }) => {
  await openLab(page, '#guest=linux');
  const dialog = await openAddVm(page);
  await dialog.getByLabel('A file of yours').setInputFiles('public/guests/hello.elf');
  await dialog.getByRole('combobox', { name: 'Starts in' }).selectOption('supervisor');
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'hello.elf')).toBeChecked();
  await expect(consoleText(page)).toContainText(/hello/i);
});

test('more memory than there is can be promised, and the dialog says what follows; not more than a VM can have', async ({
  page,
}) => {
  await openLab(page, '#guest=linux&technique=hardware-assisted');
  const dialog = await openAddVm(page);
  await expect(dialog).toContainText(/\d+ of 384 free/);
  const memory = dialog.getByRole('spinbutton', { name: 'Memory' });
  await memory.fill('1025');
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  expect(await memory.evaluate((field: HTMLInputElement) => field.validity.rangeOverflow)).toBe(true);
  await expect(vmChip(page)).toHaveCount(1);

  await memory.fill('16');
  await expect(dialog).not.toContainText('More than there is');
  await memory.fill('400');
  await expect(dialog.getByRole('status')).toContainText(/More than there is: with this VM, 464 MiB are promised/);
  await dialog.getByRole('combobox', { name: /A and D bits/ }).selectOption('hardware');
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page)).toHaveCount(2);
  await expect(vmChip(page).last()).toBeChecked();
});
