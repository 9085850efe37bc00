// Story: an instructor opens a scenario from the palette: two Linux VMs appear, type for themselves and fetch a page from each
// other; another one is dropped on the page as a file, and a broken one is refused in words. One that names disks and a folder and
// wants another machine asks for what is missing, and then is there whole.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { complaints, consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

/** Drops files on the page: a scenario, and what it names. */
async function drop(
  page: Page,
  name: string,
  contents: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const transfer = await page.evaluateHandle(
    (files) => {
      const data = new DataTransfer();
      for (const [fileName, text] of files) data.items.add(new File([text ?? ''], fileName ?? ''));
      return data;
    },
    [[name, contents], ...Object.entries(more)],
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

test('two Linux VMs from one file fetch a page from each other', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Open the scenario: Two Linux VMs');
  await expect(vmChip(page, 'Linux')).toHaveCount(2, { timeout: 60_000 });
  await expect(page.getByText('The page leaves out')).toHaveCount(0);
  await expect(vmChip(page, 'Linux').first()).toBeChecked();
  await expect(consoleText(page)).toContainText('This is VM two', { timeout: 120_000 });
  await vmChip(page, 'Linux').nth(1).click();
  await expect(consoleText(page)).toContainText('This is VM one', { timeout: 60_000 });
});

test('a file that is dropped is opened, and one that is wrong is refused with its place', async ({ page }) => {
  await openLab(page, '#guest=hello');
  await drop(
    page,
    'wrong.json',
    JSON.stringify({ title: 't', vms: [{ name: 'a', guest: 'timer', technique: 'fast' }] }),
  );
  await expect(page.getByText(/vms\[0\]\.technique: expected "bare" or .*found "fast"/)).toBeVisible();
  const scenario = {
    title: 'Two of a kind',
    about: 'Dropped on the page.',
    vms: [
      { name: 'a', guest: 'timer', technique: 'bare' },
      { name: 'b', guest: 'timer', technique: 'hardware-assisted' },
    ],
  };
  await drop(page, 'right.json', JSON.stringify(scenario));
  await expect(vmChip(page, 'Preemption')).toHaveCount(2);
  await expect(vmChip(page, 'Preemption').first()).toBeChecked();
  await drop(
    page,
    'fork.json',
    JSON.stringify({
      title: 'A fork',
      vms: [
        {
          name: 'one',
          guest: 'heartbeat',
          technique: 'hardware-assisted',
          cloneAfter: 500,
          clone: { name: 'other' },
        },
        { name: 'nested', guest: 'nested', technique: 'bare', traceLevels: 'levels.jsonl' },
      ],
    }),
  );
  await expect(vmChip(page, 'other')).toHaveCount(1);
  await vmChip(page, 'nested: ').check();
  await runFromPalette(page, 'Show Levels');
  await expect(page.locator('[data-panel="levels"]')).toContainText(/VU.*S/);
});

const WHOLE = {
  title: 'A whole machine',
  about: ['Two harts, two disks, a folder and a slow cable.'],
  physicalHarts: 2,
  vms: [
    {
      ...{ name: 'worker', guest: 'linux', technique: 'hardware-assisted', harts: 2, memory: '64M' },
      ...{ disk: ['data.img', 'tools.img,snapshot,slot=0'], share: 'notes', network: 'user,delay=20,rate=10M' },
      type: [
        { after: '/ # ', text: 'echo harts=$(nproc) $(head -c 4 /dev/vda) $(head -c 5 /dev/vdb)\n' },
        { after: '/ # ', text: 'mount -t 9p -o trans=virtio,version=9p2000.L share0 /mnt; cat /mnt/deep/hello.txt\n' },
        {
          after: '/ # ',
          text: 'printf kept | dd of=/dev/vda conv=notrunc 2>/dev/null; sync; udhcpc -q -n >/dev/null 2>&1; ping -c 1 10.0.2.2\n',
        },
      ],
    },
  ],
};

test('a scenario with disks, a folder, harts and a cable asks for its files, and is there whole', async ({ page }) => {
  test.setTimeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'ringside-scenario-'));
  try {
    mkdirSync(join(folder, 'notes', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'notes', 'deep', 'hello.txt'), 'from the folder\n');
    writeFileSync(join(folder, 'tools.img'), 'tools'.padEnd(4096, '.'));
    await openLab(page, '#guest=hello');
    await drop(page, 'whole.json', JSON.stringify(WHOLE), { 'data.img': 'data'.padEnd(8192, '.') });
    const dialog = page.getByRole('dialog', { name: 'Open “A whole machine”' });
    const row = (path: string) => dialog.getByRole('listitem').filter({ hasText: path });
    await expect(row('data.img')).toContainText('8 KiB');
    await expect(row('tools.img')).toContainText('not given yet');
    await expect(row('notes')).toContainText('A page cannot open a folder by its path');
    expect(await complaints(page)).toEqual([]);
    const open = dialog.getByRole('button', { name: 'Open the scenario' });
    await expect(open).toBeDisabled();
    await dialog.getByLabel('The file tools.img').setInputFiles(join(folder, 'tools.img'));
    await dialog.getByLabel('The folder notes').setInputFiles(join(folder, 'notes'));
    await expect(row('notes')).toContainText('1 file');
    await expect(open).toBeDisabled();
    await dialog.getByRole('checkbox', { name: /Remove the VM of the hypervisor/ }).check();
    await open.click();
    await expect(dialog).toHaveCount(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
  await expect(vmChip(page, 'worker: Linux')).toBeChecked();
  await expect(vmChip(page, 'Hello')).toHaveCount(0);
  await expect(consoleText(page)).toContainText('harts=2 data tools', { timeout: 120_000 });
  await expect(consoleText(page)).toContainText('from the folder', { timeout: 60_000 });
  // Twenty milliseconds each way, and as much again for the question who has that address.
  await expect(consoleText(page)).toContainText(/time=[48]\d\.\d+ ms/, { timeout: 60_000 });

  // What was written to the disk is kept, and the next time the scenario finds it here.
  await drop(
    page,
    'again.json',
    JSON.stringify({ title: 'Again', physicalHarts: 1, vms: [{ name: 'b', guest: 'linux', disk: 'data.img' }] }),
  );
  const again = page.getByRole('dialog', { name: 'Open “Again”' });
  await expect(again.getByRole('listitem')).toContainText('kept here as “data.img”');
  await again.getByRole('checkbox').check();
  await again.getByRole('button', { name: 'Open the scenario' }).click();
  await expect(vmChip(page, 'b: Linux')).toBeChecked();
  await expect(consoleText(page)).toContainText('/ #', { timeout: 120_000 });
  await page.getByRole('textbox', { name: /terminal/i }).focus();
  await page.keyboard.type('head -c 4 /dev/vda\n');
  await expect(consoleText(page)).toContainText('kept', { timeout: 60_000 });
});
