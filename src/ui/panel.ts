// The contract between the shell (bars, dock, frame loop) and the panels inside it.
// A panel is one object: what it is called, what it asks the machine each frame, and a component that is a pure function
// of (frame, choice). Adding one is one file, its row in panels/index.ts and its line in panels/drawn.ts.
//
//   frame loop ──queries(choice, vm)──▶ core ──Frame──▶ Component({ frame, before, vm, choice, … })
//        ▲                                                   │
//        └───────────── choose(change), command(…) ◀─────────┘

import type { ComponentType } from 'react';
import type { Catalog, CommandName, Commands } from '../protocol/commands.ts';
import type { Frame, FrameRequest, VmSummary } from '../protocol/frame.ts';
import type { Choice } from './choice.ts';
import type { PanelId, PanelPlace, SpacedAddress } from './places.ts';

export type { Choice } from './choice.ts';
export type { PanelId, PanelPlace, Space, SpacedAddress } from './places.ts';

/** Ways to show something elsewhere: opens the panel if it is closed, brings it to the front, sets its parameter. */
export interface Navigate {
  /** A guest virtual address opens its walk; a physical one the memory view. */
  readonly toAddress: (where: SpacedAddress) => void;
  /** The bytes at an address, of any space. */
  readonly toMemory: (where: SpacedAddress) => void;
  /** The disassembly around a guest virtual address. */
  readonly toInstruction: (gva: number) => void;
  /** The stages of one exit, by its running number. */
  readonly toExit: (sequence: number) => void;
  readonly toPanel: (panel: PanelId) => void;
  /** Makes a VM the one that is looked at. */
  readonly toVm: (vm: number) => void;
}

/** Sends one command to the core; rejects with an `Error` whose message is fit to be shown. Commands refresh the frame at once. */
export type SendCommand = <Name extends CommandName>(
  name: Name,
  request: Commands[Name]['request'],
) => Promise<Commands[Name]['reply']>;

export interface PanelProps {
  /** What the machine was at the last frame; undefined before the first one. Four a second while it runs, at once when it stops. */
  readonly frame: Frame | undefined;
  /** The frame of the stop before the one shown (same VM): mark what differs. Undefined until there were two. */
  readonly before: Frame | undefined;
  /** The VM being looked at. */
  readonly vm: VmSummary | undefined;
  /** What does not change while the core lives: the guests, the exit reasons. */
  readonly catalog: Catalog | undefined;
  readonly choice: Choice;
  /** Changes what the person chose; shallow merge. Asks for a new frame at once. */
  readonly choose: (change: Partial<Choice>) => void;
  readonly command: SendCommand;
  readonly navigate: Navigate;
}

/** What the panels are about, in the order of the map of panels. */
export const topics = ['Execution', 'CPU', 'Memory', 'I/O', 'VM or container', 'The three properties'] as const;
export type Topic = (typeof topics)[number];

export interface Panel {
  readonly id: PanelId;
  /** In the tab and the palette: one or two words. */
  readonly title: string;
  readonly topic: Topic;
  /** What it shows, in one sentence: the map of panels says it. */
  readonly about: string;
  /** The digit that brings it to the front; none for panels that are reached by the palette only. */
  readonly key: string | undefined;
  readonly place: PanelPlace;
  /** Closed until the person opens it: keeps the first look calm. */
  readonly closedAtFirst?: boolean;
  /** Drawn before the other panels when there is something new. */
  readonly drawnFirst?: boolean;
  /**
   * What the panel needs of the next frame. Called only while the panel is visible. Two panels that ask the same query
   * must ask the same question (the parameters are in `choice`, so they do).
   */
  readonly queries: (choice: Choice, vm: VmSummary | undefined) => FrameRequest['queries'];
  /** May be `React.lazy`: the shell supplies Suspense and an error boundary around each panel. */
  readonly Component: ComponentType<PanelProps>;
}
