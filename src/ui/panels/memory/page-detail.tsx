// The page under the cursor: where it is, and everything that is known of it.

import type { GuestPageDetail, GuestPagesAnswer } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { formatCount } from '../../format.ts';
import shared from '../panel.module.css';
import styles from './guest-pages.module.css';
import { cellText, mappingText, sharersText, stateWords, touchedText } from './page-words.ts';

interface PageCursorProps {
  readonly answer: GuestPagesAnswer;
  readonly onStep: (pages: number) => void;
}

/** Where the cursor is, and what is there in a few words. */
export function PageCursor({ answer: { page, pages }, onStep }: PageCursorProps) {
  return (
    <div className={styles['title']}>
      <span className={styles['place']}>
        Page {formatCount(page.page)} of {formatCount(pages)}
      </span>
      <button type="button" className="button outlined" disabled={page.page === 0} onClick={() => onStep(-1)}>
        Previous
      </button>
      <button type="button" className="button outlined" disabled={page.page === pages - 1} onClick={() => onStep(1)}>
        Next
      </button>
      <span>
        <Address space="gpa" address={page.gpa} /> → <HostPlace page={page} />, {stateWords(page).join(', ')}
      </span>
    </div>
  );
}

export function PageDetail({ answer }: { readonly answer: GuestPagesAnswer }) {
  const { page, pagesPerCell, cell, dirty } = answer;
  return (
    <section aria-label="The page under the cursor" className={styles['detail']}>
      <dl>
        <dt>Guest physical</dt>
        <dd>
          <Address space="gpa" address={page.gpa} />
        </dd>
        <dt>Host physical</dt>
        <dd>
          <HostPlace page={page} />
        </dd>
        <dt>Mapped</dt>
        <dd>
          {mappingText(page.mapping)}
          {page.inBlock && ' Its frame is one of a block of 4 MiB that was given out at once.'}
        </dd>
        <dt>Sharers</dt>
        <dd>{sharersText(page)}</dd>
        <dt>Dirty</dt>
        <dd>
          {dirty === undefined
            ? 'not known: the dirty log of this VM is off'
            : page.marks.includes('dirty')
              ? 'yes: written to since the log was collected'
              : 'no: not written to since the log was collected'}
        </dd>
        <dt>Balloon</dt>
        <dd>{page.marks.includes('ballooned') ? 'given up by the guest’s kernel' : 'not in it'}</dd>
        <dt>Touched</dt>
        <dd>{touchedText(page)}</dd>
        {page.pinned && (
          <>
            <dt>Pinned</dt>
            <dd>its frame must stay where it is: a device or the hypervisor knows its address</dd>
          </>
        )}
      </dl>
      {pagesPerCell > 1 && (
        <p className={shared['quiet']}>
          Of the {formatCount(cell.pages)} pages in this cell: {cellText(answer)}. Zoom in to see them one by one.
        </p>
      )}
    </section>
  );
}

function HostPlace({ page: { hpa, slot } }: { readonly page: GuestPageDetail }) {
  if (hpa !== undefined) return <Address space="hpa" address={hpa} />;
  return (
    <>{slot === undefined ? 'none: no frame is behind it' : `none: in the hypervisor’s swap store, slot ${slot}`}</>
  );
}
