// The isolation suite's burglars: guests that each try one thing, one row each, with what in the machine ought to say no.
// Like all guests they import nothing; a host assembles the source. Register use at the end: s10 the cause of the trap the
// attempt ended in (0: none), s8 its stval, s7 what a firmware call answered.

/** The kinds of attempt, as the instrument groups them. */
export type AttemptKind =
  'memory' | 'page tables' | 'privilege' | 'DMA' | 'descriptors' | 'interrupts' | 'firmware' | 'floods';

export interface IsolationAttempt {
  readonly name: string;
  readonly kind: AttemptKind;
  /** One line for a person: what it tries. */
  readonly title: string;
  /** Assembly; `offence` labels the instruction that tries it. */
  readonly source: string;
  /** It never ends by itself. */
  readonly endless: boolean;
  /** It has a virtio entropy device in slot 0, with the modern interface. */
  readonly entropy: boolean;
}

const PROLOGUE = `
        .globl  _start, offence
_start: la      t0, handler
        csrw    stvec, t0
        la      s9, done
        li      s10, 0
        li      s8, 0
        li      s7, 0
`;
const EPILOGUE = `
done:   li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
        .balign 4
handler:
        csrr    s10, scause
        csrr    s8, stval
        csrw    sepc, s9
        sret
`;

const once = (name: string, kind: AttemptKind, title: string, body: string, data = ''): IsolationAttempt => ({
  name,
  kind,
  title,
  source: PROLOGUE + body + EPILOGUE + data,
  endless: false,
  entropy: false,
});
const endless = (name: string, title: string, body: string): IsolationAttempt => ({
  name,
  kind: 'floods',
  title,
  source: `        .globl  _start, offence\n_start:\n${body}`,
  endless: true,
  entropy: false,
});

/**
 * A driver of the entropy device that hands it one ring (virtio 1.2, sections 4.2.3.1 and 2.7): `descriptors` are the words of
 * the table, `table` its address.
 */
const driver = (
  name: string,
  kind: AttemptKind,
  title: string,
  descriptors: string,
  table = 'la      t1, table',
): IsolationAttempt => ({
  ...once(
    name,
    kind,
    title,
    `
        li      t0, 0x10001000
        sw      zero, 0x70(t0)          # reset
        li      t1, 3
        sw      t1, 0x70(t0)            # ACKNOWLEDGE, DRIVER
        li      t1, 1
        sw      t1, 0x24(t0)            # the features' upper word: VERSION_1
        sw      t1, 0x20(t0)
        li      t1, 11
        sw      t1, 0x70(t0)            # FEATURES_OK
        sw      zero, 0x30(t0)
        li      t1, 4
        sw      t1, 0x38(t0)            # four descriptors
        ${table}
        sw      t1, 0x80(t0)
        sw      zero, 0x84(t0)
        la      t1, available
        sw      t1, 0x90(t0)
        sw      zero, 0x94(t0)
        la      t1, used
        sw      t1, 0xa0(t0)
        sw      zero, 0xa4(t0)
        li      t1, 1
        sw      t1, 0x44(t0)            # the queue is ready
        li      t1, 15
        sw      t1, 0x70(t0)            # DRIVER_OK
offence:
        sw      zero, 0x50(t0)          # notify
        lw      s7, 0x70(t0)            # what became of the device
`,
    `
        .balign 16
table:
${descriptors}
        .balign 16
available:
        .half   0, 1, 0, 0, 0, 0, 0
        .balign 16
used:   .zero   64
`,
  ),
  entropy: true,
});

const sbi = (extension: string, fid: number, ...parameters: readonly string[]) =>
  [
    `        li      a7, ${extension}`,
    `        li      a6, ${fid}`,
    ...parameters.map((parameter, index) => `        li      a${index}, ${parameter}`),
    'offence: ecall',
    '        mv      s7, a0',
    '',
  ].join('\n');

export const isolationAttempts: readonly IsolationAttempt[] = [
  once(
    'load-outside',
    'memory',
    'load from memory behind its own',
    '\n        li t0, 0x90000000\noffence: lw t1, 0(t0)\n',
  ),
  once(
    'store-outside',
    'memory',
    'store to memory behind its own',
    '\n        li t0, 0x90000000\noffence: sw t0, 0(t0)\n',
  ),
  once('run-outside', 'memory', 'execute memory behind its own', '\n        li t0, 0x90000000\noffence: jr t0\n'),
  once(
    'atomic-outside',
    'memory',
    'change memory behind its own in one atomic step',
    '\n        li t0, 0x90000000\noffence: amoadd.w t1, t0, (t0)\n',
  ),
  once(
    'map-outside',
    'page tables',
    'map a page of its own tables to memory behind its own, and store through it',
    `
        la      t0, root
        li      t1, 0x240000c7          # 0x90000000, V R W A D
        li      t2, 0xc00
        add     t2, t0, t2              # root[0x300]: 0xc0000000
        sw      t1, 0(t2)
        li      t1, 0x201000cf          # 0x80400000: this code
        li      t2, 0x804
        add     t2, t0, t2
        sw      t1, 0(t2)
        srli    t0, t0, 12
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        li      t0, 0xc0000000
offence:
        sw      t0, 0(t0)
        csrw    satp, zero
`,
    '        .balign 4096\nroot:   .zero 4096\n',
  ),
  once(
    'tables-outside',
    'page tables',
    'put the root of its page tables behind its own memory',
    '\n        li t0, 0x80090000\n        csrw satp, t0\noffence: sfence.vma\n        nop\n',
  ),
  once('machine-vector', 'privilege', 'take over the machine’s trap vector (mtvec)', '\noffence: csrw mtvec, s9\n'),
  once('machine-return', 'privilege', 'return from a trap into machine mode that it never took', '\noffence: mret\n'),
  once(
    'second-stage',
    'privilege',
    'choose its own second-stage tables (hgatp)',
    '\n        li t0, 0x80080000\noffence: csrw hgatp, t0\n',
  ),
  once(
    'guest-store',
    'privilege',
    'store as a hypervisor does for its guest (hsv.w)',
    '\n        li t0, 0x80400000\noffence: hsv.w t0, (t0)\n',
  ),
  driver(
    'dma-outside',
    'DMA',
    'let a device write behind its own memory',
    '        .word 0x90000000, 0, 64\n        .half 2, 0',
  ),
  driver(
    'dma-wrap',
    'DMA',
    'let a device write across the end of the address space',
    '        .word 0xfffffff0, 0xffffffff, 64\n        .half 2, 0',
  ),
  driver('ring-outside', 'DMA', 'put a device’s queue behind its own memory', '        .zero 16', 'li t1, 0x90000000'),
  driver(
    'descriptor-loop',
    'descriptors',
    'give a device a chain of descriptors that has no end',
    '        .word used, 0, 4\n        .half 3, 1\n        .word used, 0, 4\n        .half 3, 0',
  ),
  driver(
    'descriptor-beyond',
    'descriptors',
    'give a device a descriptor that is not in the table',
    '        .word used, 0, 4\n        .half 3, 900',
  ),
  driver(
    'descriptor-huge',
    'descriptors',
    'give a device a buffer of four gigabytes',
    '        .word used, 0, 0xffffffff\n        .half 2, 0',
  ),
  once(
    'foreign-claim',
    'interrupts',
    'claim and complete interrupts that may be others’',
    `
        li      t0, 0x0c201000
        li      s7, 0
        li      t2, 200
1:      lw      t1, 4(t0)
        or      s7, s7, t1
offence: sw      t2, 4(t0)
        addi    t2, t2, -1
        bnez    t2, 1b
`,
  ),
  once(
    'foreign-hart',
    'interrupts',
    'interrupt harts that are not its own (SBI IPI)',
    sbi('0x735049', 0, '0xfffffffe', '0'),
  ),
  once(
    'inject',
    'interrupts',
    'make an interrupt pending as a hypervisor does (hvip)',
    '\n        li t0, 0x444\noffence: csrw hvip, t0\n',
  ),
  once(
    'start-hart',
    'firmware',
    'start a hart that is not its own (SBI HSM)',
    sbi('0x48534d', 0, '7', '0x80400000', '0'),
  ),
  once(
    'firmware-prints',
    'firmware',
    'have the firmware print memory behind its own (SBI DBCN)',
    sbi('0x4442434e', 0, '4096', '0x90000000', '0'),
  ),
  once(
    'firmware-fills',
    'firmware',
    'have the firmware write to memory behind its own (SBI DBCN)',
    sbi('0x4442434e', 1, '4096', '0x90000000', '0'),
  ),
  endless('spin', 'keep the hart for ever', 'offence: j offence\n'),
  endless(
    'timer-storm',
    'be interrupted for ever by a timer that is always due',
    `        la      t0, handler
        csrw    stvec, t0
        li      t0, 0x20
        csrw    sie, t0
        csrsi   sstatus, 2
1:      j       1b
        .balign 4
handler: li     a7, 0x54494d45
        li      a6, 0
        li      a0, 0
        li      a1, 0
offence: ecall
        sret
`,
  ),
  endless(
    'ipi-storm',
    'interrupt itself for ever (SBI IPI)',
    `        la      t0, handler
        csrw    stvec, t0
        li      t0, 2
        csrw    sie, t0
        csrsi   sstatus, 2
1:      li      a7, 0x735049
        li      a6, 0
        li      a0, 1
        li      a1, 0
offence: ecall
        j       1b
        .balign 4
handler: csrci  sip, 2
        sret
`,
  ),
  endless('exit-storm', 'leave for the hypervisor with every instruction', 'offence: rdcycle t0\n        j offence\n'),
  endless(
    'device-storm',
    'access a device for ever, and print for ever',
    '        li t0, 0x10000000\n1:      li t1, 46\noffence: sb t1, 0(t0)\n        j 1b\n',
  ),
  endless('fence-storm', 'fence its translations for ever', 'offence: sfence.vma\n        j offence\n'),
];
