// The options of `run`.

import { quirkNames, quirkRows } from '../core/machine/quirks.ts';
import { techniques } from '../core/hypervisor/virtual-machine.ts';
import { optionValues } from '../protocol/option-values/option-values.ts';
import { SLOT_HELP } from '../protocol/option-values/slot.ts';
import { count, fileName, sizeText } from '../protocol/option-values/values.ts';
import { DEFAULT_MEMORY, FIRMWARE_BYTES } from './guest-source.ts';
import { option, repeatedOption, type OptionRow } from './options.ts';

/** Rules of the manual that are broken, one option for several or several options. */
export const breakOption = (help: string): OptionRow<ReturnType<typeof optionValues.break>> => ({
  name: '--break',
  value: 'NAME[,NAME…]',
  read: optionValues.break,
  repeated: true,
  help: `${help}${quirkNames.map((name) => `${name}: ${quirkRows[name].meaning}`).join(' ')} May be repeated`,
});

export const runOptions = {
  boot: option(
    '--boot',
    'MODE',
    optionValues.boot,
    'machine: M-mode at the entry, nothing below it, like QEMU’s -bios none; ' +
      'supervisor: S-mode, a0 = hart, a1 = device tree, SBI below it. A flat binary (objcopy -O binary) needs to be told: ' +
      'machine puts it at 0x80000000, supervisor at 0x80400000. ' +
      `Default: as the guest of --guest wants it; else machine for an ELF in the first ${sizeText(FIRMWARE_BYTES)} of RAM, ` +
      'where firmware would lie, and supervisor for any other image',
  ),
  technique: option('--technique', 'NAME', optionValues.technique, `${techniques.join(', ')}. Default: bare`),
  memory: option(
    '--memory',
    'SIZE',
    optionValues.memory,
    `RAM of the guest, with K, M or G. Default: ${sizeText(DEFAULT_MEMORY)}, or as --guest wants it`,
  ),
  harts: option(
    '--harts',
    'N',
    optionValues.harts,
    'harts of the guest, 1 to 8: virtual CPUs, where a hypervisor runs it. Default: 1',
  ),
  physicalHarts: option(
    '--physical-harts',
    'N',
    optionValues.physicalHarts,
    'harts of the machine that the hypervisor shares out, 1 to 8; not with bare. They share one clock. Default: 1',
  ),
  weight: option(
    '--weight',
    'N[,N…]',
    optionValues.weight,
    'share of each virtual CPU against the others that want a hart: one number for all, or one for each. Default: 100',
  ),
  cap: option(
    '--cap',
    'PERCENT[,…]',
    optionValues.cap,
    'percent of a physical hart that each virtual CPU gets at most, for all or for each. Default: 100',
  ),
  pin: option(
    '--pin',
    'HARTS[,…]',
    optionValues.pin,
    'physical harts on which each virtual CPU may run, for all or for each: 0, 0-1, 1+3. Default: any',
  ),
  machineMemory: option(
    '--machine-memory',
    'SIZE',
    optionValues.machineMemory,
    'RAM of the machine that the hypervisor deals out; less than the guest was promised is possible: pages that it has ' +
      'not used lately are then swapped out. Not with bare. Default: the guest’s and 64M',
  ),
  swap: option(
    '--swap',
    'SIZE',
    optionValues.swap,
    'most that lies in the hypervisor’s swap store. Default: as much as the machine has',
  ),
  swapLatency: option(
    '--swap-latency',
    'MICROSECONDS',
    optionValues.swapLatency,
    'virtual time that a virtual CPU waits for each page that it needs from the swap store; others run meanwhile. ' +
      'Default: 100, a read from a solid-state disk',
  ),
  balloon: option(
    '--balloon',
    'SIZE[,slot=N]',
    optionValues.balloon,
    `a virtio balloon, by which the guest is asked to give so much of its RAM back; ${SLOT_HELP}`,
  ),
  merge: option(
    '--merge',
    'N',
    optionValues.merge,
    'same-page merging: N pages are looked at every 20 ms of virtual time, and equal ones share a frame. Not with bare',
  ),
  hugePages: option(
    '--huge-pages',
    'WHEN',
    optionValues.hugePages,
    'on: RAM that is touched first comes 4 MiB at once, mapped by one entry of the second stage where it can be. Default: off',
  ),
  firmware: option(
    '--firmware',
    'FILE',
    optionValues.firmware,
    'firmware of the guest’s own, like QEMU’s -bios: an ELF or a flat binary that starts in machine mode and is told, as ' +
      'OpenSBI’s fw_dynamic is (a2), where IMAGE lies; gzip is decompressed. Not with hardware-assisted',
  ),
  initrd: option('--initrd', 'FILE', optionValues.initrd, 'initial RAM disk; gzip is decompressed'),
  append: option('--append', 'TEXT', optionValues.append, 'command line of the kernel (/chosen/bootargs)'),
  guest: option(
    '--guest',
    'NAME',
    optionValues.guest,
    'a guest that ships, see `ringside guests`: its image and settings',
  ),
  adBits: option(
    '--ad-bits',
    'WHO',
    optionValues.adBits,
    'who sets A and D in page tables: software, a clear bit is a page fault (Svade); hardware, the walker sets it, ' +
      'as on QEMU’s default CPU (Svadu). Default: software',
  ),
  aia: option(
    '--aia',
    'WHAT',
    optionValues.aia,
    'interrupt controllers of the board, as QEMU’s -M virt,aia=…: none, a PLIC; aplic-imsic, an APLIC and an IMSIC for each hart, ' +
      'for a guest that knows them: Linux does from 6.10 on, the one that ships is 6.1. Under a hypervisor its machine has them too, with 7 guest interrupt files a hart, and a device ' +
      'of model=passthrough interrupts its guest without an exit. Default: none',
  ),
  disk: repeatedOption(
    '--disk',
    'FILE[,HOW]',
    optionValues.disk,
    'a virtio disk, /dev/vda; more of them: vdb … What the guest writes goes into the file; readonly: it cannot write; ' +
      'snapshot: it writes into memory only, and the file stays as it is; model=pio: word by word through a register; ' +
      'model=passthrough: a physical disk of its own behind the IOMMU, with hardware-assisted; ' +
      `${SLOT_HELP}, where slot 0 is at 0x10001000, as bus=virtio-mmio-bus.N on QEMU. ` +
      'Default: model=virtio, the highest free slot',
  ),
  share: repeatedOption(
    '--share',
    'DIR[,HOW]',
    optionValues.share,
    'a directory that the guest may mount and change: mount -t 9p -o trans=virtio share0 /mnt; more of them: share1 … ' +
      `readonly: it may not change it; ${SLOT_HELP}`,
  ),
  rng: option(
    '--rng',
    'SEED[,slot=N]',
    optionValues.rng,
    `a virtio entropy device; the same seed gives the same numbers; ${SLOT_HELP}`,
  ),
  network: option(
    '--network',
    'user[,HOW]',
    optionValues.network,
    'a network card on a switch with a gateway: DHCP, DNS, a web server (udhcpc; wget http://www.ringside/), and nothing ' +
      'behind it. HOW, separated by commas: model=pio, word by word through a register (no driver in Linux), or ' +
      'model=passthrough, a physical card of its own behind the IOMMU, with hardware-assisted; and of the cable: delay=MS, ' +
      `loss=PERCENT, rate=BITS, each way; rate with K, M or G; ${SLOT_HELP}. ` +
      'Default: model=virtio,delay=0.01,loss=0,rate=1G',
  ),
  pcap: option('--pcap', 'FILE', fileName, 'write every frame on the network, for Wireshark; wants --network'),
  migrateAfter: option(
    '--migrate-after',
    'N',
    optionValues.migrateAfter,
    'move the VM to a second machine while it runs, from when it has executed so many instructions; its console goes on. Not with bare',
  ),
  bandwidth: option(
    '--bandwidth',
    'BYTES',
    optionValues.bandwidth,
    'a second of virtual time, on the link between the machines, with K, M or G (decimal). Default: 125M, which is 1 Gbit/s',
  ),
  downtime: option(
    '--downtime',
    'MS',
    optionValues.downtime,
    'milliseconds of virtual time for which a VM that moves may stand still. Default: 300',
  ),
  diverge: option(
    '--diverge',
    'WHAT',
    optionValues.diverge,
    'what to do where the VM writes faster than the link carries: report, and give up after 40 rounds; throttle the VM; ' +
      'force it to stop, however long; cancel. Default: report',
  ),
  cloneAfter: option(
    '--clone-after',
    'N',
    optionValues.cloneAfter,
    'copy the VM while it runs, when it has executed so many instructions: the two share their memory until one of them writes, and ' +
      'both run on. The exit status stays the original’s. Not with bare; disks must be snapshot or readonly',
  ),
  cloneConsole: option(
    '--clone-console',
    'FILE',
    fileName,
    'what the copy prints from then on. Default: on stderr, line by line',
  ),
  cloneInput: option('--clone-input', 'FILE', fileName, 'what is typed into the copy. Default: nothing'),
  save: option(
    '--save',
    'FILE',
    optionValues.save,
    'write the VM into a file, all but what its disks and shares hold, and end with 0; wants --save-after. Not with bare',
  ),
  saveAfter: option(
    '--save-after',
    'N',
    optionValues.saveAfter,
    'instructions of the guest after which --save writes it',
  ),
  restore: option(
    '--restore',
    'FILE',
    optionValues.restore,
    'go on with a VM that --save wrote, given the same guest, memory, harts and devices; its instructions count on from there',
  ),
  console: option(
    '--console',
    'FILE[,slot=N]',
    optionValues.console,
    'a virtio console beside the serial port; what the guest prints there is written to the file. In the Linux that ships it is ' +
      `/dev/hvc1 (hvc0 is that of the SBI); nobody types there; ${SLOT_HELP}`,
  ),
  virtio: option(
    '--virtio',
    'VERSION',
    optionValues.virtio,
    'interface of the virtio devices: legacy is version 1 of virtio-mmio, QEMU’s default; modern is version 2 (virtio 1.x)',
  ),
  maxInstructions: option('--max-instructions', 'N', count, 'end after so many instructions of the guest, with 124'),
  break: breakOption('a machine that departs from the manual. '),
  repair: option(
    '--repair',
    'HOW',
    optionValues.repair,
    'what makes up for an instruction that does not trap (--break). patching: under trap-and-emulate, the hypervisor lets the ' +
      'hart execute copies of the guest’s code in which another instruction stands for it, one that does trap; ' +
      'paravirtualization: --guest NAME runs as its twin, whose kernel asks the hypervisor instead. Default: none',
  ),
  stats: option(
    '--stats',
    'FILE',
    fileName,
    'write how it went, as JSON: exits, interrupts, memory, the traffic of each virtio device …',
  ),
  trace: option('--trace', 'FILE', fileName, 'write every exit to the hypervisor, one JSON object a line'),
  processes: option(
    '--processes',
    'FILE',
    optionValues.processes,
    'write at the end which processes, namespaces and control groups a Linux guest has, read from its memory, as JSON',
  ),
  systemCalls: option(
    '--system-calls',
    'FILE',
    optionValues.systemCalls,
    'write every system call of the guest’s programs with its process and arguments, one JSON object a line, and another with what it returned',
  ),
  traceLevels: option(
    '--trace-levels',
    'FILE',
    optionValues.traceLevels,
    'write every trap and every return from one, with the level it came from and the level it went to (M, S, U, VS, VU), ' +
      'one JSON object a line; on the bare machine, where a guest may be a hypervisor itself',
  ),
} as const;
