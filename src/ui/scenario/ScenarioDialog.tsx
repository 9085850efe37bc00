// What a scenario lacks before it can be opened: each file and folder that it names, with a way to give it, and the VMs that have to
// go where it wants another machine.

import { useState } from 'react';
import { messageOf } from '../../protocol/message-of.ts';
import { formatBytes } from '../format.ts';
import { useLab } from '../lab.ts';
import { Dialog } from '../shell/Dialog.tsx';
import { DialogForm, DialogProblem } from '../shell/DialogForm.tsx';
import { openOverlay, useShell } from '../shell-state.ts';
import { beginScenario, inTheWay } from './begin-scenario.ts';
import { isFound, readFolder, readWhole } from './find-files.ts';
import styles from './ScenarioDialog.module.css';
import type { FoundFiles, PendingScenario, WantedFile } from './scenario-plan.ts';

export function ScenarioDialog() {
  const pending = useShell((state) => state.scenario);
  return pending === undefined ? null : <Wanting {...pending} />;
}

function Wanting({ plan, found: first, kept }: PendingScenario) {
  const lab = useLab();
  const [found, setFound] = useState(first);
  const [remove, setRemove] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [opening, setOpening] = useState(false);
  const hindering = inTheWay(plan);
  const missing = plan.wants.filter((want) => !isFound(want, found, kept));
  const close = () => openOverlay(undefined);
  const give = async (want: WantedFile, files: readonly File[]) => {
    const [file] = files;
    if (file === undefined) return;
    try {
      const given = want.kind === 'folder' ? { folder: await readFolder(files) } : { file: await readWhole(file) };
      setFound((before) => withGiven(before, want.path, given));
      setProblem(undefined);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const open = async () => {
    setOpening(true);
    try {
      await beginScenario(lab, plan, found, kept, hindering);
      close();
    } catch (error) {
      setProblem(messageOf(error));
      setOpening(false);
    }
  };
  return (
    <Dialog label={`Open “${plan.scenario.title}”`} onClose={close}>
      <DialogForm onSubmit={() => void open()}>
        {(plan.scenario.about?.length ?? 0) > 0 && <p className={styles['about']}>{plan.scenario.about?.join(' ')}</p>}
        {plan.wants.length > 0 && (
          <fieldset>
            <legend>What it names</legend>
            <ul className={styles['wants']}>
              {plan.wants.map((want) => (
                <li key={`${want.kind}${want.path}`}>
                  <Want want={want} found={found} kept={kept} onGiven={(files) => void give(want, files)} />
                </li>
              ))}
            </ul>
          </fieldset>
        )}
        {hindering.length > 0 && (
          <label className={styles['remove']}>
            <input type="checkbox" checked={remove} onChange={(event) => setRemove(event.target.checked)} />
            <span>
              {hindering.length === 1 ? 'Remove the VM' : `Remove the ${hindering.length} VMs`} of the hypervisor that{' '}
              {hindering.length === 1 ? 'is' : 'are'} here: this scenario wants another machine ({machineWords(plan)}),
              and a machine cannot change while it runs VMs.
            </span>
          </label>
        )}
        <DialogProblem>{problem}</DialogProblem>
        <footer className={styles['actions']}>
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={opening || missing.length > 0 || (hindering.length > 0 && !remove)}
          >
            {opening ? 'Opening …' : 'Open the scenario'}
          </button>
        </footer>
      </DialogForm>
    </Dialog>
  );
}

const withGiven = (
  { files, folders }: FoundFiles,
  path: string,
  given: { readonly file: Uint8Array } | { readonly folder: NonNullable<ReturnType<FoundFiles['folders']['get']>> },
): FoundFiles =>
  'file' in given
    ? { files: new Map(files).set(path, given.file), folders }
    : { files, folders: new Map(folders).set(path, given.folder) };

const machineWords = ({
  machine: { harts, memoryMiB, swapMiB, swapLatencyTicks, messageInterrupts },
}: PendingScenario['plan']): string =>
  [
    ...(harts === undefined ? [] : [`${harts} ${harts === 1 ? 'hart' : 'harts'}`]),
    ...(memoryMiB === undefined ? [] : [`${memoryMiB} MiB`]),
    ...(swapMiB === undefined ? [] : [`${swapMiB} MiB of swap`]),
    ...(swapLatencyTicks === undefined ? [] : [`${swapLatencyTicks / 10} µs for a swapped page`]),
    ...(messageInterrupts === true ? ['APLIC and IMSICs'] : []),
  ].join(', ');

interface WantProps {
  readonly want: WantedFile;
  readonly found: FoundFiles;
  readonly kept: ReadonlySet<string>;
  readonly onGiven: (files: readonly File[]) => void;
}

function Want({ want, found, kept, onGiven }: WantProps) {
  const { path, kind, what, keptAs } = want;
  const there = isFound(want, found, kept);
  const keptHere = keptAs !== undefined && kept.has(keptAs);
  return (
    <>
      <span className={styles['path']}>{path}</span>
      <span className={styles['what']}>
        {what}
        {kind === 'folder'
          ? '. A page cannot open a folder by its path: choose it, and the guest gets a copy of it in memory.'
          : keptAs === undefined
            ? '. What the guest writes to it is lost with the VM.'
            : `. It becomes the disk “${keptAs}”, which this browser keeps.`}
      </span>
      <span className={styles['state']} data-there={there}>
        {keptHere ? `kept here as “${keptAs}”` : there ? stateOf(want, found) : 'not given yet'}
      </span>
      {!keptHere && (
        <label className={styles['file']}>
          <span className="button outlined" aria-hidden="true">
            {kind === 'folder' ? 'Choose the folder' : 'Choose the file'}
          </span>
          <input
            type="file"
            className="visually-hidden"
            aria-label={`${kind === 'folder' ? 'The folder' : 'The file'} ${path}`}
            {...(kind === 'folder' && { ref: (input) => input?.setAttribute('webkitdirectory', '') })}
            onChange={(event) => onGiven([...(event.target.files ?? [])])}
          />
        </label>
      )}
    </>
  );
}

function stateOf({ path, kind }: WantedFile, { files, folders }: FoundFiles): string {
  if (kind === 'file') return formatBytes(files.get(path)?.length ?? 0);
  const count = folders.get(path)?.length ?? 0;
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}
