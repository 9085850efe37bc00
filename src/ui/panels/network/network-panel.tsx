// The network that the VM has a card on: who is on the switch, over what cable, and the way of each of the last frames.

import { memo, useState } from 'react';
import type { LinkSettings, NetworkAnswer, NetworkFrameRow, NetworkPortRow } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Failure } from '../../components/Failure.tsx';
import { Term } from '../../components/Term.tsx';
import { formatCount, formatLarge } from '../../format.ts';
import type { Navigate, PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import { download } from '../download.ts';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { journeyLines, secondsText, stepTerms } from './journey-lines.ts';
import { linkFields, type LinkField } from './link-fields.ts';
import styles from './network.module.css';

export function Network({ frame, vm, command, navigate }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const answer = frame?.answers.network;
  if (vm === undefined || answer === undefined) {
    return (
      <EmptyState title="Here every frame is followed from one guest to the other.">
        {vm === undefined
          ? 'Add a virtual machine in the bar above, with a network card.'
          : 'This VM has no network card: add one that has, with “Network card” checked. Linux can use it.'}
      </EmptyState>
    );
  }
  const save = async () => {
    const { pcap } = await command('capture', { vm: vm.vm });
    download('frames.pcap', 'application/vnd.tcpdump.pcap', pcap);
  };
  const set = (port: number, settings: Partial<LinkSettings>) =>
    void attempt(() => command('setLink', { vm: vm.vm, port, settings }));
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <button
          type="button"
          className="button"
          title="Save the last frames as a file that Wireshark and tcpdump open"
          onClick={() => void attempt(save)}
        >
          Save as pcap
        </button>
        <span className={shared['spring']} />
        <Failure>{failure}</Failure>
      </div>
      <div className={shared['body']}>
        <Ports answer={answer} onSet={set} />
        <h3 className={shared['heading']}>The last frames</h3>
        {answer.frames.length === 0 && (
          <p className={classNames(shared['quiet'], styles['note'])}>
            None yet. In Linux: <code>ip link set eth0 up; udhcpc -i eth0</code>, then{' '}
            <code>wget -O - http://www.ringside/</code>.
          </p>
        )}
        <ol className={styles['frames']} aria-label="The last frames, newest first">
          {answer.frames.map((row) => (
            <FrameRow key={row.frame} row={row} answer={answer} navigate={navigate} />
          ))}
        </ol>
      </div>
    </div>
  );
}

interface PortsProps {
  readonly answer: NetworkAnswer;
  readonly onSet: (port: number, settings: Partial<LinkSettings>) => void;
}

function Ports({ answer, onSet }: PortsProps) {
  return (
    <div className={shared['scroller']}>
      <table className={classNames('table', styles['ports'])}>
        <caption className="visually-hidden">Ports of the switch</caption>
        <thead>
          <tr>
            <th scope="col">Station</th>
            <th scope="col">Addresses</th>
            <th scope="col" className="number">
              Sent
            </th>
            <th scope="col" className="number">
              Got
            </th>
            <th scope="col" className="number">
              Dropped
            </th>
            {linkFields.map(({ name, title, sentence }) => (
              <th key={name} scope="col">
                <Term explain={{ title, sentence }}>{title}</Term>
              </th>
            ))}
            <th scope="col">Plugged in</th>
          </tr>
        </thead>
        <tbody>
          {answer.ports.map((port) => (
            <Port
              key={port.port}
              port={port}
              learned={answer.learned.filter((entry) => entry.port === port.port).map(({ mac }) => mac)}
              onSet={(settings) => onSet(port.port, settings)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PortProps {
  readonly port: NetworkPortRow;
  /** Addresses the switch has learned to be there. */
  readonly learned: readonly string[];
  readonly onSet: (settings: Partial<LinkSettings>) => void;
}

function Port({ port, learned, onSet }: PortProps) {
  const { counters, settings } = port;
  const dropped = Object.entries(counters.dropped).filter(([, count]) => count > 0);
  return (
    <tr>
      <th scope="row" title={port.mac}>
        {port.name}
      </th>
      <td title={`${port.mac}${learned.includes(port.mac) ? ', which the switch has learned' : ''}`}>
        {port.addresses.join(', ') || port.mac}
      </td>
      <td className="number" title={`${formatCount(counters.fromStation.bytes)} bytes`}>
        {formatLarge(counters.fromStation.frames)}
      </td>
      <td className="number" title={`${formatCount(counters.toStation.bytes)} bytes`}>
        {formatLarge(counters.toStation.frames)}
      </td>
      <td
        className={classNames('number', dropped.length > 0 && shared['error'])}
        title={dropped.map(([reason, count]) => `${reason}: ${formatCount(count)}`).join(', ') || 'none'}
      >
        {formatLarge(dropped.reduce((sum, [, count]) => sum + count, 0))}
      </td>
      {linkFields.map((field) => (
        <td key={field.name}>
          <SettingInput field={field} station={port.name} settings={settings} onSet={onSet} />
        </td>
      ))}
      <td>
        <PlugBox station={port.name} settings={settings} onSet={onSet} />
      </td>
    </tr>
  );
}

interface SettingInputProps {
  readonly field: LinkField;
  readonly station: string;
  readonly settings: LinkSettings;
  readonly onSet: (settings: Partial<LinkSettings>) => void;
}

/**
 * What the person has said and the machine has not answered yet, so that a field does not fall back meanwhile.
 * @param answered what the machine says: once that changes, it holds
 */
function useWish<Value>(answered: unknown): readonly [Value | undefined, (wish: Value | undefined) => void] {
  const [wish, setWish] = useState<Value>();
  const [seen, setSeen] = useState(answered);
  if (seen !== answered) {
    setSeen(answered);
    setWish(undefined);
  }
  return [wish, setWish];
}

function PlugBox({ station, settings, onSet }: Omit<SettingInputProps, 'field'>) {
  const [wish, setWish] = useWish<boolean>(settings.connected);
  return (
    <input
      type="checkbox"
      aria-label={`Cable of ${station} plugged in`}
      checked={wish ?? settings.connected}
      onChange={(event) => {
        setWish(event.target.checked);
        onSet({ connected: event.target.checked });
      }}
    />
  );
}

/** What is typed holds from Enter or leaving the field on; Escape takes it back. */
function SettingInput({ field, station, settings, onSet }: SettingInputProps) {
  const [draft, setDraft] = useWish<string>(field.read(settings));
  const apply = (input: HTMLInputElement) => {
    if (draft === undefined || !input.reportValidity()) return;
    if (input.value === '') setDraft(undefined);
    else onSet(field.write(input.valueAsNumber));
  };
  return (
    <input
      className={classNames('field', 'tabular', styles['setting'])}
      type="number"
      step="any"
      min={field.minimum}
      max={field.maximum}
      aria-label={`${field.title}, cable of ${station}`}
      value={draft ?? field.read(settings)}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={(event) => apply(event.target)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') apply(event.currentTarget);
        if (event.key === 'Escape') setDraft(undefined);
      }}
    />
  );
}

interface FrameRowProps {
  readonly row: NetworkFrameRow;
  readonly answer: NetworkAnswer;
  readonly navigate: Navigate;
}

const FrameRow = memo(
  function FrameRow({ row, answer, navigate }: FrameRowProps) {
    const [open, setOpen] = useState(false);
    const lines = journeyLines(row, answer.ports, answer.ticksPerSecond);
    return (
      <li>
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary className={styles['frame']}>
            <span className="tabular">{secondsText(row.steps[0]?.time ?? 0, answer.ticksPerSecond)}</span>
            <span className={styles['protocol']}>{row.protocol}</span>
            <span className={styles['ends']}>
              {row.source} → {row.destination}
            </span>
            <span className={classNames(styles['summary'], lines.some(({ bad }) => bad) && shared['error'])}>
              {row.malformed ?? row.summary}
            </span>
          </summary>
          {open && (
            <ol className={styles['steps']} aria-label={`The way of frame ${row.frame}, ${row.bytes} bytes`}>
              {lines.map(({ kind, when, text, exit, bad }, index) => (
                <li key={index} className={classNames(styles['step'], bad && shared['error'])}>
                  <span className={classNames('tabular', styles['when'])}>{when}</span>
                  <Term explain={stepTerms[kind]}>{kind}</Term>
                  <span>
                    {text}
                    {exit !== undefined && (
                      <>
                        {', in '}
                        <button type="button" className={styles['link']} onClick={() => navigate.toExit(exit)}>
                          exit {formatCount(exit)}
                        </button>
                      </>
                    )}
                  </span>
                </li>
              ))}
            </ol>
          )}
        </details>
      </li>
    );
  },
  // A frame's row is drawn anew only when it has got further.
  (one, other) =>
    one.row.frame === other.row.frame &&
    one.row.steps.length === other.row.steps.length &&
    one.answer.ports.length === other.answer.ports.length,
);
