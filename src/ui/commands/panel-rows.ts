// The commands about panels, in great numbers because they are made of the list of panels; and those about how the page looks.

import { choose, useChoice } from '../choice.ts';
import type { Lab } from '../lab.ts';
import type { PanelPlace } from '../panel.ts';
import { always } from './availability.ts';
import type { CommandRow } from './command-row.ts';

const PLACE_NAMES: { readonly [Key in PanelPlace]: string } = {
  left: 'upper left',
  'left-below': 'lower left',
  centre: 'upper centre',
  'centre-below': 'lower centre',
  right: 'upper right',
  'right-below': 'lower right',
};

/** Show, close, maximize and move each panel; put all of them back. */
export function panelRows(lab: Lab): readonly CommandRow[] {
  const { dock, panels } = lab;
  return [
    ...panels.map((panel): CommandRow => ({
      id: `panel.${panel.id}`,
      title: `Show ${panel.title}`,
      group: 'Panels',
      keys: panel.key === undefined ? [] : [panel.key],
      unavailable: ({ frame }) => (frame?.vms.length === 0 ? 'The panels come with a VM; add one.' : undefined),
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
  ];
}

export const lookRows: readonly CommandRow[] = [
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
];

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
