// Makes a disk: an empty one of a size, or from an image file of the person's. Stands in forms of others, so it is none itself.

import { useState } from 'react';
import type { Disks } from './use-disks.ts';
import styles from './disks.module.css';

const LARGEST_MIB = 2048;
const DEFAULT_MIB = 64;
const LARGEST_IMAGE_MIB = 512;

/** A file's name as a disk may be called. */
export function diskNameOf(file: string): string {
  const name = file
    .replace(/\.(gz|img|raw|bin|iso)$/gi, '')
    .replace(/[^a-z0-9._-]+/gi, '-')
    .replace(/^[^a-z0-9]+/i, '');
  return name.slice(0, 63) || 'disk';
}

/** A name that none of the disks has. */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let number = 2; ; number++) if (!taken.includes(`${wanted}-${number}`)) return `${wanted}-${number}`;
}

interface NewDiskProps {
  readonly disks: Disks;
  /** Told the name of a disk that was made. */
  readonly onMade?: (name: string) => void;
}

export function NewDisk({ disks, onMade }: NewDiskProps) {
  const taken = disks.disks?.map(({ name }) => name) ?? [];
  const [typed, setTyped] = useState<string>();
  const [sizeMiB, setSizeMiB] = useState(DEFAULT_MIB);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string>();
  const name = typed ?? freeName('disk', taken);
  const make = async (wanted: string, contents: Parameters<Disks['create']>[0]['contents']) => {
    setBusy(true);
    setRefused(undefined);
    if (await disks.create({ name: wanted, contents })) {
      setTyped(undefined);
      onMade?.(wanted);
    }
    setBusy(false);
  };
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > LARGEST_IMAGE_MIB * 2 ** 20) {
      setRefused(
        `Expected an image of at most ${LARGEST_IMAGE_MIB} MiB, found ${Math.round(file.size / 2 ** 20)} MiB (${file.name}). Choose a smaller one.`,
      );
      return;
    }
    setBusy(true);
    const bytes = new Uint8Array(await file.arrayBuffer());
    await make(freeName(diskNameOf(file.name), taken), { kind: 'image', bytes });
  };
  return (
    <div className={styles['new']}>
      <label>
        Name{' '}
        <input
          className="field"
          value={name}
          spellCheck={false}
          aria-label="Name of the new disk"
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      <label>
        Size{' '}
        <input
          className="field tabular"
          type="number"
          min={1}
          max={LARGEST_MIB}
          aria-label="Size of the new disk, MiB"
          value={Number.isNaN(sizeMiB) ? '' : sizeMiB}
          onChange={(event) => setSizeMiB(event.target.valueAsNumber)}
        />{' '}
        MiB
      </label>
      <button
        type="button"
        className="button outlined"
        disabled={busy || name === ''}
        onClick={() => void make(name, { kind: 'empty', sizeMiB })}
      >
        {busy ? 'Making …' : 'Make an empty disk'}
      </button>
      <label className={styles['file']}>
        <span className="button outlined" aria-hidden="true">
          From an image file …
        </span>
        <input
          type="file"
          className="visually-hidden"
          aria-label="A disk from an image file of yours"
          disabled={busy}
          onChange={(event) => {
            void take(event.target.files?.[0]);
            event.target.value = '';
          }}
        />
      </label>
      {(refused ?? disks.problem) !== undefined && (
        <p role="alert" className={styles['problem']}>
          {refused ?? disks.problem}
        </p>
      )}
    </div>
  );
}
