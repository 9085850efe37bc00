// Every frame of a network into a file, as it is sent: however long the run, all of them are there.

import { TICKS_PER_SECOND } from '../core/hypervisor/computer.ts';
import type { VirtualNetwork } from '../core/hypervisor/guest-devices/virtual-network.ts';
import { pcapHeader, pcapRecord } from '../core/network/pcap.ts';
import type { OpenFile } from './files.ts';

/** @throws UsageError, now or in the middle of the run, where the file cannot be written */
export function writeFramesTo(file: Pick<OpenFile, 'write'>, network: Pick<VirtualNetwork, 'observe'>): void {
  file.write(pcapHeader());
  network.observe((event) => {
    if (event.kind === 'sent') file.write(pcapRecord(event, TICKS_PER_SECOND));
  });
}
