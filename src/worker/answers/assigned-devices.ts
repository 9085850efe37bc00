// Physical devices that are assigned to guests: where each lies on both boards, and what the IOMMU has refused.

import type { AssignedDevicesAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

export function assignedDevicesAnswer({ lab }: AnswerContext): AssignedDevicesAnswer | undefined {
  const passthrough = lab.hypervisor?.passthrough;
  if (passthrough === undefined) return undefined;
  return {
    devices: passthrough.assigned.map(({ vm, device, deviceId, base, guestBase, interrupts }) => ({
      vm,
      title: device.function?.title ?? 'nothing',
      deviceId,
      hpa: base,
      gpa: guestBase,
      interrupts,
    })),
    refused: passthrough.refused.map(({ address, ...rest }) => ({ ...rest, gpa: address })).reverse(),
  };
}
