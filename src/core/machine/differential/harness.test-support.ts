// The program that runs generated programs one after the other and prints what each came to: the same ELF runs on QEMU
// and on this machine. Everything a program can change is hashed at its end (or printed word by word, if its record asks).
//
//   0x80000000  this code; the trap frame and the trap log behind it
//   0x80400000  four data pages, a page of EBREAKs, four code pages (M, HS, VS, U), the trap stub, page tables
//   0x80800000  one record a program, drawn in program.test-support.ts
//
// All traps come to `machine_trap`. Traps delegated to HS or VS arrive at the stub page: an ECALL there asks M-mode to
// log them and to choose where to go on, and the SRET at its middle goes there.

export const Place = {
  data: 0x8040_0000,
  dataPages: 4,
  breakpoints: 0x8040_4000,
  code: 0x8040_5000,
  codePages: 4,
  stub: 0x8040_9000,
  root: 0x8040_a000,
  tableA: 0x8040_b000,
  guestRoot: 0x8040_c000,
  tableB: 0x8041_0000,
  guestTable: 0x8041_1000,
  records: 0x8080_0000,
} as const;

/** Traps after which a program is ended. */
const TRAP_LIMIT = 40;

/** CSRs set before a program starts, in the order of its record. mepc comes last: it is where it starts. */
export const initialCsrs = [
  'medeleg',
  'mideleg',
  'mie',
  'mip',
  'mcounteren',
  'satp',
  'stvec',
  'scounteren',
  'sepc',
  'scause',
  'stval',
  'sscratch',
  'hstatus',
  'hedeleg',
  'hideleg',
  'hvip',
  'hgatp',
  'hcounteren',
  'htval',
  'htinst',
  'vsstatus',
  'vstvec',
  'vsepc',
  'vscause',
  'vstval',
  'vsscratch',
  'vsatp',
  'mstatush',
  'mstatus',
  'mepc',
] as const;
export type InitialCsr = (typeof initialCsrs)[number];

/** CSRs looked at when a program has ended, and which of their bits. htval, vscause and vstval are in the log of traps. */
export const finalCsrs = [
  ['medeleg', -1],
  ['mideleg', 0xfff], // bit 12 is one on QEMU although it has no guest external interrupts (GEILEN = 0)
  ['mie', 0xeee],
  ['mip', 0x666],
  ['mcounteren', 7],
  ['satp', -1],
  ['stvec', -1],
  ['scounteren', 7],
  ['sepc', -1],
  ['scause', -1],
  ['stval', -1],
  ['sscratch', -1],
  ['sie', -1],
  ['sip', -1],
  ['hstatus', -1],
  ['hedeleg', -1],
  ['hideleg', -1],
  ['hie', -1],
  ['hip', -1],
  ['hvip', -1],
  ['hgatp', -1],
  ['hcounteren', 7],
  ['vsstatus', 0xc_0122],
  ['vstvec', -1],
  ['vsepc', -1],
  ['vsscratch', -1],
  ['vsatp', -1],
  ['vsie', -1],
  ['vsip', 2], // QEMU 7.2 shows no more of it, whatever hideleg says
] as const;

/** Words of one trap in the log: kind (0 M, 1 HS, 2 VS), cause, epc, tval, status, status high, tval2, tinst. */
export const trapWords = ['kind', 'cause', 'epc', 'tval', 'status', 'upper status', 'tval2', 'tinst'] as const;
export const LogWords = trapWords.length;

const put = (register: string) => `sw ${register}, 0(s4)\n addi s4, s4, 4\n`;
const putCsr = (csr: string, mask: number) =>
  `csrr t0, ${csr}\n ${mask === -1 ? '' : `li t1, ${mask}\n and t0, t0, t1\n`} ${put('t0')}`;

/**
 * Where the manual leaves a choice, or QEMU 7.2 does not follow it, one value for all machines:
 *
 * - The trap value of a breakpoint may be pc or 0 ("Machine Trap Value Register"): 0.
 * - The trap value of a misaligned jump is the target; QEMU 7.2 gives pc for JAL and branches: 0.
 * - mtval2 and htval are 0 but for guest-page faults; QEMU 7.2 leaves an old address there: 0.
 * - A trap into VS-mode changes htval, htinst and hstatus.GVA on QEMU 7.2 (manual: only the guest's own registers): 0.
 * - GVA: QEMU 7.2 sets it for illegal instructions, forgets it for HLV, and keeps an old one (manual: "cleared"): 0.
 * - The trap value of an illegal or virtual instruction may be 0 instead of the instruction: the instruction. For HLV and
 *   HSV, QEMU 7.2 gives one that trapped earlier.
 * - From VU-mode, much that the manual calls a virtual instruction is illegal to QEMU 7.2 (supervisor CSRs, SFENCE.VMA,
 *   SRET): virtual for all.
 * - An AMO to where nothing is gets a load access fault from QEMU 7.2 (manual: store/AMO): the latter.
 * - The trap value of an access fault on a misaligned access: QEMU gives the aligned word. The word for all.
 * - mtinst and htinst may be 0 for explicit accesses ("Transformed Instruction or Pseudoinstruction for mtinst or
 *   htinst"): 0, unless it is a pseudo-instruction.
 */
interface TrapCsrs {
  readonly cause: string;
  readonly tval: string;
  readonly tval2?: string;
  readonly tinst?: string;
  /** Where GVA is. */
  readonly upperStatus: string;
  /** Leaves by 6f unless the trap came from VU-mode. */
  readonly unlessFromGuestUser: string;
}
const canonical = ({ cause, tval, tval2, tinst, upperStatus, unlessFromGuestUser }: TrapCsrs) => `
        ${tval2 === undefined ? '' : `li t0, -20\n add t0, s0, t0\n li t1, 4\n bltu t0, t1, 8f\n csrw ${tval2}, zero\n8:`}
        li t0, 0x40\n csrc ${upperStatus}, t0
        li t0, 3
        beq s0, t0, 7f
        bnez s0, 8f
7:      csrw ${tval}, zero
8:      li t0, CODE
        sub t0, s1, t0
        li t1, ${4096 * Place.codePages}
        bgeu t0, t1, 8f
        li t0, 1                        # what could not be fetched cannot be looked at
        beq s0, t0, 8f
        li t0, 2
        beq s0, t0, 7f
        li t0, 22
        beq s0, t0, 7f
        li t0, 5
        bne s0, t0, 8f
        lw t0, 0(s1)
        andi t1, t0, 0x7f
        li t2, 0x2f
        bne t1, t2, 8f
        srli t0, t0, 27
        li t1, 2                        # LR stays a load
        beq t0, t1, 8f
        li s0, 7
        csrw ${cause}, s0
        j 8f
7:      lw t2, 0(s1)
        ${unlessFromGuestUser}
        li s0, 22
        csrw ${cause}, s0
6:      li t1, 0x707f
        and t1, t2, t1
        li t0, 0x4073
        beq t0, t1, 7f
        csrr t0, ${tval}
        bnez t0, 8f
7:      csrw ${tval}, t2
8:      li t0, 5
        beq s0, t0, 7f
        li t0, 7
        bne s0, t0, 8f
7:      csrci ${tval}, 3
8:      ${tinst === undefined ? '' : `csrr t0, ${tinst}\n andi t0, t0, 3\n beqz t0, 9f\n csrw ${tinst}, zero\n9:`}
`;

const machineTrap: TrapCsrs = {
  cause: 'mcause',
  tval: 'mtval',
  tval2: 'mtval2',
  tinst: 'mtinst',
  upperStatus: 'mstatush',
  unlessFromGuestUser: `csrr t0, mstatush
        andi t0, t0, 0x80
        beqz t0, 6f
        csrr t0, mstatus
        srli t0, t0, 11
        andi t0, t0, 3
        bnez t0, 6f`,
};
const supervisorTrap: TrapCsrs = {
  cause: 'scause',
  tval: 'stval',
  tval2: 'htval',
  tinst: 'htinst',
  upperStatus: 'hstatus',
  unlessFromGuestUser: `csrr t0, hstatus
        andi t0, t0, 0x80
        beqz t0, 6f
        csrr t0, sstatus
        andi t0, t0, 0x100
        bnez t0, 6f`,
};
/** Neither 2 nor 22 is delegated to VS-mode. */
const guestTrap: TrapCsrs = { cause: 'vscause', tval: 'vstval', upperStatus: 'hstatus', unlessFromGuestUser: 'j 6f' };

const STATUS_BITS = 0x7e_19aa;
const SUPERVISOR_STATUS_BITS = 0xc_0122;

/** Source of the harness; the records lie behind it. */
export function harnessSource(programs: number): string {
  return `
        .equ UART, 0x10000000
        .equ FINISHER, 0x100000
        .equ CODE, ${Place.code}
        .equ STUB, ${Place.stub}
        .text
        .globl _start
_start: csrr t0, mhartid
        beqz t0, 2f
1:      wfi
        j 1b
2:
        li t0, -1
        csrw 0x3b0, t0                  # pmpaddr0, pmpcfg0: all memory is open to every mode
        li t0, 0x1f
        csrw 0x3a0, t0
        li t0, 0x2004000                # no timer interrupt, ever
        li t1, -1
        sw t1, 4(t0)
        sw t1, 0(t0)
        li t0, 0x20000000               # ADUE: the walker sets A and D bits, as QEMU 7.2 always does
        csrw 0x31a, t0
        csrw 0x61a, t0
        li t0, ${Place.breakpoints}     # a page of EBREAKs to jump into
        li t1, 0x00100073
        li t2, ${Place.breakpoints + 4096}
1:      sw t1, 0(t0)
        addi t0, t0, 4
        bltu t0, t2, 1b
        li t0, STUB                     # a page of ECALLs with an SRET in its middle
        li t1, 0x00000073
        li t2, STUB + 4096
1:      sw t1, 0(t0)
        addi t0, t0, 4
        bltu t0, t2, 1b
        li t0, STUB + 0x800
        li t1, 0x10200073
        sw t1, 0(t0)
        la t0, machine_trap
        csrw mtvec, t0
        li s10, ${programs}
        li s11, ${Place.records}

next_program:                           # s10: programs left, s11: record
        beqz s10, all_done
        la t0, saved
        sw s10, 0(t0)
        sw s11, 4(t0)
        la s4, log
        sw s4, 8(t0)                    # where the next trap is logged
        sw zero, 12(t0)                 # traps
        csrw mstatus, zero
        csrw 0x310, zero
        csrw mie, zero
        la t0, frame
        csrw mscratch, t0
        la t1, scratch_word             # no reservation is left over
        sc.w zero, zero, (t1)
        li t0, ${Place.data}            # data: the edges of each page, from a seed
        lw t1, 8(s11)
        li t4, 1664525
        li t5, 1013904223
        li t3, ${Place.dataPages}
1:      li t2, 32
2:      mul t1, t1, t4
        add t1, t1, t5
        srli t6, t1, 3
        sw t6, 0(t0)
        addi t0, t0, 4
        addi t2, t2, -1
        bnez t2, 2b
        li t6, 4096 - 256
        add t0, t0, t6
        li t2, 32
2:      mul t1, t1, t4
        add t1, t1, t5
        srli t6, t1, 3
        sw t6, 0(t0)
        addi t0, t0, 4
        addi t2, t2, -1
        bnez t2, 2b
        addi t3, t3, -1
        bnez t3, 1b
        addi s1, s11, 12                # pokes: pairs of address and value
        lw t0, 0(s1)
        addi s1, s1, 4
1:      beqz t0, 2f
        lw t1, 0(s1)
        lw t2, 4(s1)
        sw t2, 0(t1)
        addi s1, s1, 8
        addi t0, t0, -1
        j 1b
2:      la t0, saved
        addi t1, s1, 0
        sw t1, 16(t0)                   # where the ends stand
        addi s1, s1, 16
        ${initialCsrs.map((csr, index) => `lw t0, ${4 * index}(s1)\n csrw ${csr}, t0`).join('\n ')}
        addi s1, s1, ${4 * initialCsrs.length}
        fence.i
        sfence.vma
        hfence.gvma
        hfence.vvma
        mv x31, s1
        ${Array.from({ length: 30 }, (_, index) => `lw x${index + 1}, ${4 * index}(x31)`).join('\n ')}
        lw x31, 120(x31)
        mret

        .balign 4
machine_trap:
        csrrw x31, mscratch, x31
        ${Array.from({ length: 30 }, (_, index) => `sw x${index + 1}, ${4 * (index + 1)}(x31)`).join('\n ')}
        csrr t0, mscratch
        sw t0, 124(x31)
        csrw mscratch, x31
        la t1, scratch_word             # the same reservation on every machine: none
        sc.w zero, zero, (t1)
        la s5, saved
        lw s4, 8(s5)
        csrr s0, mcause
        csrr s1, mepc
        li s6, 0                        # kind
        li t0, STUB
        sub t0, s1, t0
        li t1, 4096
        bgeu t0, t1, 1f
        li t0, 9
        beq s0, t0, from_supervisor_stub
        li t0, 10
        beq s0, t0, from_guest_stub
1:      ${canonical(machineTrap)}
        ${put('s6')} ${put('s0')} ${put('s1')}
        ${putCsr('mtval', -1)} ${putCsr('mstatus', STATUS_BITS)} ${putCsr('mstatush', 0xc0)} ${putCsr('mtval2', -1)} ${putCsr('mtinst', -1)}
        call choose
        csrw mepc, a0
        j resume
from_supervisor_stub:
        li s6, 1
        csrr s0, scause
        csrr s1, sepc
        ${canonical(supervisorTrap)}
        ${put('s6')} ${put('s0')} ${put('s1')}
        ${putCsr('stval', -1)} ${putCsr('sstatus', SUPERVISOR_STATUS_BITS)} ${putCsr('hstatus', -1)} ${putCsr('htval', -1)} ${putCsr('htinst', -1)}
        call choose
        csrw sepc, a0
        j resume_at_return
from_guest_stub:
        li s6, 2
        csrr s0, vscause
        csrr s1, vsepc
        ${canonical(guestTrap)}
        csrw htval, zero
        csrw htinst, zero
        ${put('s6')} ${put('s0')} ${put('s1')}
        ${putCsr('vstval', -1)} ${putCsr('vsstatus', SUPERVISOR_STATUS_BITS)} ${putCsr('hstatus', -1)} ${put('zero')} ${put('zero')}
        call choose
        csrw vsepc, a0
resume_at_return:
        li t0, STUB + 0x800
        csrw mepc, t0
resume: sw s4, 8(s5)
        csrr x31, mscratch
        ${Array.from({ length: 30 }, (_, index) => `lw x${index + 1}, ${4 * (index + 1)}(x31)`).join('\n ')}
        lw x31, 124(x31)
        mret

# s0 cause, s1 pc of the trap. Returns in a0 where to go on, or ends the program.
choose: lw t0, 12(s5)
        addi t0, t0, 1
        sw t0, 12(s5)
        li t1, ${TRAP_LIMIT}
        bgeu t0, t1, finish
        bgez s0, 1f
        csrw mip, zero                  # an interrupt comes once
        csrw hvip, zero
        mv a0, s1
        ret
1:      lw t1, 16(s5)
        lw t0, 0(t1)
        beq s1, t0, finish
        lw t0, 4(t1)
        beq s1, t0, finish
        lw t0, 8(t1)
        beq s1, t0, finish
        lw t0, 12(t1)
        beq s1, t0, finish
        li t0, CODE
        sub t0, s1, t0
        li t1, ${4096 * Place.codePages}
        bltu t0, t1, 2f
        li t0, 2                        # the stub's SRET was refused: the mode is not the code's any more
        beq s0, t0, finish
        li t0, 22
        beq s0, t0, finish
        csrr t0, mscratch               # outside: back to where ra says, if that is code
        lw a0, 4(t0)
        andi a0, a0, -4
        li t2, 1                        # it may be an old one, inside a loop: which then ends
        sw t2, 124(t0)
        li t0, CODE
        sub t0, a0, t0
        bgeu t0, t1, finish
        ret
2:      addi a0, s1, 4
        li t0, 1                        # the instruction cannot be looked at if it could not be fetched
        beq s0, t0, 3f
        lw t0, 0(s1)
        li t1, 0xf9f0707f
        and t0, t0, t1
        li t1, 0x1000202f
        bne t0, t1, 3f
        addi a0, a0, 4                  # an LR that failed takes its SC with it
3:      ret

finish: csrw mstatus, zero
        sw s4, 8(s5)
        ${finalCsrs.map(([csr, mask]) => putCsr(csr, mask)).join(' ')}
        li s7, 0x811c9dc5               # hash: FNV-1a over words
        li s8, 16777619
        lw s11, 4(s5)
        lw s9, 4(s11)                   # 1: print every word
        la s0, log
1:      lw a0, 0(s0)
        call mix
        addi s0, s0, 4
        bltu s0, s4, 1b
        csrr s0, mscratch
        addi s0, s0, 4
        addi s1, s0, 124
1:      lw a0, 0(s0)
        call mix
        addi s0, s0, 4
        bltu s0, s1, 1b
        li s0, ${Place.data}
        li s1, ${Place.dataPages}
1:      li s2, 32
2:      lw a0, 0(s0)
        call mix
        addi s0, s0, 4
        addi s2, s2, -1
        bnez s2, 2b
        li t0, 4096 - 256
        add s0, s0, t0
        li s2, 32
2:      lw a0, 0(s0)
        call mix
        addi s0, s0, 4
        addi s2, s2, -1
        bnez s2, 2b
        addi s1, s1, -1
        bnez s1, 1b
        addi s1, s11, 12                # poked words, then zeros for the next program
        lw s2, 0(s1)
        addi s1, s1, 4
1:      beqz s2, 2f
        lw t1, 0(s1)
        lw a0, 0(t1)
        sw zero, 0(t1)
        call mix
        addi s1, s1, 8
        addi s2, s2, -1
        j 1b
2:      mv a0, s7
        call print_word
        li a0, 10
        call print_byte
        lw s10, 0(s5)
        addi s10, s10, -1
        lw t0, 0(s11)
        add s11, s11, t0
        j next_program

mix:    xor s7, s7, a0
        mul s7, s7, s8
        beqz s9, 1f
        mv s3, ra
        call print_word
        li a0, 32
        call print_byte
        mv ra, s3
1:      ret

print_word:                             # a0 in hexadecimal; changes a0 to a5
        mv a5, ra
        mv a3, a0
        li a4, 28
1:      srl a0, a3, a4
        andi a0, a0, 15
        li a2, 10
        bltu a0, a2, 2f
        addi a0, a0, 39
2:      addi a0, a0, 48
        call print_byte
        addi a4, a4, -4
        bgez a4, 1b
        jr a5

print_byte:
        li a1, UART
1:      lbu a2, 5(a1)
        andi a2, a2, 0x20
        beqz a2, 1b
        sb a0, 0(a1)
        ret

all_done:
        li t0, FINISHER
        li t1, 0x5555
        sw t1, 0(t0)
1:      j 1b

        .bss
        .balign 16
saved:  .space 32
frame:  .space 128
scratch_word: .space 16
log:    .space 4096
`;
}
