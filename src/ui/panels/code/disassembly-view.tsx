// The instructions around pc, or around an address: a window that moves over the address space, with a gutter for
// breakpoints. Arrows move the cursor, Enter follows a branch, Home goes back to pc; F9 is the shell's.

import { useCallback, useState, type KeyboardEvent } from 'react';
import { findRow } from '../../../core/isa/instructions.ts';
import type { DisassemblyLine } from '../../../protocol/frame.ts';
import { Term } from '../../components/Term.tsx';
import { toggledBreakpoint } from '../../choice.ts';
import { formatHex } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { useSize } from '../use-size.ts';
import { useWheel } from '../use-wheel.ts';
import { movedBy, ROWS_BEFORE, windowFollowing, windowShowing } from './address-window.ts';
import styles from './code.module.css';

const ROW_HEIGHT = 24;
const WHEEL_ROWS = 3;
const INITIAL_ROWS_ABOVE = 5;

export function DisassemblyView({ frame, vm, choice, choose, navigate }: PanelProps) {
  const [measured, { height }] = useSize({ width: 0, height: 16 * ROW_HEIGHT });
  const rows = Math.max(4, Math.min(ROWS_BEFORE, Math.floor(height / ROW_HEIGHT)));
  const answer = frame?.answers.disassembly;
  const pc = answer?.pc ?? vm?.pc ?? 0;
  const anchor = choice.disassembly === 'pc' ? pc : choice.disassembly;
  const [present, setTop] = useState(movedBy(anchor, -INITIAL_ROWS_ABOVE));
  const top = windowShowing(present, rows, anchor);
  if (top !== present) setTop(top);

  const moveTo = (next: number) => {
    setTop(next);
    choose({ disassembly: movedBy(next, Math.floor(rows / 3)) });
  };
  const turned = useWheel((direction) => moveTo(movedBy(top, direction * WHEEL_ROWS)));
  const list = useCallback(
    (element: HTMLElement | null) => {
      void measured(element);
      void turned(element);
    },
    [measured, turned],
  );
  const moveCursor = (by: number) => {
    const cursor = movedBy(choice.cursor ?? pc, by);
    const next = windowFollowing(top, rows, cursor);
    setTop(next);
    choose(next === top ? { cursor } : { cursor, disassembly: cursor });
  };
  const byAddress = new Map(answer?.lines.map((line) => [line.gva, line]));
  const shown = Array.from({ length: rows }, (_, index) => movedBy(top, index));
  const breakpoints = new Set(vm === undefined ? [] : choice.breakpoints[vm.vm]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => moveCursor(1),
      ArrowUp: () => moveCursor(-1),
      PageDown: () => moveCursor(rows - 1),
      PageUp: () => moveCursor(1 - rows),
      Home: () => choose({ cursor: pc, disassembly: 'pc' }),
      Enter: () => {
        const target = byAddress.get(choice.cursor ?? pc)?.target;
        if (target !== undefined) navigate.toInstruction(target);
      },
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  };

  return (
    <div
      ref={list}
      tabIndex={0}
      role="grid"
      aria-label="Disassembly; arrows move, Enter follows a branch, F9 sets a breakpoint, Home goes to pc"
      aria-activedescendant={choice.cursor === undefined ? undefined : `instruction-${choice.cursor}`}
      onKeyDown={onKeyDown}
      className={styles['disassembly']}
    >
      {/* Keyed by place: a running guest is elsewhere at each frame, and rows are dear to make. */}
      {shown.map((gva, place) => {
        const line = byAddress.get(gva);
        return (
          <div
            key={place}
            id={`instruction-${gva}`}
            role="row"
            aria-selected={gva === choice.cursor}
            aria-current={gva === pc ? 'location' : undefined}
            className={classNames(styles['line'], gva === pc && styles['current'])}
            onClick={() => choose({ cursor: gva })}
          >
            <span role="gridcell">
              <button
                type="button"
                tabIndex={-1}
                className={styles['gutter']}
                aria-pressed={breakpoints.has(gva)}
                aria-label={`Breakpoint at ${formatHex(gva)}`}
                onClick={(event) => {
                  event.stopPropagation();
                  if (vm !== undefined) choose({ cursor: gva, ...toggledBreakpoint(choice, vm.vm, gva) });
                }}
              >
                <span className={styles['dot']} />
              </button>
            </span>
            <span role="gridcell" className={styles['marker']} aria-label={gva === pc ? 'pc is here' : undefined}>
              {gva === pc && <PcArrow />}
            </span>
            <span role="gridcell" className={styles['gva']}>
              {formatHex(gva, choice.grouping)}
            </span>
            <Instruction line={line} named={gva === top} {...{ choice, navigate }} />
          </div>
        );
      })}
    </div>
  );
}

const PcArrow = () => (
  <svg width="11" height="12" viewBox="0 0 11 12" aria-hidden="true">
    <path d="M0 1 H5 L11 6 5 11 H0z" fill="currentColor" />
  </svg>
);

interface InstructionProps extends Pick<PanelProps, 'choice' | 'navigate'> {
  readonly line: DisassemblyLine | undefined;
  /** Names its symbol even if it is not the symbol's first instruction. */
  readonly named: boolean;
}

function Instruction({ line, named, choice, navigate }: InstructionProps) {
  if (line === undefined) return <span className={shared['faint']}>…</span>;
  const { word, text, target, symbol } = line;
  if (word === undefined) return <span className={shared['faint']}>not mapped</span>;
  const space = text.indexOf(' ');
  const mnemonic = space < 0 ? text : text.slice(0, space);
  const row = findRow(word);
  return (
    <>
      <span role="gridcell" className={styles['word']}>
        {formatHex(word, choice.grouping)}
      </span>
      <span role="gridcell" className={styles['text']}>
        {row === undefined ? (
          mnemonic
        ) : (
          <Term
            tabIndex={-1}
            explain={{
              title: row.mnemonic === mnemonic ? mnemonic : `${mnemonic}: ${row.mnemonic} ${row.form}`,
              sentence: row.meaning,
              section:
                row.extension === 'privileged' || row.extension === 'H'
                  ? `Priv, ${row.mnemonic}`
                  : `Unpriv, “${row.extension}”`,
            }}
          >
            {mnemonic}
          </Term>
        )}
        {space < 0 ? '' : text.slice(space)}
        {target !== undefined && (
          <button
            type="button"
            tabIndex={-1}
            className={styles['target']}
            title="Shows the instruction this one goes to"
            onClick={(event) => {
              event.stopPropagation();
              navigate.toInstruction(target);
            }}
          >
            {target < line.gva ? '↑' : '↓'} {formatHex(target, choice.grouping)}
          </button>
        )}
      </span>
      {symbol !== undefined && (
        <span role="gridcell" className={classNames(styles['symbol'], symbol.offset === 0 && styles['label'])}>
          {(named || symbol.offset === 0) && symbol.name}
          {symbol.offset === 0 ? ':' : ` +${symbol.offset.toString(16)}`}
        </span>
      )}
    </>
  );
}
