// Interrupts from the device model to the addressed guest only, as chains: raised → pending → injected → taken →
// acknowledged (issue, section 2 "Interrupts"), and time that is the guest's own.

import { describe, expect, test } from 'vitest';
import { consoleOf, drive, newLab, runAlone, shippedGuest, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import type { Lab } from '../lab.ts';
import { techniques, type Technique } from '../virtual-machine.ts';

const chainsOf = (lab: Lab, vm: number) => [...lab.interrupts.recent(512)].reverse().filter((chain) => chain.vm === vm);

/** Stages in order; the bare machine needs nobody to inject. */
const stagesOf = (technique: Technique) =>
  technique === 'bare'
    ? ['raised', 'pending', 'taken', 'acknowledged']
    : ['raised', 'pending', 'injected', 'taken', 'acknowledged'];

describe.each(techniques)('%s', (technique) => {
  test('external: a UART byte, through the PLIC, to the handler, claimed there', () => {
    const { vm, lab } = runAlone(technique, shippedGuest('plic'));
    const chains = chainsOf(lab, vm.id).filter(({ cause }) => /external/i.test(cause));
    expect(chains).toHaveLength(5);
    for (const { source, stages } of chains) {
      expect(source).toMatch(/serial/i);
      expect(stages.map(({ stage }) => stage)).toEqual(stagesOf(technique));
      const times = stages.map(({ at }) => at);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect(Object.entries(vm.interrupts)).toEqual([[expect.stringMatching(/external/i), 5]]);
  });

  test('timer: from the compare register to the handler', () => {
    const { vm, lab } = runAlone(technique, shippedGuest('timer'));
    const chains = chainsOf(lab, vm.id).filter(({ cause }) => /timer/i.test(cause));
    expect(chains.length).toBeGreaterThanOrEqual(5);
    for (const { stages } of chains.slice(0, 5)) {
      const seen = stages.map(({ stage }) => stage);
      expect(seen.slice(0, 2)).toEqual(['raised', 'pending']);
      expect(seen).toContain('taken');
    }
    expect(Object.values(vm.interrupts).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5);
  });

  test('software: asked of the firmware, taken, and nobody to tell', () => {
    const { vm, lab } = runAlone(
      technique,
      sourceGuest(`
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        csrwi   sie, 2
        csrsi   sstatus, 2
        li      s0, 0
        li      a7, 0x735049
        li      a6, 0
        li      a0, 1
        li      a1, 0
        ecall
1:      beqz    s0, 1b
        ${SHUTDOWN}
        .balign 4
handler: csrwi  sip, 0
        addi    s0, s0, 1
        sret`),
      { limit: 100_000 },
    );
    expect(vm.ending).toMatchObject({ exitCode: 0 });
    expect(vm.look().x(8)).toBe(1);
    const chains = chainsOf(lab, vm.id).filter(({ cause }) => /software/i.test(cause));
    expect(chains).toHaveLength(1);
    expect(chains[0]?.stages.map(({ stage }) => stage)).toContain('taken');
    expect(Object.values(vm.interrupts)).toEqual([1]);
  });

  test('only the addressed VM: its neighbour has no chain and no count', () => {
    const lab = newLab();
    const vms = ['plic', 'hello'].map((name) => lab.addVm({ technique, guest: shippedGuest(name) }));
    for (const { id } of vms) lab.start(id);
    for (const computer of lab.computers) drive(computer);
    const [busy, quiet] = vms;
    expect(chainsOf(lab, busy?.id ?? 0).length).toBe(5);
    expect(chainsOf(lab, quiet?.id ?? 0)).toEqual([]);
    expect(quiet?.interrupts).toEqual({});
  });

  test('time written to the board’s mtime is the time CSR and the timer’s, on this board only', () => {
    const source = `
        .globl  _start
_start: li      t0, 0x0200bff8          # ACLINT: mtime
        li      t1, 0x12340000
        sw      t1, 0(t0)
        rdtime  s0
        li      t2, 0x20
        csrw    sie, t2
        li      t3, 5000
        add     t3, s0, t3
        csrw    0x14d, t3               # stimecmp
        csrw    0x15d, zero
        wfi
        rdtime  s1
        sub     s1, s1, t3
        ${SHUTDOWN}`;
    const { vm } = runAlone(technique, sourceGuest(source), { limit: 1_000_000 });
    expect(vm.ending).toMatchObject({ exitCode: 0 });
    expect(vm.look().x(8) >>> 16).toBe(0x1234);
    expect(vm.look().x(9)).toBeGreaterThanOrEqual(0);
    expect(vm.look().x(9)).toBeLessThan(10);
  });

  test('a handler whose first instruction is a CSR access that is refused ends as one whose first word is illegal', () => {
    for (const first of ['.word 0', 'csrr t0, 0x5c0', 'csrw 0xc00, t0', 'mret', 'lw t0, 0(zero)']) {
      const { vm } = runAlone(
        technique,
        sourceGuest(`
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        .word   0
        .balign 4
handler: ${first}`),
        { limit: 100_000, slice: 1000 },
      );
      expect(vm.ending, first).toMatchObject({ kind: 'dead', exitCode: 125 });
      expect(consoleOf(vm)).toBe('');
    }
  });
});
