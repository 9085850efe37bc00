// The manifest against the files it names, and the images that ship against the sources they are made from.
// `UPDATE_GUESTS=1 npx vitest run src/guests` makes the public copies anew.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { assemble } from '../core/isa/assembly/assemble.ts';
import type { GuestDescription } from '../protocol/commands.ts';
import { hostileGuests } from './hostile/hostile-guests.test-support.ts';
import { findGuest, guests, MACHINE_TEXT_ADDRESS, SUPERVISOR_TEXT_ADDRESS, type Guest } from './manifest.ts';

const SOURCES = dirname(fileURLToPath(import.meta.url));
const PUBLIC = join(SOURCES, '../../public');
const REMEDY = 'run: UPDATE_GUESTS=1 npx vitest run src/guests';
const UPDATE = process.env['UPDATE_GUESTS'] === '1';

const assemblyIn = (folder: string): string[] =>
  readdirSync(join(SOURCES, folder))
    .filter((file) => file.endsWith('.s'))
    .sort();

/** The ELF that a source becomes; throws with every error of the assembler. */
function imageOf(path: string, text: string, textAddress = SUPERVISOR_TEXT_ADDRESS): Uint8Array {
  const result = assemble(text, { textAddress });
  if (!result.ok) throw new Error(`${path} does not assemble: ${JSON.stringify(result.errors, null, 1)}`);
  expect(result.warnings, path).toEqual([]);
  return result.image;
}

const fromSource = guests.filter((guest): guest is Guest & { source: string } => guest.source !== undefined);

describe('the manifest', () => {
  test('fits what the protocol says of a guest', () => {
    const described: readonly GuestDescription[] = guests;
    expect(described.length).toBeGreaterThan(0);
  });

  test('has every teaching guest once, and Linux', () => {
    const names = guests.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const single = fromSource.filter(({ parts }) => parts === undefined);
    expect(single.map(({ source }) => basename(source)).sort()).toEqual(assemblyIn('.'));
    expect([...new Set(fromSource.flatMap(({ parts }) => parts ?? []))].sort()).toEqual(
      ['io-paths', 'nested', 'twins'].flatMap((folder) => assemblyIn(folder).map((file) => `${folder}/${file}`)),
    );
    for (const { name, twin } of guests) if (twin !== undefined) expect(findGuest(twin)?.twin).toBe(name);
    expect(names).toEqual(
      expect.arrayContaining(['hello', 'trap', 'paging', 'timer', 'csr-tour', 'isolation', 'stale-tlb', 'linux']),
    );
  });

  test('finds a guest by its name, and none by another', () => {
    expect(findGuest('linux')?.boot).toBe('supervisor');
    expect(findGuest('Linux')).toBeUndefined();
    expect(findGuest('constructor')).toBeUndefined();
  });

  test.each(guests)('$name: says what it teaches in one sentence', ({ title, teaches }) => {
    expect(title).not.toBe('');
    expect(teaches).toMatch(/^[A-Z].*[^.]\.$/);
    expect(teaches).not.toMatch(/\. [A-Z]/);
  });

  test.each(guests)('$name: names files that exist', ({ image, initrd, source, expectedOutput }) => {
    for (const path of [image, initrd, source]) {
      if (path !== undefined && !UPDATE)
        expect(existsSync(join(PUBLIC, path)), `${path} is missing; ${REMEDY}`).toBe(true);
    }
    if (expectedOutput !== undefined) expect(statSync(join(SOURCES, expectedOutput)).size).toBeGreaterThan(0);
  });

  // QEMU puts the device tree at a multiple of 2 MiB below the end of RAM (hw/riscv/boot.c, riscv_load_fdt).
  test.each(guests)('$name: has room for image and device tree', ({ memoryMiB }) => {
    expect(memoryMiB).toBeGreaterThanOrEqual(8);
    expect(memoryMiB % 2).toBe(0);
  });
});

describe('the shipped copies', () => {
  test.each(fromSource)('$name: are what the source gives', ({ name, source, image, boot, parts }) => {
    const text = Buffer.concat((parts ?? [`${name}.s`]).map((part) => readFileSync(join(SOURCES, part))));
    const bytes = imageOf(source, text.toString(), boot === 'machine' ? MACHINE_TEXT_ADDRESS : SUPERVISOR_TEXT_ADDRESS);
    if (UPDATE) {
      mkdirSync(dirname(join(PUBLIC, image)), { recursive: true });
      writeFileSync(join(PUBLIC, source), text);
      writeFileSync(join(PUBLIC, image), bytes);
    }
    expect(readFileSync(join(PUBLIC, source)).equals(text), `public/${source} is stale; ${REMEDY}`).toBe(true);
    expect(readFileSync(join(PUBLIC, image)).equals(bytes), `public/${image} is stale; ${REMEDY}`).toBe(true);
  });
});

describe('the sources', () => {
  test.each(assemblyIn('.'))('%s can be read alone: 50 to 150 lines, none wider than 120', (file) => {
    const lines = readFileSync(join(SOURCES, file), 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(50);
    expect(lines.length).toBeLessThanOrEqual(150);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });

  test.each([
    ['nested/hypervisor.s', 200, 400],
    ['nested/guest.s', 150, 250],
    ['twins/work.s', 10, 50],
    ['twins/unmodified.s', 150, 250],
    ['twins/paravirtual.s', 150, 300],
    ['twins/program.s', 50, 150],
  ])('%s: %i to %i lines that say something, none wider than 120', (file, least, most) => {
    const lines = readFileSync(join(SOURCES, file), 'utf8').split('\n');
    const written = lines.filter((line) => line.trim() !== '').length;
    expect(written).toBeGreaterThanOrEqual(least);
    expect(written).toBeLessThanOrEqual(most);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });

  test.each([...assemblyIn('.'), 'nested/hypervisor.s', 'twins/unmodified.s', 'twins/paravirtual.s'])(
    '%s says what it shows, what to watch for and what each technique does',
    (file) => {
      const text = readFileSync(join(SOURCES, file), 'utf8');
      const opening = text.slice(0, text.search(/^[^#]/m));
      const name = file.startsWith('nested/') ? 'nested' : basename(file, '.s');
      expect(opening.startsWith(`# ${name}: `)).toBe(true);
      for (const part of ['What it shows', 'What to watch for', 'bare', 'trap-and-emulate', 'hardware-assisted']) {
        expect(opening).toContain(part);
      }
    },
  );

  test('each hostile guest has its expectation', () => {
    expect(hostileGuests.map(({ name }) => `${name}.s`).sort()).toEqual(assemblyIn('hostile'));
  });

  test.each(assemblyIn('hostile'))('hostile/%s assembles and says what must happen', (file) => {
    const path = join(SOURCES, 'hostile', file);
    const text = readFileSync(path, 'utf8');
    expect(imageOf(path, text).length).toBeGreaterThan(0);
    expect(text).toMatch(/^# Must: /m);
  });
});
