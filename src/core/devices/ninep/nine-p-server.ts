// A file server for 9P2000.L, the dialect of Linux's v9fs: one request in, one answer out. It keeps the client's fids; the files
// themselves are the shared folder's.

import type { DeviceState } from '../device.ts';
import { adoptState, number, upTo, WORD, type FieldsOf } from '../device-state.ts';
import { FidTable, MOST_FID_NUMBERS } from './nine-p-fids.ts';
import { HANDLERS, SMALLEST_MESSAGE, type NinePSession } from './nine-p-messages.ts';
import { HEADER_BYTES, MessageReader, MessageWriter } from './nine-p-wire.ts';
import { Errno, FolderError, type SharedFolder } from './shared-folder.ts';

/** Bytes of the longest message this server takes or sends. */
export const LARGEST_MESSAGE = 512 * 1024;
const RLERROR = 7;
const NO_TAG = 0xffff;
/** Of the answers to reads: the header and a count. */
const READ_OVERHEAD = HEADER_BYTES + 4;

/** What one request was about, for a display. */
export interface NinePOutcome {
  readonly name: string;
  /** 0, or the errno of the answer. */
  readonly errno: number;
  readonly answer: Uint8Array;
}

type SessionState = { largest: number; fids: readonly number[] };
const FIELDS: FieldsOf<SessionState> = {
  largest: number(SMALLEST_MESSAGE, LARGEST_MESSAGE),
  fids: upTo(MOST_FID_NUMBERS, WORD),
};

export class NinePServer implements NinePSession {
  readonly folder: SharedFolder;
  readonly fids = new FidTable();
  #largest = SMALLEST_MESSAGE;
  /** Bytes that the answer may have which is being made. */
  #room = 0;

  constructor(folder: SharedFolder) {
    this.folder = folder;
  }

  /** Answers one request, whatever is in it. @param room bytes the answer may have */
  serve(request: Uint8Array, room: number): NinePOutcome {
    let tag = NO_TAG;
    let name = 'malformed';
    try {
      const message = new MessageReader(request);
      message.u32(); // its size: what there is of it counts
      const type = message.u8();
      tag = message.u16();
      const handler = HANDLERS[type];
      if (handler === undefined) throw new FolderError(Errno.notSupported);
      ({ name } = handler);
      this.#room = room;
      const answer = new MessageWriter();
      handler.serve(this, message, answer);
      const bytes = answer.message(type + 1, tag);
      if (bytes.length > room) throw new FolderError(Errno.protocol);
      return { name, errno: 0, answer: bytes };
    } catch (error) {
      if (!(error instanceof FolderError)) throw error;
      return { name, errno: error.errno, answer: new MessageWriter().u32(error.errno).message(RLERROR, tag) };
    }
  }

  begin(largest: number): number {
    this.reset();
    this.#largest = Math.min(largest, LARGEST_MESSAGE);
    return this.#largest;
  }

  content(): number {
    return Math.max(0, Math.min(this.#largest, this.#room) - READ_OVERHEAD);
  }

  /** The client is gone. */
  reset(): void {
    this.fids.clear();
    this.#largest = SMALLEST_MESSAGE;
  }

  /** The session; the files are the folder's own. */
  snapshot(): DeviceState {
    return { largest: this.#largest, fids: this.fids.snapshot() };
  }

  /** @throws Error where the state is not one of a 9P server */
  restore(state: DeviceState): void {
    const { largest, fids } = adoptState('shared folder', FIELDS, state);
    this.#largest = largest;
    this.fids.restore(fids, this.folder.root);
  }
}
