// A shared folder (virtio 1.2 leaves it to QEMU and Linux, which know it as device 9): 9P requests in a queue, the name to mount
// it by in the configuration space. `mount -t 9p -o trans=virtio TAG /mnt`

import type { DeviceState } from '../device.ts';
import { LARGEST_MESSAGE, NinePServer } from '../ninep/nine-p-server.ts';
import type { SharedFolder } from '../ninep/shared-folder.ts';
import type { Chain } from './descriptor-chain.ts';
import type { FeatureRow, QueueRole, Served, VirtioFactory, VirtioFunction } from './virtio-function.ts';

const FEATURES: readonly FeatureRow[] = [
  { bit: 0, name: 'VIRTIO_9P_F_MOUNT_TAG', meaning: 'The folder has a name to mount it by.' },
];

export interface VirtioNinePPorts {
  readonly folder: SharedFolder;
  /** The name to mount it by. */
  readonly tag: string;
}

/** @returns a shared folder, to be put into a slot */
export const virtioNineP =
  (ports: VirtioNinePPorts): VirtioFactory =>
  () =>
    new VirtioNineP(ports);

export class VirtioNineP implements VirtioFunction {
  readonly deviceId = 9;
  readonly title = 'shared folder';
  readonly features = FEATURES;
  readonly queues: readonly QueueRole[];
  readonly #ports: VirtioNinePPorts;
  readonly #server: NinePServer;
  readonly #configuration: Uint8Array;

  constructor(ports: VirtioNinePPorts) {
    const { folder, tag } = ports;
    this.#ports = ports;
    this.#server = new NinePServer(folder);
    this.#configuration = Uint8Array.from([
      tag.length & 0xff,
      tag.length >> 8,
      ...Array.from(tag, (letter) => letter.charCodeAt(0)),
    ]);
    // Linux places the data of a large request beside the message itself.
    this.queues = [{ name: 'requests', mostBytes: 4 * LARGEST_MESSAGE, serve: (chain) => this.#serve(chain) }];
  }

  configuration(): Uint8Array {
    return this.#configuration;
  }

  reset(): void {
    this.#server.reset();
  }

  /** It is a shared folder: both VMs have it. */
  fork(): VirtioFactory {
    return virtioNineP(this.#ports);
  }

  snapshot(): DeviceState {
    return this.#server.snapshot();
  }

  restore(state: DeviceState): void {
    this.#server.restore(state);
  }

  #serve(chain: Chain): Served {
    const request = chain.take(0, Math.min(chain.readableBytes, LARGEST_MESSAGE)) ?? new Uint8Array(0);
    const { name, errno, answer } = this.#server.serve(request, chain.writableBytes);
    const written = chain.write(0, answer);
    return { written, operation: name, argument: request.length, status: errno === 0 ? 'OK' : `errno ${errno}` };
  }
}
