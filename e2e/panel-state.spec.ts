// Story: someone looks at the machine's state: registers by name, CSRs by field, bytes of all three spaces, who owns memory.
import { expect, test, type Page } from '@playwright/test';
import { command, openLab } from './lab-page.ts';

test('one step marks what it changed; a CSR opens into its bits and words', async ({ page }) => {
  await openLab(page, '#guest=trap&technique=trap-and-emulate');
  const registers = page.locator('[data-panel="registers"]');
  await command(page, 'vm.reset').click();
  await command(page, 'step.instruction').click();
  await command(page, 'step.instruction').click();
  await expect(registers.locator('.changed').first()).toBeVisible();

  const tree = registers.getByRole('tree', { name: /guest’s CSRs/ });
  await tree.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(tree.getByRole('treeitem', { expanded: true })).toHaveCount(1);
  await expect(tree).toContainText(/Arm:/);
});

async function openPanel(page: Page, name: string): Promise<void> {
  await page.keyboard.press('F1');
  await expect(page.getByRole('dialog', { name: 'Commands' })).toBeVisible();
  await page.keyboard.type(`Show ${name}`);
  await page.getByRole('option', { name: `Show ${name}` }).click();
}

test('the program’s bytes are the same in guest physical and host physical memory', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=hardware-assisted');
  await openPanel(page, 'Memory');
  const memory = page.locator('[data-panel="memory"]');
  const firstRow = memory.getByRole('row').first();
  await memory.getByRole('textbox').fill('8040_0000');
  await memory.getByRole('textbox').press('Enter');
  await expect(firstRow).toContainText('8040_0000');
  await expect(firstRow).not.toContainText('--');
});

test('every frame of the machine has an owner, and the guest is one', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=hardware-assisted');
  await openPanel(page, 'Frames');
  const frames = page.locator('[data-panel="frames"]');
  await expect(frames.getByRole('row').filter({ hasText: /VM 1.*ram/ })).toContainText(/[KM]iB/);
  await expect(frames.getByRole('row').filter({ hasText: 'free' })).toHaveCount(1);
});

test('the serial port’s registers are shown, and looking does not read them', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=hardware-assisted');
  await openPanel(page, 'Devices');
  await expect(page.locator('[data-panel="devices"]')).toContainText('no side effects');
  await expect(page.locator('[data-panel="devices"]').getByRole('table').first()).toBeVisible();
});

test('a timer interrupt is followed from the device to the guest’s handler', async ({ page }) => {
  await openLab(page, '#guest=timer&technique=trap-and-emulate');
  const interrupts = page.locator('[data-panel="interrupts"]');
  const chain = interrupts.getByRole('row').filter({ hasText: 'stimecmp' }).first();
  await expect(chain).toBeVisible();
  await expect(chain).toContainText('+');
});
