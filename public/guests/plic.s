# plic: an interrupt from a device, from its wire to the handler and back.
#
#   UART --irq 10--> PLIC: priority 1 > threshold 0, enabled for context 1 --> sip.SEIP --> sie, sstatus.SIE --> stvec
#                    claim (read) says who it was; complete (write the same number) opens the gate for the next one
#
# What it shows: external interrupts. The UART is put into loopback, so that a byte sent comes back as a byte
# received, and no person has to type. The program sends a letter, waits in WFI, the handler claims, takes the letter
# out of the UART and completes; five times.
#
# What to watch for in the page: the interrupt chain, link by link (device raised → PLIC pending → SEIP → taken →
# claimed → completed), and the pending and enabled bits at each level. Try it: leave out the completion, assemble,
# run: it hangs in WFI.
#   bare              UART, PLIC and hart are the machine's own; no exits
#   trap-and-emulate  both devices are models in the hypervisor: every access to them exits (13, 15). The model's wire
#                     makes virtual SEIP pending, and the hypervisor enters the guest at its stvec. WFI exits: the
#                     vCPU waits.
#   hardware-assisted the same device models behind stage 2 (21, 23); SEIP is injected as hvip.VSEIP and the hart
#                     takes it

        .equ    UART, 0x10000000
        .equ    IER, 1                  # interrupt enable: bit 0, a byte was received
        .equ    MCR, 4                  # modem control: bit 4, loopback; bit 3 is 1 after reset
        .equ    LSR, 5                  # line status: bit 0, a byte is there; bit 5, the transmitter is empty
        .equ    LOOPBACK, 0x18
        .equ    CONNECTED, 0x08
        .equ    UART_IRQ, 10
        .equ    PLIC, 0x0c000000        # one word of priority for each source
        .equ    PLIC_ENABLE, 0x0c002080 # for context 1, which is S-mode of hart 0: one bit for each source
        .equ    PLIC_THRESHOLD, 0x0c201000      # for context 1; claim and complete at the next word
        .equ    CLAIM, 4
        .equ    SIE_SEIE, 0x200         # supervisor external interrupt enable
        .equ    SSTATUS_SIE, 2
        .equ    SBI_SRST, 0x53525354

        .section .text
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, PLIC
        li      t1, 1
        sw      t1, UART_IRQ * 4(t0)    # priority 1; 0 would mean never
        li      t0, PLIC_ENABLE
        li      t1, 1 << UART_IRQ
        sw      t1, 0(t0)
        li      s1, PLIC_THRESHOLD
        sw      zero, 0(s1)             # let every priority above 0 through
        li      t0, SIE_SEIE
        csrw    sie, t0
        li      s0, UART
        li      t0, 1
        sb      t0, IER(s0)
        li      t0, LOOPBACK
        sb      t0, MCR(s0)

        la      s2, letters             # the handler writes here what came back
        li      s3, 'A'
        li      s4, 'F'
next:   sb      s3, 0(s0)               # send: comes back at once, but SIE is 0, so the interrupt waits
        mv      s5, s2
wait:   wfi                             # sleeps until something enabled in sie is pending, whatever SIE says
        csrsi   sstatus, SSTATUS_SIE    # now it is taken …
        nop
        csrci   sstatus, SSTATUS_SIE    # … and no other one than here
        beq     s2, s5, wait            # WFI may also end for no reason
        addi    s3, s3, 1
        bne     s3, s4, next

        sb      zero, IER(s0)
        li      t0, CONNECTED
        sb      t0, MCR(s0)             # out of loopback: what is sent now goes to the console
        csrw    sie, zero
        csrw    sepc, zero              # where the interrupt hit is no result: leave no trace of it
        la      a0, text
        call    print
        li      a7, SBI_SRST
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
1:      j       1b

        .balign 4
handler:
        lw      t0, CLAIM(s1)           # which source? (0: somebody else was faster). It is no longer pending
        li      t1, UART_IRQ
        bne     t0, t1, 1f
        lbu     t1, 0(s0)               # the byte; taking it makes the UART let go of its wire
        sb      t1, 0(s2)
        addi    s2, s2, 1
1:      sw      t0, CLAIM(s1)           # complete
        sret                            # SIE = SPIE = 1 again

# Prints the zero-terminated string at a0. Changes a0, t0 to t2.
print:  li      t0, UART
1:      lbu     t1, 0(a0)
        beqz    t1, 3f
2:      lbu     t2, LSR(t0)
        andi    t2, t2, 0x20            # transmitter empty?
        beqz    t2, 2b
        sb      t1, 0(t0)
        addi    a0, a0, 1
        j       1b
3:      ret

        .section .data
text:   .ascii  "received by interrupt: "
letters: .asciz "-----\n"
