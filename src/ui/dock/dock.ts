// Which panels are open, where, and in front, for a page that knows panels only. What arranges them (flexlayout) is loaded
// after the page's first paint; until then this answers from the stored arrangement, and keeps what is asked of it.

import type { Model } from 'flexlayout-react';
import { lazy, type ComponentType } from 'react';
import type { Panel, PanelId, PanelPlace } from '../panel.ts';
import { defaultArrangement, frontTabs, storedArrangement } from './arrangement.ts';
import type * as Docked from './docked.ts';

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

export interface Dock extends Omit<DockModel, 'model'> {
  /** Undefined until it is loaded. */
  readonly model: () => Model | undefined;
  /** The panels as they are arranged; loaded when it is first drawn. */
  readonly View: ComponentType;
}

export function createDock(panels: readonly Panel[]): Dock {
  const listeners = new Set<() => void>();
  let loading: Promise<typeof Docked> | undefined;
  let docked: DockModel | undefined;

  function load(): Promise<typeof Docked> {
    loading ??= import('./docked.ts').then((module) => {
      docked = module.createDockModel(panels);
      docked.onChange(notify);
      notify();
      return module;
    });
    return loading;
  }

  function notify(): void {
    for (const listener of listeners) listener();
  }

  /** Now, or as soon as there is something to do it to. */
  function act(what: (dock: DockModel) => void): void {
    if (docked !== undefined) what(docked);
    else void load().then(() => docked && what(docked));
  }

  const inFront = frontTabs(storedArrangement() ?? defaultArrangement(panels));
  const firstVisible = panels.map(({ id }) => id).filter((id) => inFront.includes(id));
  return {
    View: lazy(() => load().then(({ DockView }) => ({ default: DockView }))),
    model: () => docked?.model(),
    show: (id, focus) => act((dock) => dock.show(id, focus)),
    close: (id) => act((dock) => dock.close(id)),
    isOpen: (id) => docked?.isOpen(id) ?? firstVisible.includes(id),
    visible: () => docked?.visible() ?? firstVisible,
    move: (id, to) => act((dock) => dock.move(id, to)),
    maximize: (id) => act((dock) => dock.maximize(id)),
    reset: () => act((dock) => dock.reset()),
    changed: () => docked?.changed(),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Puts the keyboard into a panel: on what it says should have it, else on the panel itself. */
export function focusPanel(id: PanelId): void {
  const host = document.querySelector<HTMLElement>(`[data-panel="${id}"]`);
  const wanted = host?.querySelector<HTMLElement>('[data-autofocus]') ?? host;
  wanted?.focus();
}
