// Memory as a resource: what each VM was promised and what became of it, a map of each one's pages, and the hypervisor's means —
// balloon, merging, huge pages, the dirty log — to be turned on and off.

import { useState } from 'react';
import type { Commands } from '../../../protocol/commands.ts';
import type { Frame, MemoryUseAnswer, VmMemoryUse } from '../../../protocol/frame.ts';
import { Failure } from '../../components/Failure.tsx';
import { Term } from '../../components/Term.tsx';
import { formatBytes, formatCount } from '../../format.ts';
import type { SendCommand } from '../../panel.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { FRAME_BYTES } from './frame-map.ts';
import styles from './memory.module.css';

const MEBIBYTE = 2 ** 20;

interface MemoryUseProps {
  readonly onPages: (vm: number) => void;
  readonly answer: MemoryUseAnswer;
  readonly frame: Frame;
  readonly command: SendCommand;
}

const columns = [
  ['promised', 'Promised', 'What the guest believes to have.'],
  ['resident', 'Resident', 'With a frame of the machine behind it: only what was touched has one.'],
  ['shared', 'Shared', 'Of what is resident: in a frame in which another page lies too. The first store copies it.'],
  ['huge', 'Huge', 'Of what is resident: in an aligned block of 4 MiB, which one entry of the second stage can map.'],
  ['swapped', 'Swapped', 'Moved to the hypervisor’s swap store, because the machine had no frame left.'],
  ['ballooned', 'Ballooned', 'Given up by the guest’s own kernel, through its balloon.'],
  ['copies', 'Copied', 'Pages copied because a shared one was stored to.'],
] as const;

export function MemoryUse({ answer, frame, command, onPages }: MemoryUseProps) {
  const [attempt, failure] = useAttempt();
  const { machine } = answer;
  const set = (settings: Omit<Commands['setMemory']['request'], 'machine'>) =>
    void attempt(() => command('setMemory', { machine, ...settings }));
  const { merging, vms } = answer;
  const titleOf = (vm: number) => frame.vms.find((summary) => summary.vm === vm)?.title ?? `VM ${vm}`;
  const promised = vms.reduce((sum, use) => sum + use.promised, 0) * FRAME_BYTES;
  return (
    <section aria-label="Memory as a resource">
      <p className={shared['quiet']}>
        {formatBytes(promised)} promised, {formatBytes(answer.totalBytes)} there, {formatBytes(answer.usedBytes)} given
        out{answer.swapBytes > 0 && `, ${formatBytes(answer.swapBytes)} swapped out`}
        {merging.saved > 0 && `, ${formatBytes(merging.saved * FRAME_BYTES)} saved by sharing`}.
      </p>
      <div className={styles['means']}>
        <label title="Pages of equal contents are led to one frame, which is copied when it is stored to (KSM)">
          <input type="checkbox" checked={merging.on} onChange={(event) => set({ merging: event.target.checked })} />{' '}
          Merge equal pages
        </label>
        <label title="RAM that is touched from now on comes 4 MiB at once, where such a block is free">
          <input
            type="checkbox"
            checked={answer.hugePages}
            onChange={(event) => set({ hugePages: event.target.checked })}
          />{' '}
          Huge pages
        </label>
        {(merging.on || merging.merged > 0) && (
          <span className={shared['quiet']}>
            {formatCount(merging.merged)} pages merged in {formatCount(merging.fullScans)} rounds
          </span>
        )}
        <Failure>{failure}</Failure>
      </div>
      <div className={shared['scroller']}>
        <table className="table">
          <caption className="visually-hidden">Memory of each VM, and what became of it</caption>
          <thead>
            <tr>
              <th scope="col">VM</th>
              {columns.map(([key, title, sentence]) => (
                <th key={key} scope="col" className="number">
                  <Term explain={{ title, sentence }}>{title}</Term>
                </th>
              ))}
              <th scope="col">Dirty log</th>
              <th scope="col">Balloon</th>
            </tr>
          </thead>
          <tbody>
            {vms.map((use) => (
              <tr key={use.vm}>
                <th scope="row">{titleOf(use.vm)}</th>
                {columns.map(([key]) => (
                  <td key={key} className="number">
                    {key === 'copies' ? formatCount(use.copies) : formatBytes(use[key] * FRAME_BYTES)}
                  </td>
                ))}
                <td>
                  <DirtyLog use={use} title={titleOf(use.vm)} attempt={attempt} command={command} />
                </td>
                <td>
                  <Balloon
                    key={use.balloon?.targetBytes}
                    use={use}
                    title={titleOf(use.vm)}
                    attempt={attempt}
                    command={command}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {vms.map((use) => (
        <PageMap key={use.vm} use={use} title={titleOf(use.vm)} onPages={() => onPages(use.vm)} />
      ))}
      <p className={shared['quiet']}>
        {mapRows.map(({ letter, name, fill }) => (
          <span key={letter} className={styles['key']}>
            <svg width="12" height="12" aria-hidden="true">
              <rect width="12" height="12" fill={fill} stroke="var(--control)" />
            </svg>{' '}
            {name}
          </span>
        ))}
      </p>
    </section>
  );
}

interface VmControlProps {
  readonly use: VmMemoryUse;
  readonly title: string;
  readonly attempt: (what: () => Promise<unknown>) => Promise<void>;
  readonly command: SendCommand;
}

interface DirtyLogProps extends Omit<VmControlProps, 'use'> {
  readonly use: Pick<VmMemoryUse, 'vm' | 'dirty'>;
}

export function DirtyLog({ use: { vm, dirty }, title, attempt, command }: DirtyLogProps) {
  return (
    <span className={styles['control']}>
      <input
        type="checkbox"
        aria-label={`Dirty log of ${title}`}
        title="Every page is write-protected: the first store to each exits and is noted"
        checked={dirty !== undefined}
        onChange={(event) => void attempt(() => command('setDirtyLog', { vm, on: event.target.checked }))}
      />
      {dirty !== undefined && (
        <>
          <span>{formatCount(dirty)} pages</span>
          <button
            type="button"
            className="button"
            title="As a round of live migration does: takes the pages that were written to, and protects them anew"
            onClick={() => void attempt(() => command('collectDirtyLog', { vm }))}
          >
            Collect
          </button>
        </>
      )}
    </span>
  );
}

function Balloon({ use: { vm, balloon, promised }, title, attempt, command }: VmControlProps) {
  const [chosen, setChosen] = useState((balloon?.targetBytes ?? 0) / MEBIBYTE);
  if (balloon === undefined)
    return (
      <span className={shared['quiet']} title="Add a VM with “Balloon” checked">
        none
      </span>
    );
  return (
    <span className={styles['control']}>
      <input
        type="range"
        aria-label={`Balloon of ${title}, MiB`}
        min={0}
        max={Math.floor((promised * FRAME_BYTES) / MEBIBYTE)}
        value={chosen}
        onChange={(event) => setChosen(event.target.valueAsNumber)}
        onPointerUp={() => void attempt(() => command('setBalloon', { vm, bytes: chosen * MEBIBYTE }))}
        onKeyUp={() => void attempt(() => command('setBalloon', { vm, bytes: chosen * MEBIBYTE }))}
      />
      <span>
        {formatBytes(balloon.actualBytes)} of {chosen} MiB
      </span>
    </span>
  );
}

const mapRows = [
  { letter: '.', name: 'untouched', fill: 'var(--sunken)', level: 3 },
  { letter: 'r', name: 'resident', fill: 'var(--guest-kernel)', level: 12 },
  { letter: 'm', name: 'shared', fill: 'var(--guest-user)', level: 12 },
  { letter: 'd', name: 'dirty', fill: 'var(--host-interrupt)', level: 16 },
  { letter: 'b', name: 'ballooned', fill: 'var(--device)', level: 8 },
  { letter: 's', name: 'swapped', fill: 'var(--hypervisor)', level: 5 },
] as const;

interface PageMapProps {
  readonly use: VmMemoryUse;
  readonly title: string;
  readonly onPages: () => void;
}

/** The guest's memory from its beginning to its end: height says the same as hue. */
function PageMap({ use, title, onPages }: PageMapProps) {
  const pieces = [...use.map];
  const counts = mapRows
    .map(({ letter, name }) => ({ name, count: pieces.filter((piece) => piece === letter).length }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${Math.round((100 * count) / pieces.length)} % ${name}`);
  return (
    <figure className={styles['pages']}>
      <figcaption>
        <button
          type="button"
          className={styles['open']}
          title={`The memory of ${title}, page by page`}
          onClick={onPages}
        >
          {title}
        </button>
      </figcaption>
      <svg
        viewBox={`0 0 ${pieces.length} 16`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Memory of ${title} from its beginning to its end: ${counts.join(', ')}`}
      >
        <rect width={pieces.length} height={16} fill="var(--sunken)" />
        {pieces.map((piece, index) => {
          const row = mapRows.find(({ letter }) => letter === piece) ?? mapRows[0];
          return <rect key={index} x={index} y={16 - row.level} width={1} height={row.level} fill={row.fill} />;
        })}
      </svg>
    </figure>
  );
}
