// A guest on the bare machine and under each technique, side by side and compared at chosen points; where they part, the
// instruction, and what is no longer the same.

import { useState } from 'react';
import type { EquivalenceReply, QuirkName } from '../../../protocol/properties.ts';
import { unmodifiedTechniques } from '../../../protocol/vocabulary.ts';
import { FailureParagraph } from '../../components/Failure.tsx';
import { Hex } from '../../components/Hex.tsx';
import { formatCount } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { brokenRules, withRule } from './broken-rules.ts';
import styles from './properties.module.css';
import { useInstrument } from '../use-instrument.ts';

const distances = [100, 1000, 10_000, 100_000] as const;
/** Guests that never end by themselves are compared up to what they print. */
const untilOf = (guest: string): string | undefined => (guest === 'linux' ? '/ #' : undefined);

export function Equivalence({ command, catalog }: PanelProps) {
  const guests = (catalog?.guests ?? []).filter(({ boot, techniques, name }) => {
    return (
      boot === 'supervisor' && name !== 'heartbeat' && unmodifiedTechniques.every((each) => techniques.includes(each))
    );
  });
  const [guest, setGuest] = useState('trap');
  const [every, setEvery] = useState<number>(1000);
  const [broken, setBroken] = useState<readonly QuirkName[]>([]);
  const [patched, setPatched] = useState(false);
  const { reply, running, failure, run } = useInstrument(
    (begin) =>
      command(
        'equivalence',
        begin ? { begin: { guest, every, quirks: broken, binaryPatching: patched, until: untilOf(guest) } } : {},
      ),
    ({ end }) => end !== undefined,
  );
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <label>
          Guest{' '}
          <select className="field" value={guest} onChange={(event) => setGuest(event.target.value)}>
            {guests.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          compared every{' '}
          <select className="field" value={every} onChange={(event) => setEvery(Number(event.target.value))}>
            {distances.map((distance) => (
              <option key={distance} value={distance}>
                {formatCount(distance)}
              </option>
            ))}
          </select>{' '}
          instructions
        </label>
        <span role="group" aria-label="On a machine without the trap of" className={styles['rules']}>
          on a machine without the trap of
          {brokenRules.map(({ quirk, instruction }) => (
            <label key={quirk}>
              <input
                type="checkbox"
                checked={broken.includes(quirk)}
                onChange={(event) => setBroken(withRule(broken, quirk, event.target.checked))}
              />{' '}
              <code>{instruction}</code>
            </label>
          ))}
        </span>
        <label>
          <input type="checkbox" checked={patched} onChange={(event) => setPatched(event.target.checked)} /> repaired by
          binary patching
        </label>
        <button type="button" className="button outlined" disabled={running} onClick={run}>
          Compare
        </button>
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {reply === undefined ? (
          <p className={styles['note']}>
            The guest runs on the bare machine, under trap-and-emulate and hardware-assisted at once. At every point its
            registers, its kernel’s CSRs, the time and what it has printed must be the same, and at some points all of
            its memory. The first difference is followed to the instruction in which it arose.
          </p>
        ) : (
          <Outcome reply={reply} running={running} />
        )}
      </div>
    </div>
  );
}

const phases: Readonly<Record<EquivalenceReply['progress']['phase'], string>> = {
  running: 'Running side by side',
  replaying: 'A difference: running again up to the last point where all was equal',
  stepping: 'A difference: one instruction at a time from there',
  done: 'Done',
};

function Outcome({ reply, running }: { readonly reply: EquivalenceReply; readonly running: boolean }) {
  const { progress, end, text } = reply;
  const { instructions, points, memoryPoints, printed } = progress;
  return (
    <>
      <p role="status" className={classNames(shared['quiet'], styles['note'])}>
        {running ? `${phases[progress.phase]}. ` : ''}
        {formatCount(points)} {points === 1 ? 'point' : 'points'} in {formatCount(instructions)} instructions, all of
        memory at {memoryPoints} of them, {formatCount(printed)} bytes printed.
      </p>
      {end && end.difference === undefined && (
        <p className={classNames(styles['verdict'], styles['good'])}>
          No difference: registers, CSRs, time, output and memory were the same at every point
          {end.kind === 'printed' ? ', up to its prompt' : end.kind === 'ended' ? ', up to its end' : ''}.
        </p>
      )}
      {end?.difference && (
        <>
          <p className={classNames(styles['verdict'], styles['bad'])}>
            Under {end.difference.technique} it differs after {formatCount(end.difference.instruction)} equal
            instructions, in <code>{text ?? 'an instruction that cannot be fetched'}</code> at{' '}
            <Hex value={end.difference.pc} />.
          </p>
          <div className={shared['scroller']} role="group" aria-label="What is not the same" tabIndex={0}>
            <table className="table">
              <caption className="visually-hidden">What is not the same behind that instruction</caption>
              <thead>
                <tr>
                  <th scope="col">What</th>
                  <th scope="col">bare</th>
                  <th scope="col">{end.difference.technique}</th>
                </tr>
              </thead>
              <tbody>
                {end.difference.unequal.map(({ what, bare, other }) => (
                  <tr key={what}>
                    <th scope="row">{what}</th>
                    <td className="mono">{bare}</td>
                    <td className="mono">{other}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}
