// The strip at the bottom: who runs · mode · pc · why it stopped, in one sentence · instructions · exits a second · MIPS.

import type { VmSummary } from '../../protocol/frame.ts';
import type { Situation } from '../commands/command-row.ts';
import { Address } from '../components/Address.tsx';
import { Explained } from '../components/Explained.tsx';
import { ModeBadge } from '../components/ModeBadge.tsx';
import { Sentence } from '../components/Sentence.tsx';
import { formatBytes, formatCount, formatLarge } from '../format.ts';
import { isMoving, useFrame } from '../frame-store.ts';
import { useShell } from '../shell-state.ts';
import styles from './StatusStrip.module.css';
import { useCalm, useRunner } from './use-calm.ts';
import { statusWords } from './status-words.ts';
import { stateName } from './VmState.tsx';

const SENTENCE_EVERY_MS = 2500;

export function StatusStrip({ situation: { vm, frame, phase } }: { readonly situation: Situation }) {
  const beginning = useShell((state) => state.beginning);
  const moving = vm !== undefined && isMoving(vm);
  const sentence = useCalm(sentenceOf(vm, phase, beginning), SENTENCE_EVERY_MS, moving);
  const runner = useRunner(vm);
  const { refusal } = useFrame();
  // Of the machine that the VM is on; a bare guest has one of its own, and all of it.
  const memory = frame?.machines.find(({ name }) => name === vm?.machine);
  return (
    <footer className={styles['strip']} aria-label="Status">
      {vm !== undefined && (
        <>
          <span className={styles['who']}>
            <ModeBadge actor={runner} mode={moving ? undefined : vm.mode} />
          </span>
          <Address space="gva" address={vm.pc} to="instruction" />
        </>
      )}
      <span className={styles['sentence']} title={refusal ?? sentence}>
        <Sentence>{refusal ?? sentence}</Sentence>
      </span>
      {vm !== undefined && frame !== undefined && (
        <span className={styles['numbers']}>
          <Number value={moving ? formatLarge(vm.instructions) : formatCount(vm.instructions)} unit="instructions" />
          <Number
            value={moving ? formatLarge(vm.exits) : formatCount(vm.exits)}
            unit={<Explained row={statusWords.exit}>exits</Explained>}
          />
          <Number value={formatLarge(frame.machine.exitsPerSecond)} unit="exits/s" />
          <Number value={frame.machine.mips.toFixed(1)} unit={<Explained row={statusWords.mips} />} />
          {memory !== undefined && (
            <Number
              className={styles['memory']}
              value={`${formatBytes(memory.memoryUsedBytes)} of ${formatBytes(memory.memoryBytes)}`}
              unit={frame.machines.length > 1 ? `machine ${memory.name}` : 'given out'}
            />
          )}
        </span>
      )}
    </footer>
  );
}

interface NumberProps {
  readonly value: string;
  readonly unit: React.ReactNode;
  readonly className?: string | undefined;
}

function Number({ value, unit, className = '' }: NumberProps) {
  return (
    <span className={`${styles['number'] ?? ''} ${className}`}>
      <span className="tabular">{value}</span> <span className={styles['unit']}>{unit}</span>
    </span>
  );
}

function sentenceOf(vm: VmSummary | undefined, phase: Situation['phase'], beginning: boolean): string {
  if (phase === 'starting') return 'The machine is being started.';
  if (phase === 'dead') return 'The machine has stopped.';
  if (vm === undefined && beginning) return 'The guest is being fetched.';
  if (vm === undefined) return 'No VM. Add one to have something to look at.';
  if (vm.ending !== undefined) return vm.ending.message;
  if (!isMoving(vm)) return vm.stopReason?.sentence ?? `The guest is ${stateName(vm)}.`;
  return vm.lastExit ?? (vm.technique === 'bare' ? 'It runs on a machine of its own: nothing exits.' : 'No exit yet.');
}
