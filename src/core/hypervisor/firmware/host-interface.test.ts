// Programs made for Spike talk to their host through memory; they must find here what they find there (fesvr htif.cc).

import { describe, expect, test } from 'vitest';
import { addressOfSymbol, assembled } from '../../isa/assembly/assembled.test-support.ts';
import { drive, MIB, newLab, runAlone, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import { PATIENCE } from './host-interface.ts';
import { techniques } from '../virtual-machine.ts';

/** The two words of the host interface and what a program needs to wait for an answer. */
const WORDS = `
        .balign 64
        .globl  tohost, fromhost
tohost: .word   0, 0
        .balign 64
fromhost: .word 0, 0
`;

/** Puts the command in a0 (low) and a1 (high) and waits until the host has taken it. */
const COMMAND = `
command:
        la      t0, tohost
        sw      a0, 0(t0)
        sw      a1, 4(t0)
1:      lw      t1, 0(t0)
        lw      t2, 4(t0)
        or      t1, t1, t2
        bnez    t1, 1b
        ret
`;
/** Waits for the answer, takes it away, and returns its low word in a0. */
const ANSWER = `
answer:
        la      t0, fromhost
1:      lw      a0, 0(t0)
        beqz    a0, 1b
        sw      zero, 0(t0)
        sw      zero, 4(t0)
        ret
`;

const program = (code: string): string => `
        .globl  _start
_start: la      sp, top
${code}
hang:   j       hang
${COMMAND}${ANSWER}${WORDS}
        .balign 64
call:   .zero   64
text:   .ascii  "Hello, host\\n"
        .balign 16
        .zero   64
top:
`;

/** One system call: its number and three arguments; the result is left in a0. */
const systemCall = (number: number, file: string, buffer: string, length: number): string => `
        la      s0, call
        li      t0, ${number}
        sw      t0, 0(s0)
        li      t0, ${file}
        sw      t0, 8(s0)
        la      t0, ${buffer}
        sw      t0, 16(s0)
        li      t0, ${length}
        sw      t0, 24(s0)
        mv      a0, s0
        li      a1, 0
        call    command
        call    answer
        lw      a0, 0(s0)
`;
/** Ends with the exit code in a0. */
const EXIT = `
        slli    a0, a0, 1
        ori     a0, a0, 1
        li      a1, 0
        call    command
`;

const run = (technique: (typeof techniques)[number], code: string, input?: string) =>
  runAlone(technique, sourceGuest(program(code)), {
    limit: 2_000_000,
    ...(input !== undefined && { input }),
  });

describe.each(techniques)('%s', (technique) => {
  test.each([
    [1, 0],
    [3, 1],
    [2675, 1337],
  ])('an odd value of tohost ends the run: %i is exit code %i', (value, exitCode) => {
    const { vm } = run(technique, `li a0, ${value}\n li a1, 0\n call command`);
    expect(vm.ending).toMatchObject({ kind: 'finisher', exitCode });
  });

  test('a lone low word is a command too, after a while', () => {
    const { vm } = run(technique, `la t0, tohost\n li t1, 7\n sw t1, 0(t0)`);
    expect(vm.ending).toMatchObject({ exitCode: 3 });
    expect(vm.instructions).toBeGreaterThanOrEqual(PATIENCE);
    expect(vm.instructions).toBeLessThan(2 * PATIENCE);
  });

  test('a lone low word is seen although the guest waits for ever', () => {
    const { vm } = run(technique, `la t0, tohost\n li t1, 1\n sw t1, 0(t0)\n 1: wfi\n j 1b`);
    expect(vm.ending).toMatchObject({ exitCode: 0 });
  });

  test('bytes for the console come out, odd ones as well, whichever half is stored first', () => {
    const { vm, console } = run(
      technique,
      `li a0, 'E'\n li a1, 0x01010000\n call command
        la t0, tohost\n li t1, 0x01010000\n sw t1, 4(t0)\n li t1, 'n'\n sw t1, 0(t0)
        li a0, '!'\n li a1, 0x01010000\n call command\n li a0, 5 ${EXIT}`,
    );
    expect(console).toBe('En!');
    expect(vm.ending).toMatchObject({ exitCode: 5 });
  });

  test('a write system call prints and returns what it printed', () => {
    const { vm, console } = run(technique, systemCall(64, '1', 'text', 12) + EXIT);
    expect(console).toBe('Hello, host\n');
    expect(vm.ending).toMatchObject({ exitCode: 12 });
  });

  test.each([
    ['a file there is not', systemCall(64, '7', 'text', 12), -9],
    ['memory there is not', systemCall(64, '1', '0x40000000', 12), -14],
    ['a call there is not', systemCall(1024, '1', 'text', 12), -38],
  ])('%s is refused with the errno of Linux', (_, call, result) => {
    const { vm, console } = run(technique, `${call} neg a0, a0 ${EXIT}`);
    expect(console).toBe('');
    expect(vm.ending).toMatchObject({ exitCode: -result });
  });

  test('the exit system call ends the run', () => {
    expect(run(technique, systemCall(93, '42', 'text', 0)).vm.ending).toMatchObject({ exitCode: 42 });
  });

  test('a byte typed before or after it is asked for is answered', () => {
    const read = `li a0, 0\n li a1, 0x01000000\n call command\n call answer\n andi a0, a0, 0xff`;
    expect(run(technique, read + EXIT, 'x').vm.ending).toMatchObject({ exitCode: 0x78 });

    const lab = newLab();
    const vm = lab.addVm({ technique, guest: sourceGuest(program(read + EXIT)) });
    lab.start(vm.id);
    drive(lab.computerOf(vm), { limit: 10_000 });
    expect(vm.ending).toBeUndefined();
    vm.receive(Uint8Array.of(0x79));
    drive(lab.computerOf(vm), { limit: 10_000, until: () => vm.ending !== undefined });
    expect(vm.ending).toMatchObject({ exitCode: 0x79 });
  });

  test('a read system call waits for input', () => {
    const { vm } = run(technique, `${systemCall(63, '0', 'text', 5)} la t0, text\n lbu a0, 0(t0) ${EXIT}`, 'z');
    expect(vm.ending).toMatchObject({ exitCode: 0x7a });
  });

  test('commands of other devices change nothing', () => {
    const { vm, console } = run(technique, `li a0, 1\n li a1, 0x05000000\n call command\n li a0, 9 ${EXIT}`);
    expect(console).toBe('');
    expect(vm.ending).toMatchObject({ exitCode: 9 });
  });
});

test('memory given back by a VM is no longer watched', () => {
  const lab = newLab({ memoryMiB: 32 });
  const source = program(`li a0, 1\n li a1, 0\n la t0, tohost\n sw a0, 0(t0)\n sw a1, 4(t0)\n ${SHUTDOWN}`);
  const part = { memoryBytes: 8 * MIB };
  const first = lab.addVm({ technique: 'trap-and-emulate', guest: sourceGuest(source, part) });
  lab.removeVm(first.id);
  const guest = sourceGuest(source.replaceAll('tohost', 'elsewhere'), part);
  const second = lab.addVm({ technique: 'trap-and-emulate', guest });
  lab.start(second.id);
  drive(lab.computerOf(second), { limit: 100_000, until: () => second.ending !== undefined });
  expect(second.ending).toMatchObject({ kind: 'shutdown' });
  expect(first.ending).toBeUndefined();
});

test('the words are found by their names', () => {
  const result = assembled(program(''));
  expect(addressOfSymbol(result, 'fromhost')).toBe((addressOfSymbol(result, 'tohost') ?? 0) + 64);
});
