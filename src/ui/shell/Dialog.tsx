// A modal dialog: the browser's own element, so focus stays inside, Escape closes it, and focus goes back where it was.

import { useLayoutEffect, useRef, type ReactNode } from 'react';
import styles from './Dialog.module.css';

interface DialogProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** The palette stands near the top and has no heading. */
  readonly look?: 'sheet' | 'palette';
}

export function Dialog({ label, onClose, children, look = 'sheet' }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect: a key pressed right after the dialog is drawn must find the focus inside.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    const returnTo = document.activeElement;
    element.showModal();
    // Else the browser picks the first control, which is the button that closes.
    element.querySelector<HTMLElement>('[data-autofocus], input:checked')?.focus();
    return () => {
      element.close();
      if (returnTo instanceof HTMLElement && returnTo.isConnected) returnTo.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles[look]}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => event.target === event.currentTarget && onClose()}
    >
      <div className={styles['content']}>
        {look === 'sheet' && (
          <header className={styles['head']}>
            <h2>{label}</h2>
            <button type="button" className="button" onClick={onClose}>
              Close
            </button>
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}
