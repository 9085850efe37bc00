// Data that arrived ahead of a gap, kept until the gap is filled (RFC 9293, 3.10.7.4: "segments with higher beginning sequence
// numbers SHOULD be held for later processing"). Bounded in octets by the receive window and in pieces by a cap.

import type { PlainState, StateReader } from './plain-state.ts';
import { sequenceDistance } from './tcp-segment.ts';

/** A hostile peer could send the window octet by octet; what finds no place here is sent again. */
const PIECE_LIMIT = 64;

interface Piece {
  readonly sequence: number;
  readonly octets: Uint8Array;
}

export class Reassembly {
  #pieces: Piece[] = [];

  /** Keeps data that lies wholly in the receive window, and ahead of what is expected next. */
  hold(sequence: number, octets: Uint8Array): void {
    const covered = this.#pieces.some(
      (piece) =>
        sequenceDistance(sequence, piece.sequence) >= 0 &&
        sequenceDistance(sequence, piece.sequence) + octets.length <= piece.octets.length,
    );
    if (covered) return;
    // Pieces that the new one covers go, so that repetitions do not fill the cap.
    this.#pieces = this.#pieces.filter((piece) => {
      const offset = sequenceDistance(piece.sequence, sequence);
      return offset < 0 || offset + piece.octets.length > octets.length;
    });
    if (this.#pieces.length >= PIECE_LIMIT) return;
    this.#pieces.push({ sequence, octets: octets.slice() });
    this.#pieces.sort((a, b) => sequenceDistance(a.sequence, b.sequence));
  }

  /** The data that now follows without a gap from `expected` on; taken out. Pieces that lie behind are forgotten. */
  release(expected: number): Uint8Array | undefined {
    for (;;) {
      const [piece] = this.#pieces;
      if (piece === undefined) return undefined;
      const overlap = sequenceDistance(expected, piece.sequence);
      if (overlap < 0) return undefined;
      this.#pieces.shift();
      if (overlap < piece.octets.length) return piece.octets.subarray(overlap);
    }
  }

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  snapshot(): readonly PlainState[] {
    return this.#pieces.map(({ sequence, octets }) => ({ sequence, octets: [...octets] }));
  }

  restore(state: StateReader, key: string, longestPiece: number): void {
    this.#pieces = state.groups(key, PIECE_LIMIT).map((piece) => ({
      sequence: piece.integer('sequence', 0, 2 ** 32 - 1),
      octets: piece.octets('octets', longestPiece),
    }));
  }
}
