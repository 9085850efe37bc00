// A guest with a driver for a legacy virtio network card (virtio 1.2, sections 4.2.4 and 5.1), small enough to know each
// instruction: it sends the frames it was made with, and notes each interrupt of its card.
//
//   0x80820000  interrupts so far, then for each: value of the counter it interrupted, and time in ticks
//   0x80801002  frames received (index of the used ring)

import { sourceGuest, wordAt } from '../guest-rig.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { VirtualMachine } from '../virtual-machine.ts';
import { macOfVm, networkChoice } from './virtual-network.ts';

const NOTES = 0x8082_0000;
const RECEIVE_USED = 0x8080_1000;

const mac = (address: number) =>
  Array.from({ length: 6 }, (_, index) => Math.floor(address / 2 ** (40 - 8 * index)) % 256);
const BROADCAST = mac(0xffff_ffff_ffff);

/** A frame of a protocol for experiments (IEEE 802, local experimental EtherType 1), 60 octets. */
export const frameTo = (to: number | 'all', from: number, mark = 0): readonly number[] => [
  ...(to === 'all' ? BROADCAST : mac(macOfVm(to))),
  ...mac(macOfVm(from)),
  0x88,
  0xb5,
  mark,
  ...Array.from({ length: 45 }, () => 0),
];

/** Asks who has 10.0.2.2 (RFC 826): the gateway of the lab answers. */
export const askForGateway = (from: number): readonly number[] => [
  ...BROADCAST,
  ...mac(macOfVm(from)),
  ...[0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1],
  ...mac(macOfVm(from)),
  ...[10, 0, 2, 77],
  ...[0, 0, 0, 0, 0, 0, 10, 0, 2, 2],
  ...Array.from({ length: 18 }, () => 0),
];

export interface NetworkGuestOptions {
  /** Sent one after the other, each of 60 octets. */
  readonly frames?: readonly (readonly number[])[];
  /** Instructions' worth of counting before the first one. */
  readonly after?: number;
  /** Waits for interrupts; otherwise it counts. */
  readonly waits?: boolean;
  readonly network?: Parameters<typeof networkChoice>[0];
}

export function networkGuest({ frames = [], after = 0, waits = false, network }: NetworkGuestOptions): GuestImage {
  const HEADER = Array.from({ length: 10 }, () => 0);
  const packets = frames.map((frame) => `.byte ${[...HEADER, ...frame].join(', ')}\n.balign 4`);
  return sourceGuest(
    `
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, 0x0c000020          # PLIC: priority of source 8, the card's
        li      t1, 1
        sw      t1, 0(t0)
        li      t0, 0x0c002080          # enabled for context 1
        li      t1, 0x100
        sw      t1, 0(t0)
        li      s2, 0x0c201000
        sw      zero, 0(s2)
        li      s4, ${NOTES}
        li      s1, 0x10008000          # the highest virtio slot
        li      t1, 3                   # ACKNOWLEDGE, DRIVER
        sw      t1, 0x70(s1)
        li      t2, 4096
        sw      t2, 0x28(s1)            # GuestPageSize
        li      t3, 8
        sw      zero, 0x30(s1)          # receiveq: eight descriptors at 0x80800000
        sw      t3, 0x38(s1)
        sw      t2, 0x3c(s1)
        li      t1, 0x80800
        sw      t1, 0x40(s1)
        li      t1, 1
        sw      t1, 0x30(s1)            # transmitq: at 0x80804000
        sw      t3, 0x38(s1)
        sw      t2, 0x3c(s1)
        li      t1, 0x80804
        sw      t1, 0x40(s1)
        li      t0, 0x80800000          # a buffer of 2 KiB for each descriptor of receiveq
        li      t1, 0x80810000
        li      t2, 0
        li      t5, 0x80800084          # its available ring
1:      sw      t1, 0(t0)
        li      t4, 2048
        sw      t4, 8(t0)
        li      t4, 2                   # VIRTQ_DESC_F_WRITE
        sw      t4, 12(t0)
        sh      t2, 0(t5)
        addi    t0, t0, 16
        li      t4, 2048
        add     t1, t1, t4
        addi    t5, t5, 2
        addi    t2, t2, 1
        bne     t2, t3, 1b
        li      t0, 0x80800080
        sh      t3, 2(t0)               # eight are available
        li      t1, 7
        sw      t1, 0x70(s1)            # DRIVER_OK
        li      t0, 0x200
        csrw    sie, t0
        csrsi   sstatus, 2
        li      s0, 0
        li      t0, ${after + 1}
1:      addi    s0, s0, 1
        bne     s0, t0, 1b
        li      s5, ${frames.length}    # transmitq: a descriptor for each frame
        beqz    s5, count
        la      t1, packets
        li      t0, 0x80804000
        li      s6, 0x80804080          # its available ring, which asks for no interrupt
        li      t2, 1
        sh      t2, 0(s6)
        li      t2, 0
        addi    t5, s6, 4
1:      sw      t1, 0(t0)
        li      t4, 70
        sw      t4, 8(t0)
        sh      t2, 0(t5)
        addi    t1, t1, 72
        addi    t0, t0, 16
        addi    t5, t5, 2
        addi    t2, t2, 1
        bne     t2, s5, 1b
        sh      s5, 2(s6)
        li      t2, 1
        sw      t2, 0x50(s1)            # QueueNotify
count:  ${waits ? 'wfi' : 'addi s0, s0, 1'}
        j       count
        .balign 4
handler: rdtime t0
        lw      t1, 0(s4)
        addi    t1, t1, 1
        sw      t1, 0(s4)
        slli    t1, t1, 3
        add     t1, t1, s4
        sw      s0, 0(t1)
        sw      t0, 4(t1)
        lw      t0, 0x60(s1)            # InterruptStatus
        sw      t0, 0x64(s1)
        lw      t0, 4(s2)
        sw      t0, 4(s2)
        sret
        .balign 4
packets: ${packets.join('\n')}
        .word   0`,
    { network: networkChoice(network) },
  );
}

export interface NotedInterrupt {
  /** How far the guest had counted. */
  readonly counter: number;
  /** Guest time in ticks. */
  readonly time: number;
}

export const interruptsOf = (vm: VirtualMachine): readonly NotedInterrupt[] =>
  Array.from({ length: wordAt(vm, NOTES) }, (_, index) => ({
    counter: wordAt(vm, NOTES + 8 * (index + 1)),
    time: wordAt(vm, NOTES + 8 * (index + 1) + 4),
  }));

/** Frames that its card has put into its memory. */
export const framesReceived = (vm: VirtualMachine): number => wordAt(vm, RECEIVE_USED) >>> 16;
