// Is this instruction set virtualizable? Popek and Goldberg's sets, drawn from trials on the hart; a switch that takes one trap
// away from every machine of the lab; and a guest that then fails where the hypervisor relies on that trap.

import { useState } from 'react';
import type { InstructionSet, SubjectResult, TriedMode } from '../../../protocol/properties.ts';
import type { Technique } from '../../../protocol/commands.ts';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { brokenRules, useBrokenRules } from './broken-rules.ts';
import { PatchedCode } from './patched-code.tsx';
import { useAttempt } from '../use-attempt.ts';
import styles from './properties.module.css';
import { useInstrument } from '../use-instrument.ts';

const sets: readonly { readonly set: InstructionSet; readonly title: string; readonly sentence: string }[] = [
  {
    set: 'violates',
    title: 'Sensitive, not privileged',
    sentence: 'In user mode it goes wrong in silence: no trap tells the hypervisor.',
  },
  {
    set: 'privileged and sensitive',
    title: 'Privileged and sensitive',
    sentence: 'It traps in user mode, and the hypervisor does it on the guest’s virtual hart.',
  },
  {
    set: 'innocuous',
    title: 'Innocuous',
    sentence: 'It runs directly: nothing of it depends on who owns the machine.',
  },
  {
    set: 'always traps',
    title: 'Traps in every mode',
    sentence: 'A trap by intent, or a register that nobody may write.',
  },
  {
    set: 'privileged only',
    title: 'Privileged only',
    sentence: 'It traps in user mode although nothing sensitive was seen of it: registers that are constant here.',
  },
];
const modes: readonly TriedMode[] = ['U', 'S', 'M', 'VU', 'VS'];

const nameOf = ({ name, kind }: SubjectResult): string =>
  kind === 'instruction' ? name : `${name}, ${kind === 'csr-read' ? 'read' : 'write'}`;

export function Virtualizable({ command, navigate, frame, catalog }: PanelProps) {
  const [granted, setGranted] = useState(false);
  const [patchedGuest, setPatchedGuest] = useState<string>('trap');
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const [attempt, trouble] = useAttempt();
  const [broken, breakIt] = useBrokenRules(frame?.answers.quirks, (quirk, on, undo) => {
    void attempt(() =>
      command('setQuirk', { quirk, on }).catch((error: unknown) => {
        undo();
        throw error;
      }),
    );
  });
  const { reply, running, failure, run } = useInstrument(
    (begin) => command('virtualizable', begin ? { begin: { quirks: broken, countersGranted: granted } } : {}),
    ({ finished }) => finished !== undefined,
  );
  const patchable = (catalog?.guests ?? []).filter(({ techniques }) => techniques.includes('trap-and-emulate'));
  const finished = reply?.finished;
  const detail = finished?.results.find((each) => nameOf(each) === chosen);
  const runGuest = (technique: Technique, name = 'trap') =>
    void attempt(async () => {
      await command('addVm', { guest: { kind: 'shipped', name }, technique, memoryMiB: 16, start: true });
      navigate.toPanel('console');
    });
  /** It stays here: what is patched is to be seen. */
  const runPatched = () =>
    void attempt(() =>
      command('addVm', {
        guest: { kind: 'shipped', name: patchedGuest },
        technique: 'trap-and-emulate',
        memoryMiB: patchedGuest === 'linux' ? 64 : 16,
        binaryPatching: true,
        start: true,
      }),
    );
  const patched = frame?.answers.patches ?? [];
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <button type="button" className="button outlined" disabled={running} onClick={run}>
          Run the test
        </button>
        <span className={shared['spring']} />
        <span role="status" className={shared['quiet']}>
          {running && reply ? `${reply.tried} of ${reply.total} tried` : ''}
        </span>
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure ?? trouble}</FailureParagraph>
        <fieldset className={styles['switches']}>
          <legend className={shared['quiet']}>A machine on which</legend>
          {brokenRules.map(({ quirk, instruction, does }) => (
            <label key={quirk}>
              <input
                type="checkbox"
                checked={broken.includes(quirk)}
                onChange={(event) => breakIt(quirk, event.target.checked)}
              />{' '}
              <code>{instruction}</code> {does}
            </label>
          ))}
          <label>
            <input type="checkbox" checked={granted} onChange={(event) => setGranted(event.target.checked)} /> user mode
            may read the counters
          </label>
        </fieldset>
        {running && reply && (
          <progress className={styles['bar']} value={reply.tried} max={reply.total} aria-label="Tried" />
        )}
        {finished === undefined ? (
          <p className={styles['note']}>
            The test executes every instruction and every CSR access on a hart of its own, in each mode and in several
            states, and looks at what happened: did it trap, did it change what is not the program’s, did its result
            depend on the mode, on where the program lies, or on what the hypervisor manages?
          </p>
        ) : (
          <>
            <p
              className={classNames(styles['verdict'], finished.verdict.virtualizable ? styles['good'] : styles['bad'])}
            >
              {finished.verdict.virtualizable
                ? 'Every sensitive instruction is privileged: a hypervisor can be built by trapping them (Popek and Goldberg, theorem 1).'
                : `Not every sensitive instruction is privileged (theorem 1): trapping is not enough. ${
                    finished.verdict.hybridVirtualizable
                      ? 'None of them is sensitive in user mode, so a hypervisor that interprets, patches or replaces the guest’s kernel can still be built (theorem 3).'
                      : 'Some are sensitive even in user mode, so not even interpreting the guest’s kernel is enough (theorem 3).'
                  }`}
            </p>
            {detail && <Detail result={detail} />}
            {sets.map(({ set, title, sentence }) => {
              const members = finished.results.filter((each) => each.set === set);
              return (
                <details key={set} open={set !== 'privileged only' && set !== 'always traps'}>
                  <summary className={classNames(shared['heading'], styles['summary'])}>
                    {title}: {members.length}. {sentence}
                  </summary>
                  <div className={styles['names']}>
                    {members.map((member) => (
                      <button
                        key={nameOf(member)}
                        type="button"
                        aria-pressed={chosen === nameOf(member)}
                        className={classNames(styles['name'], set === 'violates' && styles['violates'])}
                        onClick={() => setChosen(nameOf(member))}
                      >
                        {nameOf(member)}
                      </button>
                    ))}
                  </div>
                </details>
              );
            })}
          </>
        )}
        <h3 className={shared['heading']}>See a guest rely on it</h3>
        <div className={styles['note']}>
          <p>
            “A system call” returns to its user program with <code>sret</code>. With the switch on, it still works where
            its kernel is privileged; under trap-and-emulate the kernel runs in user mode, and goes on behind the{' '}
            <code>sret</code>. A paravirtual kernel asks its hypervisor instead, and needs no <code>sret</code>.
          </p>
          <p className={styles['row']}>
            <button type="button" className="button outlined" onClick={() => runGuest('trap-and-emulate')}>
              Run it under trap-and-emulate
            </button>
            <button type="button" className="button outlined" onClick={() => runGuest('hardware-assisted')}>
              Run it hardware-assisted
            </button>
            <button type="button" className="button outlined" onClick={() => runGuest('paravirtual', 'paravirtual')}>
              Run a paravirtual kernel
            </button>
            <button type="button" className="button" onClick={() => navigate.toPanel('equivalence')}>
              Find the instruction where they part
            </button>
          </p>
        </div>
        <h3 className={shared['heading']}>Repair it by binary patching</h3>
        <div className={styles['note']}>
          <p>
            The guest stays as it is, and so does its memory. The hart executes a copy of each page of its code, in
            which an instruction that does trap stands for every one that does not; the hypervisor then performs the
            original. Loads find the guest’s own page, and a store to it withdraws the copy. Where one is sensitive
            already in user mode, the guest’s programs are patched as well as its kernel.
          </p>
          <p className={styles['row']}>
            <label>
              Guest{' '}
              <select className="field" value={patchedGuest} onChange={(event) => setPatchedGuest(event.target.value)}>
                {patchable.map(({ name, title }) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
            <button type="button" className="button outlined" onClick={runPatched}>
              Run it patched under trap-and-emulate
            </button>
          </p>
        </div>
        {patched.map((each) => (
          <PatchedCode key={each.vm} patched={each} vm={frame?.vms.find(({ vm: id }) => id === each.vm)} />
        ))}
      </div>
    </div>
  );
}

function Detail({ result }: { readonly result: SubjectResult }) {
  return (
    <section className={styles['detail']} aria-label={`What ${nameOf(result)} did`}>
      <p>
        <b className="mono">{nameOf(result)}</b>: {result.meaning}
      </p>
      <p className={shared['quiet']}>
        {modes
          .map((mode) => {
            const { kind, traps } = result.modes[mode];
            return `${mode} ${kind === 'executes' ? 'runs' : `${kind}: ${traps.join(', ')}`}`;
          })
          .join(' · ')}
      </p>
      {result.controlSensitive !== undefined && <p>Control-sensitive: {result.controlSensitive}.</p>}
      {result.behaviourSensitive !== undefined && <p>Behaviour-sensitive: {result.behaviourSensitive}.</p>}
      {result.controlSensitive === undefined && result.behaviourSensitive === undefined && (
        <p>Nothing sensitive was seen.</p>
      )}
    </section>
  );
}
