// The page put together: core client, frame loop, consoles, dock, and the actions a person can take on VMs.
// Made once in page.tsx and handed down by context, so that no module holds state of its own.

import { createContext, useContext } from 'react';
import type { StepKind, Technique, VmOptions } from '../protocol/commands.ts';
import { messageOf } from '../protocol/message-of.ts';
import { choose, useChoice } from './choice.ts';
import { createConsoles, type Consoles } from './console/consoles.ts';
import type { Terminals } from './console/terminals.ts';
import type { CoreClient } from './core-client.ts';
import { createDock, type Dock, type Docked } from './dock/dock.ts';
import { rememberVms } from './first-vms.ts';
import { createFrameLoop } from './frame-loop.ts';
import { isMoving, useFrameState, vmOf } from './frame-store.ts';
import type { Navigate, Panel, PanelId, SendCommand } from './panel.ts';
import { announce, showProblem, useShell } from './shell-state.ts';

/** What a person can do to VMs. Each shows its own failure; a panel that wants the error uses `Lab.command`. */
export interface VmActions {
  readonly add: (options: VmOptions) => Promise<number>;
  readonly remove: (vm: number) => Promise<void>;
  /** A copy that goes on from here beside it, and is looked at. */
  readonly clone: (vm: number) => Promise<void>;
  readonly start: (vm: number) => Promise<void>;
  readonly pause: (vm: number) => Promise<void>;
  readonly reset: (vm: number) => Promise<void>;
  readonly step: (vm: number, kind: StepKind) => Promise<void>;
  /** The same guest under another technique, from its first instruction, in the same place of the list. */
  readonly changeTechnique: (vm: number, technique: Technique) => Promise<void>;
  readonly select: (vm: number) => void;
}

export interface Lab {
  readonly core: CoreClient;
  readonly consoles: Consoles;
  /** The terminals, made by the console's chunk when it is first shown. */
  readonly terminals: (make: (consoles: Consoles) => Terminals) => Terminals;
  readonly dock: Dock;
  readonly panels: readonly Panel[];
  readonly navigate: Navigate;
  readonly vms: VmActions;
  /** `core.send` that also asks for a fresh frame when it is answered. */
  readonly command: SendCommand;
  /** True where one panel at a time is shown; the media query of the phone. */
  readonly phone: MediaQueryList;
}

export const LabContext = createContext<Lab | undefined>(undefined);

export function useLab(): Lab {
  const lab = useContext(LabContext);
  if (lab === undefined) throw new Error('useLab() is used outside the page: wrap it in LabContext.');
  return lab;
}

/** `begun` are the VMs that were asked for before there was a page, in their order. */
export function createLab(
  core: CoreClient,
  begun: readonly Promise<{ readonly vm: number }>[],
  panels: readonly Panel[],
  loadDocked: () => Promise<Docked>,
): Lab {
  const consoles = createConsoles(core);
  let terminals: Terminals | undefined;
  const dock = createDock(panels, loadDocked);
  const phone = matchMedia('(max-width: 640px)');
  const visibleIds = (): readonly PanelId[] => (phone.matches ? [useChoice.getState().phonePanel] : dock.visible());
  const loop = createFrameLoop({
    core,
    consoles,
    visiblePanels: () => {
      const ids = visibleIds();
      return panels.filter(({ id }) => ids.includes(id));
    },
  });
  dock.onChange(loop.refresh);

  const command: SendCommand = async (name, request) => {
    const reply = await core.send(name, request);
    loop.refresh();
    return reply;
  };

  /** Runs a command of the person's; its failure is shown, not thrown. */
  async function attempt(what: () => Promise<unknown>): Promise<void> {
    try {
      await what();
      showProblem(undefined);
    } catch (error) {
      showProblem(messageOf(error));
    }
  }

  const show = (panel: PanelId) => {
    if (phone.matches) choose({ phonePanel: panel });
    else dock.show(panel);
  };
  const navigate: Navigate = {
    toAddress: ({ space, address }) => {
      if (space !== 'gva') return navigate.toMemory({ space, address });
      choose({ walk: { ...useChoice.getState().walk, gva: address } });
      show('walk');
    },
    toMemory: (memory) => {
      choose({ memory });
      show('memory');
    },
    toInstruction: (gva) => {
      choose({ disassembly: gva, cursor: gva });
      show('source');
    },
    toExit: (exit) => {
      choose({ exit });
      show('trap');
    },
    toPanel: show,
    toVm: (vm) => vms.select(vm),
  };

  /** Breakpoints go to the core whenever the person changes them, and again after a restart. */
  async function sendBreakpoints(vm: number): Promise<void> {
    await attempt(() => command('setBreakpoints', { vm, addresses: useChoice.getState().breakpoints[vm] ?? [] }));
  }
  useChoice.subscribe(({ breakpoints }, before) => {
    if (breakpoints === before.breakpoints) return;
    for (const vm of Object.keys(breakpoints).map(Number)) {
      if (breakpoints[vm] !== before.breakpoints[vm]) void sendBreakpoints(vm);
    }
  });

  function withoutBreakpoints(vm: number): Readonly<Record<number, readonly number[]>> {
    return Object.fromEntries(
      Object.entries(useChoice.getState().breakpoints).filter(([number]) => Number(number) !== vm),
    );
  }

  const vms: VmActions = {
    add: async (options) => {
      const { vm } = await command('addVm', options);
      rememberVms(core.options());
      vms.select(vm);
      return vm;
    },
    remove: (vm) =>
      attempt(async () => {
        await command('removeVm', { vm });
        rememberVms(core.options());
        const left = useFrameState.getState().frame?.vms.filter((summary) => summary.vm !== vm) ?? [];
        choose({ breakpoints: withoutBreakpoints(vm) });
        if (useChoice.getState().vm === vm) choose({ vm: left[0]?.vm, vcpu: 0, cursor: undefined, exit: undefined });
      }),
    clone: (vm) =>
      attempt(async () => {
        const { vm: copy } = await command('cloneVm', { vm });
        rememberVms(core.options());
        vms.select(copy);
      }),
    start: (vm) => attempt(() => command('startVm', { vm })),
    pause: (vm) => attempt(() => command('pauseVm', { vm })),
    reset: (vm) =>
      attempt(async () => {
        await command('resetVm', { vm });
        consoles.restarted(vm);
        loop.forgetStops(vm);
        choose({ exit: undefined });
      }),
    step: (vm, kind) => attempt(() => command('step', { vm, kind, vcpu: useChoice.getState().vcpu })),
    changeTechnique: (vm, technique) =>
      attempt(async () => {
        const options = core.optionsOf(vm);
        if (options === undefined) return;
        // A disk is in one VM at a time: then the old one has to go first.
        const first = options.disks !== undefined;
        if (first) await command('removeVm', { vm });
        const added = await vms.add({ ...options, technique, start: true });
        if (!first) await command('removeVm', { vm });
        rememberVms(core.options());
        // Breakpoints are addresses of the same image: they stay.
        const { breakpoints } = useChoice.getState();
        const kept = breakpoints[vm];
        choose({ breakpoints: kept === undefined ? breakpoints : { ...withoutBreakpoints(vm), [added]: kept } });
      }),
    select: (vm) => {
      if (useChoice.getState().vm !== vm)
        choose({ vm, vcpu: 0, cursor: undefined, exit: undefined, disassembly: 'pc' });
    },
  };

  for (const adding of begun) {
    void attempt(async () => {
      vms.select((await adding).vm);
      loop.refresh();
    });
  }
  void Promise.allSettled(begun).then(() => {
    rememberVms(core.options());
    useShell.setState({ beginning: false });
    loop.refresh();
  });
  core.onRestart((renumbered) => {
    loop.forget();
    const { vm, breakpoints } = useChoice.getState();
    const selected = vm === undefined ? undefined : renumbered.get(vm);
    choose({
      vm: selected ?? [...renumbered.values()][0],
      vcpu: 0,
      exit: undefined,
      cursor: undefined,
      breakpoints: Object.fromEntries(
        Object.entries(breakpoints).flatMap(([old, addresses]) => {
          const now = renumbered.get(Number(old));
          return now === undefined ? [] : [[now, addresses]];
        }),
      ),
    });
    // The new VMs may have the numbers of other old ones: no terminal may go on as another's.
    terminals?.keepOnly([]);
    for (const now of renumbered.values()) void sendBreakpoints(now);
    announce(core.status().trouble ?? '');
  });

  announceStops();
  return {
    core,
    consoles,
    terminals: (make) => (terminals ??= make(consoles)),
    dock,
    panels,
    navigate,
    vms,
    command,
    phone,
  };
}

/** Says why the VM that is looked at stopped, once a stop. */
function announceStops(): void {
  let wasMoving = false;
  let lastInstructions = -1;
  useFrameState.subscribe(({ frame }) => {
    const vm = vmOf(frame, useChoice.getState().vm);
    if (vm === undefined) return;
    const moving = isMoving(vm);
    const stopped = !moving && (wasMoving || vm.instructions !== lastInstructions);
    wasMoving = moving;
    lastInstructions = vm.instructions;
    const stoppedBy = vm.stopReason?.vcpu;
    if (stopped && stoppedBy !== undefined && stoppedBy !== useChoice.getState().vcpu) choose({ vcpu: stoppedBy });
    const sentence = vm.ending?.message ?? vm.stopReason?.sentence;
    if (stopped && sentence !== undefined) announce(`${vm.title}: ${sentence}`);
  });
}
