// A quiet explanation beside the thing it explains: opens on hover (after a moment) and on focus, closes on Escape,
// can itself be hovered (WCAG 1.4.13). Lives in the top layer, so dialogs and docks do not cut it off.

import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import styles from './Popover.module.css';

const OPEN_AFTER_MS = 350;
const CLOSE_AFTER_MS = 120;
const MARGIN = 6;

export interface PopoverProps {
  /** What is explained: inline content. */
  readonly children: ReactNode;
  readonly content: ReactNode;
  readonly className?: string | undefined;
  /** -1 where a table's roving focus reaches it another way. */
  readonly tabIndex?: number | undefined;
}

export function Popover({ children, content, className, tabIndex = 0 }: PopoverProps) {
  const id = useId();
  const trigger = useRef<HTMLSpanElement>(null);
  const bubble = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  const [open, setOpen] = useState(false);

  const later = useCallback((next: boolean, delay: number) => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setOpen(next), delay);
  }, []);
  const now = useCallback((next: boolean) => {
    window.clearTimeout(timer.current);
    setOpen(next);
  }, []);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  useLayoutEffect(() => {
    const target = trigger.current;
    const box = bubble.current;
    if (!open || target === null || box === null) return;
    box.showPopover();
    const around = target.getBoundingClientRect();
    const size = box.getBoundingClientRect();
    const below = around.bottom + MARGIN;
    const above = around.top - MARGIN - size.height;
    const top = below + size.height <= window.innerHeight || above < 0 ? below : above;
    const left = Math.max(MARGIN, Math.min(around.left, window.innerWidth - size.width - MARGIN));
    box.style.top = `${top}px`;
    box.style.left = `${left}px`;
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      now(false);
    };
    const closeOnScroll = (event: Event) => {
      if (!(event.target instanceof Node && box.contains(event.target))) now(false);
    };
    document.addEventListener('keydown', closeOnEscape, true);
    document.addEventListener('scroll', closeOnScroll, true);
    return () => {
      document.removeEventListener('keydown', closeOnEscape, true);
      document.removeEventListener('scroll', closeOnScroll, true);
    };
  }, [open, now]);

  return (
    <span
      ref={trigger}
      className={`${styles['trigger'] ?? ''} ${className ?? ''}`}
      tabIndex={tabIndex}
      aria-describedby={open ? id : undefined}
      onPointerEnter={(event) => event.pointerType !== 'touch' && later(true, OPEN_AFTER_MS)}
      onPointerLeave={() => later(false, CLOSE_AFTER_MS)}
      onPointerDown={(event) => event.pointerType === 'touch' && now(!open)}
      onFocus={(event) => event.currentTarget.matches(':focus-visible') && now(true)}
      onBlur={() => now(false)}
    >
      {children}
      {open &&
        createPortal(
          <div
            ref={bubble}
            id={id}
            role="tooltip"
            popover="manual"
            className={styles['bubble']}
            onPointerEnter={() => window.clearTimeout(timer.current)}
            onPointerLeave={() => later(false, CLOSE_AFTER_MS)}
          >
            {content}
          </div>,
          document.body,
        )}
    </span>
  );
}
