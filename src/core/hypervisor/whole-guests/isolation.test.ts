// Isolation in numbers: guests made of random words, with random page tables, registers and CSRs. Whatever they do, no
// byte outside their own frames changes, every table entry the hypervisor makes points into their own RAM, and the host
// neither throws nor hangs (issue, section 2; facts "Inputs this lab must survive").

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { anyInstructionWord, anyWord } from '../../isa/instruction-words.test-support.ts';
import { MIB, newLab, sourceGuest, hosted } from '../guest-rig.test-support.ts';
import type { Hypervisor } from '../hypervisor.ts';
import type { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import type { Technique } from '../virtual-machine.ts';

const GUEST_MIB = 8;
const START = 0x8040_0000;
const ROOT = 0x8050_0000;
const LEAF = 0x8050_1000;
const INSTRUCTIONS = 4000;

/** A frame number a guest may try: its own RAM, around its ends, devices, host frames, and anything of 22 bits. */
const frameNumber = fc.oneof(
  fc.integer({ min: 0x80000, max: 0x807ff }),
  fc.constantFrom(0x7ffff, 0x80000, 0x80400, 0x80500, 0x80501, 0x80800, 0x81000, 0x83fff, 0x10000, 0x0c000, 0x02000, 0),
  fc.constantFrom(0x180000, 0x180400, 0x180500, 0x280000, 0x380400, 0x3fffff),
  fc.integer({ min: 0, max: 0x3fffff }),
);
const flags = fc.oneof(fc.constantFrom(1, 0xcf, 0xdf, 0xc7, 0xd7, 0x4b, 0x5b, 0x47), fc.integer({ min: 0, max: 255 }));
const entry = fc.tuple(frameNumber, flags).map(([frame, bits]) => ((frame << 10) | bits) >>> 0);
const address = fc.oneof(
  fc.constantFrom(START, ROOT, LEAF, 0x8000_0000, 0x807f_fffc, 0x8080_0000, 0x1000_0000, 0x0c00_0000, 0xffff_fffc, 0),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const word = fc.oneof(
  { weight: 5, arbitrary: anyInstructionWord },
  { weight: 1, arbitrary: anyWord },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0x1800_0073, 0x1200_0073, 0x1020_0073, 0x1050_0073, 0x0000_0073, 0x1805_1073),
  },
);

const program = fc.record({
  code: fc.array(word, { minLength: 8, maxLength: 60 }),
  registers: fc.array(address, { minLength: 31, maxLength: 31 }),
  root: fc.array(fc.tuple(fc.nat(1023), entry), { maxLength: 12 }),
  leaf: fc.array(fc.tuple(fc.nat(1023), entry), { maxLength: 12 }),
  satp: fc.oneof(
    fc.constant(0),
    fc.constant((0x8000_0000 | (ROOT >>> 12)) >>> 0),
    fc.integer().map((bits) => bits >>> 0),
  ),
  status: fc.constantFrom(0x100, 0x4_0100, 0x8_0100, 0xc_0122, 0),
  vector: fc.constantFrom(START, START + 16, 0, 0x9000_0000),
  typed: fc.uint8Array({ maxLength: 4 }),
});
type Program = typeof program extends fc.Arbitrary<infer T> ? T : never;

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

/** Puts a random guest into a VM that stands at its first instruction. */
function load(vm: HostedVm, { code, registers, root, leaf, satp, status, vector }: Program): void {
  vm.memory.write(START, words([...code, 0xffdf_f06f])); // jal x0, −4: round the last two for ever, unless something happens
  // The program itself stays mapped, or most programs would end at their first fetch.
  const own = [0x201, 0x2010_00cf] as const;
  for (const [index, value] of [...root, own, [0x300, ((LEAF >>> 2) | 1) >>> 0] as const]) {
    vm.memory.write(ROOT + 4 * index, words([value]));
  }
  for (const [index, value] of leaf) vm.memory.write(LEAF + 4 * index, words([value]));
  const { state } = vm.vcpu(0);
  registers.forEach((value, index) => state.setX(index + 1, value | 0));
  state.set('satp', satp);
  state.set('stvec', vector);
  state.set('mie', 0x222);
  state.set('mstatus', status & 0xc_0122);
  state.set('sepc', START);
}

/** FNV-1a over the words of each frame of the machine that is not the VM's, by address. */
function hashesOfTheRest({ frames, machine }: Hypervisor, vm: number): ReadonlyMap<number, number> {
  const hashes = new Map<number, number>();
  for (const { hpa, frames: count, owner } of frames.runs()) {
    if (owner?.vm === vm) continue;
    for (let at = hpa; at < hpa + count * 4096; at += 4096) {
      const bytes = machine.ram.view(at, 4096);
      let hash = 0x811c_9dc5;
      for (const value of new Int32Array(bytes.buffer, bytes.byteOffset, 1024))
        hash = Math.imul(hash ^ value, 0x0100_0193);
      hashes.set(at, hash);
    }
  }
  return hashes;
}

/** Every entry of every table of the VM: a leaf points into its RAM, a pointer to a table of its own. */
function expectOwnTables({ frames, machine }: Hypervisor, vm: HostedVm): void {
  const runs = frames.runs().filter(({ owner }) => owner?.vm === vm.id);
  const isOwn = (hpa: number, use: 'ram' | 'tables') =>
    runs.some(
      ({ hpa: first, frames: count, owner }) =>
        hpa >= first && hpa < first + count * 4096 && (owner?.use === 'ram') === (use === 'ram'),
    );
  for (const { hpa, frames: count, owner } of runs) {
    if (owner?.use === 'ram') continue;
    const bytes = machine.ram.view(hpa, count * 4096);
    for (const value of new Uint32Array(bytes.buffer, bytes.byteOffset, count * 1024)) {
      if ((value & 1) === 0) continue;
      const leaf = (value & 0xa) !== 0;
      const target = (value >>> 10) * 4096;
      if (!isOwn(target, leaf ? 'ram' : 'tables')) {
        throw new Error(`an entry 0x${value.toString(16)} of VM ${vm.id} leads to 0x${target.toString(16)}`);
      }
      if (leaf && (value & 0x10) === 0) throw new Error(`a leaf 0x${value.toString(16)} without U`);
    }
  }
}

function hostedVm(lab: Lab, technique: Technique): HostedVm {
  const guest = sourceGuest('.globl _start\n_start: j .', { memoryBytes: GUEST_MIB * MIB });
  const { id } = lab.addVm({ technique, guest });
  const vm = lab.hypervisor?.vms.get(id);
  if (vm === undefined) throw new Error('the VM is not the hypervisor’s');
  return vm;
}

describe.each(hosted)('%s', (technique) => {
  test('no random guest changes a byte outside its own frames, or brings the host down', () => {
    const lab = newLab({ memoryMiB: 28, traceCapacity: 1024 });
    const neighbours = [hostedVm(lab, technique)];
    const vm = hostedVm(lab, technique);
    neighbours.push(hostedVm(lab, technique));
    const { hypervisor } = lab;
    if (hypervisor === undefined) throw new Error('no hypervisor');
    for (const { memory } of neighbours) memory.write(0x8000_0000, new Uint8Array(memory.size).fill(0xa5));
    // A frame that has been the guest's keeps what was in it when it is free again, until somebody else gets it.
    const tables = new Set<number>();
    const allocate = hypervisor.frames.allocate.bind(hypervisor.frames);
    vi.spyOn(hypervisor.frames, 'allocate').mockImplementation((count, owner, alignment, page) => {
      const first = allocate(count, owner, alignment, page);
      for (let frame = 0; first !== undefined && frame < count; frame++) tables.add(first + frame * 4096);
      return first;
    });
    let before = hashesOfTheRest(hypervisor, vm.id);
    let exits = 0;
    fc.assert(
      fc.property(program, (made) => {
        lab.pause(vm.id);
        lab.reset(vm.id);
        load(vm, made);
        lab.start(vm.id);
        const target = hypervisor.machine.elapsed + INSTRUCTIONS;
        for (let slice = 0; slice < 50 && hypervisor.machine.elapsed < target && !vm.ending; slice++) {
          if (slice === 1) vm.receive(made.typed);
          const idle = hypervisor.idleUntil();
          if (idle === Infinity) break;
          if (idle !== undefined) hypervisor.skipTo(Math.min(idle, hypervisor.now + 1000));
          else hypervisor.runSlice(INSTRUCTIONS / 4);
        }
        expectOwnTables(hypervisor, vm);
        const after = hashesOfTheRest(hypervisor, vm.id);
        const changed = [...before].filter(
          ([hpa, hash]) => !tables.has(hpa) && after.has(hpa) && after.get(hpa) !== hash,
        );
        expect(changed.map(([hpa]) => hpa.toString(16))).toEqual([]);
        before = after;
        if (vm.ending) expect(vm.ending.message).toMatch(/^The guest/);
        expect([0, 1]).toContain(vm.look().privilege);
        exits += vm.exits;
      }),
      { numRuns: 120 },
    );
    expect(exits).toBeGreaterThan(1000);
    lab.pause(vm.id);
    for (const neighbour of neighbours) {
      expect(neighbour.instructions).toBe(0);
      lab.reset(neighbour.id);
      lab.start(neighbour.id);
      hypervisor.runSlice(1000);
      expect(neighbour.instructions).toBeGreaterThan(0);
      lab.pause(neighbour.id);
    }
  });
});
