// The page tables as a tree: the guest's own, the second stage, or the hypervisor's shadow. Only valid entries.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';
import type { TablesAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Hex } from '../../components/Hex.tsx';
import { Term } from '../../components/Term.tsx';
import { useRovingRows } from '../../components/roving-rows.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { flagLetters } from '../walk/walk-rows.ts';
import styles from './memory.module.css';
import { shownTable, tableRows, tablesOf, type Table } from './table-rows.ts';

const names: Readonly<Record<Table, string>> = { guest: 'Guest', 'stage-2': 'Stage 2', shadow: 'Shadow' };

export function Tables(props: PanelProps) {
  const { frame, vm, choice, choose } = props;
  if (vm === undefined) {
    return (
      <EmptyState title="Here the page tables are shown as a tree.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const answer = frame?.answers.tables;
  const possible = tablesOf[vm.technique];
  const shown = shownTable(choice.tables.table, vm.technique);
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments
          label="Which tables"
          options={possible.map((value) => ({ value, label: names[value] }))}
          value={shown}
          onChange={(table) => choose({ tables: { table, expanded: [] } })}
        />
        <span className={shared['spring']} />
        {answer?.root !== undefined && (
          <>
            <span className={shared['quiet']}>{answer.name}</span>
            <Address space={answer.rootSpace} address={answer.root} />
          </>
        )}
      </div>
      {answer === undefined ? (
        <p className={classNames(shared['quiet'], shared['padded'])}>Asking the machine…</p>
      ) : answer.root === undefined ? (
        <EmptyState title="This translation is off.">
          {shown === 'guest'
            ? 'The guest’s satp is zero: its virtual addresses are its physical ones.'
            : 'There is no such table now.'}{' '}
          {vm.state === 'ended'
            ? 'To see its tables, put a breakpoint (F9) where it uses them, and run it again.'
            : 'Let the guest run.'}
        </EmptyState>
      ) : (
        <Tree {...props} answer={answer} table={shown} bare={vm.technique === 'bare'} />
      )}
    </div>
  );
}

interface TreeProps extends PanelProps {
  readonly answer: TablesAnswer;
  readonly table: Table;
  readonly bare: boolean;
}

function Tree({ answer, table, bare, choice, choose, navigate }: TreeProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const rows = tableRows(answer.entries);
  // eslint-disable-next-line react-hooks/incompatible-library -- the compiler must not memoize what it returns, and does not
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 24,
    overscan: 6,
  });
  const { expanded } = choice.tables;
  const from = table === 'stage-2' ? 'gpa' : 'gva';
  const to = table === 'guest' && !bare ? 'gpa' : 'hpa';
  const open = (index: number) => {
    const row = rows[index];
    if (row === undefined) return;
    if (row.entry.kind === 'leaf') navigate.toMemory({ space: to, address: row.entry.pointsTo });
    else {
      const next = expanded.includes(row.entry.index)
        ? expanded.filter((other) => other !== row.entry.index)
        : [...expanded, row.entry.index];
      choose({ tables: { table, expanded: next } });
    }
  };
  const roving = useRovingRows({
    count: rows.length,
    active,
    onActive: (index) => {
      setActive(index);
      list.scrollToIndex(index);
    },
    onOpen: open,
    idOf: (index) => `table-entry-${index}`,
  });
  if (rows.length === 0)
    return <EmptyState title="No valid entry yet.">Entries appear as pages are mapped.</EmptyState>;
  return (
    <div
      {...roving.container}
      ref={scroller}
      role="tree"
      aria-label={`${names[table]} page tables; Enter opens a table, or shows the bytes of a page`}
      className={classNames(shared['body'], styles['entries'])}
    >
      <div role="presentation" style={{ height: list.getTotalSize(), position: 'relative' }}>
        {list.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const { entry, depth } = row;
          const pointer = entry.kind === 'pointer';
          const opened = pointer && expanded.includes(entry.index);
          const props = roving.row(item.index);
          return (
            <div
              key={`${row.rootIndex} ${depth} ${entry.index}`}
              {...props}
              onDoubleClick={undefined}
              onClick={() => {
                props.onClick();
                if (pointer) open(item.index);
              }}
              role="treeitem"
              aria-level={depth}
              aria-expanded={pointer ? opened : undefined}
              className={classNames(styles['entry'], depth === 2 && styles['child'])}
              style={{ position: 'absolute', insetInline: 0, top: item.start }}
            >
              <span aria-hidden="true">{pointer ? (opened ? '▾' : '▸') : ''}</span>
              <span className={shared['faint']}>[{entry.index}]</span>
              <Address space={from} address={entry.address} tabIndex={-1} />
              <span className={styles['value']}>
                <Hex value={entry.value} />
              </span>
              <Address space={to} address={entry.pointsTo} to="memory" tabIndex={-1} />
              <span aria-label={`flags ${flagLetters(entry.flags).replaceAll('·', '')}`}>
                {flagLetters(entry.flags)}
              </span>
              <span className={shared['quiet']}>
                {pointer ? (
                  'next table'
                ) : depth === 1 ? (
                  <Term name="superpage" tabIndex={-1}>
                    4 MiB
                  </Term>
                ) : (
                  '4 KiB'
                )}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
