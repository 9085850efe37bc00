// Story: a student opens a scenario and sees which expectations are met, which are not yet, and which no longer can be; one that
// breaks rules of the manual, and the switches show them, also when the panel is opened anew; and gives a VM of their own an APLIC
// and IMSICs, which it has again after a reload.
import { test, type Page } from '@playwright/test';
import { complaints, expect, openAddVm, openLab, runFromPalette, vmChip } from './lab-page.ts';

async function drop(page: Page, scenario: object): Promise<void> {
  const transfer = await page.evaluateHandle((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], 'scenario.json'));
    return data;
  }, JSON.stringify(scenario));
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

test('the expectations of a scenario are judged while it runs', async ({ page }) => {
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Scenario');
  const panel = page.locator('[data-panel="scenario"]');
  await expect(panel).toContainText('What is expected of each VM of a scenario');
  await runFromPalette(page, 'Open the scenario: One guest under every technique');
  const shipped = panel.getByRole('region', { name: 'Scenario: One guest under every technique' });
  await expect(shipped.getByRole('status')).toHaveText('All 8 expectations are met.', { timeout: 60_000 });
  await expect(shipped.getByRole('list', { name: 'Expected of emulated' }).getByRole('listitem')).toHaveText([
    /met.*it ends with code 0/,
    /met.*at least 30 exits/,
    /met.*its state is that of bare/,
  ]);
  expect(await complaints(page, 'scenario')).toEqual([]);

  await drop(page, {
    title: 'Not all of it',
    vms: [
      {
        name: 'beats',
        guest: 'heartbeat',
        technique: 'hardware-assisted',
        expect: { console: 'never said', consoleLacks: 'nor this', exits: { least: 5, most: 6 } },
      },
    ],
  });
  const open = panel.getByRole('region', { name: 'Scenario: Not all of it' });
  await expect(open.getByRole('status')).toHaveText('1 of 4 met, 1 met so far, 1 not yet, 1 not met.');
  await expect(open.getByRole('listitem')).toHaveText([
    /not yet.*the console contains "never said"$/,
    /so far.*the console does not contain "nor this"$/,
    /✓met.*at least 5 exits$/,
    /not met.*at most 6 exits, found \d+$/,
  ]);
  await shipped.getByRole('button', { name: 'assisted' }).click();
  await expect(vmChip(page, 'assisted: ')).toBeChecked();
  expect(await complaints(page, 'scenario')).toEqual([]);
});

test('rules that a scenario breaks are seen at their switches, and stay when the panel is opened anew', async ({
  page,
}) => {
  await openLab(page, '#guest=hello');
  await drop(page, {
    title: 'Broken twice',
    vms: [{ name: 'a', guest: 'trap', repair: 'patching', expect: { console: 'ended with 0000002a' } }],
    break: 'sret,sstatus',
  });
  await expect(page.locator('[data-panel="scenario"]').getByRole('status')).toHaveText('What is expected is met.');
  await runFromPalette(page, 'Show Virtualizable?');
  const rule = (words: string) =>
    page.locator('[data-panel="virtualizable"]').getByRole('checkbox', { name: `${words} in user mode` });
  await expect(rule('sret')).toBeChecked();
  await expect(rule('csrr sstatus')).toBeChecked();
  await expect(rule('sfence.vma')).not.toBeChecked();
  await rule('sfence.vma').check();
  await rule('sret').uncheck();
  await runFromPalette(page, 'Close Virtualizable?');
  await runFromPalette(page, 'Show Virtualizable?');
  await expect(rule('sfence.vma')).toBeChecked();
  await expect(rule('sret')).not.toBeChecked();
});

test('a VM with an APLIC and IMSICs is added, refused beside others, and there again after a reload', async ({
  page,
}) => {
  await openLab(page, '#guest=hello');
  const add = async () => {
    const dialog = await openAddVm(page);
    await dialog.getByRole('radio', { name: /^Hello/ }).check();
    await dialog.getByRole('radio', { name: 'hardware-assisted' }).check();
    await dialog.getByLabel('Interrupts by').selectOption('aplic-imsic');
    await dialog.getByRole('button', { name: 'Add the VM' }).click();
    return dialog;
  };
  const refused = await add();
  await expect(refused.getByRole('alert')).toContainText(
    'expected no VM under the hypervisor, found some: remove them',
  );
  await refused.getByRole('button', { name: 'Cancel' }).click();
  await runFromPalette(page, 'Remove this VM');
  await expect(vmChip(page)).toHaveCount(0);
  await add();
  await expect(vmChip(page, 'Hello')).toBeChecked();
  await runFromPalette(page, 'Show Devices');
  await expect(page.locator('[data-panel="devices"]')).toContainText(/APLIC/i);
  await page.goto('./');
  await page.reload();
  await expect(vmChip(page, 'Hello')).toBeChecked();
  await expect(page.locator('[data-panel="devices"]')).toContainText(/APLIC/i);
});
