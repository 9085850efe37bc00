// Every command of the page as one row: its words, its keys, why it may be unavailable, what it does.
// Toolbar, palette, key map and the help sheet are derived from these rows; nothing states a key twice.

import type { GuestDescription, Technique } from '../../protocol/commands.ts';
import type { Frame, VmSummary } from '../../protocol/frame.ts';
import { techniques } from '../../protocol/vocabulary.ts';
import { choose, toggledBreakpoint, useChoice, type Choice } from '../choice.ts';
import { messageOf, type CorePhase } from '../core-client.ts';
import { isMoving } from '../frame-store.ts';
import type { Lab } from '../lab.ts';
import type { PanelPlace } from '../panel.ts';
import { scenarios } from '../../guests/scenarios.ts';
import { chooseScenarioFile, openShippedScenario } from '../scenario-file.ts';
import { openOverlay, showProblem } from '../shell-state.ts';

export type CommandGroup = 'Run' | 'Step' | 'VMs' | 'Panels' | 'Look' | 'Help';

/** What decides whether a command can be run now. */
export interface Situation {
  readonly phase: CorePhase;
  readonly frame: Frame | undefined;
  readonly vm: VmSummary | undefined;
  readonly choice: Choice;
}

export interface CommandRow {
  readonly id: string;
  /** A verb phrase, as the palette shows it. */
  readonly title: string;
  readonly group: CommandGroup;
  /** All keys that run it; the first is the one shown. */
  readonly keys: readonly string[];
  /** One or two words for a button; rows without one are not in the toolbar. */
  readonly label?: string;
  /** Only in the palette when the person searches: rows that come in great numbers. */
  readonly searchedOnly?: boolean;
  /** Why it cannot be run now, for the person; undefined where it can. */
  readonly unavailable: (situation: Situation) => string | undefined;
  readonly run: (situation: Situation) => void;
}

const always = () => undefined;

export const TECHNIQUE_NAMES: { readonly [Key in Technique]: string } = {
  bare: 'bare',
  'trap-and-emulate': 'trap and emulate',
  paravirtual: 'paravirtual',
  'hardware-assisted': 'hardware-assisted',
};

/** The baseline comes last: it is chosen to compare, not to begin with. */
const TECHNIQUES_BY_USE: readonly Technique[] = [...techniques.filter((technique) => technique !== 'bare'), 'bare'];

const PLACE_NAMES: { readonly [Key in PanelPlace]: string } = {
  left: 'upper left',
  'left-below': 'lower left',
  centre: 'upper centre',
  'centre-below': 'lower centre',
  right: 'upper right',
  'right-below': 'lower right',
};

/** The stage of an exit the selected VM stands in. */
function inExit({ vm, frame }: Situation): boolean {
  return vm !== undefined && !isMoving(vm) && frame?.answers.stage !== undefined;
}

function noVm({ phase, vm }: Situation): string | undefined {
  if (phase !== 'ready') return 'The machine is not running.';
  return vm === undefined ? 'There is no VM to look at; add one.' : undefined;
}

/** For commands that only make sense once the guest has come to its end. */
function notEnded(situation: Situation): string | undefined {
  return noVm(situation) ?? (situation.vm?.state === 'ended' ? undefined : 'The guest has not ended.');
}

function notStoppable(situation: Situation): string | undefined {
  const missing = noVm(situation);
  if (missing !== undefined) return missing;
  return situation.vm?.state === 'ended' ? 'The guest has ended; reset it to run it again.' : undefined;
}

function isBare({ vm }: Situation): string | undefined {
  return vm?.technique === 'bare'
    ? 'A bare guest has no hypervisor below it, so nothing exits. Choose another technique.'
    : undefined;
}

function noExits(situation: Situation): string | undefined {
  return notStoppable(situation) ?? isBare(situation);
}

/** The rows that are always there. */
export function commandRows(lab: Lab): readonly CommandRow[] {
  const { vms, dock, panels, navigate } = lab;
  /** Rows about the selected VM: `run` is only called when there is one. */
  const onVm = (run: (vm: number, situation: Situation) => void) => (situation: Situation) => {
    if (situation.vm !== undefined) run(situation.vm.vm, situation);
  };
  const paused = (situation: Situation) =>
    notStoppable(situation) ??
    (situation.vm !== undefined && isMoving(situation.vm) ? 'The guest runs already.' : undefined);
  const running = (situation: Situation) =>
    notStoppable(situation) ??
    (situation.vm !== undefined && isMoving(situation.vm) ? undefined : 'The guest is paused already.');

  return [
    {
      id: 'run.continue',
      title: 'Continue',
      label: 'Continue',
      group: 'Run',
      keys: ['F8', 'F5'],
      unavailable: paused,
      run: onVm((vm) => void vms.start(vm)),
    },
    {
      id: 'run.pause',
      title: 'Pause',
      label: 'Pause',
      group: 'Run',
      keys: ['F8', 'F6', 'Ctrl+\\'],
      unavailable: running,
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
      unavailable: ({ phase }) => (phase === 'ready' ? undefined : 'The machine is not running.'),
      run: () => openOverlay('add-vm'),
    },
    {
      id: 'scenario.open',
      title: 'Open a scenario: several VMs from a file …',
      group: 'VMs',
      keys: [],
      unavailable: ({ phase }) => (phase === 'ready' ? undefined : 'The machine is not running.'),
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
    ...panels.map((panel): CommandRow => ({
      id: `panel.${panel.id}`,
      title: `Show ${panel.title}`,
      group: 'Panels',
      keys: panel.key === undefined ? [] : [panel.key],
      unavailable: always,
      run: () => {
        if (lab.phone.matches) choose({ phonePanel: panel.id });
        else dock.show(panel.id, true);
      },
    })),
    {
      id: 'layout.reset',
      title: 'Put all panels back where they were at first',
      group: 'Panels',
      keys: [],
      unavailable: always,
      run: () => dock.reset(),
    },
    ...panels.flatMap((panel): readonly CommandRow[] => [
      {
        id: `close.${panel.id}`,
        title: `Close ${panel.title}`,
        group: 'Panels',
        keys: [],
        searchedOnly: true,
        unavailable: () => (dock.isOpen(panel.id) ? undefined : 'It is closed already.'),
        run: () => dock.close(panel.id),
      },
      {
        id: `maximize.${panel.id}`,
        title: `Maximize or restore ${panel.title}`,
        group: 'Panels',
        keys: [],
        searchedOnly: true,
        unavailable: () => (dock.isOpen(panel.id) ? undefined : 'It is closed.'),
        run: () => dock.maximize(panel.id),
      },
      ...Object.entries(PLACE_NAMES).map(([place, name]): CommandRow => ({
        id: `move.${panel.id}.${place}`,
        title: `Move ${panel.title} to the ${name}`,
        group: 'Panels',
        keys: [],
        searchedOnly: true,
        unavailable: always,
        run: () => dock.move(panel.id, place as PanelPlace),
      })),
    ]),
    ...(['system', 'light', 'dark'] as const).map((theme): CommandRow => ({
      id: `theme.${theme}`,
      title: `Theme: ${theme === 'system' ? 'as the system' : theme}`,
      group: 'Look',
      keys: [],
      unavailable: ({ choice }) => (choice.theme === theme ? 'It is chosen already.' : undefined),
      run: () => choose({ theme }),
    })),
    switchRow('grouping', 'Group the digits of numbers (8040_1a2c)'),
    switchRow('letterKeys', 'Single letters and digits as keys'),
    switchRow('consoleForScreenReader', 'Console text for screen readers'),
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

function switchRow(name: 'grouping' | 'letterKeys' | 'consoleForScreenReader', title: string): CommandRow {
  return {
    id: `switch.${name}`,
    title: `${title}: on or off`,
    group: 'Look',
    keys: [],
    unavailable: always,
    run: () => choose({ [name]: !useChoice.getState()[name] }),
  };
}

function selectNeighbour(lab: Lab, { frame, vm }: Situation, by: number): void {
  const all = frame?.vms ?? [];
  const index = all.findIndex((summary) => summary.vm === vm?.vm);
  const next = all[(index + by + all.length) % all.length];
  if (next !== undefined) lab.vms.select(next.vm);
}

/** Rows that depend on what is there: run any guest in one go, look at any VM. */
export function situationRows(lab: Lab, { frame, vm, phase }: Situation): readonly CommandRow[] {
  const guests: readonly GuestDescription[] = lab.core.status().catalog?.guests ?? [];
  return [
    ...(frame?.vms ?? []).map((summary): CommandRow => ({
      id: `vm.select.${summary.vm}`,
      title: `Look at VM ${summary.vm}: ${summary.title}`,
      group: 'VMs',
      keys: [],
      unavailable: () => (summary.vm === vm?.vm ? 'It is the one on the screen.' : undefined),
      run: () => lab.vms.select(summary.vm),
    })),
    ...scenarios.map((row): CommandRow => ({
      id: `scenario.open.${row.name}`,
      title: `Open the scenario: ${row.title}`,
      group: 'VMs',
      keys: [],
      searchedOnly: true,
      unavailable: () => (phase === 'ready' ? undefined : 'The machine is not running.'),
      run: () => void openShippedScenario(lab, row),
    })),
    ...guests.flatMap((guest) =>
      TECHNIQUES_BY_USE.filter((technique) => guest.techniques.includes(technique)).map((technique): CommandRow => ({
        id: `vm.add.${guest.name}.${technique}`,
        title: `Add ${guest.title}, ${TECHNIQUE_NAMES[technique]}`,
        group: 'VMs',
        keys: [],
        searchedOnly: true,
        unavailable: () => (phase === 'ready' ? undefined : 'The machine is not running.'),
        run: () => {
          const { name, memoryMiB } = guest;
          lab.vms
            .add({ guest: { kind: 'shipped', name }, technique, memoryMiB, start: true })
            .catch((error: unknown) => showProblem(messageOf(error)));
        },
      })),
    ),
  ];
}

/** The row a key runs now: the first that is available; else the first that has the key, to say why not. */
export function rowOfKey(rows: readonly CommandRow[], key: string, situation: Situation): CommandRow | undefined {
  const candidates = rows.filter(({ keys }) => keys.includes(key));
  return candidates.find((row) => row.unavailable(situation) === undefined) ?? candidates[0];
}
