// Story: two VMs side by side. One is broken beyond help and ends with a clear message; the other does not notice.
import { expect, test } from '@playwright/test';
import { assemble } from '../src/core/isa/assembly/assemble.ts';
import { consoleText, openAddVm, openLab, status, vmChip } from './lab-page.ts';

/** Points stvec at an instruction that is illegal, then causes a trap: no handler can ever run. */
const broken = `
  .globl _start
_start:
  la t0, nowhere
  csrw stvec, t0
nowhere:
  .word 0
`;

test('one VM crashes in its own trap vector, the other goes on', async ({ page }) => {
  await openLab(page);
  await expect(vmChip(page, 'Heartbeat')).toBeChecked();
  const built = assemble(broken, { textAddress: 0x8040_0000 });
  if (!built.ok) throw new Error(built.errors.map(({ message }) => message).join('\n'));

  const dialog = await openAddVm(page);
  await dialog
    .getByLabel('A file of yours')
    .setInputFiles({ name: 'broken.elf', mimeType: 'application/octet-stream', buffer: Buffer.from(built.image) });
  await dialog.getByLabel(/^Starts in/).selectOption('supervisor');
  await dialog.getByRole('radio', { name: 'hardware-assisted' }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'broken.elf')).toBeChecked();
  await expect(status(page)).toContainText('trap handler', { timeout: 20_000 });

  await vmChip(page, 'Heartbeat').check({ force: true });
  const beats = async () => ((await consoleText(page).textContent()) ?? '').split('tick').length;
  const before = await beats();
  await expect.poll(beats, { timeout: 20_000 }).toBeGreaterThan(before);
});
