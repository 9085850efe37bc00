// The console: one tab a VM, its serial port below, and how Tab leaves it written under it.

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { EmptyState } from '../components/EmptyState.tsx';
import { useLab } from '../lab.ts';
import type { PanelProps } from '../panel.ts';
import { VmStateShape } from '../shell/VmState.tsx';
import styles from './ConsolePanel.module.css';
import { createTerminals } from './terminals.ts';

export function ConsolePanel({ frame, vm: selected }: PanelProps) {
  const lab = useLab();
  const terminals = lab.terminals(createTerminals);
  const vms = frame?.vms ?? [];
  const [picked, setPicked] = useState<number>();
  const [followed, setFollowed] = useState(selected?.vm);
  // The console follows the VM that is looked at, until the person picks another tab here.
  if (followed !== selected?.vm) {
    setFollowed(selected?.vm);
    setPicked(undefined);
  }
  const vm = vms.find((summary) => summary.vm === picked) ?? selected;
  const present = vms.map((summary) => summary.vm).join();
  useEffect(() => {
    if (present !== '') terminals.keepOnly(present.split(',').map(Number));
  }, [terminals, present]);

  if (vm === undefined) {
    return <EmptyState title="What a guest writes to its serial port appears here.">Add a VM to see it.</EmptyState>;
  }
  return (
    <div className={styles['console']}>
      {vms.length > 1 && (
        <div className={styles['tabs']} role="tablist" aria-label="Console of">
          {vms.map((summary) => (
            <button
              key={summary.vm}
              type="button"
              role="tab"
              aria-selected={summary.vm === vm.vm}
              tabIndex={summary.vm === vm.vm ? 0 : -1}
              className={styles['tab']}
              onClick={() => setPicked(summary.vm)}
              onKeyDown={(event) => {
                const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
                if (by === undefined) return;
                event.preventDefault();
                const tabs = event.currentTarget.parentElement?.querySelectorAll<HTMLElement>('[role=tab]') ?? [];
                const index = vms.findIndex((other) => other.vm === vm.vm);
                const next = (index + by + vms.length) % vms.length;
                setPicked(vms[next]?.vm);
                tabs[next]?.focus();
              }}
            >
              <VmStateShape vm={summary} /> {summary.title}
              {vms.some((other) => other.vm !== summary.vm && other.title === summary.title) && ` ${summary.vm}`}
            </button>
          ))}
        </div>
      )}
      <Screen key={vm.vm} vm={vm.vm} title={vm.title} />
      <TabNote />
    </div>
  );
}

function Screen({ vm, title }: { readonly vm: number; readonly title: string }) {
  const terminals = useLab().terminals(createTerminals);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => (host.current === null ? undefined : terminals.of(vm).show(host.current)), [terminals, vm]);
  return (
    <div
      ref={host}
      className={styles['screen']}
      role="group"
      aria-label={`Serial port of ${title}`}
      data-console={vm}
      data-autofocus
      tabIndex={-1}
      onFocus={(event) => event.target === event.currentTarget && terminals.of(vm).focus()}
    />
  );
}

function TabNote() {
  const terminals = useLab().terminals(createTerminals);
  const leaves = useSyncExternalStore(terminals.onTabLeaves, terminals.tabLeaves);
  return (
    <p className={styles['note']}>
      {leaves ? 'Tab leaves the console.' : 'Tab goes to the guest.'}{' '}
      <button type="button" className={styles['toggle']} onClick={() => terminals.setTabLeaves(!leaves)}>
        <kbd>Ctrl+M</kbd> {leaves ? 'gives it to the guest' : 'lets it leave'}
      </button>
    </p>
  );
}
