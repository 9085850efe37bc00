// Asks the core for frames, one at a time, and is the only writer of the frame store.
// Two kinds of question alternate. A *full* one carries what the visible panels ask; it goes out four times a second while
// something runs, and at once when a VM stopped or the person chose or commanded something. A *light* one asks only for
// console output and the VMs' summaries; it goes out as often as the screen draws, so that typing feels immediate.

import type { Frame, FrameRequest, VmSummary } from '../protocol/frame.ts';
import { messageOf } from '../protocol/message-of.ts';
import { useChoice } from './choice.ts';
import type { Consoles } from './console/consoles.ts';
import type { CoreClient } from './core-client.ts';
import { isMoving, useFrameState, vmOf } from './frame-store.ts';
import type { Panel } from './panel.ts';
import { createStopHistory } from './stop-history.ts';

const FULL_EVERY_MS = 250;
const LIGHT_EVERY_MS = 33;
const IDLE_FULL_EVERY_MS = 1000;
const IDLE_LIGHT_EVERY_MS = 200;
const AFTER_REFUSAL_MS = 1000;

export interface FrameLoop {
  /** Something may have changed: the next question is a full one, and goes out as soon as the last is answered. */
  readonly refresh: () => void;
  /** The VM begins anew: its next stop is compared with nothing before. */
  readonly forgetStops: (vm: number) => void;
  /** The VMs are others now (the core was started anew). */
  readonly forget: () => void;
}

interface FrameLoopPorts {
  readonly core: CoreClient;
  readonly consoles: Consoles;
  readonly visiblePanels: () => readonly Panel[];
}

export function createFrameLoop({ core, consoles, visiblePanels }: FrameLoopPorts): FrameLoop {
  const history = createStopHistory();
  let outstanding = false;
  let dirty = true;
  let notBefore = 0;
  let lastFull = -Infinity;
  let lastAny = -Infinity;
  let latest: Frame | undefined;
  // Rises with every refresh, so that an answer to an older question does not count as the fresh one.
  let wish = 0;

  function panelQueries(vm: VmSummary | undefined): FrameRequest['queries'] {
    const choice = useChoice.getState();
    const queries: FrameRequest['queries'] = {};
    for (const panel of visiblePanels()) Object.assign(queries, panel.queries(choice, vm));
    return queries;
  }

  function take(frame: Frame, vm: VmSummary | undefined, asked: FrameRequest['queries'], askedAt: number): void {
    lastFull = performance.now();
    useFrameState.setState({ frame, before: history.note(frame, vm), refusal: undefined });
    // The machine moved between question and answer: panels that follow the pc asked about where it was.
    const moved = vm !== undefined && !isMoving(vm) && JSON.stringify(panelQueries(vm)) !== JSON.stringify(asked);
    dirty = moved || wish !== askedAt;
  }

  async function ask(full: boolean): Promise<void> {
    const { vm: selected, vcpu } = useChoice.getState();
    const asked = full ? panelQueries(vmOf(latest, selected)) : {};
    const console = consoles.questions();
    const askedAt = wish;
    const frame = await core.send('frame', {
      vm: selected,
      vcpu,
      queries: console.length === 0 ? asked : { ...asked, console },
    });
    const previous = vmOf(latest, selected);
    latest = frame;
    consoles.deliver(console, frame.answers.console ?? []);
    const vm = vmOf(frame, selected);
    if (full) take(frame, vm, asked, askedAt);
    else if (vm === undefined || previous === undefined || isMoving(vm) !== isMoving(previous)) dirty = true;
    else if (!isMoving(vm) && vm.instructions !== previous.instructions) dirty = true;
    else if (frame.vms.length !== useFrameState.getState().frame?.vms.length) dirty = true;
  }

  function tick(): void {
    requestAnimationFrame(tick);
    const now = performance.now();
    if (outstanding || core.status().phase !== 'ready' || now < notBefore) return;
    const moving = latest?.vms.some(isMoving) ?? true;
    const full = dirty || now - lastFull >= (moving ? FULL_EVERY_MS : IDLE_FULL_EVERY_MS);
    const pause = consoles.busy() ? 0 : moving ? LIGHT_EVERY_MS : IDLE_LIGHT_EVERY_MS;
    if (!full && now - lastAny < pause) return;
    outstanding = true;
    lastAny = now;
    ask(full)
      .catch((error: unknown) => {
        notBefore = performance.now() + AFTER_REFUSAL_MS;
        dirty = true;
        useFrameState.setState({ refusal: messageOf(error) });
      })
      .finally(() => (outstanding = false));
  }

  useChoice.subscribe(() => {
    wish += 1;
    dirty = true;
  });
  requestAnimationFrame(tick);
  return {
    refresh: () => {
      wish += 1;
      dirty = true;
    },
    forgetStops: history.forget,
    forget: () => {
      history.clear();
      latest = undefined;
      dirty = true;
      useFrameState.setState({ frame: undefined, before: undefined, refusal: undefined });
    },
  };
}
