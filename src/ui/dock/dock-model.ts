// The dock over flexlayout's model: the arrangement as it is read, changed and kept. Loaded with flexlayout itself.

import { Actions, DockLocation, Model, TabNode, TabSetNode, type IJsonModel } from 'flexlayout-react';
import type { Panel, PanelId, PanelPlace } from '../panel.ts';
import { defaultArrangement, storeArrangement, storedArrangement, tabOf } from './arrangement.ts';
import { focusPanel } from './focus-panel.ts';

const REBUILT_AT: Readonly<Record<PanelPlace, readonly [DockLocation, readonly PanelPlace[]]>> = {
  left: [DockLocation.LEFT, ['left-below']],
  'left-below': [DockLocation.BOTTOM, ['left']],
  centre: [DockLocation.TOP, ['centre-below']],
  'centre-below': [DockLocation.BOTTOM, ['centre']],
  right: [DockLocation.RIGHT, ['right-below']],
  'right-below': [DockLocation.BOTTOM, ['right']],
};

export interface DockModel {
  readonly model: () => Model;
  /** Opens the panel if it is closed, brings it to the front; `focus` also puts the keyboard there. */
  readonly show: (panel: PanelId, focus?: boolean) => void;
  readonly close: (panel: PanelId) => void;
  readonly isOpen: (panel: PanelId) => boolean;
  /** Panels on the screen: open, and in front of their tab set. */
  readonly visible: () => readonly PanelId[];
  /** Moves an open or closed panel to the tab set that stands at a place: the way without dragging. */
  readonly move: (panel: PanelId, to: PanelPlace) => void;
  /** One tab set over all others, or back. */
  readonly maximize: (panel: PanelId) => void;
  /** As on the first visit. */
  readonly reset: () => void;
  /** The model changed (by any hand): remember it. */
  readonly changed: () => void;
  /** Called when the arrangement changed, and when the whole model was replaced. */
  readonly onChange: (listener: () => void) => () => void;
}

export function createDockModel(panels: readonly Panel[]): DockModel {
  const listeners = new Set<() => void>();
  const rowOf = (id: PanelId) => panels.find((panel) => panel.id === id);
  let model = read(storedArrangement() ?? defaultArrangement(panels));
  /** Worked out when it is asked for first: it is asked for with every question to the core. */
  let shown: readonly PanelId[] | undefined;
  watch();

  function watch(): void {
    shown = undefined;
    model.addChangeListener(() => (shown = undefined));
  }

  /** A stored arrangement may name panels that no longer exist, or be damaged. */
  function read(json: IJsonModel): Model {
    try {
      const next = Model.fromJson(json);
      const tabs: string[] = [];
      next.visitNodes((node) => void (node instanceof TabNode && tabs.push(node.getId())));
      const gone = tabs.filter((tab) => !panels.some(({ id }) => id === tab));
      // Damaged, or everything was closed: either way nobody wants to begin with nothing.
      if (gone.length === tabs.length) return Model.fromJson(defaultArrangement(panels));
      for (const id of gone) next.doAction(Actions.deleteTab(id));
      return next;
    } catch {
      storeArrangement(undefined);
      return Model.fromJson(defaultArrangement(panels));
    }
  }

  function notify(): void {
    for (const listener of listeners) listener();
  }

  function tabsets(): readonly TabSetNode[] {
    const found: TabSetNode[] = [];
    model.visitNodes((node) => void (node instanceof TabSetNode && found.push(node)));
    return found;
  }

  function tab(id: PanelId): TabNode | undefined {
    const node = model.getNodeById(id);
    return node instanceof TabNode ? node : undefined;
  }

  /** Where a panel that stands at `place` belongs now: a tab set, and the side of it where a new one must be made. */
  function goal(place: PanelPlace): readonly [string, DockLocation] {
    const there = model.getNodeById(place);
    if (there instanceof TabSetNode) return [place, DockLocation.CENTER];
    // The place's own tab set is gone: go where its default neighbours are, else beside what stands near it.
    const neighbour = panels.find((panel) => panel.place === place && tab(panel.id) !== undefined);
    const home = neighbour === undefined ? undefined : tab(neighbour.id)?.getParent();
    if (home instanceof TabSetNode) return [home.getId(), DockLocation.CENTER];
    const [edge, near] = REBUILT_AT[place];
    const beside = near.map((id) => model.getNodeById(id)).find((node) => node instanceof TabSetNode);
    if (beside !== undefined) return [beside.getId(), edge];
    return [tabsets()[0]?.getId() ?? model.getRootRow()?.getId() ?? place, edge];
  }

  function open(panel: Panel): void {
    const [to, location] = goal(panel.place);
    model.doAction(Actions.addTab(tabOf(panel), to, location, -1, true));
  }

  function inFront(): readonly PanelId[] {
    const maximized = model.getMaximizedTabset();
    const selected = (maximized === undefined ? tabsets() : [maximized]).map((set) => set.getSelectedNode()?.getId());
    return panels.map(({ id }) => id).filter((id) => selected.includes(id));
  }

  return {
    model: () => model,
    show: (id, focus = false) => {
      const panel = rowOf(id);
      if (panel === undefined) return;
      if (tab(id) === undefined) open(panel);
      const node = tab(id);
      const parent = node?.getParent();
      const maximized = model.getMaximizedTabset();
      // Behind a place that fills the page nobody would see it.
      if (maximized !== undefined && maximized !== parent) {
        model.doAction(Actions.maximizeToggle(maximized.getId()));
      }
      if (node?.isVisible() !== true || !(parent instanceof TabSetNode && parent.getSelectedNode() === node)) {
        model.doAction(Actions.selectTab(id));
      }
      if (focus) requestAnimationFrame(() => focusPanel(id));
    },
    close: (id) => {
      if (tab(id) !== undefined) model.doAction(Actions.deleteTab(id));
    },
    isOpen: (id) => tab(id) !== undefined,
    visible: () => (shown ??= inFront()),
    move: (id, to) => {
      const panel = rowOf(id);
      if (panel === undefined) return;
      if (tab(id) === undefined) open(panel);
      const [set, location] = goal(to);
      model.doAction(Actions.moveNode(id, set, location, -1, true));
    },
    maximize: (id) => {
      const parent = tab(id)?.getParent();
      if (parent instanceof TabSetNode) model.doAction(Actions.maximizeToggle(parent.getId()));
    },
    reset: () => {
      storeArrangement(undefined);
      model = Model.fromJson(defaultArrangement(panels));
      watch();
      notify();
    },
    changed: () => {
      storeArrangement(model.toJson());
      notify();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
