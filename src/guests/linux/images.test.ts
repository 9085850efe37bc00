// What must be true of the committed Linux images, whoever built them: that a loader and a kernel accept them, that they fit
// this machine (RV32IMA, soft float), that they are what the recipe here makes, and that NOTICE.md names these very bytes.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { kernelLayouts } from '../manifest.ts';

const RECIPE = new URL('./', import.meta.url);
const IMAGES = new URL('../../../public/guests/linux/', import.meta.url);
const MEBIBYTE = 1024 * 1024;

interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: number;
  readonly device: string;
  readonly data: Buffer;
}

/**
 * Reads a "newc" archive as the kernel does (Documentation/driver-api/early-userspace/buffer-format.rst): a header of six magic
 * characters and thirteen numbers of eight hexadecimal digits; name and data are each padded to four bytes.
 */
function readCpio(archive: Buffer): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (let at = 0; ;) {
    const magic = archive.toString('latin1', at, at + 6);
    if (magic !== '070701')
      throw new Error(`expected the newc magic 070701 at byte ${at}, found ${JSON.stringify(magic)}`);
    const field = (index: number): number => {
      const start = at + 6 + 8 * index;
      return parseInt(archive.toString('latin1', start, start + 8), 16);
    };
    const nameEnd = at + 110 + field(11);
    const name = archive.toString('utf8', at + 110, nameEnd - 1);
    if (name === 'TRAILER!!!') return entries;
    const dataStart = (nameEnd + 3) & ~3;
    const dataEnd = dataStart + field(6);
    entries.push({
      name: `/${name}`,
      mode: field(1),
      uid: field(2),
      gid: field(3),
      modified: field(5),
      device: `${field(9)}:${field(10)}`,
      data: archive.subarray(dataStart, dataEnd),
    });
    at = (dataEnd + 3) & ~3;
  }
}

const compressed = (name: string): Buffer => readFileSync(new URL(name, IMAGES));
const kernels = ['Image.gz', 'Image-smp.gz'].filter((name) => existsSync(new URL(name, IMAGES)));
const files = readCpio(gunzipSync(compressed('initramfs.cpio.gz')));
const file = (name: string): CpioEntry => {
  const found = files.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`the initramfs holds no ${name}`);
  return found;
};

describe('every image', () => {
  const images = readdirSync(IMAGES).filter((name) => name.endsWith('.gz'));
  const notice = readFileSync(new URL('NOTICE.md', IMAGES), 'utf8');

  it('is one of those the page loads', () => {
    expect(images).toEqual(expect.arrayContaining(['Image.gz', 'initramfs.cpio.gz']));
  });

  it.each(images)('%s is a gzip of less than 3 MB, without name and time', (name) => {
    const bytes = compressed(name);
    expect(bytes.length).toBeLessThan(3 * MEBIBYTE);
    // RFC 1952, 2.3.1: magic, deflate, no flags (so no name), no time.
    expect(bytes.toString('hex', 0, 8)).toBe('1f8b080000000000');
  });

  it.each(images)('%s is named in NOTICE.md with its size and sha256', (name) => {
    const bytes = compressed(name);
    const line = notice.split('\n').find((candidate) => candidate.includes(`\`${name}\``)) ?? '';
    expect(line).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(line).toMatch(new RegExp(`\\b${bytes.length}\\b`));
  });

  it('has its source named: the versions in NOTICE.md are those that build.sh fetches', () => {
    const script = readFileSync(new URL('build.sh', RECIPE), 'utf8');
    const versions = [...script.matchAll(/^(?:linux|busybox|zig)_version=(?:\$\{\w+:-)?([^}\n]+)\}?$/gm)];
    expect(versions).toHaveLength(3);
    for (const [, version] of versions) expect(notice).toContain(`\`${version}\``);
    expect(readFileSync(new URL('COPYING', IMAGES), 'utf8')).toContain('GNU GENERAL PUBLIC LICENSE\n');
  });
});

// Documentation/riscv/boot-image-header.rst of Linux 6.1; all fields little-endian.
describe.each(kernels)('%s', (name) => {
  const image = gunzipSync(compressed(name));

  it('carries the RISC-V boot image header, version 0.2', () => {
    expect(image.toString('latin1', 0x30, 0x38)).toBe('RISCV\0\0\0');
    expect(image.toString('latin1', 0x38, 0x3c)).toBe('RSC\x05');
    expect(image.readUInt32LE(0x20)).toBe(0x0000_0002);
  });

  it('asks to be loaded 4 MiB above the start of RAM, as Sv32 superpages need', () => {
    expect(image.readBigUInt64LE(0x08)).toBe(0x40_0000n);
  });

  it('says its size in memory, which is more than the file because of .bss', () => {
    const size = Number(image.readBigUInt64LE(0x10));
    expect(size).toBeGreaterThan(image.length);
    expect(size).toBeLessThan(8 * MEBIBYTE);
  });

  it('is little-endian', () => {
    expect(image.readBigUInt64LE(0x18) & 1n).toBe(0n);
  });

  it('begins with an uncompressed jump', () => {
    // jal x0, or the two bits of a compressed instruction that no hart here could run
    expect(image.readUInt32LE(0) & 0xfff).toBe(0x06f);
  });

  it('is a Linux 6.1 that does not tell who built it', () => {
    expect(image.toString('latin1')).toMatch(/Linux version 6\.1\.\d+-rv32(smp)? \(ringside@ringside\)/);
  });
});

describe('the layout of each kernel', () => {
  const layouts = readdirSync(IMAGES).filter((name) => name.endsWith('.layout.json'));

  it.each(layouts)('%s was made with the image beside it: its build ID is in there', (name) => {
    const { buildId } = JSON.parse(readFileSync(new URL(name, IMAGES), 'utf8')) as { buildId: string };
    const image = gunzipSync(compressed(name.replace('.layout.json', '.gz')));
    // An ELF note: 4 bytes of name, 20 of data, type 3 (NT_GNU_BUILD_ID), "GNU".
    const note = Buffer.concat([
      Buffer.from([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0]),
      Buffer.from('GNU\0'),
      Buffer.from(buildId, 'hex'),
    ]);
    expect(image.includes(note)).toBe(true);
  });

  it('is there for each kernel that has one in the manifest', () => {
    expect(kernelLayouts.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort()).toEqual([...layouts].sort());
  });
});

describe('initramfs', () => {
  it('has an executable /init, which the kernel runs first', () => {
    expect(file('/init').mode).toBe(0o100755);
    expect(file('/init').data.toString('utf8')).toMatch(/^#!\/bin\/sh\n/);
  });

  it('has the console that the kernel opens for /init: character device 5:1', () => {
    expect(file('/dev/console').mode).toBe(0o020600);
    expect(file('/dev/console').device).toBe('5:1');
  });

  it('belongs to root and has no times, so that the same recipe makes the same bytes', () => {
    for (const entry of files) {
      // The kernel's archiver gives links the time of its -t option, files the time that build.sh gave the copy.
      expect([entry.name, entry.uid, entry.gid, entry.modified]).toEqual([entry.name, 0, 0, 0]);
    }
  });

  it('names each directory before what is in it, since the kernel unpacks in order', () => {
    const seen = new Set(['']);
    for (const { name, mode } of files) {
      expect([name, seen.has(name.slice(0, name.lastIndexOf('/')))]).toEqual([name, true]);
      if ((mode & 0o170000) === 0o040000) seen.add(name);
    }
  });

  it('has no link that leads nowhere', () => {
    const links = files.filter(({ mode }) => (mode & 0o170000) === 0o120000);
    expect(links.length).toBeGreaterThan(100);
    // The archiver counts the terminating zero of a link's target as data; the kernel does not mind.
    for (const { data } of links) expect(() => file(data.toString('utf8').replace(/\0$/, ''))).not.toThrow();
  });

  it('holds a busybox for this machine: static ELF32 for RISC-V, soft float, no compressed instructions', () => {
    const elf = file('/bin/busybox').data;
    expect(elf.toString('latin1', 0, 6)).toBe('\x7fELF\x01\x01'); // 32-bit, little-endian
    expect(elf.readUInt16LE(16)).toBe(2); // ET_EXEC
    expect(elf.readUInt16LE(18)).toBe(243); // EM_RISCV
    expect(elf.readUInt32LE(36)).toBe(0); // RISC-V ELF psABI, e_flags: neither RVC (1) nor a float ABI (2, 4, 6) nor RVE (8)
    const [headers, size, count] = [elf.readUInt32LE(28), elf.readUInt16LE(42), elf.readUInt16LE(44)];
    const types = Array.from({ length: count }, (_, index) => elf.readUInt32LE(headers + index * size));
    expect(types).toContain(1); // PT_LOAD
    expect(types).not.toContain(3); // PT_INTERP: a loader that is not there
  });

  it('has the commands that the stories use', () => {
    const commands = new Set(files.map(({ name }) => name.slice(name.lastIndexOf('/') + 1)));
    const wanted =
      'sh ash [ test true false ls cat echo printf ps top free df mount umount dmesg vi sed awk grep find head tail wc sort tr cut xargs tee ' +
      'sha256sum md5sum hexdump dd cp mv rm mkdir rmdir ln chmod mknod sync touch kill sleep date time uname hostname id whoami env seq ' +
      'uptime ping ifconfig ip wget httpd nc unshare nsenter chroot taskset stty clear reset poweroff reboot halt init';
    expect(wanted.split(' ').filter((command) => !commands.has(command))).toEqual([]);
  });

  it.each(readdirSync(new URL('rootfs/', RECIPE)).filter((name) => name !== 'contents.list'))(
    'holds rootfs/%s as it is in the recipe',
    (name) => {
      const contents = readFileSync(new URL('rootfs/contents.list', RECIPE), 'utf8');
      const path = new RegExp(`^file (\\S+) \\$\\{ROOTFS\\}/${name} `, 'm').exec(contents)?.[1] ?? 'nothing';
      const committed = file(path).data.toString('utf8');
      expect(committed).toBe(readFileSync(new URL(`rootfs/${name}`, RECIPE), 'utf8'));
    },
  );
});

describe('readCpio', () => {
  it('says where an archive is broken', () => {
    expect(() => readCpio(Buffer.from('070702'))).toThrow('expected the newc magic 070701 at byte 0, found "070702"');
    expect(() => readCpio(Buffer.alloc(0))).toThrow('found ""');
  });
});
