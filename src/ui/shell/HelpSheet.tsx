// All keys, derived from the command rows, and the page's signs: modes, address kinds, the mark of change.

import { techniques } from '../../protocol/vocabulary.ts';
import { Address } from '../components/Address.tsx';
import { actors, ActorShape, type Actor } from '../components/ModeBadge.tsx';
import { Explanation } from '../components/Explained.tsx';
import type { CommandGroup, CommandRow } from '../commands/command-row.ts';
import { glossary } from '../glossary.ts';
import { openOverlay } from '../shell-state.ts';
import { Keys } from './CommandButton.tsx';
import { Dialog } from './Dialog.tsx';
import styles from './HelpSheet.module.css';

const GROUPS: readonly CommandGroup[] = ['Run', 'Step', 'VMs', 'Panels', 'Help'];
const SPACES = ['gva', 'gpa', 'hpa'] as const;

export function HelpSheet({ rows }: { readonly rows: readonly CommandRow[] }) {
  return (
    <Dialog label="Keys and signs" onClose={() => openOverlay(undefined)}>
      <div className={styles['sheet']} role="region" aria-label="Keys and signs" tabIndex={0} data-autofocus>
        <section className={styles['keys']} aria-label="Keys">
          {GROUPS.map((group) => (
            <div key={group}>
              <h3>{group}</h3>
              <dl>
                {rows
                  .filter((row) => row.group === group && row.keys.length > 0)
                  .map((row) => (
                    <div key={row.id}>
                      <dt>
                        <Keys keys={row.keys} />
                      </dt>
                      <dd>{row.title}</dd>
                    </div>
                  ))}
              </dl>
            </div>
          ))}
        </section>
        <section aria-label="Signs">
          <h3>Who runs</h3>
          <dl>
            {Object.entries(actors).map(([actor, { name, sentence }]) => (
              <div key={actor}>
                <dt className={styles['sign']}>
                  <ActorShape actor={actor as Actor} size={12} /> {name}
                </dt>
                <dd>{sentence}</dd>
              </div>
            ))}
          </dl>
          <h3>Addresses</h3>
          <dl>
            {SPACES.map((space) => (
              <div key={space}>
                <dt>
                  <Address space={space} address={0x8040_1a2c} to="nowhere" />
                </dt>
                <dd>
                  {glossary[space].title}. {glossary[space].sentence}
                </dd>
              </div>
            ))}
            <div>
              <dt>
                <span className="mono changed">0000_002a</span>
              </dt>
              <dd>Differs from the last stop.</dd>
            </div>
          </dl>
          <h3>Techniques</h3>
          {techniques.map((technique) => (
            <Explanation key={technique} row={glossary[technique]} />
          ))}
        </section>
        <p className={styles['note']}>
          In the console and the editor, letters and Ctrl combinations belong to the guest and the text. Ctrl+M there
          lets Tab leave. Splitters between panels take the focus by Tab and move by arrow keys; “Move …” in the palette
          puts a panel anywhere without dragging.
        </p>
      </div>
    </Dialog>
  );
}
