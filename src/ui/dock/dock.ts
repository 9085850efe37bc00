// Which panels are open, where, and in front, for a page that knows panels only. What arranges them (flexlayout) is loaded
// after the page's first paint; until then this answers from the stored arrangement, and keeps what is asked of it.

import type { Model } from 'flexlayout-react';
import { lazy, type ComponentType } from 'react';
import type { Panel } from '../panel.ts';
import { defaultArrangement, frontTabs, storedArrangement } from './arrangement.ts';
import type { DockModel } from './dock-model.ts';

/** The part that comes with flexlayout (docked.ts). */
export interface Docked {
  readonly createDockModel: (panels: readonly Panel[]) => DockModel;
  readonly DockView: ComponentType;
}

export interface Dock extends Omit<DockModel, 'model'> {
  /** Undefined until it is loaded. */
  readonly model: () => Model | undefined;
  /** The panels as they are arranged; loaded when it is first drawn. */
  readonly View: ComponentType;
}

/** @param loadDocked fetches what arranges the panels */
export function createDock(panels: readonly Panel[], loadDocked: () => Promise<Docked>): Dock {
  const listeners = new Set<() => void>();
  let loading: Promise<Docked> | undefined;
  let docked: DockModel | undefined;

  function load(): Promise<Docked> {
    loading ??= loadDocked().then((module) => {
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
