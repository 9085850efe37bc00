// What the assembler says: errors and warnings with their place in the source, each telling what was expected, what was
// found and what to do. A fault ends one statement, never the run, so that all errors of a source are found at once.

/** A place in the source; line and column count from 1. */
export interface Span {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export interface AssemblyMessage extends Span {
  readonly message: string;
}

/** More messages than this help nobody. */
const MESSAGE_LIMIT = 500;

/** Ends the statement at hand. Thrown and caught inside the assembler only. */
export class AssemblyFault extends Error {
  readonly span: Span;
  /** Whether reading on makes no sense, e.g. because the program has become too large. */
  readonly isFatal: boolean;

  constructor(span: Span, message: string, isFatal = false) {
    super(message);
    this.span = span;
    this.isFatal = isFatal;
  }
}

/** Collects the messages of one run. */
export class Messages {
  readonly errors: AssemblyMessage[] = [];
  readonly warnings: AssemblyMessage[] = [];
  readonly #said = new Set<string>();

  error(span: Span, message: string): void {
    this.#add(this.errors, span, message);
  }

  warn(span: Span, message: string): void {
    this.#add(this.warnings, span, message);
  }

  /** Runs one step; a fault in it becomes an error. @returns undefined after a fault */
  guard<Result>(step: () => Result): Result | undefined {
    try {
      return step();
    } catch (fault) {
      if (!(fault instanceof AssemblyFault)) throw fault;
      this.error(fault.span, fault.message);
      return undefined;
    }
  }

  #add(list: AssemblyMessage[], { line, column, length }: Span, message: string): void {
    // A repetition says the same thing each time round.
    const key = `${line}:${column}:${message}`;
    if (list.length >= MESSAGE_LIMIT || this.#said.has(key)) return;
    this.#said.add(key);
    list.push({ line, column, length, message });
  }
}

/** Shortens what a message quotes. */
export function quote(text: string): string {
  const trimmed = text.trim().replace(/[\u0000-\u001f\u007f]/g, '\ufffd');
  return `'${trimmed.length > 60 ? `${trimmed.slice(0, 57)}…` : trimmed}'`;
}
