// Who ran where: a row of the timeline for each physical hart, and for each vCPU how its time has gone and what it is
// entitled to. Virtual time throughout: the same run gives the same picture.

import type { Commands } from '../../../protocol/commands.ts';
import type { SchedulerAnswer, VcpuTimesRow, VmSummary } from '../../../protocol/frame.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureParagraph } from '../../components/Failure.tsx';
import type { PanelProps } from '../../panel.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { useAttempt } from '../use-attempt.ts';
import styles from './scheduler.module.css';
import { barsOf, colourOf, ROW, WIDTH } from './timeline.ts';

const INSTRUCTIONS_PER_MILLISECOND = 100_000;
const spans = [
  { value: '2000000', label: '20 ms' },
  { value: '20000000', label: '200 ms' },
  { value: '200000000', label: '2 s' },
] as const;
const MOST_HARTS = 8;

export function SchedulerPanel({ frame, choice, choose, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const answer = frame?.answers.scheduler;
  if (answer === undefined || frame === undefined) {
    return <EmptyState title="Here the hypervisor’s scheduler is watched.">The lab is being started.</EmptyState>;
  }
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments
          label="How far back"
          options={spans}
          value={spans.find(({ value }) => Number(value) === choice.schedulerSpan)?.value ?? '20000000'}
          onChange={(value) => choose({ schedulerSpan: Number(value) })}
        />
        <span className={shared['spring']} />
        <label title="Can be changed while no VM runs under the hypervisor">
          Physical harts{' '}
          <select
            className="field"
            value={answer.harts}
            disabled={answer.vcpus.length > 0}
            onChange={(event) => {
              const harts = Number(event.target.value);
              void attempt(() => command('setPhysicalHarts', { harts }));
            }}
          >
            {Array.from({ length: MOST_HARTS }, (_, index) => (
              <option key={index} value={index + 1}>
                {index + 1}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className={shared['body']}>
        <FailureParagraph>{failure}</FailureParagraph>
        {answer.vcpus.length === 0 ? (
          <EmptyState title="No VM shares the hypervisor’s machine.">
            Choose how many physical harts it has, then add a virtual machine under a technique of the hypervisor.
          </EmptyState>
        ) : (
          <>
            <Timeline answer={answer} vms={frame.vms} />
            <Entitlements
              answer={answer}
              vms={frame.vms}
              entitle={(request) => attempt(() => command('entitle', request))}
            />
          </>
        )}
      </div>
    </div>
  );
}

const milliseconds = (instructions: number): string => {
  const value = instructions / INSTRUCTIONS_PER_MILLISECOND;
  return value >= 100 ? `${Math.round(value).toLocaleString('en')} ms` : `${value.toFixed(1)} ms`;
};
const nameOf = (vms: readonly VmSummary[], { vm, vcpu }: { readonly vm: number; readonly vcpu: number }): string =>
  `${vms.find((each) => each.vm === vm)?.title ?? 'VM'} (${vm}), vCPU ${vcpu}`;

function Timeline({ answer, vms }: { readonly answer: SchedulerAnswer; readonly vms: readonly VmSummary[] }) {
  const height = answer.harts * ROW;
  return (
    <figure className={styles['timeline']} aria-label="Which vCPU was on which physical hart">
      <div className={styles['rows']}>
        <ol className={styles['harts']}>
          {Array.from({ length: answer.harts }, (_, hart) => (
            <li key={hart}>hart {hart}</li>
          ))}
        </ol>
        <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" style={{ height }} aria-hidden="true">
          {Array.from({ length: answer.harts }, (_, hart) => (
            <rect key={hart} className={styles['idle']} x={0} y={hart * ROW + 13} width={WIDTH} height={1} />
          ))}
          {barsOf(answer).map(({ vm, vcpu, path }) => (
            <path key={`${vm}/${vcpu}`} d={path} fill={colourOf(vm)} fillOpacity={1 - 0.15 * (vcpu % 4)}>
              <title>{nameOf(vms, { vm, vcpu })}</title>
            </path>
          ))}
        </svg>
      </div>
      <figcaption className={shared['quiet']}>
        {milliseconds(answer.since)} to {milliseconds(answer.now)} of the machine’s clock. A thin line: the hart waits.
        vCPUs of one VM have its colour and differ in height. The number of harts can be set while no VM runs on them.
      </figcaption>
    </figure>
  );
}

interface EntitlementsProps {
  readonly answer: SchedulerAnswer;
  readonly vms: readonly VmSummary[];
  readonly entitle: (request: Commands['entitle']['request']) => Promise<void>;
}

function Entitlements({ answer, vms, entitle }: EntitlementsProps) {
  const swapped = answer.vcpus.some(({ swap }) => swap > 0);
  return (
    <div className={shared['scroller']}>
      <table className={styles['vcpus']}>
        <caption className="visually-hidden">vCPUs: how their time has gone, and what they are entitled to</caption>
        <thead>
          <tr>
            <th scope="col">vCPU</th>
            <th scope="col" title="It was on a hart">
              run
            </th>
            <th scope="col" title="It waited for an interrupt">
              wait
            </th>
            <th scope="col" title="It could have executed, but had no hart">
              steal
            </th>
            {swapped && (
              <th scope="col" title="It waited for a page that its hypervisor had swapped out">
                swap
              </th>
            )}
            <th scope="col">weight</th>
            <th scope="col">cap, %</th>
            {answer.harts > 1 && <th scope="col">may use hart</th>}
          </tr>
        </thead>
        <tbody>
          {answer.vcpus.map((row) => (
            <Row
              key={`${row.vm}/${row.vcpu}`}
              row={row}
              harts={answer.harts}
              swapped={swapped}
              vms={vms}
              entitle={entitle}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps extends Pick<EntitlementsProps, 'vms' | 'entitle'> {
  readonly row: VcpuTimesRow;
  readonly harts: number;
  /** Some vCPU has waited for a page. */
  readonly swapped: boolean;
}

function Row({ row, harts, swapped, vms, entitle }: RowProps) {
  const { vm, vcpu, run, wait, steal, swap, weight, cap, pin } = row;
  const name = nameOf(vms, row);
  const total = Math.max(1, run + wait + steal + swap);
  const time = (value: number) => (
    <td title={milliseconds(value)}>
      {((100 * value) / total).toFixed(1)} %<span className="visually-hidden">, {milliseconds(value)}</span>
    </td>
  );
  return (
    <tr>
      <th scope="row">
        <span className={styles['swatch']} style={{ background: colourOf(vm) }} aria-hidden="true" /> {name}
      </th>
      {time(run)}
      {time(wait)}
      {time(steal)}
      {swapped && time(swap)}
      <td>
        <Setting
          label={`Weight of ${name}`}
          value={weight}
          most={10_000}
          set={(value) => entitle({ vm, vcpu, weight: value })}
        />
      </td>
      <td>
        <Setting label={`Cap of ${name}`} value={cap} most={100} set={(value) => entitle({ vm, vcpu, cap: value })} />
      </td>
      {harts > 1 && (
        <td>
          {Array.from({ length: harts }, (_, hart) => (
            <label key={hart} className={styles['pin']}>
              <input
                type="checkbox"
                aria-label={`${name} may use hart ${hart}`}
                checked={((pin >>> hart) & 1) === 1}
                onChange={() => void entitle({ vm, vcpu, pin: (pin ^ (1 << hart)) & (2 ** harts - 1) })}
              />
              {hart}
            </label>
          ))}
        </td>
      )}
    </tr>
  );
}

interface SettingProps {
  readonly label: string;
  readonly value: number;
  readonly most: number;
  readonly set: (value: number) => Promise<void>;
}

/** What is typed holds from Enter or leaving the field on. */
function Setting({ label, value, most, set }: SettingProps) {
  const apply = (field: HTMLInputElement) => {
    if (field.valueAsNumber !== value) void set(field.valueAsNumber);
  };
  return (
    <input
      key={value}
      className={`field tabular ${styles['setting'] ?? ''}`}
      type="number"
      aria-label={label}
      min={1}
      max={most}
      defaultValue={value}
      onBlur={(event) => apply(event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') apply(event.currentTarget);
      }}
    />
  );
}
