// The top bar: which VMs there are and which is looked at, its technique, the run and step buttons, the palette.

import type { Technique } from '../../protocol/commands.ts';
import type { VmSummary } from '../../protocol/frame.ts';
import { techniques } from '../../protocol/vocabulary.ts';
import { shownKey } from '../commands/keys.ts';
import { TECHNIQUE_NAMES, type CommandRow, type Situation } from '../commands/command-row.ts';
import { usePopover } from '../components/Popover.tsx';
import { guestOf } from '../core-client.ts';
import { formatBytes } from '../format.ts';
import { choose, useChoice } from '../choice.ts';
import { useLab } from '../lab.ts';
import { openOverlay } from '../shell-state.ts';
import { CommandButton } from './CommandButton.tsx';
import { useCoreStatus } from './use-core-status.ts';
import styles from './VmBar.module.css';
import { stateName, VmStateShape } from './VmState.tsx';

interface VmBarProps {
  readonly rows: readonly CommandRow[];
  readonly situation: Situation;
}

const RUNS: readonly string[] = ['run.continue', 'run.pause', 'run.again'];
const INTO_AN_EXIT: readonly string[] = ['step.stage', 'step.next-stage', 'step.first-exit'];
const STEPS: readonly string[] = ['step.over', 'step.instruction', 'step.out', 'step.exit', 'step.interrupt'];

export function VmBar({ rows, situation }: VmBarProps) {
  const { vm } = situation;
  const find = (id: string) => rows.find((row) => row.id === id);
  const show = (id: string | undefined, look: 'sign' | 'words' | 'both') => {
    const row = id === undefined ? undefined : find(id);
    return row && <CommandButton key={row.id} row={row} situation={situation} look={look} />;
  };
  // Commands that exclude each other share a place: the first that is available stands there.
  const firstAvailable = (ids: readonly string[]) =>
    ids.find((id) => find(id)?.unavailable(situation) === undefined) ?? ids[0];
  const primary = find(firstAvailable(INTO_AN_EXIT) ?? '');
  return (
    <header className={styles['bar']}>
      <VmList vms={situation.frame?.vms ?? []} selected={vm?.vm} />
      {show('vm.add', 'both')}
      <div className={styles['group']} role="group" aria-label="This VM">
        <TechniqueSelect vm={vm} />
        <VcpuSelect vm={vm} />
        {show('vm.reset', 'sign')}
        {show('vm.remove', 'sign')}
      </div>
      <div className={styles['group']} role="toolbar" aria-label="Run and step">
        {show(firstAvailable(RUNS), 'both')}
        {STEPS.map((id) => show(id, 'sign'))}
        {primary && <CommandButton row={primary} situation={situation} look="words" primary />}
      </div>
      <div className={styles['end']}>
        {show('panels', 'words')}
        <button type="button" className={styles['search']} onClick={() => openOverlay('palette')}>
          Commands <kbd>{shownKey('Ctrl+K')}</kbd>
        </button>
      </div>
    </header>
  );
}

function VmList({ vms, selected }: { readonly vms: readonly VmSummary[]; readonly selected: number | undefined }) {
  const lab = useLab();
  const move = (by: number) => {
    const index = vms.findIndex(({ vm }) => vm === selected);
    const next = vms[Math.max(0, Math.min(vms.length - 1, index + by))];
    if (next === undefined) return;
    lab.vms.select(next.vm);
    document.getElementById(`vm-${next.vm}`)?.focus();
  };
  return (
    <div
      className={styles['vms']}
      role="radiogroup"
      aria-label="VM to look at"
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      }}
    >
      {vms.map((vm) => (
        <VmChip
          key={vm.vm}
          vm={vm}
          selected={vm.vm === selected}
          numbered={vms.some((other) => other.vm !== vm.vm && other.title === vm.title)}
        />
      ))}
    </div>
  );
}

interface VmChipProps {
  readonly vm: VmSummary;
  readonly selected: boolean;
  /** Another VM has the same title. */
  readonly numbered: boolean;
}

function VmChip({ vm, selected, numbered }: VmChipProps) {
  const lab = useLab();
  const { trigger, bubble } = usePopover(
    <>
      <strong>
        VM {vm.vm}: {vm.title}
      </strong>
      <br />
      {TECHNIQUE_NAMES[vm.technique]}, {formatBytes(vm.memoryBytes)}, {stateName(vm)}
      {vm.machine === 'B' && ', on machine B'}.
      {vm.ending !== undefined && (
        <>
          <br />
          {vm.ending.message}
        </>
      )}
    </>,
  );
  return (
    <>
      <button
        type="button"
        id={`vm-${vm.vm}`}
        role="radio"
        aria-checked={selected}
        tabIndex={selected ? 0 : -1}
        className={styles['chip']}
        {...trigger}
        onClick={() => lab.vms.select(vm.vm)}
      >
        <VmStateShape vm={vm} />
        <span className={styles['title']}>{vm.title}</span>
        {numbered && <span className={styles['number']}>{vm.vm}</span>}
        <span className="visually-hidden">, {stateName(vm)}</span>
      </button>
      {bubble}
    </>
  );
}

/** Which hart of the guest the registers, the code and the walk are about. */
function VcpuSelect({ vm }: { readonly vm: VmSummary | undefined }) {
  const chosen = useChoice((choice) => choice.vcpu);
  const { trigger, bubble } = usePopover('The hart of the guest that is looked at, and that a step is about.');
  if (vm === undefined || vm.vcpus.length < 2) return null;
  const name = vm.technique === 'bare' ? 'hart' : 'vCPU';
  return (
    <>
      <select
        className={styles['vcpu']}
        aria-label={`${name} to look at`}
        value={chosen}
        {...trigger}
        onChange={(event) => choose({ vcpu: Number(event.target.value), cursor: undefined, disassembly: 'pc' })}
      >
        {vm.vcpus.map(({ state }, index) => (
          <option key={index} value={index}>
            {name} {index}
            {state === 'stopped' ? ', not started' : ''}
          </option>
        ))}
      </select>
      {bubble}
    </>
  );
}

function TechniqueSelect({ vm }: { readonly vm: VmSummary | undefined }) {
  const lab = useLab();
  const { catalog } = useCoreStatus();
  const { trigger, bubble } = usePopover(
    'How the hypervisor runs the guest. Another technique begins the guest from its first instruction.',
  );
  if (vm === undefined) return null;
  const possible: readonly Technique[] = guestOf(catalog, vm.guest)?.techniques ?? techniques;
  return (
    <>
      <select
        className={styles['technique']}
        aria-label="Technique"
        value={vm.technique}
        {...trigger}
        onChange={(event) => {
          const wanted = possible.find((technique) => technique === event.target.value);
          if (wanted !== undefined) void lab.vms.changeTechnique(vm.vm, wanted);
        }}
      >
        {possible.map((technique) => (
          <option key={technique} value={technique}>
            {TECHNIQUE_NAMES[technique]}
          </option>
        ))}
      </select>
      {bubble}
    </>
  );
}
