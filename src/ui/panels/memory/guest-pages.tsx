// The memory of one guest, page by page: a map that can be zoomed until a cell is one frame, with a cursor that keys and fingers
// move, and beside it everything that is known of the page under the cursor.

import type { KeyboardEvent } from 'react';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Failure } from '../../components/Failure.tsx';
import { formatBytes } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { AddressForm } from '../address-form.tsx';
import shared from '../panel.module.css';
import { useAttempt } from '../use-attempt.ts';
import { useSize } from '../use-size.ts';
import { FRAME_BYTES } from './frame-map.ts';
import styles from './guest-pages.module.css';
import { DirtyLog } from './memory-use.tsx';
import { columnsFor, movedPage, scaleFor, wholeScale } from './page-cells.ts';
import { PageCursor, PageDetail } from './page-detail.tsx';
import { PageLegend, PageMap } from './page-map.tsx';
import { spokenPage } from './page-words.ts';

export function GuestPages({ frame, vm, choice, choose, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const answer = frame?.answers.guestPages;
  const [map, { width }] = useSize({ width: 640, height: 0 });
  if (vm === undefined || answer?.vm !== vm.vm) {
    return (
      <EmptyState title="Here each page of a guest’s memory is shown.">
        {vm === undefined ? 'Add a virtual machine in the bar above first.' : 'The map is on its way.'}
      </EmptyState>
    );
  }
  const { pages, pagesPerCell, page } = answer;
  // Keys may come faster than answers: each goes on from what was chosen last.
  const here = choice.frames.page ?? page.page;
  const scale = scaleFor(pages, choice.frames.pagesPerCell);
  const columns = columnsFor(width);
  const go = (to: number) => choose({ frames: { ...choice.frames, page: to } });
  const zoom = (by: number) =>
    choose({ frames: { ...choice.frames, pagesPerCell: Math.min(wholeScale(pages), Math.max(1, scale * by)) } });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const to = movedPage(here, event.key, columns, { pages, pagesPerCell: scale });
    if (to !== undefined) go(to);
    else if (event.key === '+' || event.key === 'Enter') zoom(1 / 4);
    else if (event.key === '-') zoom(4);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className={styles['tools']}>
        <button type="button" className="button outlined" disabled={scale >= wholeScale(pages)} onClick={() => zoom(4)}>
          − Zoom out
        </button>
        <button type="button" className="button outlined" disabled={scale === 1} onClick={() => zoom(1 / 4)}>
          + Zoom in
        </button>
        <AddressForm
          key={page.gpa}
          label="Page at the guest physical address, hexadecimal"
          address={page.gpa}
          limit={answer.baseGpa + pages * FRAME_BYTES}
          onAddress={(gpa) => go(Math.max(0, Math.floor((gpa - answer.baseGpa) / FRAME_BYTES)))}
        />
        {vm.technique !== 'bare' && (
          <label className={styles['log']}>
            Dirty log <DirtyLog use={answer} title={vm.title} attempt={attempt} command={command} />
          </label>
        )}
        <Failure>{failure}</Failure>
      </div>
      <PageCursor answer={answer} onStep={(by) => go(Math.min(pages - 1, Math.max(0, here + by)))} />
      <p className={shared['quiet']}>
        {vm.title} (VM {vm.vm}): {formatBytes(pages * FRAME_BYTES)} from{' '}
        <Address space="gpa" address={answer.baseGpa} />. A cell is{' '}
        {pagesPerCell === 1 ? 'one page of 4 KiB' : `${pagesPerCell} pages, ${formatBytes(pagesPerCell * FRAME_BYTES)}`}
        , a row {formatBytes(columns * pagesPerCell * FRAME_BYTES)}; the map begins at{' '}
        <Address space="gpa" address={answer.baseGpa + answer.first * FRAME_BYTES} />.
      </p>
      <div ref={map}>
        <div
          className={styles['map']}
          tabIndex={0}
          role="slider"
          aria-label={`Page of ${vm.title}; arrows, Page Up and Page Down move, plus and minus zoom`}
          aria-orientation="horizontal"
          aria-valuemin={0}
          aria-valuemax={pages - 1}
          aria-valuenow={page.page}
          aria-valuetext={spokenPage(answer)}
          onKeyDown={onKeyDown}
        >
          <PageMap answer={answer} columns={columns} width={width} onPage={go} onZoom={() => zoom(1 / 4)} />
        </div>
      </div>
      <PageLegend />
      <PageDetail answer={answer} />
    </>
  );
}
