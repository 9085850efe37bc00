// Processes and containers of a Linux guest, from outside: what its kernel has in its memory, and the system calls as they trap.

import { useState } from 'react';
import type {
  LinuxNamespace,
  LinuxPicture,
  LinuxProcess,
  NamespaceKind,
  ProcessesAnswer,
} from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Failure, FailureParagraph } from '../../components/Failure.tsx';
import { Term } from '../../components/Term.tsx';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useAttempt } from '../use-attempt.ts';
import { Comparison } from './comparison.tsx';
import { cgroupText, groupProcesses, pagesText, type ProcessGroup } from './process-groups.ts';
import styles from './processes.module.css';
import { SystemCalls } from './system-calls.tsx';

type View = 'processes' | 'calls' | 'comparison';

export function Processes({ frame, vm, command }: PanelProps) {
  const [view, setView] = useState<View>('processes');
  const [attempt, failure] = useAttempt();
  const answer = frame?.answers.processes;
  if (vm === undefined || answer === undefined) {
    return (
      <EmptyState title="Here the processes of a Linux guest are seen from outside.">
        Add a virtual machine in the bar above: Linux.
      </EmptyState>
    );
  }
  const { picture, missing, calls } = answer;
  const watch = () => attempt(() => command('watchSystemCalls', { vm: vm.vm, watch: !calls.watching }));
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments
          label="What of the processes"
          options={[
            { value: 'processes', label: 'Processes' },
            { value: 'calls', label: 'System calls' },
            { value: 'comparison', label: 'VM or container' },
          ]}
          value={view}
          onChange={setView}
        />
        <button
          type="button"
          className="button"
          aria-pressed={calls.watching}
          title="Record each system call as the hart traps, and its result as the hart returns; it costs the guest nothing, since both happen anyway"
          onClick={() => void watch()}
        >
          Watch system calls
        </button>
        <span className={shared['spring']} />
        <Failure>{failure}</Failure>
      </div>
      <div className={shared['body']} role="group" aria-label="Processes and containers" tabIndex={0}>
        {view === 'calls' ? (
          <SystemCalls calls={calls} vm={vm} />
        ) : view === 'comparison' ? (
          <Comparison command={command} />
        ) : picture === undefined ? (
          <EmptyState title="Nobody knows this kernel.">{missing ?? ''}</EmptyState>
        ) : (
          <Picture picture={picture} current={answer.current} />
        )}
      </div>
    </div>
  );
}

interface PictureProps {
  readonly picture: LinuxPicture;
  readonly current: ProcessesAnswer['current'];
}

function Picture({ picture, current }: PictureProps) {
  const groups = groupProcesses(picture);
  const threads = picture.processes.filter(({ kernelThread }) => kernelThread);
  return (
    <>
      <FailureParagraph>{picture.problem}</FailureParagraph>
      <p className={classNames(shared['quiet'], styles['note'])}>
        Linux {picture.release}, read from its memory: {picture.processes.length} processes,{' '}
        {pagesText(picture.freePages)} free.
        {groups.length === 1 && (
          <>
            {' '}
            In Linux, <code>container run -d --memory 8M --pids 20 sleep 1000</code> starts a container.
          </>
        )}
      </p>
      {groups.map((group) => (
        <Group key={group.key} group={group} current={current} />
      ))}
      <details className={styles['threads']}>
        <summary>{threads.length} kernel threads</summary>
        <p>{threads.map(({ pid, name }) => `${pid} ${name}`).join(', ')}</p>
      </details>
    </>
  );
}

const namespaceTerms: Readonly<Record<NamespaceKind, string>> = {
  pid: 'Numbers of processes: who is inside sees only those inside, and its first process is number 1.',
  mnt: 'Mounts: which file systems there are, and what is at /.',
  uts: 'The host name.',
  net: 'Network interfaces, addresses, routes, ports.',
  ipc: 'System V IPC objects and message queues.',
  user: 'User IDs and privileges: root inside may be nobody outside.',
  cgroup: 'The root of the control groups that can be seen.',
};

interface GroupProps {
  readonly group: ProcessGroup;
  readonly current: readonly number[];
}

function Group({ group, current }: GroupProps) {
  const { title, initial, namespaces, processes, cgroups } = group;
  return (
    <section className={styles['group']} aria-label={initial ? `The guest itself, ${title}` : `Container ${title}`}>
      <h3 className={styles['title']}>
        {title}
        <span className={shared['quiet']}>
          {initial ? 'the namespaces that the kernel began with' : 'namespaces of its own'}
        </span>
      </h3>
      <ul className={styles['namespaces']} aria-label="Namespaces">
        {namespaces.map((namespace) => (
          <Namespace key={`${namespace.kind} ${namespace.number}`} namespace={namespace} />
        ))}
      </ul>
      {cgroups.map((cgroup) => (
        <p key={cgroup.path} className={styles['cgroup']}>
          <Term
            explain={{
              title: 'Control group',
              sentence: 'What these processes may use together: the kernel charges each page and each moment to it.',
              section: 'Linux, cgroup-v2',
              intel: undefined,
              arm: undefined,
            }}
          >
            cgroup
          </Term>{' '}
          <code>{cgroup.path}</code> {cgroupText(cgroup)}
        </p>
      ))}
      <div className={shared['scroller']} role="group" aria-label={`Processes in ${title}`} tabIndex={0}>
        <table className={classNames('table', styles['processes'])}>
          <caption className="visually-hidden">Processes</caption>
          <thead>
            <tr>
              <th scope="col" className="number">
                PID
              </th>
              <th scope="col" className="number">
                PID inside
              </th>
              <th scope="col" className="number">
                Parent
              </th>
              <th scope="col">Program</th>
              <th scope="col">State</th>
              <th scope="col" className="number">
                User
              </th>
              <th scope="col" className="number">
                Memory
              </th>
              <th scope="col">/ is</th>
            </tr>
          </thead>
          <tbody>
            {processes.map((process) => (
              <Process key={process.task} process={process} current={current.includes(process.pid)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Namespace({ namespace }: { readonly namespace: LinuxNamespace }) {
  const { kind, number, initial, contents } = namespace;
  return (
    <li className={classNames(styles['namespace'], !initial && styles['own'])}>
      <Term
        explain={{
          title: `${kind} namespace ${number}`,
          sentence: namespaceTerms[kind],
          section: `namespaces(7), /proc/PID/ns/${kind}`,
          intel: undefined,
          arm: undefined,
        }}
      >
        {kind}
      </Term>{' '}
      <span className="tabular">{number}</span>
      {contents !== '' && <span className={shared['quiet']}> {contents}</span>}
    </li>
  );
}

function Process({ process, current }: { readonly process: LinuxProcess; readonly current: boolean }) {
  const inside = process.pids.length > 1 ? process.pids.at(-1) : undefined;
  return (
    <tr aria-current={current || undefined}>
      <td className="number">{process.pid}</td>
      <td className="number">{inside ?? '–'}</td>
      <td className="number">{process.parent}</td>
      <th scope="row">{process.name}</th>
      <td>{current ? 'on the hart' : process.state}</td>
      <td className="number">{process.user}</td>
      <td className="number">{pagesText(process.residentPages)}</td>
      <td>{process.rootFileSystem ?? '–'}</td>
    </tr>
  );
}
