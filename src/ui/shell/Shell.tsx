// The whole page:
//
//   mode strip           who runs, as colour and form
//   VM bar               VMs, technique, run and step, palette
//   notices              what went wrong
//   dock                 the panels (on a phone: one, with tabs at the bottom)
//   status strip         one sentence and the numbers

import { lazy, Suspense, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { ErrorBoundary, type FallbackProps } from 'react-error-boundary';
import { messageOf } from '../../protocol/message-of.ts';
import { commandRows } from '../commands/rows.ts';
import { EmptyState } from '../components/EmptyState.tsx';
import { loadConsole } from '../console/console-panel.ts';
import { LabContext, type Lab } from '../lab.ts';
import { NavigateContext } from '../navigate-context.ts';
import { loadPanels } from '../panels/index.ts';
import { isScenarioFile, openScenarioFiles } from '../scenarios.ts';
import { openOverlay, useShell } from '../shell-state.ts';
import { Announcer } from './Announcer.tsx';
import { ModeStrip } from './ModeStrip.tsx';
import { Notices } from './Notices.tsx';
import { PhonePanel, PhoneTabs } from './PhoneShell.tsx';
import styles from './Shell.module.css';
import { StatusStrip } from './StatusStrip.tsx';
import { useKeys } from './use-keys.ts';
import { useSituation } from './use-situation.ts';
import { VmBar } from './VmBar.tsx';

const loadPalette = () => import('./Palette.tsx').then(({ Palette }) => ({ default: Palette }));
const Palette = lazy(loadPalette);
const loadHelp = () => import('./HelpSheet.tsx').then(({ HelpSheet }) => ({ default: HelpSheet }));
const HelpSheet = lazy(loadHelp);
const loadMap = () => import('./PanelMap.tsx').then(({ PanelMap }) => ({ default: PanelMap }));
const PanelMap = lazy(loadMap);
const loadAddVm = () => import('./AddVmDialog.tsx').then(({ AddVmDialog }) => ({ default: AddVmDialog }));
const AddVmDialog = lazy(loadAddVm);
const loadScenario = () =>
  import('../scenario/ScenarioDialog.tsx').then(({ ScenarioDialog }) => ({ default: ScenarioDialog }));
const ScenarioDialog = lazy(loadScenario);
const overlays = [loadPalette, loadMap, loadAddVm, loadHelp, loadScenario] as const;

/** What is opened later must not wait for its chunk, and must be there when the network is gone; one that fails is asked for again. */
async function loadOverlays(): Promise<void> {
  for (const load of overlays) await load().catch(() => undefined);
}

export function Shell({ lab }: { readonly lab: Lab }) {
  return (
    <LabContext value={lab}>
      <NavigateContext value={lab.navigate}>
        <ErrorBoundary FallbackComponent={PageFailure}>
          <Page lab={lab} />
        </ErrorBoundary>
      </NavigateContext>
    </LabContext>
  );
}

function Page({ lab }: { readonly lab: Lab }) {
  const rows = useMemo(() => commandRows(lab), [lab]);
  const situation = useSituation();
  const phone = usePhone(lab);
  const painted = usePainted();
  const overlay = useShell((state) => state.overlay);
  const beginning = useShell((state) => state.beginning);
  useKeys(lab, rows);
  useFileDrop(lab);
  // What is typed right after Ctrl+K must not wait for a chunk.
  useEffect(() => {
    const timer = window.setTimeout(() => void loadOverlays(), 1500);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <div className={styles['page']} data-phone={phone}>
      <ModeStrip vm={situation.vm} />
      <VmBar rows={rows} situation={situation} />
      <Notices />
      <main className={styles['main']}>
        <h1 className="visually-hidden">Ringside</h1>
        {situation.frame?.vms.length === 0 && !beginning ? (
          <NoVm />
        ) : !painted ? (
          <Outline />
        ) : phone ? (
          <PhonePanel />
        ) : (
          <Suspense fallback={<Outline />}>
            <lab.dock.View />
          </Suspense>
        )}
      </main>
      <StatusStrip situation={situation} />
      {phone && <PhoneTabs />}
      <Suspense>
        {overlay === 'palette' && <Palette rows={rows} situation={situation} />}
        {overlay === 'help' && <HelpSheet rows={rows} />}
        {overlay === 'panels' && <PanelMap rows={rows} situation={situation} />}
        {overlay === 'add-vm' && <AddVmDialog />}
        {overlay === 'scenario' && <ScenarioDialog />}
      </Suspense>
      <Announcer />
    </div>
  );
}

function PageFailure({ error, resetErrorBoundary }: FallbackProps) {
  return (
    <main>
      <EmptyState
        title="The page failed; the machine behind it goes on."
        action={
          <button type="button" className="button primary" onClick={resetErrorBoundary}>
            Show the page again
          </button>
        }
      >
        {messageOf(error)} If it fails again, reload: the guests then begin from their first instruction.
      </EmptyState>
    </main>
  );
}

/** The places of the panels, while these are on their way. */
function Outline() {
  return (
    <div className={styles['outline']} aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

/** True once the bars have been painted. Only then are the panels asked for: who presses a button first finds it. */
function usePainted(): boolean {
  const [painted, setPainted] = useState(false);
  useEffect(() => {
    const request = requestAnimationFrame(() => {
      setPainted(true);
      void loadPanels();
      void loadConsole();
    });
    return () => cancelAnimationFrame(request);
  }, []);
  return painted;
}

function NoVm() {
  return (
    <EmptyState
      title="A guest will run here, with everything the hypervisor does for it."
      action={
        <button type="button" className="button primary" onClick={() => openOverlay('add-vm')}>
          Add a VM
        </button>
      }
    >
      Add a VM: a small guest that teaches one thing, Linux, or a program of yours. A file dropped on the page does too.
    </EmptyState>
  );
}

function usePhone({ phone }: Lab): boolean {
  return useSyncExternalStore(
    (listener) => {
      phone.addEventListener('change', listener);
      return () => phone.removeEventListener('change', listener);
    },
    () => phone.matches,
  );
}

/** A file dropped anywhere opens the dialog that adds a VM; a scenario opens itself. */
function useFileDrop(lab: Lab): void {
  useEffect(() => {
    const carriesFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const onDragOver = (event: DragEvent) => {
      if (carriesFile(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.some(isScenarioFile)) void openScenarioFiles(lab, files);
      else openOverlay('add-vm', files[0]);
    };
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('drop', onDrop);
    };
  }, [lab]);
}
