// The guests that ship with the lab, one row each. Plain data: the hosts turn paths into bytes, the page shows the words.
// The rows fit `GuestDescription` of the protocol by structure, since guests import nothing; a test holds them to it.

/** A guest and everything that is needed to start it. Paths are below the page's base (`public/`) unless said otherwise. */
export interface Guest {
  /** What a person types, and the stem of the file names. */
  readonly name: string;
  readonly title: string;
  /** What a student learns from it, one sentence. */
  readonly teaches: string;
  /** `supervisor`: starts in S-mode with SBI below it. `machine`: starts in M-mode with nothing below it. */
  readonly boot: 'machine' | 'supervisor';
  /** RAM in MiB, from 0x80000000 on. */
  readonly memoryMiB: number;
  readonly techniques: readonly ('bare' | 'trap-and-emulate' | 'paravirtual' | 'hardware-assisted')[];
  /** The ELF or Linux Image; `.gz` where it is compressed. */
  readonly image: string;
  /** The same, made for more than one hart, where that is another file. */
  readonly imageForSeveralHarts?: string;
  /** The initial RAM disk, where there is one; `.gz` where it is compressed for the download only. */
  readonly initrd?: string;
  /** Kernel command line (`/chosen/bootargs`). */
  readonly bootArguments?: string;
  /** The assembly source the image was made from, where there is one. */
  readonly source?: string;
  /** Below `src/guests`: what `source` is put together from, in this order, where it is more than one text. */
  readonly parts?: readonly string[];
  /** Sectors of an empty disk it finds by programmed I/O, if it wants one. */
  readonly scratchSectors?: number;
  /** The guest that does the same in another way, to be compared with: both name each other. */
  readonly twin?: string;
  /** Below `src/guests`: the console output that every technique must give, byte for byte. */
  readonly expectedOutput?: string;
}

/**
 * Guest physical address of `.text` in the images made from our sources: where a supervisor payload lies on QEMU's 32-bit
 * `virt` board, 4 MiB behind the start of RAM, which belongs to the firmware (hw/riscv/boot.c, `riscv_calc_kernel_start_addr`).
 */
export const SUPERVISOR_TEXT_ADDRESS = 0x8040_0000;
/** The same for machine boot: the start of RAM, where the reset vector jumps to. */
export const MACHINE_TEXT_ADDRESS = 0x8000_0000;

const ALL_TECHNIQUES = ['bare', 'trap-and-emulate', 'hardware-assisted'] as const;

/** A guest of ours: one assembly source. 16 MiB leave room for the image at 4 MiB and the device tree near the end. */
function assembled(name: string, title: string, teaches: string): Guest {
  return {
    name,
    title,
    teaches,
    boot: 'supervisor',
    memoryMiB: 16,
    techniques: ALL_TECHNIQUES,
    image: `guests/${name}.elf`,
    source: `guests/${name}.s`,
  };
}

/** One that ends by itself, with the same output under every technique. */
const teaching = (name: string, title: string, teaches: string): Guest => ({
  ...assembled(name, title, teaches),
  expectedOutput: `expected/${name}.txt`,
});

/** In the order a student meets them. */
export const guests: readonly Guest[] = [
  teaching(
    'hello',
    'Hello, two ways',
    'A guest reaches the outside by device registers and by calls to the firmware, and each has its price in exits.',
  ),
  teaching(
    'trap',
    'A system call',
    'A user program calls its kernel: what the hart writes on a trap, what SRET undoes, and who serves it when the kernel is not privileged.',
  ),
  teaching(
    'paging',
    'Demand paging',
    'A kernel builds Sv32 page tables, runs into page faults and repairs them; below it the hypervisor does the same once more.',
  ),
  teaching(
    'timer',
    'Preemption',
    'The timer takes the processor from two tasks that never give it up, and neither can notice.',
  ),
  teaching(
    'csr-tour',
    'Every sensitive instruction',
    'Which instructions a hypervisor must catch, and which of them the hypervisor extension lets pass.',
  ),
  teaching(
    'isolation',
    'Six ways out',
    'A guest may try anything: it gets the trap a real hart would give it, and nothing of its neighbours.',
  ),
  teaching(
    'stale-tlb',
    'The forgotten fence',
    'A hart may go on using a page-table entry that was changed until SFENCE.VMA, and so may a shadow page table.',
  ),
  teaching(
    'plic',
    'A device interrupts',
    'An interrupt on its way from a device’s wire through the PLIC to the handler, and back by claim and completion.',
  ),
  teaching(
    'sbi',
    'What lies below a kernel',
    'The supervisor binary interface: a kernel’s own system calls, served by firmware or by a hypervisor alike.',
  ),
  {
    ...teaching(
      'io-paths',
      'Three ways to a disk',
      'The same blocks and frames word by word, through virtio, and through a device of its own: what each way costs in exits.',
    ),
    parts: ['io-paths/main.s', 'io-paths/programmed-io.s', 'io-paths/virtio.s', 'io-paths/traps.s'],
  },
  {
    ...teaching(
      'nested',
      'A hypervisor in a guest',
      'A small hypervisor, readable whole, runs a kernel of its own: the machine’s traps go from level to level.',
    ),
    boot: 'machine',
    techniques: ['bare'],
    parts: ['nested/hypervisor.s', 'nested/guest.s'],
  },
  assembled(
    'heartbeat',
    'Heartbeat',
    'A kernel that waits costs nothing, and each of its beats is the same short row of exits: a good one to stop at.',
  ),
  {
    ...teaching(
      'unmodified',
      'Twin: unmodified',
      'What a kernel does for its programs — map, unmap, print, store, take the timer — and what each of it costs in exits.',
    ),
    parts: ['twins/work.s', 'twins/unmodified.s', 'twins/program.s'],
    scratchSectors: 64,
    twin: 'paravirtual',
  },
  {
    ...teaching(
      'paravirtual',
      'Twin: paravirtual',
      'The same work for the same program by a kernel that knows its hypervisor: a list in one call instead of an exit each.',
    ),
    techniques: ['paravirtual'],
    parts: ['twins/work.s', 'twins/paravirtual.s', 'twins/program.s'],
    scratchSectors: 64,
    twin: 'unmodified',
  },
  {
    name: 'linux',
    title: 'Linux',
    teaches: 'A real kernel, not one instruction changed, runs under every technique and cannot tell which.',
    boot: 'supervisor',
    memoryMiB: 64,
    techniques: ALL_TECHNIQUES,
    image: 'guests/linux/Image.gz',
    imageForSeveralHarts: 'guests/linux/Image-smp.gz',
    initrd: 'guests/linux/initramfs.cpio.gz',
    bootArguments: 'console=ttyS0 loglevel=3 panic=-1',
  },
];

/** Where each Linux kernel that ships keeps its processes: made with the kernel, for those who look at them from outside. */
export const kernelLayouts: readonly string[] = [
  'guests/linux/Image.layout.json',
  'guests/linux/Image-smp.layout.json',
];

/** The guest of this name; undefined where none ships. */
/** The files of a guest, by their paths below the page's base. @param harts how many it is started with */
export const filesOf = ({ image, imageForSeveralHarts, initrd }: Guest, harts = 1) => ({
  image: harts > 1 ? (imageForSeveralHarts ?? image) : image,
  initrd,
});

export const findGuest = (name: string): Guest | undefined => guests.find((guest) => guest.name === name);
