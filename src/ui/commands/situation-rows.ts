// The commands that depend on what is there: run any guest in one go, look at any VM, open any scenario. The palette alone has
// them, so they come with it.

import { scenarios } from '../../guests/scenarios.ts';
import type { GuestDescription, Technique } from '../../protocol/commands.ts';
import { messageOf } from '../../protocol/message-of.ts';
import { techniques } from '../../protocol/vocabulary.ts';
import type { Lab } from '../lab.ts';
import { openShippedScenario } from '../scenarios.ts';
import { showProblem } from '../shell-state.ts';
import { notReady } from './availability.ts';
import { TECHNIQUE_NAMES, type CommandRow, type Situation } from './command-row.ts';

/** The baseline comes last: it is chosen to compare, not to begin with. */
const TECHNIQUES_BY_USE: readonly Technique[] = [...techniques.filter((technique) => technique !== 'bare'), 'bare'];

/** Rows that depend on what is there: run any guest in one go, look at any VM. */
export function situationRows(lab: Lab, { frame, vm }: Situation): readonly CommandRow[] {
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
      unavailable: notReady,
      run: () => void openShippedScenario(lab, row),
    })),
    ...guests.flatMap((guest) =>
      TECHNIQUES_BY_USE.filter((technique) => guest.techniques.includes(technique)).map((technique): CommandRow => ({
        id: `vm.add.${guest.name}.${technique}`,
        title: `Add ${guest.title}, ${TECHNIQUE_NAMES[technique]}`,
        group: 'VMs',
        keys: [],
        searchedOnly: true,
        unavailable: notReady,
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
