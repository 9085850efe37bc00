// A quiet explanation beside the thing it explains: opens on hover (after a moment) and on focus, closes on Escape,
// can itself be hovered (WCAG 1.4.13). Lives in the top layer, so dialogs and docks do not cut it off.

import {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type FocusEvent,
  type PointerEvent,
  type ReactNode,
} from 'react';
import { createPortal } from 'react-dom';
import styles from './Popover.module.css';

const OPEN_AFTER_MS = 350;
const CLOSE_AFTER_MS = 120;
const MARGIN = 6;

/**
 * The behaviour alone, for things that are focusable already (a button): spread `trigger` on it and render `bubble` beside it.
 */
export function usePopover(content: ReactNode) {
  const id = useId();
  const [target, setTarget] = useState<Element>();
  const bubble = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  const open = target !== undefined;

  const openOn = useCallback((element: Element | undefined, delay = 0) => {
    window.clearTimeout(timer.current);
    if (delay === 0) setTarget(element);
    else timer.current = window.setTimeout(() => setTarget(element), delay);
  }, []);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  useLayoutEffect(() => {
    const box = bubble.current;
    if (target === undefined || box === null) return;
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
      openOn(undefined);
    };
    const closeOnScroll = (event: Event) => {
      if (!(event.target instanceof Node && box.contains(event.target))) openOn(undefined);
    };
    document.addEventListener('keydown', closeOnEscape, true);
    document.addEventListener('scroll', closeOnScroll, true);
    return () => {
      document.removeEventListener('keydown', closeOnEscape, true);
      document.removeEventListener('scroll', closeOnScroll, true);
    };
  }, [target, openOn]);

  return {
    trigger: {
      'aria-describedby': open ? id : undefined,
      onPointerEnter: (event: PointerEvent) => {
        if (event.pointerType !== 'touch') openOn(event.currentTarget, OPEN_AFTER_MS);
      },
      onPointerLeave: () => openOn(undefined, CLOSE_AFTER_MS),
      onPointerDown: (event: PointerEvent) => {
        openOn(event.pointerType === 'touch' && !open ? event.currentTarget : undefined);
      },
      onFocus: (event: FocusEvent) => {
        if (event.currentTarget.matches(':focus-visible')) openOn(event.currentTarget);
      },
      onBlur: () => openOn(undefined),
    },
    bubble:
      open &&
      createPortal(
        <div
          ref={bubble}
          id={id}
          role="tooltip"
          popover="manual"
          className={styles['bubble']}
          onPointerEnter={() => window.clearTimeout(timer.current)}
          onPointerLeave={() => openOn(undefined, CLOSE_AFTER_MS)}
        >
          {content}
        </div>,
        document.body,
      ),
  };
}

export interface PopoverProps {
  /** What is explained: inline content. */
  readonly children: ReactNode;
  readonly content: ReactNode;
  readonly className?: string | undefined;
  /** -1 where a table's roving focus reaches it another way. */
  readonly tabIndex?: number | undefined;
}

export function Popover({ children, content, className, tabIndex = 0 }: PopoverProps) {
  const { trigger, bubble } = usePopover(content);
  return (
    <span className={`${styles['trigger'] ?? ''} ${className ?? ''}`} tabIndex={tabIndex} {...trigger}>
      {children}
      {bubble}
    </span>
  );
}
