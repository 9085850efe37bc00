// Binary patching, seen: what was replaced in the code of a guest, the original and what stands in its place side by side, how
// often each was executed, and what the hypervisor had to do so that the guest does not see it.

import { disassemble } from '../../../core/isa/disassemble.ts';
import type { PatchedVm } from '../../../protocol/properties.ts';
import type { VmSummary } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { Hex } from '../../components/Hex.tsx';
import { formatCount } from '../../format.ts';
import shared from '../panel.module.css';
import styles from './properties.module.css';

interface PatchedCodeProps {
  readonly patched: PatchedVm;
  readonly vm: VmSummary | undefined;
}

const textOf = (word: number, gpa: number): string => disassemble(word, gpa).text;

export function PatchedCode({ patched, vm }: PatchedCodeProps) {
  const { instructions, trapWord, sites, pages, shown, copies, room } = patched;
  const { examinations, examined, withdrawn, evicted, accesses } = patched;
  const title = `VM ${patched.vm}${vm ? `, ${vm.title}` : ''}`;
  const facts = [
    ['Pages with a patched copy', `${formatCount(copies)} of at most ${formatCount(room)}`],
    ['Pages that may be executed', formatCount(examined)],
    ['Times a page was looked through', formatCount(examinations)],
    ['Copies withdrawn by a store', formatCount(withdrawn)],
    ['Copies given up for others', formatCount(evicted)],
    ['Loads and stores performed for the guest', formatCount(accesses)],
  ] as const;
  return (
    <section className={styles['patched']} aria-label={`Patched code of ${title}`}>
      <h4>{title}</h4>
      {instructions.length === 0 ? (
        <p>Nothing needs to be patched: on this machine every sensitive instruction traps. Throw a switch above.</p>
      ) : (
        <p>
          {formatCount(sites)} {sites === 1 ? 'instruction' : 'instructions'} in {formatCount(pages)}{' '}
          {pages === 1 ? 'page' : 'pages'} replaced, because {instructions.join('; ')}{' '}
          {instructions.length === 1 ? 'does' : 'do'} not trap here. Fetches reach the copy; loads find what the guest
          has written.
        </p>
      )}
      {shown.length > 0 && (
        <div className={shared['scroller']}>
          <table className="table">
            <caption className="visually-hidden">Replaced instructions, those that trapped most often first</caption>
            <thead>
              <tr>
                <th scope="col">At (GPA)</th>
                <th scope="col">The guest’s page has</th>
                <th scope="col">The hart executes</th>
                <th scope="col" className="number">
                  Trapped
                </th>
                <th scope="col">Copy of the page</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ gpa, original, trapped, live, withdrawn: times }) => (
                <tr key={gpa}>
                  <th scope="row">
                    <Address space="gpa" address={gpa} />
                  </th>
                  <td>
                    <Hex value={original} /> <code>{textOf(original, gpa)}</code>
                  </td>
                  <td>
                    <Hex value={live ? trapWord : original} /> <code>{textOf(live ? trapWord : original, gpa)}</code>
                  </td>
                  <td className="number">{formatCount(trapped)}</td>
                  <td>
                    {live ? 'in use' : 'none now'}
                    {times > 0 && `, withdrawn ${formatCount(times)} ${times === 1 ? 'time' : 'times'}`}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < sites && (
        <p className={shared['quiet']}>
          The {formatCount(shown.length)} that trapped most often of {formatCount(sites)}.
        </p>
      )}
      <dl className={styles['facts']}>
        {facts.map(([what, value]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
