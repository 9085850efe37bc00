// The disks of a VM that is being added: those chosen, each with the way the guest reaches it, and a way to make new ones.

import { useState } from 'react';
import { diskModels, type DiskModel, type VmDisk } from '../../protocol/commands.ts';
import { formatBytes } from '../format.ts';
import styles from './disks.module.css';
import { NewDisk } from './NewDisk.tsx';
import { useDisks } from './use-disks.ts';

export const MODEL_NAMES: { readonly [Model in DiskModel]: string } = {
  virtio: 'virtio',
  'programmed-io': 'programmed I/O',
  passthrough: 'passthrough',
};

interface DiskFieldsProps {
  readonly chosen: readonly VmDisk[];
  readonly onChange: (chosen: readonly VmDisk[]) => void;
  readonly virtio: 'legacy' | 'modern';
  readonly onVirtio: (version: 'legacy' | 'modern') => void;
}

export function DiskFields({ chosen, onChange, virtio, onVirtio }: DiskFieldsProps) {
  const disks = useDisks();
  const [making, setMaking] = useState(false);
  const taken = new Set(chosen.map(({ name }) => name));
  const free = disks.disks?.filter(
    ({ name, vm, sizeBytes }) => vm === undefined && sizeBytes !== undefined && !taken.has(name),
  );
  const attach = (name: string) => onChange([...chosen, { name, model: 'virtio' }]);
  return (
    <fieldset className={styles['fields']}>
      <legend>Disks</legend>
      {chosen.map((disk) => (
        <div key={disk.name} className={styles['chosen']}>
          <strong>{disk.name}</strong>
          <span>{formatBytes(disks.disks?.find(({ name }) => name === disk.name)?.sizeBytes ?? 0)}</span>
          <select
            className="field"
            aria-label={`How the guest reaches ${disk.name}`}
            value={disk.model}
            onChange={(event) => {
              const model = diskModels.find((known) => known === event.target.value);
              if (model === undefined) return;
              onChange(chosen.map((each) => (each === disk ? { ...each, model } : each)));
            }}
          >
            {diskModels.map((model) => (
              <option key={model} value={model}>
                {MODEL_NAMES[model]}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="button"
            aria-label={`Leave out ${disk.name}`}
            onClick={() => onChange(chosen.filter((each) => each !== disk))}
          >
            Leave out
          </button>
        </div>
      ))}
      <div className={styles['attach']}>
        {free !== undefined && free.length > 0 && (
          <select
            className="field"
            aria-label="Attach a disk that is kept"
            value=""
            onChange={(event) => attach(event.target.value)}
          >
            <option value="" disabled>
              Attach a disk …
            </option>
            {free.map(({ name, sizeBytes }) => (
              <option key={name} value={name}>
                {name}, {formatBytes(sizeBytes ?? 0)}
              </option>
            ))}
          </select>
        )}
        <button type="button" className="button" aria-expanded={making} onClick={() => setMaking(!making)}>
          New disk …
        </button>
        <label title="Registers of the virtio devices: version 1 of virtio-mmio, as on QEMU’s board, or version 2 (virtio 1.x)">
          virtio{' '}
          <select
            className="field"
            aria-label="Interface of the virtio devices"
            value={virtio}
            onChange={(event) => onVirtio(event.target.value === 'modern' ? 'modern' : 'legacy')}
          >
            <option value="legacy">legacy</option>
            <option value="modern">modern</option>
          </select>
        </label>
      </div>
      {making && (
        <NewDisk
          disks={disks}
          onMade={(name) => {
            attach(name);
            setMaking(false);
          }}
        />
      )}
    </fieldset>
  );
}
