// The test finisher: the one register through which a guest ends or restarts the board (SiFive test device; hw/misc/sifive_test.c).
// In the device tree it is also the `syscon` behind the `poweroff` and `reboot` nodes.

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, RegisterRow, RegisterValue } from './device.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount, DeviceTreeNode } from './device-tree-node.ts';

const FAIL = 0x3333;
const PASS = 0x5555;
const RESET = 0x7777;

/** How a guest ended its run; `code` is 16 bits. */
export type FinisherOutcome =
  { readonly kind: 'pass' } | { readonly kind: 'fail'; readonly code: number } | { readonly kind: 'reset' };

export interface TestFinisherPorts {
  readonly finish: (outcome: FinisherOutcome) => void;
}

const FINISH_ROW: RegisterRow = {
  name: 'FINISH',
  offset: 0,
  width: 4,
  access: 'write-only',
  meaning: '0x5555 ends the run well, code << 16 | 0x3333 ends it with that code, 0x7777 restarts the board.',
};

export class TestFinisher implements DescribedDevice {
  readonly name = 'test';
  readonly provides = 'syscon';
  readonly size = 0x1000;
  readonly registers: readonly RegisterRow[] = [FINISH_ROW];
  readonly #ports: TestFinisherPorts;

  constructor(ports: TestFinisherPorts) {
    this.#ports = ports;
  }

  read(offset: number, width: AccessWidth): number {
    return this.#serves(offset, width) ? 0 : BUS_ERROR;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (!this.#serves(offset, width)) return false;
    if (offset !== 0) return true;
    switch (value & 0xffff) {
      case PASS:
        this.#ports.finish({ kind: 'pass' });
        break;
      case FAIL:
        // A halfword store carries no code.
        this.#ports.finish({ kind: 'fail', code: width === 4 ? value >>> 16 : 0 });
        break;
      case RESET:
        this.#ports.finish({ kind: 'reset' });
        break;
    }
    return true;
  }

  reset(): void {
    // Holds nothing.
  }

  inspect(): readonly RegisterValue[] {
    return [{ row: FINISH_ROW, value: 0 }];
  }

  snapshot(): DeviceState {
    return {};
  }

  restore(_state: DeviceState): void {
    // Holds nothing.
  }

  describe(mount: DeviceMount): DeviceDescription {
    const regmap = mount.phandle;
    const companion = (name: string, value: number, compatible: string): DeviceTreeNode => ({
      name,
      properties: { value: [value], offset: [0], ...(regmap === undefined ? {} : { regmap: [regmap] }), compatible },
      children: [],
    });
    return {
      node: deviceNode(this, mount, ['sifive,test1', 'sifive,test0', 'syscon'], {
        ...(mount.phandle === undefined ? {} : { phandle: [mount.phandle] }),
      }),
      companions: [companion('poweroff', PASS, 'syscon-poweroff'), companion('reboot', RESET, 'syscon-reboot')],
    };
  }

  #serves(offset: number, width: AccessWidth): boolean {
    return width !== 1 && offset >= 0 && offset < this.size && offset % width === 0;
  }
}
