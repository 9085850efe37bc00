// The arrangement as data: the default one derived from the panel list, and the one the person left, from localStorage.
//
//   ┌ left ───────┬ centre ──────────────┬ right ───────────┐
//   ├ left-below ─┼ centre-below ────────┼ right-below ─────┤
//   └─────────────┴──────────────────────┴──────────────────┘

import type { IJsonModel, IJsonTabNode, IJsonTabSetNode } from 'flexlayout-react';
import type { Panel, PanelPlace } from '../panel.ts';

const STORED_UNDER = 'ringside.layout.1';

/** At 1280 pixels the middle column holds the 80 characters of a terminal's line. */
const COLUMNS: readonly { readonly weight: number; readonly places: readonly (readonly [PanelPlace, number])[] }[] = [
  {
    weight: 23,
    places: [
      ['left', 62],
      ['left-below', 38],
    ],
  },
  {
    weight: 47,
    places: [
      ['centre', 58],
      ['centre-below', 42],
    ],
  },
  {
    weight: 30,
    places: [
      ['right', 58],
      ['right-below', 42],
    ],
  },
];

export function tabOf(panel: Panel): IJsonTabNode {
  return { type: 'tab', id: panel.id, name: panel.title, component: panel.id };
}

/** The arrangement of someone who never moved anything. Places without a panel are left out. */
export function defaultArrangement(panels: readonly Panel[]): IJsonModel {
  const columns = COLUMNS.map(({ weight, places }) => ({
    type: 'row',
    weight,
    children: places.flatMap(([place, height]): IJsonTabSetNode[] => {
      const tabs = panels.filter((panel) => panel.place === place && panel.closedAtFirst !== true).map(tabOf);
      return tabs.length === 0 ? [] : [{ type: 'tabset', id: place, weight: height, children: tabs }];
    }),
  }));
  return { ...GLOBAL, layout: { type: 'row', children: columns.filter(({ children }) => children.length > 0) } };
}

/** The ids of the tabs in front of their tab sets. What is stored may be damaged: then those that can be read. */
export function frontTabs({ layout }: IJsonModel): readonly string[] {
  type Node = { readonly selected?: unknown; readonly id?: unknown; readonly children?: unknown };
  const nodes = (value: unknown): readonly Node[] => (Array.isArray(value) ? (value as readonly Node[]) : []);
  const inFront = (node: Node): readonly string[] => {
    const children = nodes(node.children);
    if (children.some((child) => nodes(child.children).length > 0)) return children.flatMap(inFront);
    const tab = children[typeof node.selected === 'number' ? node.selected : 0];
    return typeof tab?.id === 'string' ? [tab.id] : [];
  };
  return inFront(layout);
}

const GLOBAL = {
  global: {
    tabEnableRename: false,
    tabEnableScrollbars: false,
    tabSetEnableTabScrollbar: false,
    tabSetMinWidth: 160,
    tabSetMinHeight: 96,
    tabSetEnableMaximize: true,
    tabSetEnableDeleteWhenEmpty: true,
    enableEdgeDock: true,
  },
} satisfies Pick<IJsonModel, 'global'>;

/** The arrangement the person left; undefined where there is none or it cannot be read. */
export function storedArrangement(): IJsonModel | undefined {
  try {
    const text = localStorage.getItem(STORED_UNDER);
    if (text === null) return undefined;
    const stored = JSON.parse(text) as IJsonModel;
    // The look is the page's, the places are the person's.
    return { ...stored, ...GLOBAL };
  } catch {
    return undefined;
  }
}

/** Keeps the arrangement for the next visit; undefined forgets it. Storage may be forbidden: then it lasts for this visit. */
export function storeArrangement(arrangement: IJsonModel | undefined): void {
  try {
    if (arrangement === undefined) localStorage.removeItem(STORED_UNDER);
    else localStorage.setItem(STORED_UNDER, JSON.stringify(arrangement));
  } catch {
    // Nothing to do about it.
  }
}
