// The signs of the run and step buttons: those that debuggers have used for decades, as 16-pixel strokes.

import type { ReactNode } from 'react';

const dot = <circle cx="8" cy="13" r="1.7" fill="currentColor" stroke="none" />;

const DRAWN: Readonly<Record<string, ReactNode>> = {
  'run.continue': <path d="M4.5 2.8v10.4L13 8z" fill="currentColor" stroke="none" />,
  'run.pause': <path d="M5.4 3v10M10.6 3v10" strokeWidth="2.2" />,
  'step.over': (
    <>
      <path d="M2.5 9.5A5.6 5.6 0 0 1 13 8.2M13.4 4.2v4.2H9.2" />
      {dot}
    </>
  ),
  'step.instruction': (
    <>
      <path d="M8 1.8v7.4M4.6 6 8 9.4 11.4 6" />
      {dot}
    </>
  ),
  'step.out': (
    <>
      <path d="M8 9.6V2.2M4.6 5.4 8 2l3.4 3.4" />
      {dot}
    </>
  ),
  'step.exit': <path d="M2 8h8.4M7.2 4.6 10.6 8l-3.4 3.4M13.6 3v10" />,
  'step.interrupt': <path d="M9.4 1.6 4.2 8.8h3.4l-1 5.6 5.2-7.2H8.4z" />,
  'vm.reset': <path d="M3 3v3.6h3.6M3.4 6.4A5.2 5.2 0 1 1 2.9 9.4" />,
  'vm.remove': <path d="M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4" />,
  'vm.add': <path d="M8 3v10M3 8h10" />,
};

/** Undefined for commands without a sign. */
export function StepIcon({ command }: { readonly command: string }) {
  const drawn = DRAWN[command];
  if (drawn === undefined) return null;
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {drawn}
    </svg>
  );
}
