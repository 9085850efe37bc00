// A guest on a machine that keeps to the manual, alone, and the same guest deprivileged on one that does not: whether it comes
// to the same there, by itself or with what was done to repair it.

import type { Host } from '../../machine/linear-memory.ts';
import { quirksOf, type QuirkName } from '../../machine/quirks.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { HostedVm } from '../hosted-vm.ts';
import { Lab } from '../lab.ts';
import type { PatchReport } from '../techniques/patching/code-patches.ts';
import { sensitiveOn } from '../techniques/patching/sensitive-instructions.ts';
import { hashOfVm } from '../inspection/state-hash.ts';
import type { HostedTechnique, Technique } from '../virtual-machine.ts';

export interface RepairRun {
  readonly output: string;
  /** How it ended, one sentence; that it did not is one as well. */
  readonly message: string;
  /** Undefined where it did not end. */
  readonly exitCode: number | undefined;
  readonly hash: string;
}

export interface RepairTrial {
  /** Alone, on a machine that keeps to the manual. */
  readonly bare: RepairRun;
  /** Under the hypervisor, on the machine that does not. */
  readonly hosted: RepairRun;
  /** Same output and exit code, and, for one and the same guest, the same state. */
  readonly same: boolean;
  /** Undefined where nothing was patched. */
  readonly patches: PatchReport | undefined;
}

export interface RepairOptions {
  readonly host: Host;
  /** Made anew for each of the machines. */
  readonly guest: () => GuestImage;
  readonly technique: HostedTechnique;
  readonly quirks: readonly QuirkName[];
  /** Its code is patched there. */
  readonly patched: boolean;
  /** What runs under the hypervisor in its place, where that is another guest. */
  readonly twin?: () => GuestImage;
}

/** For page tables and copies. */
const HYPERVISOR_BYTES = 32 * 2 ** 20;
/** Instructions of virtual time after which a guest is taken not to end. */
const LIMIT = 20_000_000;
const SLICE = 1 << 16;
const OUTPUT_LIMIT = 1 << 16;

/** @throws Error, one line for a person, where a guest cannot be loaded */
export function tryRepair({ host, guest, technique, quirks, patched, twin }: RepairOptions): RepairTrial {
  const bare = runToEnd(host, 'bare', guest(), []);
  const hostedGuest = twin ? twin() : patched ? { ...guest(), binaryPatching: sensitiveOn } : guest();
  const hosted = runToEnd(host, technique, hostedGuest, quirks);
  return {
    bare: bare.run,
    hosted: hosted.run,
    same:
      hosted.run.output === bare.run.output &&
      hosted.run.exitCode === bare.run.exitCode &&
      (twin !== undefined || hosted.run.hash === bare.run.hash),
    patches: hosted.patches,
  };
}

function runToEnd(host: Host, technique: Technique, guest: GuestImage, quirks: readonly QuirkName[]) {
  const lab = new Lab({
    host,
    memoryBytes: guest.memoryBytes + HYPERVISOR_BYTES,
    epochNanoseconds: { high: 0, low: 0 },
    traceCapacity: 2,
    quirks: quirksOf(quirks),
  });
  const vm = lab.addVm({ technique, guest });
  const computer = lab.computerOf(vm);
  lab.start(vm.id);
  let sleeping = false;
  while (vm.ending === undefined && !sleeping && computer.now * 10 < LIMIT) {
    const idle = computer.idleUntil();
    if (idle === undefined) computer.runSlice(SLICE);
    else if (idle === Infinity) sleeping = true;
    else computer.skipTo(idle);
  }
  const { bytes } = vm.console.read(0, OUTPUT_LIMIT);
  const run: RepairRun = {
    output: Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''),
    message: vm.ending?.message ?? (sleeping ? 'The guest waits for ever.' : 'The guest did not come to its end.'),
    exitCode: vm.ending?.exitCode,
    hash: hashOfVm(vm),
  };
  return { run, patches: vm instanceof HostedVm ? vm.patches?.report : undefined };
}
