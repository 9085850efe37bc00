// Live migration, pre-copy: a VM moves to another machine while it runs, and nothing of it is lost (issue, section 2). What it
// should do is taken from QEMU's documentation (docs/devel/migration: pre-copy, downtime-limit, auto-converge).

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { runOrSkip } from '../computer.ts';
import { consoleOf, drive, hashOf, hosted, MIB, newLab, shippedGuest } from '../guest-rig.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import { networkChoice } from '../guest-devices/virtual-network.ts';
import type { LiveMigration, MigrationOptions } from './live-migration.ts';
import { BUSY, linuxWithDevices, writesPages } from './migration-rig.test-support.ts';

vi.setConfig({ testTimeout: 120_000 });

const SECOND = 10_000_000;
const MILLISECOND = SECOND / 1000;

const optionsOf = (part: Partial<MigrationOptions> & { readonly megabytes?: number } = {}): MigrationOptions => ({
  link: { bytesPerSecond: (part.megabytes ?? 100) * 1e6, latencyTicks: MILLISECOND / 10 },
  downtimeLimitTicks: 10 * MILLISECOND,
  divergence: 'report',
  ...part,
});

interface Rig {
  readonly lab: Lab;
  readonly id: number;
  /** Whichever machine it is on. */
  readonly vm: () => HostedVm;
}

function rig(technique: HostedTechnique, guest: GuestImage, options: Parameters<typeof newLab>[0] = {}): Rig {
  const lab = newLab({ memoryMiB: guest.memoryBytes / MIB + 40, ...options });
  const { id } = lab.addVm({ technique, guest });
  lab.start(id);
  return {
    lab,
    id,
    vm: () => {
      const vm = lab.vm(id);
      if (vm instanceof HostedVm) return vm;
      throw new Error('expected a VM of a hypervisor');
    },
  };
}

/** Runs both machines for exactly so many instructions of virtual time. */
function advance({ lab, vm }: Rig, instructions: number, slice = 1_000_000): void {
  const computer = lab.computerOf(vm());
  const end = Math.floor(computer.now + instructions / 10);
  const busy = () => lab.hypervisors.filter(({ vms }) => vms.size > 0);
  const behind = () => Math.max(...busy().map(({ machine }) => 10 * end - machine.elapsed));
  while (behind() > 0) {
    runOrSkip(computer, Math.min(slice, behind()), end);
  }
}

function finish(moved: Rig, migration: LiveMigration, slice = 1_000_000): void {
  drive(moved.lab.computerOf(moved.vm()), { limit: 1e9, slice, until: () => !migration.active });
}

const type = (moved: Rig, text: string) => moved.vm().receive(new TextEncoder().encode(text));

describe.each(hosted)('%s', (technique) => {
  test('a busy guest moves; what arrives is what was stopped; its console goes on without a gap', () => {
    const moved = rig(technique, BUSY);
    advance(moved, 3_000_000);
    const source = moved.vm();
    const before = consoleOf(source);
    const migration = moved.lab.migrate(moved.id, optionsOf());
    expect(moved.lab.machineOf(source)).toBe('A');
    finish(moved, migration);
    expect(migration.message).toMatch(/nothing was lost/);
    expect(migration.state).toBe('completed');
    const { source: sent, destination: arrived } = migration.hashes;
    expect(sent).toMatch(/^[0-9a-f]{16}$/);
    expect(arrived).toBe(sent);
    const target = moved.vm();
    expect(target).not.toBe(source);
    expect(moved.lab.machineOf(target)).toBe('B');
    expect(hashOf(target)).toBe(sent);
    const [a, b] = moved.lab.hypervisors;
    expect(a?.vms.size).toBe(0);
    expect(b?.vms.size).toBe(1);
    const { instructions } = target;
    type(moved, '#');
    advance(moved, 3_000_000);
    expect(target.instructions).toBeGreaterThan(instructions + 2_000_000);
    const console = consoleOf(target);
    expect(console.startsWith(before)).toBe(true);
    expect(console).toContain('#');
    // Beat after beat, each letter behind the one before it, across the move.
    expect(console.replaceAll('#', '')).toBe('abcdefghijklmnopqrstuvwxyz'.repeat(99).slice(0, console.length - 1));
  });

  test('moves back again, and is removed from where it is', () => {
    const moved = rig(technique, BUSY);
    advance(moved, 1_000_000);
    for (const machine of ['B', 'A', 'B']) {
      const migration = moved.lab.migrate(moved.id, optionsOf());
      finish(moved, migration);
      expect(migration.state).toBe('completed');
      expect(migration.hashes.destination).toBe(migration.hashes.source);
      expect(moved.lab.machineOf(moved.vm())).toBe(machine);
      advance(moved, 500_000);
    }
    moved.lab.removeVm(moved.id);
    for (const { frames, vms } of moved.lab.hypervisors) {
      expect(vms.size).toBe(0);
      expect(frames.usedBytes).toBe(4096); // the trap vector's page
    }
  });

  test('the run is the same however the host cuts it', () => {
    const outcomes = [997, 40_000, 5_000_000].map((slice) => {
      const moved = rig(technique, BUSY);
      advance(moved, 1_000_000, slice);
      const migration = moved.lab.migrate(moved.id, optionsOf({ megabytes: 20, downtimeLimitTicks: 40 * MILLISECOND }));
      finish(moved, migration, slice);
      advance(moved, 1_000_000, slice);
      return {
        rounds: migration.rounds,
        hashes: migration.hashes,
        downtime: migration.downtime,
        now: hashOf(moved.vm()),
      };
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });

  test('Linux moves from one prompt to the next with its disk, and goes on computing', () => {
    const moved = rig(technique, linuxWithDevices(), { memoryMiB: 100 });
    drive(moved.lab.computerOf(moved.vm()), { until: () => /# $/.test(consoleOf(moved.vm())) });
    type(
      moved,
      'x=$((6*7)); i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i > /tmp/f; done; echo end $i $x; md5sum /dev/vda\n',
    );
    advance(moved, 2_000_000);
    const migration = moved.lab.migrate(moved.id, optionsOf({ megabytes: 50 }));
    finish(moved, migration);
    expect(migration.message).toMatch(/nothing was lost/);
    expect(migration.hashes.destination).toBe(migration.hashes.source);
    expect(migration.rounds.length).toBeGreaterThan(1);
    drive(moved.lab.computerOf(moved.vm()), { until: () => /end 300 42\r\n[0-9a-f]{32}/.test(consoleOf(moved.vm())) });
    expect(consoleOf(moved.vm())).toMatch(/end 300 42\r\n[0-9a-f]{32}/);
  });
});

describe('rounds', () => {
  const technique = 'hardware-assisted';

  test('each sends what was written during the one before; the downtime is near what was expected and within the limit', () => {
    const moved = rig(technique, writesPages(64, 2000));
    advance(moved, 500_000);
    const migration = moved.lab.migrate(moved.id, optionsOf({ megabytes: 100, downtimeLimitTicks: 5 * MILLISECOND }));
    finish(moved, migration);
    expect(migration.state).toBe('completed');
    const { rounds } = migration;
    rounds.slice(1).forEach((round, index) => {
      expect(round.pages).toBe(rounds[index]?.dirtyPages);
      expect(round.startedAt).toBe(rounds[index]?.endedAt);
    });
    const expected = rounds.at(-2)?.expectedDowntime ?? Infinity;
    expect(expected).toBeLessThanOrEqual(5 * MILLISECOND);
    // The machines meet every 100 µs.
    expect(Math.abs((migration.downtime ?? 0) - expected)).toBeLessThan(0.5 * MILLISECOND);
    const bytes = rounds.reduce((sum, round) => sum + round.bytes, 0);
    expect(bytes).toBe(migration.link.sentBytes);
    const seconds = ((migration.endedAt ?? 0) - migration.startedAt) / SECOND;
    expect(bytes / seconds).toBeLessThan(100e6 * 1.01);
  });

  test('a VM that writes faster than the link carries does not converge; it is said, and it runs on', () => {
    const moved = rig(technique, writesPages(512, 100));
    advance(moved, 500_000);
    const source = moved.vm();
    const slow = { megabytes: 20, downtimeLimitTicks: 5 * MILLISECOND, mostRounds: 6 };
    const migration = moved.lab.migrate(moved.id, optionsOf(slow));
    finish(moved, migration);
    expect(migration.state).toBe('failed');
    expect(migration.message).toMatch(/did not converge in 6 rounds.*bandwidth.*runs on where it was/);
    expect(migration.converging).toBe(false);
    expect(moved.vm()).toBe(source);
    const { instructions } = source;
    advance(moved, 1_000_000);
    expect(source.instructions).toBeGreaterThan(instructions + 900_000);
  });

  test.each([
    ['throttle', 'completed', 5],
    ['force', 'completed', Infinity],
    ['cancel', 'cancelled', Infinity],
  ] as const)('… unless the person chose %s', (divergence, state, milliseconds) => {
    const moved = rig(technique, writesPages(256, 2000));
    advance(moved, 1_000_000);
    const migration = moved.lab.migrate(
      moved.id,
      optionsOf({ megabytes: 40, downtimeLimitTicks: 5 * MILLISECOND, divergence }),
    );
    finish(moved, migration);
    expect(migration.state).toBe(state);
    if (state !== 'completed') return;
    expect(migration.hashes.destination).toBe(migration.hashes.source);
    expect(migration.downtime ?? Infinity).toBeLessThanOrEqual(milliseconds * MILLISECOND);
    expect(Math.max(...migration.rounds.map(({ throttle }) => throttle)) > 0).toBe(divergence === 'throttle');
    const target = moved.vm();
    const { instructions } = target;
    advance(moved, 1_000_000);
    expect(target.instructions - instructions).toBeGreaterThan(950_000); // it is not throttled any more
  });

  test('a person may force the switch', () => {
    const moved = rig(technique, writesPages(512, 100));
    advance(moved, 500_000);
    const migration = moved.lab.migrate(moved.id, optionsOf({ megabytes: 20, downtimeLimitTicks: 5 * MILLISECOND }));
    advance(moved, 1_000_000);
    migration.force();
    finish(moved, migration);
    expect(migration.state).toBe('completed');
    expect(migration.hashes.destination).toBe(migration.hashes.source);
  });
});

describe('a failure half-way leaves the source running, untouched', () => {
  const technique = 'hardware-assisted';
  const options = optionsOf({ megabytes: 20, downtimeLimitTicks: 40 * MILLISECOND });

  /** Runs the source on and sees that it lives. */
  function lives(moved: Rig, migration: LiveMigration, source: HostedVm): void {
    expect(migration.active).toBe(false);
    expect(moved.vm()).toBe(source);
    expect(source.memory.dirtyLog.active).toBe(false);
    const before = consoleOf(source);
    const { instructions } = source;
    advance(moved, 1_000_000);
    expect(source.instructions - instructions).toBeGreaterThan(900_000);
    const after = consoleOf(source);
    expect(after).toBe('abcdefghijklmnopqrstuvwxyz'.repeat(99).slice(0, after.length));
    expect(after.length).toBeGreaterThan(before.length + 10);
    const [, b] = moved.lab.hypervisors;
    expect(b?.vms.size).toBe(0);
    expect(b?.frames.usedBytes).toBe(4096);
  }

  test('when the link is cut, at any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (when) => {
        const moved = rig(technique, BUSY);
        advance(moved, 1_000_000);
        const source = moved.vm();
        const migration = moved.lab.migrate(moved.id, options);
        drive(moved.lab.computerOf(source), { limit: when, until: () => !migration.active });
        if (!migration.active) return;
        migration.cutLink();
        expect(migration).toMatchObject({ state: 'failed', message: 'The link was cut. The VM runs on where it was.' });
        lives(moved, migration, source);
      }),
      { numRuns: 6 },
    );
  });

  test.each(['copying', 'stopped'] as const)('when it is cut while %s', (state) => {
    const moved = rig(technique, BUSY);
    advance(moved, 1_000_000);
    const source = moved.vm();
    const migration = moved.lab.migrate(moved.id, options);
    drive(moved.lab.computerOf(source), { slice: 1000, until: () => migration.state === state });
    migration.cutLink();
    expect(migration.state).toBe('failed');
    lives(moved, migration, source);
  });

  test.each(['copying', 'stopped'] as const)('when the stream is damaged while %s', (state) => {
    const moved = rig(technique, BUSY);
    advance(moved, 1_000_000);
    const source = moved.vm();
    const migration = moved.lab.migrate(moved.id, options);
    if (state === 'copying') {
      advance(moved, 20_000);
      migration.link.damageNext();
    } else migration.damageAtSwitch();
    finish(moved, migration);
    expect(migration.state).toBe('failed');
    expect(migration.message).toMatch(/stream is damaged: the checksum .* runs on where it was/);
    lives(moved, migration, source);
  });

  test('when the destination has no memory, before it begins or while it receives', () => {
    const moved = rig(technique, writesPages(2000, 10), { secondMemoryMiB: 3 });
    advance(moved, 1_500_000);
    const source = moved.vm();
    const migration = moved.lab.migrate(moved.id, options);
    finish(moved, migration);
    expect(migration.state).toBe('failed');
    expect(migration.message).toMatch(/destination has no free memory left/);
    expect(moved.vm()).toBe(source);
    const tiny = rig(technique, BUSY, { secondMemoryMiB: 0.01 });
    expect(() => tiny.lab.migrate(tiny.id, options)).toThrow(/expected .* memory/);
    advance(tiny, 100_000);
  });

  test('when the person cancels, or removes or resets the VM', () => {
    for (const act of ['cancel', 'removeVm', 'reset'] as const) {
      const moved = rig(technique, BUSY);
      advance(moved, 1_000_000);
      const migration = moved.lab.migrate(moved.id, options);
      advance(moved, 100_000);
      if (act === 'cancel') migration.cancel();
      else moved.lab[act](moved.id);
      expect(migration.state).toBe('cancelled');
      if (act === 'removeVm') expect(moved.lab.vms).toEqual([]);
      else advance(moved, 1_000_000);
    }
  });

  test('when the guest ends meanwhile', () => {
    const moved = rig(technique, { ...shippedGuest('hello'), memoryBytes: 16 * MIB });
    const migration = moved.lab.migrate(moved.id, optionsOf({ megabytes: 0.05, downtimeLimitTicks: 10 * SECOND }));
    finish(moved, migration);
    expect(migration.state).toBe('failed');
    expect(migration.message).toMatch(/The guest has ended/);
  });
});

describe('refused before anything has changed', () => {
  test.each([
    [{ downtimeLimitTicks: 0 }, /downtime limit of at least \d+ ms/],
    [{ link: { bytesPerSecond: 0, latencyTicks: 0 } }, /bandwidth of 1000 to/],
    [{ link: { bytesPerSecond: 1e6, latencyTicks: -1 } }, /latency of 0 to/],
  ])('%j', (part, message) => {
    const moved = rig('hardware-assisted', BUSY);
    expect(() => moved.lab.migrate(moved.id, optionsOf(part))).toThrow(message);
    expect(moved.vm().memory.dirtyLog.active).toBe(false);
    expect(moved.lab.migrate(moved.id, optionsOf()).active).toBe(true);
    expect(() => moved.lab.migrate(moved.id, optionsOf())).toThrow(/one migration at a time/);
  });

  test('a VM on the bare machine', () => {
    const lab = newLab();
    const { id } = lab.addVm({ technique: 'bare', guest: BUSY });
    expect(() => lab.migrate(id, optionsOf())).toThrow(/found one on the bare machine/);
    expect(() => lab.cloneVm(id)).toThrow(/found one on the bare machine/);
  });
});

test('a VM goes on under its network address, and its neighbours reach it on the other machine', () => {
  const lab = newLab({ memoryMiB: 200 });
  const guest = { ...shippedGuest('linux'), network: networkChoice() };
  const [one, two] = [
    lab.addVm({ technique: 'hardware-assisted', guest }),
    lab.addVm({ technique: 'hardware-assisted', guest }),
  ];
  for (const { id } of [one, two]) lab.start(id);
  const computer = lab.computerOf(one);
  const console = (id: number) => consoleOf(lab.vm(id));
  const until = (id: number, wanted: RegExp) => {
    expect(drive(computer, { limit: 2e9, until: () => wanted.test(console(id)) }), console(id).slice(-400)).toBe(
      'until',
    );
  };
  const tell = (id: number, text: string) => lab.vm(id).receive(new TextEncoder().encode(text));
  until(one.id, /# $/);
  until(two.id, /# $/);
  tell(one.id, 'udhcpc -i eth0 -q 2>&1 | tail -1; ip -4 addr show eth0 | grep inet; echo ready\n');
  until(one.id, /ready\r\n.*# $/s);
  tell(two.id, 'udhcpc -i eth0 -q 2>&1 | tail -1; ip -4 addr show eth0 | grep inet; echo ready\n');
  until(two.id, /ready\r\n.*# $/s);
  const address = /inet (\d+\.\d+\.\d+\.\d+)/.exec(console(two.id))?.[1] ?? '';
  expect(address).not.toBe('');
  tell(one.id, `ping -c 8 -i 0.2 ${address} | tail -2; echo pinged\n`);
  const migration = lab.migrate(two.id, optionsOf());
  drive(computer, { limit: 2e9, until: () => !migration.active });
  expect(migration.message).toMatch(/nothing was lost/);
  expect(lab.machineOf(lab.vm(two.id))).toBe('B');
  until(one.id, /8 packets transmitted, [78] packets received.*pinged\r\n/s);
  tell(one.id, `ping -c 2 ${address} | tail -2; echo again\n`);
  until(one.id, /2 packets transmitted, 2 packets received.*again\r\n/s);
  tell(two.id, 'wget -q -O - http://10.0.2.2/ | head -1; echo fetched\n');
  until(two.id, /fetched\r\n.*# $/s);
});
