// The network of the VM being looked at: its ports, what the switch has learned, and the ways of the last frames.

import { TICKS_PER_SECOND } from '../../core/hypervisor/computer.ts';
import type { FrameJourney } from '../../core/hypervisor/guest-devices/frame-journeys.ts';
import { formatIpv4, formatMac } from '../../core/network/address.ts';
import { describeFrame } from '../../core/network/describe-frame.ts';
import { DEFAULT_SERVICE_HOST } from '../../core/network/service-host.ts';
import type { NetworkAnswer, NetworkFrameRow } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

const FRAMES_LIMIT = 256;

export function networkAnswer({ lab, vm }: AnswerContext, count: number): NetworkAnswer | undefined {
  if (vm === undefined) return undefined;
  const network = lab.networkOf(vm);
  if (network === undefined) return undefined;
  const leases = network.gateway.leases(lab.computerOf(vm).now).filter(({ state }) => state === 'leased');
  const ports = new Map(network.switch.ports.map((port) => [port.id, port]));
  return {
    ports: network.stations.flatMap((station) => {
      const port = ports.get(station.port);
      if (port === undefined) return [];
      const given = leases.filter(({ mac }) => formatMac(mac) === station.mac).map(({ address }) => address);
      const own = [DEFAULT_SERVICE_HOST.address, DEFAULT_SERVICE_HOST.nameServer];
      return [
        {
          ...station,
          addresses: (station.vm === undefined ? own : given).map(formatIpv4),
          settings: port.settings,
          counters: port.counters,
        },
      ];
    }),
    learned: network.switch.addresses.map(({ address, port }) => ({ mac: formatMac(address), port })),
    frames: network.journeys.recent(Math.min(FRAMES_LIMIT, Math.max(1, Math.floor(count)))).map(rowOf),
    ticksPerSecond: TICKS_PER_SECOND,
  };
}

function rowOf({ frame, octets, steps }: FrameJourney): NetworkFrameRow {
  const { malformed, ...description } = describeFrame(octets);
  // The steps go on while the answer is on its way.
  return { frame, ...description, malformed, bytes: octets.length, steps: [...steps] };
}
