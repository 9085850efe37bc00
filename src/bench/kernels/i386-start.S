# Entry on a PC by the Multiboot specification (0.6.96, 3.1): flat 32-bit protected mode, paging and interrupts off.

        .section .text.start
        .set    MAGIC, 0x1badb002
        .set    FLAGS, 0
        .balign 4
        .long   MAGIC, FLAGS, -(MAGIC + FLAGS)

        .globl  _start
_start: movl    $stack_top, %esp
        movl    %cr0, %eax              # SSE: no emulation, coprocessor monitored (Intel SDM 3A, 9.6)
        andl    $~4, %eax
        orl     $2, %eax
        movl    %eax, %cr0
        movl    %cr4, %eax
        orl     $0x600, %eax            # OSFXSR, OSXMMEXCPT
        movl    %eax, %cr4
        movl    $__bss_start, %edi
        movl    $__heap_base, %ecx
        subl    %edi, %ecx
        xorl    %eax, %eax
        cld
        rep stosb
        call    guest_main

        .bss
        .balign 16
        .space  65536
stack_top:
        .section .note.GNU-stack, "", @progbits
