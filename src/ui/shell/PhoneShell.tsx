// On a phone: one panel at a time, its tabs at the bottom. Running and stepping work; editing needs a wider screen.

import { useEffect } from 'react';
import { choose, useChoice } from '../choice.ts';
import { PanelHost } from '../dock/PanelHost.tsx';
import { useLab } from '../lab.ts';
import type { PanelId } from '../panel.ts';
import styles from './PhoneShell.module.css';

export function PhonePanel() {
  const { panels } = useLab();
  const id = useChoice((choice) => choice.phonePanel);
  const panel = panels.find((known) => known.id === id) ?? panels[0];
  return (
    <div
      className={styles['panel']}
      role="tabpanel"
      id="phone-panel"
      aria-labelledby={panel && `phone-tab-${panel.id}`}
    >
      {panel && <PanelHost key={panel.id} panel={panel} visible />}
    </div>
  );
}

export function PhoneTabs() {
  const { panels } = useLab();
  const shown = useChoice((choice) => choice.phonePanel);
  const show = (id: PanelId | undefined) => {
    if (id === undefined) return;
    choose({ phonePanel: id });
    document.getElementById(`phone-tab-${id}`)?.focus();
  };
  useEffect(() => {
    // Newer browsers return a promise here, which must not become the effect's cleanup.
    document.getElementById(`phone-tab-${shown}`)?.scrollIntoView({ inline: 'center' });
  }, [shown]);
  return (
    <div
      className={styles['tabs']}
      role="tablist"
      aria-label="Panels"
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        const index = panels.findIndex(({ id }) => id === shown);
        show(panels[(index + by + panels.length) % panels.length]?.id);
      }}
    >
      {panels.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`phone-tab-${id}`}
          aria-selected={id === shown}
          aria-controls="phone-panel"
          tabIndex={id === shown ? 0 : -1}
          className={styles['tab']}
          onClick={() => show(id)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
