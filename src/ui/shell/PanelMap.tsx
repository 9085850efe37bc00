// The map of all panels, by topic, each with what it shows: the way to those that are closed at first.

import type { CommandRow, Situation } from '../commands/command-row.ts';
import { useLab } from '../lab.ts';
import { topics, type Panel } from '../panel.ts';
import { openOverlay } from '../shell-state.ts';
import { Keys } from './CommandButton.tsx';
import { Dialog } from './Dialog.tsx';
import styles from './PanelMap.module.css';

interface PanelMapProps {
  readonly rows: readonly CommandRow[];
  readonly situation: Situation;
}

export function PanelMap({ rows, situation }: PanelMapProps) {
  const { panels } = useLab();
  const none = situation.frame?.vms.length === 0;
  const close = () => openOverlay(undefined);
  const show = ({ id }: Panel) => {
    close();
    // After the dialog has given the focus back, so that the panel may take it.
    requestAnimationFrame(() => rows.find((row) => row.id === `panel.${id}`)?.run(situation));
  };
  return (
    <Dialog label="All panels" onClose={close}>
      {none && <p className={styles['note']}>The panels come with a VM: add one first.</p>}
      <div className={styles['map']}>
        {topics.map((topic) => {
          const members = panels.filter((panel) => panel.topic === topic);
          return (
            members.length > 0 && (
              <section key={topic} aria-label={topic}>
                <h3>{topic}</h3>
                <ul>
                  {members.map((panel) => (
                    <li key={panel.id}>
                      <button
                        type="button"
                        className={styles['panel']}
                        aria-disabled={none}
                        data-command={`panel.${panel.id}`}
                        onClick={() => !none && show(panel)}
                        data-autofocus={panel === panels[0] ? true : undefined}
                      >
                        <span className={styles['title']}>
                          {panel.title}
                          {panel.key !== undefined && <Keys keys={[panel.key]} />}
                        </span>
                        <span className={styles['about']}>{panel.about}</span>
                      </button>
                    </li>
                  ))}
                </ul>
              </section>
            )
          );
        })}
      </div>
    </Dialog>
  );
}
