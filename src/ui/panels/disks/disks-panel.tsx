// The disks that the browser keeps for this page: what each takes, which VM has it; make, save, delete.

import { useState } from 'react';
import type { DiskRow } from '../../../protocol/commands.ts';
import type { Frame } from '../../../protocol/frame.ts';
import styles from '../../disks/disks.module.css';
import { NewDisk } from '../../disks/NewDisk.tsx';
import { useDisks, type Disks as Shelf } from '../../disks/use-disks.ts';
import { formatBytes } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import { download } from '../download.ts';
import shared from '../panel.module.css';

export function Disks({ frame }: PanelProps) {
  // Disks change hands when VMs come and go.
  const shelf = useDisks(frame?.vms.map(({ vm }) => vm).join());
  const { disks } = shelf;
  return (
    <div className={shared['panel']}>
      <div className={shared['body']}>
        <div className={styles['maker']}>
          <NewDisk disks={shelf} />
        </div>
        {disks !== undefined && (
          <p className={classNames(shared['quiet'], styles['note'])}>
            {disks.length === 0 && 'No disk yet. Make one here, then add a VM with it. '}
            In Linux the first one is <code>/dev/vda</code>: <code>mke2fs /dev/vda</code>, once, then{' '}
            <code>mkdir /m; mount /dev/vda /m</code>. What a guest has flushed (<code>sync</code>) is kept by the
            browser: it is there after a reload, and after a crash.
          </p>
        )}
        {disks !== undefined && disks.length > 0 && (
          <div className={shared['scroller']}>
            <table className={classNames('table', styles['table'])}>
              <caption className="visually-hidden">Disks that are kept</caption>
              <thead>
                <tr>
                  <th scope="col">Disk</th>
                  <th scope="col" className="number">
                    Size
                  </th>
                  <th scope="col" className="number">
                    Takes
                  </th>
                  <th scope="col">In</th>
                  <th scope="col">
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {disks.map((disk) => (
                  <Row key={disk.name} disk={disk} shelf={shelf} frame={frame} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
    </div>
  );
}

interface RowProps {
  readonly disk: DiskRow;
  readonly shelf: Shelf;
  readonly frame: Frame | undefined;
}

function Row({ disk, shelf, frame }: RowProps) {
  const { name, sizeBytes, keptBytes, image, vm } = disk;
  /** A disk is not brought back: the second press deletes. */
  const [sure, setSure] = useState(false);
  const save = async () => {
    const bytes = await shelf.save(name);
    if (bytes !== undefined) download(`${name}.img`, 'application/octet-stream', bytes);
  };
  return (
    <tr>
      <th
        scope="row"
        title={image ? 'It began as an image, which is kept unchanged below what guests write.' : undefined}
      >
        {name}
      </th>
      <td className="number">{sizeBytes === undefined ? 'not whole' : formatBytes(sizeBytes)}</td>
      <td className="number">{formatBytes(keptBytes)}</td>
      <td>{vm === undefined ? '–' : (frame?.vms.find((each) => each.vm === vm)?.title ?? `VM ${vm}`)}</td>
      <td>
        <button
          type="button"
          className="button"
          aria-label={`Save ${name} as a file`}
          disabled={sizeBytes === undefined}
          onClick={() => void save()}
        >
          Save
        </button>
        <button
          type="button"
          className="button"
          aria-label={`Delete ${name}${sure ? ' for good' : ''}`}
          disabled={vm !== undefined}
          title={vm === undefined ? undefined : 'A VM has it: remove the VM first.'}
          onClick={() => {
            if (sure) void shelf.remove(name);
            else setSure(true);
          }}
          onBlur={() => setSure(false)}
        >
          {sure ? 'Delete for good' : 'Delete'}
        </button>
      </td>
    </tr>
  );
}
