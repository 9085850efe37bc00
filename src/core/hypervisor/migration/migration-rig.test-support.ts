// Guests to move about, and a way to run a lab to an exact time of its hypervisor's machine.

import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { runOrSkip } from '../computer.ts';
import { consoleOf, LISTENS, MIB, newLab, shippedGuest, sourceGuest } from '../guest-rig.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import type { HostedTechnique } from '../virtual-machine.ts';

/** Counts in memory and prints a letter at each beat of its timer; echoes what is typed, by interrupt. Needs everything a board has. */
export const BUSY = sourceGuest(
  `
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
${LISTENS}
        li      t0, 0x220
        csrw    sie, t0
        li      s4, 2000                # ticks of a beat
        rdtime  s5
        add     s5, s5, s4
        csrw    0x14d, s5               # stimecmp
        csrw    0x15d, zero
        li      s0, 0
        li      s3, 'a'
        li      s6, 0x80800000          # half a megabyte to walk through
        li      s7, 0x00080000
        csrsi   sstatus, 2
1:      addi    s0, s0, 1
        slli    t3, s0, 4
        addi    t4, s7, -1
        and     t3, t3, t4
        add     t3, t3, s6
        sw      s0, 0(t3)
        j       1b
        .balign 4
handler: csrr   t0, scause
        slli    t0, t0, 1
        srli    t0, t0, 1
        li      t1, 5
        beq     t0, t1, beat
        lw      t0, 4(s2)               # claim
        lbu     t1, 0(s1)
        sb      t1, 0(s1)
        sw      t0, 4(s2)
        sret
beat:   sb      s3, 0(s1)
        addi    s3, s3, 1
        li      t1, 'z'
        bleu    s3, t1, 2f
        li      s3, 'a'
2:      add     s5, s5, s4
        csrw    0x14d, s5
        sret`,
  { memoryBytes: 12 * MIB },
);

/** Writes to so many pages in turn, without end: `stride` instructions or so to a page. */
export const writesPages = (pages: number, stride: number): GuestImage =>
  sourceGuest(`
        .globl  _start
_start: li      s0, 0
        li      s1, ${pages}
        li      s6, 0x80800000
        mv      t3, s6
        mv      s2, s1
1:      addi    s0, s0, 1
        sw      s0, 0(t3)
        li      t0, ${Math.max(1, Math.round(stride / 2))}
2:      addi    t0, t0, -1
        bnez    t0, 2b
        li      t1, 4096
        add     t3, t3, t1
        addi    s2, s2, -1
        bnez    s2, 1b
        mv      t3, s6
        mv      s2, s1
        j       1b`);

/** Linux with a slow disk and a source of random numbers. */
export function linuxWithDevices(): GuestImage {
  const disk = new Uint8Array(2 ** 20).map((_, index) => (index * 31 + (index >> 9)) & 0xff);
  return {
    ...shippedGuest('linux'),
    devices: {
      virtio: [
        { device: virtioBlock({ store: new CopyOnWriteStore(new MemoryStore(disk)), serial: 'lab' }), latency: 5000 },
        { device: virtioEntropy(new SeededEntropy(3)) },
      ],
    },
  };
}

export interface Placed {
  readonly lab: Lab;
  readonly vm: HostedVm;
}

export function place(
  technique: HostedTechnique,
  guest: GuestImage,
  memoryMiB = Math.ceil(guest.memoryBytes / MIB) + 40,
): Placed {
  const lab = newLab({ memoryMiB, messageInterrupts: guest.messageInterrupts ?? false });
  const vm = lab.addVm({ technique, guest });
  if (!(vm instanceof HostedVm)) throw new Error('expected a VM of the hypervisor');
  return { lab, vm };
}

/** Runs the hypervisor's machine for so many instructions of virtual time, idle ones included. */
export function advance({ lab }: Pick<Placed, 'lab'>, instructions: number, slice = 1_000_000): void {
  const { hypervisor } = lab;
  if (hypervisor === undefined) throw new Error('expected a VM first');
  const end = hypervisor.machine.elapsed + instructions;
  while (hypervisor.machine.elapsed < end) {
    runOrSkip(hypervisor, Math.min(slice, end - hypervisor.machine.elapsed), Math.ceil(end / 10));
  }
}

export const typeInto = ({ vm }: Pick<Placed, 'vm'>, text: string): number =>
  vm.receive(new TextEncoder().encode(text));

/** Runs until the console holds something. */
export function advanceTo(placed: Placed, wanted: RegExp, limit = 400): void {
  for (let slices = 0; slices < limit; slices++) {
    if (wanted.test(consoleOf(placed.vm))) return;
    advance(placed, 1_000_000);
  }
  throw new Error(`the console never held ${wanted}: ${consoleOf(placed.vm).slice(-300)}`);
}
