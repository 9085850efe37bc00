// The commands that are always there, as rows. Toolbar, palette, key map and the help sheet are derived from these rows; nothing
// states a key twice.

import { choose, toggledBreakpoint } from '../choice.ts';
import type { Lab } from '../lab.ts';
import { chooseScenarioFile } from '../scenarios.ts';
import { openOverlay } from '../shell-state.ts';
import {
  always,
  inExit,
  isBare,
  isPaused,
  noExits,
  notEnded,
  notReady,
  notStoppable,
  noVm,
  runsAlready,
} from './availability.ts';
import type { CommandRow, Situation } from './command-row.ts';
import { lookRows, panelRows } from './panel-rows.ts';

/** The rows that are always there. */
export function commandRows(lab: Lab): readonly CommandRow[] {
  const { vms, navigate } = lab;
  /** Rows about the selected VM: `run` is only called when there is one. */
  const onVm = (run: (vm: number, situation: Situation) => void) => (situation: Situation) => {
    if (situation.vm !== undefined) run(situation.vm.vm, situation);
  };

  return [
    {
      id: 'run.continue',
      title: 'Continue',
      label: 'Continue',
      group: 'Run',
      keys: ['F8', 'F5'],
      unavailable: runsAlready,
      run: onVm((vm) => void vms.start(vm)),
    },
    {
      id: 'run.pause',
      title: 'Pause',
      label: 'Pause',
      group: 'Run',
      keys: ['F8', 'F6', 'Ctrl+\\'],
      unavailable: isPaused,
      run: onVm((vm) => void vms.pause(vm)),
    },
    {
      id: 'run.again',
      title: 'Run again from the first instruction',
      label: 'Run again',
      group: 'Run',
      keys: ['F8', 'F5'],
      unavailable: notEnded,
      run: onVm((vm) => void vms.reset(vm).then(() => vms.start(vm))),
    },
    {
      id: 'step.first-exit',
      title: 'Run again, stop at the first exit and open it in stages',
      label: 'Stop at the first exit',
      group: 'Step',
      keys: ['S'],
      unavailable: (situation) => notEnded(situation) ?? isBare(situation),
      run: onVm((vm) => {
        navigate.toPanel('trap');
        void vms.reset(vm).then(() => vms.step(vm, 'stage'));
      }),
    },
    {
      id: 'step.stage',
      title: 'Stop at the next exit and open it in stages',
      label: 'Stop at the next exit',
      group: 'Step',
      keys: ['S'],
      unavailable: (situation) =>
        noExits(situation) ?? (inExit(situation) ? 'It stands in an exit already.' : undefined),
      run: onVm((vm) => {
        choose({ exit: undefined });
        navigate.toPanel('trap');
        void vms.step(vm, 'stage');
      }),
    },
    {
      id: 'step.next-stage',
      title: 'Next stage of this exit',
      label: 'Next stage',
      group: 'Step',
      keys: ['S'],
      unavailable: (situation) =>
        noExits(situation) ?? (inExit(situation) ? undefined : 'It does not stand in an exit.'),
      run: onVm((vm) => {
        choose({ exit: undefined });
        navigate.toPanel('trap');
        void vms.step(vm, 'stage');
      }),
    },
    {
      id: 'step.over',
      title: 'Step over: to the instruction behind a call or trap',
      label: 'Over',
      group: 'Step',
      keys: ['F10', 'Alt+F10'],
      unavailable: notStoppable,
      run: onVm((vm) => void vms.step(vm, 'over')),
    },
    {
      id: 'step.instruction',
      title: 'Step into: one instruction',
      label: 'Into',
      group: 'Step',
      keys: ['F11', 'Alt+F11'],
      unavailable: notStoppable,
      run: onVm((vm) => void vms.step(vm, 'instruction')),
    },
    {
      id: 'step.out',
      title: 'Step out: run to the caller',
      label: 'Out',
      group: 'Step',
      keys: ['Shift+F11'],
      unavailable: notStoppable,
      run: onVm((vm) => void vms.step(vm, 'out')),
    },
    {
      id: 'step.exit',
      title: 'Run to the next exit',
      label: 'Next exit',
      group: 'Step',
      keys: ['E'],
      unavailable: noExits,
      run: onVm((vm) => void vms.step(vm, 'exit')),
    },
    {
      id: 'step.interrupt',
      title: 'Run to the next interrupt',
      label: 'Next interrupt',
      group: 'Step',
      keys: ['I'],
      unavailable: notStoppable,
      run: onVm((vm) => void vms.step(vm, 'interrupt')),
    },
    {
      id: 'step.crossing',
      title: 'Run to the next crossing between levels: a trap, or a return from one',
      group: 'Step',
      keys: ['X'],
      unavailable: (situation) =>
        notStoppable(situation) ??
        (situation.vm?.technique === 'bare'
          ? undefined
          : 'Under a hypervisor, the crossings are exits: step to those.'),
      run: onVm((vm) => void vms.step(vm, 'crossing')),
    },
    {
      id: 'breakpoint.toggle',
      title: 'Toggle a breakpoint at the cursor, or at pc',
      group: 'Run',
      keys: ['F9'],
      unavailable: noVm,
      run: onVm((vm, { choice, vm: summary }) => {
        const at = choice.cursor ?? summary?.pc;
        if (at !== undefined) choose(toggledBreakpoint(choice, vm, at));
      }),
    },
    {
      id: 'breakpoint.clear',
      title: 'Remove all breakpoints of this VM',
      group: 'Run',
      keys: [],
      unavailable: (situation) =>
        noVm(situation) ??
        ((situation.choice.breakpoints[situation.vm?.vm ?? -1] ?? []).length === 0
          ? 'There are no breakpoints.'
          : undefined),
      run: onVm((vm, { choice }) => choose({ breakpoints: { ...choice.breakpoints, [vm]: [] } })),
    },
    {
      id: 'vm.add',
      title: 'Add a VM …',
      label: 'Add',
      group: 'VMs',
      keys: ['N'],
      unavailable: notReady,
      run: () => openOverlay('add-vm'),
    },
    {
      id: 'scenario.open',
      title: 'Open a scenario: several VMs from a file …',
      group: 'VMs',
      keys: [],
      unavailable: notReady,
      run: () => chooseScenarioFile(lab),
    },
    {
      id: 'vm.reset',
      title: 'Reset: begin from the first instruction',
      label: 'Reset',
      group: 'VMs',
      keys: ['Ctrl+Shift+F5'],
      unavailable: noVm,
      run: onVm((vm) => void vms.reset(vm)),
    },
    {
      id: 'vm.remove',
      title: 'Remove this VM',
      label: 'Remove',
      group: 'VMs',
      keys: ['Shift+F5'],
      unavailable: noVm,
      run: onVm((vm) => void vms.remove(vm)),
    },
    {
      id: 'vm.clone',
      title: 'Clone this VM: a copy that goes on from here beside it',
      group: 'VMs',
      keys: [],
      unavailable: (situation) =>
        notStoppable(situation) ??
        (situation.vm?.technique === 'bare'
          ? 'A bare guest has no hypervisor below it that could copy it. Choose another technique.'
          : undefined),
      run: onVm((vm) => void vms.clone(vm)),
    },
    {
      id: 'vm.next',
      title: 'Look at the next VM',
      group: 'VMs',
      keys: [']'],
      unavailable: ({ frame }) => ((frame?.vms.length ?? 0) > 1 ? undefined : 'There is no other VM.'),
      run: (situation) => selectNeighbour(lab, situation, 1),
    },
    {
      id: 'vm.previous',
      title: 'Look at the previous VM',
      group: 'VMs',
      keys: ['['],
      unavailable: ({ frame }) => ((frame?.vms.length ?? 0) > 1 ? undefined : 'There is no other VM.'),
      run: (situation) => selectNeighbour(lab, situation, -1),
    },
    {
      id: 'panels',
      title: 'Show the map of all panels',
      group: 'Panels',
      label: 'Panels',
      keys: ['P'],
      unavailable: always,
      run: () => openOverlay('panels'),
    },
    ...panelRows(lab),
    ...lookRows,
    {
      id: 'palette',
      title: 'Show every command',
      group: 'Help',
      keys: ['Ctrl+K', 'Ctrl+Shift+P', 'F1'],
      unavailable: always,
      run: () => openOverlay('palette'),
    },
    {
      id: 'help',
      title: 'Show all keys and signs',
      group: 'Help',
      keys: ['?'],
      unavailable: always,
      run: () => openOverlay('help'),
    },
  ];
}

function selectNeighbour(lab: Lab, { frame, vm }: Situation, by: number): void {
  const all = frame?.vms ?? [];
  const index = all.findIndex((summary) => summary.vm === vm?.vm);
  const next = all[(index + by + all.length) % all.length];
  if (next !== undefined) lab.vms.select(next.vm);
}

/** The row a key runs now: the first that is available; else the first that has the key, to say why not. */
export function rowOfKey(rows: readonly CommandRow[], key: string, situation: Situation): CommandRow | undefined {
  const candidates = rows.filter(({ keys }) => keys.includes(key));
  return candidates.find((row) => row.unavailable(situation) === undefined) ?? candidates[0];
}
