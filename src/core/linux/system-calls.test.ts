// System calls as a person reads them, held against the numbers that musl and the kernel's headers use; and layouts that are none.

import { describe, expect, test } from 'vitest';
import { errorNumber } from './error-numbers.ts';
import { parseKernelLayout } from './kernel-layout.ts';
import { KernelMemory, UnreadableKernel } from './kernel-memory.ts';
import { describeResult, describeSystemCall, systemCallName } from './system-calls.ts';

describe('the table', () => {
  // include/uapi/asm-generic/unistd.h; on 32-bit RISC-V the calls with a time have 64-bit forms from 403 on.
  test.each([
    [17, 'getcwd'],
    [56, 'openat'],
    [63, 'read'],
    [64, 'write'],
    [93, 'exit'],
    [94, 'exit_group'],
    [97, 'unshare'],
    [172, 'getpid'],
    [220, 'clone'],
    [221, 'execve'],
    [259, 'riscv_flush_icache'],
    [268, 'setns'],
    [403, 'clock_gettime'],
    [435, 'clone3'],
  ])('call %i is %s', (number, name) => {
    expect(systemCallName(number)).toBe(name);
  });

  test('has no calls that 32-bit RISC-V does not have: those with 32-bit times', () => {
    // gettimeofday 169, clock_gettime 113, nanosleep 101, futex 98, wait4 260
    for (const number of [98, 101, 113, 169, 260]) expect(systemCallName(number)).toBe(`call ${number}`);
  });
});

describe('a call', () => {
  const none = () => undefined;

  test('shows texts, small numbers, errors and addresses each in its way', () => {
    const text = (gva: number) => (gva === 0x1000 ? '/etc/"x"' : undefined);
    expect(describeSystemCall(56, [0xffff_ff9c, 0x1000, 0x8000, 0, 0, 0], text)).toBe(
      'openat(AT_FDCWD, "/etc/\\"x\\"", 0x8000, 0)',
    );
    expect(describeSystemCall(56, [3, 0x2000, 0, 0, 0, 0], text)).toBe('openat(3, 0x2000, 0, 0)');
    expect(describeSystemCall(63, [0, 0xbfff_f000, 1, 9, 9, 9], none)).toBe('read(0, 0xbffff000, 1)');
    expect(describeSystemCall(129, [0xffff_ffff, 9, 0, 0, 0, 0], none)).toBe('kill(-1, 9)');
  });

  test('with a number that is none shows what the registers hold', () => {
    expect(describeSystemCall(4_000_000_000, [1, 2, 3, 4, 5, 6], none)).toBe(
      'call 4000000000(0x1, 0x2, 0x3, 0x4, 0x5, 0x6)',
    );
  });
});

describe('a result', () => {
  // include/uapi/asm-generic/errno-base.h and errno.h; values up to −4095 are errors (MAX_ERRNO in include/linux/err.h).
  test.each([
    [63, 12, '12'],
    [63, 0, '0'],
    [56, -2, '-2 ENOENT'],
    [129, -3, '-3 ESRCH'],
    [115, -110, '-110 ETIMEDOUT'],
    [63, -4095, '-4095 error'],
    [62, -4096, '-4096'],
    [214, 0x9555_0000, '0x95550000'],
    [222, -12, '-12 ENOMEM'],
  ])('of call %i, a0 = %i, is %s', (number, value, text) => {
    expect(describeResult(number, value >>> 0)).toBe(text);
  });

  test('has the names that 9P2000.L sends as numbers', () => {
    expect([1, 2, 5, 9, 13, 17, 20, 21, 22, 27, 28, 30, 39, 40, 71, 95].map((each) => errorNumber(each)?.name)).toEqual(
      'EPERM ENOENT EIO EBADF EACCES EEXIST ENOTDIR EISDIR EINVAL EFBIG ENOSPC EROFS ENOTEMPTY ELOOP EPROTO EOPNOTSUPP'.split(
        ' ',
      ),
    );
  });
});

describe('a layout that is none is refused with a sentence', () => {
  test.each([
    ['', 'something that is not JSON'],
    ['null', 'no release'],
    ['{}', 'no release'],
    ['{"release": "6.1"}', 'no build ID'],
    [`{"release": "6.1", "buildId": "${'a'.repeat(40)}"}`, 'no number for init_task'],
    [
      `{"release": "6.1", "buildId": "${'a'.repeat(40)}", "symbols": {"init_task": 1, "init_nsproxy": 1, "__start_notes": 1, "__stop_notes": 1, "vm_zone_stat": 1}, "offsets": {"task_struct.tasks": 99999999}}`,
      'no number for task_struct.tasks',
    ],
  ])('%s', (text, found) => {
    expect(() => parseKernelLayout(text)).toThrow(`found ${found}`);
  });
});

describe('memory', () => {
  test('is not mapped where paging is off, tables lie outside RAM, or an entry is none', () => {
    const words = new Map<number, number>();
    const memory = (satp: number) => new KernelMemory({ readEntry: (gpa) => words.get(gpa) ?? -1 }, satp);
    expect(memory(0).wordIfMapped(0xc000_0000)).toBeUndefined();
    expect(memory(0x8008_0000).wordIfMapped(0xc000_0000)).toBeUndefined();
    const root = 0x8000_0000;
    words.set(root + 0x300 * 4, ((0x8040_0000 / 4096) << 10) | 0xcf); // a 4 MiB leaf
    words.set(0x8040_0004, 0x1234_5678);
    words.set(root + 0x301 * 4, ((0x8040_1000 / 4096) << 10) | 0xcf); // misaligned
    words.set(root + 0x302 * 4, ((0x8000_1000 / 4096) << 10) | 0x01); // a table
    words.set(0x8000_1000, ((0x8040_0000 / 4096) << 10) | 0x01); // which holds another pointer: reserved
    words.set(0x8000_1004, ((0x8040_0000 / 4096) << 10) | 0x43); // and a page
    const kernel = memory(0x8008_0000);
    expect(kernel.wordIfMapped(0xc000_0004)).toBe(0x1234_5678);
    expect(kernel.wordIfMapped(0xc000_0002)).toBeUndefined(); // not aligned
    expect(kernel.wordIfMapped(0xc040_0004)).toBeUndefined();
    expect(kernel.wordIfMapped(0xc080_0004)).toBeUndefined();
    expect(kernel.wordIfMapped(0xc080_1004)).toBe(0x1234_5678);
    expect(kernel.textIfMapped(0xc000_0004, 3)).toBe('xV4');
    expect(() => kernel.word(0xc040_0004, 'a thing')).toThrow(UnreadableKernel);
  });

  test('is read for so many words and no more', () => {
    const kernel = new KernelMemory({ readEntry: () => 0x2000_00cf }, 0x8008_0000);
    expect(() => {
      for (;;) kernel.wordIfMapped(0x8000_0000);
    }).toThrow('do not end');
  });
});
