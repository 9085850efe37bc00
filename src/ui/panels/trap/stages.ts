// The four steps of one exit – cause, handler, effect, resume – and how far the hart has come. Pure.

import { formatHex } from '../../format.ts';
import type { Effect, ExitDetail, StageAnswer } from '../../../protocol/frame.ts';

/** The two columns between cause and resume are filled from the effects: what was read, and what was changed. */
export type StepName = 'cause' | 'handler' | 'effect' | 'resume';
export const stepNames: readonly StepName[] = ['cause', 'handler', 'effect', 'resume'];
export type StepState = 'done' | 'now' | 'to come';

const stepOf: Readonly<Record<StageAnswer['stage'], StepName>> = {
  trapped: 'cause',
  handled: 'effect',
  resumed: 'resume',
};

/** How far an exit is: a past one is done; one that is gone through stands after its cause, after its effects, or at its end. */
export function stepState(step: StepName, stage: StageAnswer['stage'] | 'past'): StepState {
  if (stage === 'past') return 'done';
  const now = stepNames.indexOf(stepOf[stage]);
  const position = stepNames.indexOf(step);
  return position < now ? 'done' : position === now ? 'now' : 'to come';
}

const reads = new Set<Effect['kind']>(['read-register', 'read-csr', 'read-memory', 'device-read']);
export const isRead = (effect: Effect): boolean => reads.has(effect.kind);

const verbs: Readonly<Record<Effect['kind'], string>> = {
  'read-register': 'read register',
  'write-register': 'wrote register',
  'read-csr': 'read CSR',
  'write-csr': 'wrote CSR',
  'read-memory': 'read memory',
  'write-memory': 'wrote memory',
  'device-read': 'read device register',
  'device-write': 'wrote device register',
  map: 'mapped',
  unmap: 'unmapped',
  flush: 'flushed translations',
  inject: 'injected',
  sbi: 'served SBI call',
  deny: 'denied',
};

/** The effect's verb in the past tense, for the list. */
export const effectVerb = (effect: Effect): string => verbs[effect.kind];

const verdicts: Readonly<Record<ExitDetail['verdict'], string>> = {
  resume: 'The guest goes on; it does not notice.',
  reflect: 'The trap is the guest’s own: it goes on in its trap handler.',
  block: 'The guest waits until an interrupt is pending.',
  kill: 'The guest is ended.',
};

/** What the verdict means for the guest, one sentence. */
export const describeVerdict = (verdict: ExitDetail['verdict']): string => verdicts[verdict];

/** Where the guest resumes, seen from where it left: the same instruction again, the next one, or elsewhere. */
export function describeResume(pc: number, resumePc: number): string {
  if (resumePc === pc) return 'the same instruction again';
  if (resumePc === (pc + 4) >>> 0) return 'the next instruction';
  return 'elsewhere';
}

/**
 * An effect's values in words: what was before and what is now. A read has one value, a call of the firmware an answer; what a
 * mapping or a flush was about stands in its name.
 */
export function transition(effect: Effect, grouping: boolean): string {
  const { kind, before, after } = effect;
  const write = (value: number) => formatHex(value, grouping);
  if (kind === 'flush' || kind === 'map' || kind === 'deny') return '';
  if (before === undefined) return after === undefined ? '' : `${kind === 'sbi' ? 'answered ' : ''}${write(after)}`;
  if (after === undefined) return isRead(effect) ? write(before) : `${write(before)} → gone`;
  if (isRead(effect) || kind === 'device-write') return write(after);
  return before === after ? `${write(after)}, as before` : `${write(before)} → ${write(after)}`;
}
