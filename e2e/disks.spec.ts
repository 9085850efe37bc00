// Story: a student gives Linux a disk, makes a file system on it, closes the tab in the middle of writing, and finds everything
// that was flushed in the next visit; then looks at the disks, saves one as a file, and deletes it.
import { readFileSync } from 'node:fs';
import { test } from '@playwright/test';
import { addLinux, complaints, consoleText, expect, openLab, runFromPalette, type, vmChip } from './lab-page.ts';

test('a guest’s writes are there after a reload, and what it flushed after the tab was lost in mid-write', async ({
  page,
  context,
}) => {
  test.setTimeout(300_000);
  await openLab(page, '#guest=hello');
  await addLinux(page, {
    choose: async (dialog) => {
      await dialog.getByRole('button', { name: 'New disk …' }).click();
      await dialog.getByRole('textbox', { name: 'Name of the new disk' }).fill('work');
      await dialog.getByRole('spinbutton', { name: 'Size of the new disk' }).fill('16');
      await dialog.getByRole('button', { name: 'Make an empty disk' }).click();
      await expect(dialog).toContainText('16 MiB');
    },
  });
  await type(
    page,
    "mke2fs /dev/vda > /dev/null; mkdir -p /m; mount /dev/vda /m; dd if=/dev/urandom of=/m/n bs=1k count=150 2>/dev/null; md5sum < /m/n; sync; echo flu''shed",
  );
  await expect(consoleText(page)).toContainText('flushed', { timeout: 120_000 });
  const sum = /[0-9a-f]{32}/.exec(await consoleText(page).innerText())?.[0] ?? 'none';

  // The tab goes while the guest writes.
  await type(page, 'while true; do dd if=/dev/urandom of=/m/x bs=64k count=40 2>/dev/null; done');
  await page.waitForTimeout(1500);
  await page.close({ runBeforeUnload: false });

  const again = await context.newPage();
  await openLab(again);
  await vmChip(again, 'Linux').check();
  await expect(consoleText(again)).toContainText('/ #', { timeout: 90_000 });
  await type(again, "mkdir -p /m; mount /dev/vda /m; md5sum < /m/n; umount /m && echo rest''ored");
  await expect(consoleText(again)).toContainText('restored', { timeout: 120_000 });
  await expect(consoleText(again)).toContainText(sum);

  await runFromPalette(again, 'Show Disks');
  const disks = again.locator('[data-panel="disks"]');
  const row = disks.getByRole('row').filter({ hasText: 'work' });
  await expect(row).toContainText('Linux');
  expect(await complaints(again, 'disks')).toEqual([]);
  await expect(row.getByRole('button', { name: 'Delete work' })).toBeDisabled();
  const saved = again.waitForEvent('download');
  await row.getByRole('button', { name: 'Save work as a file' }).click();
  const image = readFileSync(await (await saved).path());
  expect(image.length).toBe(16 * 2 ** 20);
  expect(image.readUInt16LE(1024 + 56)).toBe(0xef53); // the superblock’s magic number

  await runFromPalette(again, 'Remove this VM');
  await expect(row).not.toContainText('Linux');
  await row.getByRole('button', { name: 'Delete work' }).click();
  await row.getByRole('button', { name: 'Delete work for good' }).click();
  await expect(disks).toContainText('No disk yet');
});

test('an image of one’s own is a disk, below a layer of its own; what is no image is refused', async ({ page }) => {
  test.setTimeout(180_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Disks');
  const disks = page.locator('[data-panel="disks"]');
  await expect(disks).toContainText('No disk yet');
  const file = disks.getByLabel('A disk from an image file of yours');
  await file.setInputFiles({ name: 'nothing.img', mimeType: 'application/octet-stream', buffer: Buffer.alloc(0) });
  await expect(disks.getByRole('alert')).toContainText('found an empty file');
  const image = Buffer.alloc(2 ** 20);
  image.write('what the image holds', 4096);
  await file.setInputFiles({ name: 'My notes.img', mimeType: 'application/octet-stream', buffer: image });
  await expect(disks.getByRole('row').filter({ hasText: 'My-notes' })).toContainText('1 MiB');

  await addLinux(page, {
    choose: async (dialog) => {
      await dialog.getByRole('combobox', { name: 'Attach a disk that is kept' }).selectOption('My-notes');
      await dialog.getByRole('combobox', { name: 'Interface of the virtio devices' }).selectOption('modern');
    },
  });
  await type(page, 'dd if=/dev/vda bs=4k skip=1 count=1 2>/dev/null | head -c 20; cat /sys/block/vda/serial');
  await expect(consoleText(page)).toContainText('what the image holdsMy-notes', { timeout: 60_000 });
});
