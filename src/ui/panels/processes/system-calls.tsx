// The system calls of the guest's programs: the way each takes to the kernel that serves it, and the last ones.

import type { ProcessesAnswer, SystemCallRecord } from '../../../protocol/frame.ts';
import type { VmSummary } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { formatCount } from '../../format.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import styles from './processes.module.css';

/** Where a system call ends, and how it gets there. */
const ways: Readonly<Record<VmSummary['technique'], string>> = {
  bare: 'ecall → the hart’s own trap, delegated by medeleg → the guest’s kernel. No hypervisor is there. The result is a0 as the hart returns (sret).',
  'hardware-assisted':
    'ecall in VU → the hart’s own trap, delegated by hedeleg → the guest’s kernel in VS. The hypervisor never sees it: no exit, neither for the call nor for its return. The lab reads both off the hart, as a logic analyser would; the result is a0 at the return (sret).',
  'trap-and-emulate':
    'ecall in U → the hart traps to the hypervisor: an exit → the hypervisor enters the guest’s kernel at its stvec. The kernel’s sret is an exit too: the hypervisor performs it, and the result is a0 then.',
  paravirtual:
    'ecall in U → the hart traps to the hypervisor: an exit → the guest’s kernel, where it was told, with a frame on its stack. It returns by a hypercall, and the result is a0 then.',
};

interface SystemCallsProps {
  readonly calls: ProcessesAnswer['calls'];
  readonly vm: VmSummary;
}

export function SystemCalls({ calls, vm }: SystemCallsProps) {
  if (!calls.watching && calls.total === 0) {
    return (
      <EmptyState title="Here each system call of each process is told.">
        Press “Watch system calls”, then do something in the guest: <code>ls</code>.
      </EmptyState>
    );
  }
  return (
    <>
      <p className={styles['note']}>
        Every call ends in the kernel of VM {vm.vm}, also one from a container: a container has no kernel of its own.
      </p>
      <p className={classNames(shared['quiet'], styles['note'])}>{ways[vm.technique] ?? ''}</p>
      {calls.total === 0 && (
        <p className={styles['note']}>
          None yet: do something in the guest, <code>ls</code> for example.
        </p>
      )}
      <h3 className={shared['heading']}>How often</h3>
      <div className={shared['scroller']} role="group" aria-label="How often" tabIndex={0}>
        <table className={classNames('table', styles['processes'])}>
          <caption className="visually-hidden">System calls by process</caption>
          <thead>
            <tr>
              <th scope="col" className="number">
                PID
              </th>
              <th scope="col">Program</th>
              <th scope="col">Call</th>
              <th scope="col" className="number">
                Times
              </th>
            </tr>
          </thead>
          <tbody>
            {calls.counts.slice(0, 12).map(({ pid, process, name, count }) => (
              <tr key={`${pid} ${name}`}>
                <td className="number">{pid ?? '–'}</td>
                <td>{process}</td>
                <td>
                  <code>{name}</code>
                </td>
                <td className="number">{formatCount(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h3 className={shared['heading']}>The last of {formatCount(calls.total)}, newest first</h3>
      <ol className={styles['calls']} aria-label="The last system calls, newest first">
        {calls.recent.map((call, index) => (
          <Call key={call.sequence} call={call} next={calls.recent[index - 1]} />
        ))}
      </ol>
    </>
  );
}

interface CallProps {
  readonly call: SystemCallRecord;
  /** The one after it. */
  readonly next: SystemCallRecord | undefined;
}

function Call({ call, next }: CallProps) {
  const exits = next === undefined ? undefined : next.exits - call.exits;
  return (
    <li className={styles['call']}>
      <span className="tabular">{call.pid ?? '–'}</span>
      <span>{call.process}</span>
      <code title={call.text}>{call.text}</code>
      <Result result={call.result} />
      <span className={classNames('tabular', shared['quiet'])} title="Exits of the VM until its next system call">
        {exits === undefined ? '' : `${formatCount(exits)} exits`}
      </span>
    </li>
  );
}

/** As `strace` writes it; what it means where it is an error. */
function Result({ result }: { readonly result: SystemCallRecord['result'] }) {
  if (result === undefined) {
    return (
      <span className={shared['quiet']} title="It has not returned: it waits in the kernel, or it never will (exit)">
        in the kernel
      </span>
    );
  }
  return (
    <code className={result.failed ? shared['error'] : undefined} title={result.meaning ?? `a0: ${result.text}`}>
      {result.value === undefined ? result.text : `= ${result.text}`}
    </code>
  );
}
