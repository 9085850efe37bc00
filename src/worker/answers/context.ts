// What every answer is made from: the lab, and the VM being looked at.

import type { Lab } from '../../core/hypervisor/lab.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { Introspection } from '../introspection.ts';
import type { NetworkAnswer, ScenarioAnswer } from '../../protocol/frame.ts';

/** What some answers are made with; undefined until it is loaded, which asking for them begins. */
export interface LoadedParts {
  readonly introspection: Introspection | undefined;
  readonly network:
    { readonly networkAnswer: (context: AnswerContext, count: number) => NetworkAnswer | undefined } | undefined;
  /** Those that were opened. */
  readonly scenarios: { readonly answer: () => readonly ScenarioAnswer[] };
}

export interface AnswerContext {
  readonly lab: Lab;
  /** The VM being looked at. */
  readonly vm: VirtualMachine | undefined;
  /** The number of its hart that is looked at. */
  readonly vcpu: number;
  readonly parts: LoadedParts;
}
