// The same program as a process, in a container, in a VM and in a container in a VM: measured now, on computers of its own.

import { useState } from 'react';
import type { Commands, Measured } from '../../../protocol/commands.ts';
import { unmodifiedHosted } from '../../../protocol/vocabulary.ts';
import { TICKS_PER_MILLISECOND } from '../../../protocol/virtual-time.ts';
import { FailureParagraph } from '../../components/Failure.tsx';
import { formatBytes, formatCount, formatLarge } from '../../format.ts';
import type { SendCommand } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useInstrument } from '../use-instrument.ts';
import styles from './processes.module.css';

type Technique = Commands['measureContainers']['request']['technique'];

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : formatCount(value)} ms`;

/** Lines of the table: what is measured, and what it means. */
const lines: readonly {
  readonly title: string;
  readonly sentence: string;
  readonly value: (row: Measured) => string;
}[] = [
  {
    title: 'Technique',
    sentence: 'How the kernel below it is run.',
    value: ({ technique }) => technique,
  },
  {
    title: 'Start, virtual time',
    sentence: 'From Enter until the program is executed; for a VM from power-on, since there is no VM before.',
    value: ({ start }) => milliseconds(start.ticks / TICKS_PER_MILLISECOND),
  },
  {
    title: 'Start, time here',
    sentence: 'The same by the clock of this browser.',
    value: ({ start }) => milliseconds(start.hostMilliseconds),
  },
  {
    title: 'Start, instructions',
    sentence: 'What the guest executed until then.',
    value: ({ start }) => formatLarge(start.instructions),
  },
  {
    title: 'Start, system calls',
    sentence: 'All programs’ calls until then.',
    value: ({ start }) => formatCount(start.systemCalls),
  },
  {
    title: 'Start, exits',
    sentence: 'How often the hypervisor had to act until then.',
    value: ({ start }) => formatCount(start.exits),
  },
  {
    title: 'Work, system calls',
    sentence: 'Those of the program and what it starts: the same work, so about the same number everywhere.',
    value: ({ work }) => formatCount(work.systemCalls),
  },
  {
    title: 'Work, exits',
    sentence: 'How often the hypervisor had to act meanwhile.',
    value: ({ work }) => formatCount(work.exits),
  },
  {
    title: 'Work, time here',
    sentence: 'From its start to its end, by the clock of this browser.',
    value: ({ work }) => milliseconds(work.hostMilliseconds),
  },
  {
    title: 'Memory',
    sentence:
      'What there is less of while it waits: in the one kernel, or, for a VM, in the machine, its page tables included.',
    value: ({ memoryBytes }) => formatBytes(memoryBytes),
  },
];

const SEEN: readonly (readonly [string, string])[] = [
  ['processes', 'Sees processes'],
  ['host', 'Sees the name'],
  ['interfaces', 'Sees interfaces'],
  ['mounts', 'Sees mounts'],
];

export function Comparison({ command }: { readonly command: SendCommand }) {
  const [technique, setTechnique] = useState<Technique>('hardware-assisted');
  const { reply, running, failure, run, stop } = useInstrument(
    (begin) => command('measureContainers', { technique, begin }),
    (part) => part.done,
    { clears: true },
  );
  const rows = reply?.rows ?? [];

  return (
    <>
      <div className={classNames(shared['toolbar'])}>
        <Segments
          label="How the VMs are run"
          options={unmodifiedHosted.toReversed().map((value) => ({ value, label: value }))}
          value={technique}
          onChange={setTechnique}
        />
        {running ? (
          <button type="button" className="button outlined" onClick={stop}>
            Cancel
          </button>
        ) : (
          <button type="button" className="button primary" onClick={run}>
            Measure
          </button>
        )}
      </div>
      <p role="status" className={classNames(shared['quiet'], styles['note'])}>
        {running
          ? `${reply?.sentence ?? 'Linux is on its way'} … ${rows.length} of 4 are done.`
          : 'The same program, /bin/workload, runs as a process, in a container, in a VM and in a container in a VM, on computers of its own.'}
      </p>
      <FailureParagraph>{failure}</FailureParagraph>
      {rows.length > 0 && (
        <div className={shared['scroller']} role="group" aria-label="The four, side by side" tabIndex={0}>
          <table className={classNames('table', styles['processes'])} aria-label="A process, a container, a VM">
            <thead>
              <tr>
                <th scope="col">Measured</th>
                {rows.map(({ name }) => (
                  <th key={name} scope="col" className="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {lines.map(({ title, sentence: meaning, value }) => (
                <tr key={title}>
                  <th scope="row" title={meaning}>
                    {title}
                  </th>
                  {rows.map((row) => (
                    <td key={row.name} className="number">
                      {value(row)}
                    </td>
                  ))}
                </tr>
              ))}
              {SEEN.map(([key, title]) => (
                <tr key={key}>
                  <th scope="row" title="As the program itself says it">
                    {title}
                  </th>
                  {rows.map(({ name, sees }) => (
                    <td key={name} className="number">
                      {sees[key] ?? '–'}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
