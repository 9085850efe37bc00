// The firmware's calls, by the SBI specification 2.0: each function, its errors, and what it must leave alone. First the
// implementation by itself against recorded ports, then through a guest under every technique, then several harts.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everywhere } from '../techniques/bare-oracle.test-support.ts';
import { consoleOf, drive, newLab, runAlone, SHUTDOWN, sourceGuest, wordAt } from '../guest-rig.test-support.ts';
import { Extension, HsmState, Sbi, type SbiPorts } from './sbi.ts';
import { techniques } from '../virtual-machine.ts';

const RAM = { start: 0x8000_0000, end: 0x8100_0000 };
const ALL = 0xffff_ffff;
const { base, time, ipi, rfence, hsm, srst, dbcn } = Extension;

/** A firmware over four harts, hart 3 stopped, that writes down what it is asked to do. */
function firmware(typed = '') {
  const asked: string[] = [];
  const input = [...typed].map((letter) => letter.charCodeAt(0));
  const memory = new Map<number, number>();
  const note =
    (name: string) =>
    (...values: readonly unknown[]) => {
      asked.push(
        [name, ...values.map((value) => (typeof value === 'number' ? value.toString(16) : String(value)))].join(' '),
      );
    };
  const isMemory = (address: number) => address >= RAM.start && address < RAM.end;
  const ports: SbiPorts = {
    harts: 4,
    setTimer: note('timer'),
    sendIpi: note('ipi'),
    clearIpi: note('clear'),
    fence: note('fence'),
    hartStatus: (hart) => (hart === 3 ? HsmState.stopped : HsmState.started),
    startHart: note('start'),
    stopHart: note('stop'),
    suspendHart: note('suspend'),
    shareStealTime: () => 'done',
    reset: note('reset'),
    writeConsole: note('write'),
    readConsole: () => input.shift() ?? -1,
    readMemory: (address, into) => {
      into.forEach((_, index) => (into[index] = memory.get(address + index) ?? 0x2e));
      return isMemory(address) && isMemory(address + into.length - 1);
    },
    writeMemory: (address, bytes) => {
      bytes.forEach((byte, index) => memory.set(address + index, byte));
      return isMemory(address);
    },
    loadWord: (_, address) => (isMemory(address) ? memory.get(address) : undefined),
    isMemory,
  };
  const sbi = new Sbi(ports);
  const call = (extension: number, functionId: number, ...args: readonly number[]) => {
    const a = [0, 1, 2, 3, 4, 5].map((index) => (args[index] ?? 0) | 0);
    const reply = sbi.call({ hart: 1, a: [...a, functionId | 0, extension | 0] });
    return reply.kind === 'pair' ? [reply.error, reply.value] : reply.kind === 'legacy' ? [reply.value] : [];
  };
  return { call, asked, memory };
}

describe('"Base Extension"', () => {
  test('version 2.0; the identity of a machine that is nobody’s product', () => {
    const { call } = firmware();
    expect(call(base, 0)).toEqual([0, 0x0200_0000]);
    expect(call(base, 1)[0]).toBe(0);
    expect(call(base, 2)[0]).toBe(0);
    for (const functionId of [4, 5, 6]) expect(call(base, functionId)).toEqual([0, 0]);
    expect(call(base, 7)).toEqual([-2, 0]);
  });

  test('probe: every extension that answers, and no other', () => {
    const { call } = firmware();
    for (const extension of Object.values(Extension)) expect(call(base, 3, extension)).toEqual([0, 1]);
    for (let legacy = 0; legacy <= 8; legacy++) expect(call(base, 3, legacy)).toEqual([0, 1]);
    // PMU, SUSP, CPPC, NACL and numbers nobody has.
    for (const extension of [0x50_4d55, 0x5355_5350, 0x4350_5043, 0x4e41_434c, 9, 0xf, 0x11, ALL]) {
      expect(call(base, 3, extension)).toEqual([0, 0]);
      expect(call(extension, 0)).toEqual([-2, 0]);
    }
  });
});

test('"Binary Encoding": an unknown function of a known extension, or an unknown extension, is not supported', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 7, max: ALL }),
      fc.constantFrom(...Object.values(Extension)),
      (functionId, extension) => {
        const { call, asked } = firmware();
        expect(call(extension, functionId, 0, 0, 0)).toEqual([-2, 0]);
        expect(asked).toEqual([]);
      },
    ),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0x11, max: ALL }), (extension) => {
      fc.pre(!Object.values<number>(Extension).includes(extension));
      expect(firmware().call(extension, 0)).toEqual([-2, 0]);
    }),
  );
});

test('"Timer Extension": 64 bits as low and high word, for the calling hart', () => {
  const { call, asked } = firmware();
  expect(call(time, 0, 0x1234_5678, 0x9abc_def0)).toEqual([0, 0]);
  expect(asked).toEqual(['timer 1 12345678 9abcdef0']);
});

describe('"Hart list parameter"', () => {
  test.each([
    ['each bit a hart, from the base on', 0b101, 1, [0, 0], ['1', '3']],
    ['base −1: all of them, whatever the mask', 0, ALL, [0, 0], ['0', '1', '2', '3']],
    ['an empty mask: none', 0, 0, [0, 0], []],
    ['one that is not there: none at all', 0b10001, 0, [-3, 0], []],
    ['a base that is not there', 0, 4, [-3, 0], []],
    ['a base that wraps', 1, 0xffff_fffe, [-3, 0], []],
  ])('%s', (_, mask, first, reply, harts) => {
    const ipis = firmware();
    expect(ipis.call(ipi, 0, mask, first)).toEqual(reply);
    expect(ipis.asked).toEqual(harts.map((hart) => `ipi ${hart}`));
    const fences = firmware();
    expect(fences.call(rfence, 1, mask, first, 0, 0)).toEqual(reply);
    expect(fences.asked).toEqual(harts.map((hart) => `fence ${hart} undefined`));
    expect(firmware().call(rfence, 0, mask, first)).toEqual(reply);
  });
});

describe('"RFENCE Extension"', () => {
  test.each([
    ['0, 0: the whole address space', 0, 0, ['undefined']],
    ['size −1: the whole address space', 0x1234, ALL, ['undefined']],
    ['one byte: its page', 0x8040_0fff, 1, ['80400fff']],
    ['two bytes on two pages', 0x8040_0fff, 2, ['80400fff', '80401fff']],
    ['exactly three pages', 0x8040_0000, 0x3000, ['80400000', '80401000', '80402000']],
    ['very many: all', 0x8000_0000, 0x100_0000, ['undefined']],
    ['up to the last byte', 0xffff_f000, 0x1000, ['fffff000']],
  ])('%s', (_, start, size, pages) => {
    for (const functionId of [1, 2]) {
      const { call, asked } = firmware();
      expect(call(rfence, functionId, 1, 0, start, size, 5)).toEqual([0, 0]);
      const covered = asked.map((line) => line.replace('fence 0 ', ''));
      expect(covered.map((page) => (page === 'undefined' ? page : Number.parseInt(page, 16) >>> 12))).toEqual(
        pages.map((page) => (page === 'undefined' ? page : Number.parseInt(page, 16) >>> 12)),
      );
    }
  });

  test('a range past the end of the address space is an invalid address', () => {
    const { call, asked } = firmware();
    expect(call(rfence, 1, 1, 0, 0xffff_f000, 0x1001)).toEqual([-5, 0]);
    expect(asked).toEqual([]);
  });

  test('fences of a hypervisor are not supported: no hart of the guest has the extension', () => {
    for (const functionId of [3, 4, 5, 6]) expect(firmware().call(rfence, functionId, 1, 0, 0, 0)).toEqual([-2, 0]);
  });
});

describe('"Hart State Management Extension"', () => {
  test('start: a stopped hart, at an address it can execute', () => {
    const { call, asked } = firmware();
    expect(call(hsm, 0, 3, 0x8040_0000, 77)).toEqual([0, 0]);
    expect(asked).toEqual(['start 3 80400000 4d']);
  });

  test.each([
    ['a hart that is not there', [4, 0x8040_0000], -3],
    ['a hart that was started', [0, 0x8040_0000], -6],
    ['itself', [1, 0x8040_0000], -6],
    ['at a device', [3, 0x1000_0000], -5],
    ['where nothing is', [3, 0x9000_0000], -5],
    ['between two instructions', [3, 0x8040_0002], -5],
  ])('start refuses %s', (_, args, error) => {
    const { call, asked } = firmware();
    expect(call(hsm, 0, ...args)).toEqual([error, 0]);
    expect(asked).toEqual([]);
  });

  test('status, stop, suspend', () => {
    const { call, asked } = firmware();
    expect([0, 3, 4, ALL].map((hart) => call(hsm, 2, hart))).toEqual([
      [0, 0],
      [0, 1],
      [-3, 0],
      [-3, 0],
    ]);
    expect(call(hsm, 3, 0, 0, 0)).toEqual([0, 0]);
    expect(call(hsm, 1)).toEqual([]); // does not return
    expect(asked).toEqual(['suspend 1', 'stop 1']);
    for (const reserved of [1, 0x0fff_ffff, 0x1000_0000, 0x7fff_ffff, 0x8000_0001, 0x9000_0000, ALL]) {
      expect(call(hsm, 3, reserved)).toEqual([-3, 0]);
    }
    expect(call(hsm, 3, 0x8000_0000)).toEqual([-2, 0]); // loses registers: not offered
  });
});

describe('"System Reset Extension"', () => {
  test.each([
    [0, 0, 'reset shutdown false'],
    [0, 1, 'reset shutdown true'],
    [1, 0, 'reset reboot false'],
    [2, 0, 'reset reboot false'],
  ])('type %i, reason %i', (type, reason, expected) => {
    const { call, asked } = firmware();
    expect(call(srst, 0, type, reason)).toEqual([]);
    expect(asked).toEqual([expected]);
  });

  test('a reserved type or reason, or one of a platform that is not this, is an invalid parameter', () => {
    const reserved = [3, 0x7fff_ffff, 0xefff_ffff, 0xf000_0000, ALL];
    const reasons = [2, 0xdfff_ffff, 0xe000_0000, 0xf000_0000, ALL];
    const { call, asked } = firmware();
    for (const type of reserved) expect(call(srst, 0, type, 0)).toEqual([-3, 0]);
    for (const reason of reasons) expect(call(srst, 0, 0, reason)).toEqual([-3, 0]);
    for (const type of reserved) for (const reason of reasons) expect(call(srst, 0, type, reason)).toEqual([-3, 0]);
    expect(asked).toEqual([]);
  });
});

describe('"Debug Console Extension"', () => {
  test('write: bytes of memory, as many as the call says', () => {
    const { call, asked, memory } = firmware();
    [...'Hi!'].forEach((letter, index) => memory.set(0x8040_0000 + index, letter.charCodeAt(0)));
    expect(call(dbcn, 0, 3, 0x8040_0000, 0)).toEqual([0, 3]);
    expect(asked).toEqual(['write 48', 'write 69', 'write 21']);
    expect(call(dbcn, 0, 0, 0x8040_0000, 0)).toEqual([0, 0]);
  });

  test('read: what has been typed, without waiting for more', () => {
    const { call, memory } = firmware('abc');
    expect(call(dbcn, 1, 2, 0x8040_0000, 0)).toEqual([0, 2]);
    expect(call(dbcn, 1, 9, 0x8040_0010, 0)).toEqual([0, 1]);
    expect(call(dbcn, 1, 9, 0x8040_0020, 0)).toEqual([0, 0]);
    expect([0x8040_0000, 0x8040_0001, 0x8040_0010].map((address) => memory.get(address))).toEqual([97, 98, 99]);
    expect(memory.size).toBe(3);
  });

  test.each([
    ['outside memory', 1, 0x9000_0000, 0],
    ['a device', 1, 0x1000_0000, 0],
    ['below memory', 2, 0x7fff_ffff, 0],
    ['over its end', 2, 0x80ff_ffff, 0],
    ['around the end of the address space', 16, 0xffff_fff8, 0],
    ['4 GiB above memory', 1, 0x8040_0000, 1],
    ['2⁶⁴ − 1', 1, ALL, ALL],
    ['longer than memory', ALL, 0x8040_0000, 0],
    ['longer than this call would copy', 0x200_0000, 0x8040_0000, 0],
  ])('a buffer %s is an invalid parameter, and nothing is read or written', (_, count, low, high) => {
    for (const functionId of [0, 1]) {
      const { call, asked, memory } = firmware('typed');
      expect(call(dbcn, functionId, count, low, high)).toEqual([-3, 0]);
      expect(asked).toEqual([]);
      expect(memory.size).toBe(0);
      expect(call(2, 0)).toEqual(['t'.charCodeAt(0)]); // not a byte was taken
    }
  });

  test('write byte: the low eight bits', () => {
    const { call, asked } = firmware();
    expect(call(dbcn, 2, 0x1_41)).toEqual([0, 0]);
    expect(asked).toEqual(['write 41']);
  });
});

describe('"Legacy Extensions": one value, in a0', () => {
  test('all nine', () => {
    const { call, asked } = firmware('x');
    expect(call(0, 0, 5, 6)).toEqual([0]);
    expect(call(1, 0, 0x141)).toEqual([0]);
    expect(call(2, 0)).toEqual([0x78]);
    expect(call(2, 0)).toEqual([-1]);
    expect(call(3, 0)).toEqual([0]);
    expect(call(5, 0)).toEqual([0]);
    expect(asked).toEqual(['timer 1 5 6', 'write 41', 'clear 1']);
    expect(call(4, 0)).toEqual([0]);
    expect(call(6, 0)).toEqual([0]);
    expect(call(7, 0)).toEqual([0]);
    expect(call(8, 0)).toEqual([]);
    expect(asked.slice(-1)).toEqual(['reset shutdown false']);
  });
});

test('the legacy call to interrupt harts: those of the mask at an address, or all', () => {
  const { call, asked, memory } = firmware();
  memory.set(RAM.start, 0b110_0110); // there are four harts
  expect(call(4, 0, RAM.start)).toEqual([0]);
  expect(asked.splice(0)).toEqual(['ipi 1', 'ipi 2']);
  expect(call(4, 0, 0)).toEqual([0]);
  expect(asked.splice(0)).toEqual(['ipi 0', 'ipi 1', 'ipi 2', 'ipi 3']);
  expect(call(4, 0, RAM.end)).toEqual([-5]);
  expect(asked).toEqual([]);
});

/** Takes the mask through a page of its own, 0x4000_0000, which is 0x8080_0000; hart 1 would be told, it itself is not. */
const MASKED = `
_start: li      t0, 0x80800000
        li      t1, 0b10
        sw      t1, 0x40(t0)
        la      t0, root
        srli    t1, t0, 12
        li      t2, 0x80000000
        or      t1, t1, t2
        csrw    satp, t1
        sfence.vma
        li      a7, 4
        li      a0, 0x40000040
        ecall
        mv      s0, a0
        csrr    s1, sip
        li      a7, 4
        li      a0, 0x48000000          # nothing is mapped there
        ecall
        mv      s2, a0
        li      a7, 4
        li      a0, 0
        ecall
        csrr    s3, sip
        ${SHUTDOWN}
        .balign 4096
root:   .zero   4 * 256
        .word   0x202000c7              # 0x40000000: V R W A D
        .zero   4 * 256
code:   .word   0x201000cf              # 0x80400000: V R W X A D
        .zero   4 * 510
`;

test.each(techniques)('%s: the kernel’s own address of a legacy mask', (technique) => {
  const { vm } = runAlone(technique, sourceGuest(MASKED));
  expect(vm.ending).toMatchObject({ kind: 'shutdown' });
  expect([8, 9, 18, 19].map((register) => vm.look().x(register))).toEqual([0, 0, -5, 2]);
});

test('a guest finds the same answers under every technique, and no register but a0 and a1 changed', () => {
  const calls: readonly (readonly number[])[] = [
    ...[0, 1, 2, 4, 5, 6, 7].map((functionId) => [base, functionId]),
    ...[...Object.values(Extension), 0, 8, 9, 0x50_4d55].map((extension) => [base, 3, extension]),
    [time, 0, ALL, ALL],
    [time, 1],
    [ipi, 0, 0, 0],
    [ipi, 0, 2, 0],
    [ipi, 0, 0, 1],
    [ipi, 1],
    [rfence, 0, 1, 0],
    [rfence, 1, 1, 0, 0, 0],
    [rfence, 1, 1, 0, 0xffff_f000, 0x2000],
    [rfence, 2, 1, 0, 0x8040_0000, 0x1000, 0],
    [rfence, 3, 1, 0],
    [rfence, 9, 1, 0],
    [hsm, 0, 0, 0x8040_0000],
    [hsm, 0, 1, 0x8040_0000],
    [hsm, 2, 0],
    [hsm, 2, 1],
    [hsm, 3, 1],
    [hsm, 7],
    [srst, 0, 3, 0],
    [srst, 0, 0, 2],
    [srst, 1],
    [dbcn, 0, 4, 0x8040_0000, 1],
    [dbcn, 0, 16, 0x80ff_fff8, 0],
    [dbcn, 1, 4, 0x8050_0000, 0],
    [dbcn, 2, 0x42],
    [dbcn, 3],
    [0, 0, ALL, ALL],
    [1, 0, 0x43],
    [2],
    [3],
    [5],
    [6],
    [7],
    [9],
    [0xdead_beef],
    [ALL, ALL],
  ];
  everywhere(
    calls
      .map(
        ([extension, functionId = 0, ...args]) => `
        li      a7, ${extension}
        li      a6, ${functionId}
        .irp    register, a2, a3, a4, a5
        li      \\register, 0x5a5a
        .endr
        li      a0, 0x1111
        li      a1, 0x2222
        ${args.map((value, index) => `li      a${index}, ${value}`).join('\n        ')}
        mv      s3, ra
        mv      s4, t6
        ecall
        .irp    register, a0, a1, a2, a3, a4, a5, a6, a7, ra, sp, gp, tp, t0, s0, s1, s3
        keep    \\register
        .endr`,
      )
      .join('\n'),
  );
});

describe.each(techniques)('%s', (technique) => {
  test('SRST: shutdown ends with 0, a reported failure with 1, a reboot begins anew', () => {
    expect(runAlone(technique, sourceGuest(`.globl _start\n_start: ${SHUTDOWN}`)).vm.ending).toMatchObject({
      exitCode: 0,
    });
    const failed = SHUTDOWN.replace('li      a1, 0', 'li      a1, 1');
    expect(runAlone(technique, sourceGuest(`.globl _start\n_start: ${failed}`)).vm.ending).toMatchObject({
      exitCode: 1,
    });
    for (const kind of [1, 2]) {
      const guest = sourceGuest(`
        .globl  _start
_start: lui     t0, 0x10000
        li      t1, 'x'
        lbu     t2, 7(t0)               # the scratch register of the UART is 0 after power-on only
        li      t3, 1
        sb      t3, 7(t0)
        la      t4, word
        lw      t5, 0(t4)               # and RAM is as it was loaded
        sw      t3, 0(t4)
        or      t2, t2, t5
        csrr    t5, sscratch
        csrw    sscratch, t3
        or      t2, t2, t5
        beqz    t2, 1f
        li      t1, '!'
1:      sb      t1, 0(t0)
        li      a7, 0x53525354
        li      a6, 0
        li      a0, ${kind}
        li      a1, 0
        ecall
        .section .data
word:   .word   0`);
      const lab = newLab();
      const vm = lab.addVm({ technique, guest });
      lab.start(vm.id);
      drive(lab.computerOf(vm), { until: () => vm.console.count >= 3 });
      expect(consoleOf(vm)).toBe('xxx');
      // A storm of reboots leaves the host its turns: one slice, one reboot, however many instructions it is given.
      lab.computerOf(vm).runSlice(1e9);
      expect(vm.console.count).toBeLessThan(10);
    }
  });

  test('TIME: a timer that is not due takes a pending interrupt back', () => {
    const { vm } = runAlone(
      technique,
      sourceGuest(`
        .globl  _start
_start: li      a7, 0x54494d45
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
        csrr    s0, sip
        li      a0, -1
        li      a1, -1
        ecall
        csrr    s1, sip
        ${SHUTDOWN}`),
    );
    expect([vm.look().x(8), vm.look().x(9)]).toEqual([0x20, 0]);
  });

  test('the only hart stops itself, or suspends with nothing to wake it: no crash, and a clear end', () => {
    for (const functionId of [1, 3]) {
      const { vm, end } = runAlone(
        technique,
        sourceGuest(`
        .globl  _start
_start: csrw    sie, zero
        li      a7, 0x48534d
        li      a6, ${functionId}
        li      a0, 0
        ecall
        ${SHUTDOWN}`),
        { limit: 100_000 },
      );
      if (vm.ending) expect(vm.ending).toMatchObject({ kind: 'dead', exitCode: 125 });
      else expect(end).toBe('asleep');
    }
  });

  test('HSM suspend: an interrupt wakes the hart behind its call, with success', () => {
    const { vm } = runAlone(
      technique,
      sourceGuest(`
        .globl  _start
_start: li      t0, 0x20
        csrw    sie, t0
        rdtime  t0
        li      t1, 1000
        add     s0, t0, t1
        csrw    0x14d, s0
        csrw    0x15d, zero
        li      a7, 0x48534d
        li      a6, 3
        li      a0, 0
        ecall
        mv      s1, a0
        rdtime  s2
        ${SHUTDOWN}`),
    );
    const state = vm.look();
    expect(state.x(9)).toBe(0);
    expect(state.x(18) - state.x(8)).toBeGreaterThanOrEqual(0);
    expect(state.x(18) - state.x(8)).toBeLessThan(10);
  });
});

test.each([2, 3, 4])('HSM, IPI and RFENCE between %i harts of the bare machine', (harts) => {
  const { vm } = runAlone(
    'bare',
    sourceGuest(
      `
        .equ    STATE, 0x80a00000       # a word for each hart
        .equ    HSM, 0x48534d
        .globl  _start
_start: li      s0, STATE
        li      s1, 1
start:  li      a7, HSM
        li      a6, 0
        mv      a0, s1
        la      a1, second
        li      a2, 0x1000
        add     a2, a2, s1
        ecall
        bnez    a0, started             # −3: that was the last one
        mv      a0, s1
        la      a1, second
        ecall
        li      t0, -6
        bne     a0, t0, broken
        addi    s1, s1, 1
        j       start
started: li     t0, -3
        bne     a0, t0, broken
        addi    s2, s1, -1              # how many others there are
1:      li      s1, 1                   # wait until all of them are suspended
2:      li      a7, HSM
        li      a6, 2
        mv      a0, s1
        ecall
        li      t0, 4
        bne     a1, t0, 1b
        addi    s1, s1, 1
        ble     s1, s2, 2b
        li      a7, 0x735049            # IPI to all of them
        li      a6, 0
        li      a0, -2
        li      t0, 1
        addi    t1, s2, 1
        sll     t0, t0, t1
        addi    t0, t0, -2
        mv      a0, t0
        li      a1, 0
        ecall
        bnez    a0, broken
        li      a7, 0x52464e43
        li      a6, 1
        li      a0, 0
        li      a1, -1
        li      a2, 0
        li      a3, 0
        ecall
        bnez    a0, broken
1:      li      s1, 1                   # and until all of them have stopped
2:      li      a7, HSM
        li      a6, 2
        mv      a0, s1
        ecall
        li      t0, 1
        bne     a1, t0, 1b
        addi    s1, s1, 1
        ble     s1, s2, 2b
        ${SHUTDOWN}
broken: li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 1
        ecall
        .balign 4
second: csrr    t0, satp                # off, and SIE too ("HSM Hart Start Register State")
        csrr    t1, sstatus
        andi    t1, t1, 2
        or      t0, t0, t1
        bnez    t0, broken
        li      t0, STATE
        slli    t1, a0, 3
        add     s0, t0, t1
        sw      a0, 0(s0)
        sw      a1, 4(s0)
        csrwi   sie, 2
        li      a7, HSM
        li      a6, 3
        li      a0, 0
        ecall
        bnez    a0, broken
        csrr    t0, sip
        andi    t0, t0, 2
        beqz    t0, broken
        csrwi   sip, 0
        li      a7, HSM
        li      a6, 1
        ecall
        j       broken`,
      { harts },
    ),
    { limit: 10_000_000 },
  );
  expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  for (let hart = 1; hart < harts; hart++) {
    expect(wordAt(vm, 0x80a0_0000 + 8 * hart)).toBe(hart);
    expect(wordAt(vm, 0x80a0_0004 + 8 * hart)).toBe(0x1000 + hart);
  }
});
