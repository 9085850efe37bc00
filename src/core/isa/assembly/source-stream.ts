// The statements of a source in the order they take effect: repetitions repeated, macros expanded, skipped branches of
// conditionals skipped. Bounded, so that no source can make it run forever.

import { AssemblyFault, quote, type Messages, type Span } from './messages.ts';
import { bindArguments, expandBody, type Macro } from './macros.ts';
import { spanIn, splitStatements, type Statement } from './statements.ts';

interface Frame {
  statements: readonly Statement[];
  index: number;
  /** The statements of the next round of a repetition. */
  readonly nextRound?: () => readonly Statement[] | undefined;
  /** Conditionals open when the frame was entered; `.exitm` closes those inside. */
  readonly conditionals: number;
  readonly isMacro: boolean;
}

interface Conditional {
  /** Whether statements take effect now. */
  active: boolean;
  /** Whether a branch was chosen already, or the whole stands in a skipped part. */
  settled: boolean;
  hasElse: boolean;
  readonly span: Span;
}

/** Statements, those of expansions counted twice and long ones more than once. */
const WORK_LIMIT = 400_000;
const NESTING_LIMIT = 64;
const DIRECTIVE = /^(?:[\w.$]+\s*:\s*)*(\.[A-Za-z]\w*)/;

/** The directive of a statement, in lower case; labels before it are looked through. */
const directiveOf = (text: string): string => DIRECTIVE.exec(text)?.[1]?.toLowerCase() ?? '';

export class SourceStream {
  /** By name in lower case: GNU as makes no difference. */
  readonly #macros = new Map<string, Macro>();
  readonly #messages: Messages;
  readonly #frames: Frame[];
  readonly #conditionals: Conditional[] = [];
  #work = 0;
  #expansions = 0;

  constructor(source: string, messages: Messages) {
    this.#messages = messages;
    this.#frames = [{ statements: splitStatements(source, messages), index: 0, conditionals: 0, isMacro: false }];
  }

  findMacro(name: string): Macro | undefined {
    return this.#macros.get(name.toLowerCase());
  }

  addMacro(macro: Macro): void {
    this.#macros.set(macro.name.toLowerCase(), macro);
  }

  /** @returns whether there was one */
  removeMacro(name: string): boolean {
    return this.#macros.delete(name.toLowerCase());
  }

  /** The next statement that takes effect; undefined at the end. @throws AssemblyFault at the end of an endless source */
  next(): Statement | undefined {
    for (let statement = this.#fetch(); statement; statement = this.#fetch()) {
      const conditional = this.#conditionals.at(-1);
      if (conditional?.active ?? true) return statement;
      const directive = directiveOf(statement.text);
      if (directive.startsWith('.if') || /^\.(else|elseif|endif)$/.test(directive)) return statement;
    }
    return undefined;
  }

  /** Whether statements take effect, or only the structure of conditionals is followed. */
  get skipping(): boolean {
    return this.#conditionals.at(-1)?.active === false;
  }

  /** Stops reading: `.end`. */
  stop(): void {
    this.#frames.length = 0;
    this.#conditionals.length = 0;
  }

  /** Reports what is still open at the end. */
  finish(): void {
    for (const { span } of this.#conditionals) {
      this.#messages.error(span, "expected '.endif' for this conditional, found the end of the source: add it");
    }
  }

  #fetch(): Statement | undefined {
    for (let frame = this.#frames.at(-1); frame; frame = this.#frames.at(-1)) {
      const statement = frame.statements[frame.index++];
      if (statement) {
        this.#count(statement);
        return statement;
      }
      const round = frame.nextRound?.();
      if (round) {
        frame.statements = round;
        frame.index = 0;
        const first = round[0];
        if (first) this.#count(first);
      } else {
        this.#frames.pop();
      }
    }
    return undefined;
  }

  /** Counts a statement against the limit. @throws AssemblyFault beyond it, and ends the stream */
  #count(statement: Statement): void {
    this.#work += 1 + statement.text.length / 64;
    if (this.#work < WORK_LIMIT) return;
    this.stop();
    throw new AssemblyFault(
      spanIn(statement),
      `expected at most about ${WORK_LIMIT} statements after macros and repetitions, found more: does a macro expand without end?`,
    );
  }

  #enter(statement: Statement, frame: Omit<Frame, 'index' | 'conditionals'>): void {
    if (this.#frames.length > NESTING_LIMIT) {
      throw new AssemblyFault(
        spanIn(statement),
        `expected at most ${NESTING_LIMIT} macros and repetitions inside one another, found more: does the macro invoke itself?`,
        true,
      );
    }
    this.#frames.push({ ...frame, index: 0, conditionals: this.#conditionals.length });
  }

  /** The statements up to the matching end, which is taken too. @throws AssemblyFault where there is none */
  collectBlock(opening: Statement, opens: RegExp, closes: string): readonly Statement[] {
    const frame = this.#frames.at(-1);
    const body: Statement[] = [];
    for (let depth = 1; frame;) {
      const statement = frame.statements[frame.index++];
      if (!statement) break;
      this.#count(statement);
      const directive = directiveOf(statement.text);
      if (opens.test(directive)) depth++;
      if (directive === closes && --depth === 0) return body;
      body.push(statement);
    }
    throw new AssemblyFault(spanIn(opening), `expected '${closes}' below to end this, found none: add it`);
  }

  /** Runs `body` once for each set of parameter values. */
  repeat(
    statement: Statement,
    body: readonly Statement[],
    rounds: number,
    values?: (round: number) => ReadonlyMap<string, string>,
  ): void {
    if (body.length === 0) return;
    let round = 0;
    const nextRound = () => {
      if (round >= rounds) return undefined;
      const number = round++;
      return values ? expandBody('.irp', body, values(number), undefined, statement, this.#messages) : body;
    };
    this.#enter(statement, { statements: [], nextRound, isMacro: false });
  }

  /** Puts the expansion of a macro before what follows. @throws AssemblyFault */
  invoke(macro: Macro, text: string, statement: Statement): void {
    const values = bindArguments(macro, text, spanIn(statement));
    const statements = expandBody(macro.name, macro.body, values, this.#expansions++, statement, this.#messages);
    statements.forEach((expanded) => this.#count(expanded));
    this.#enter(statement, { statements, isMacro: true });
  }

  /** Leaves the innermost macro: `.exitm`. @throws AssemblyFault outside of one */
  exitMacro(statement: Statement): void {
    const index = this.#frames.findLastIndex(({ isMacro }) => isMacro);
    const frame = this.#frames[index];
    if (!frame)
      throw new AssemblyFault(spanIn(statement), "expected '.exitm' inside a macro, found it outside: remove it");
    this.#conditionals.length = Math.min(this.#conditionals.length, frame.conditionals);
    this.#frames.length = index;
  }

  /** `.if` and its like. `condition` is asked only where the conditional itself takes effect. */
  openConditional(statement: Statement, condition: () => boolean): void {
    const conditional: Conditional = { active: false, settled: true, hasElse: false, span: spanIn(statement) };
    const outer = !this.skipping;
    this.#conditionals.push(conditional);
    if (!outer) return;
    conditional.active = condition();
    conditional.settled = conditional.active;
  }

  /** `.elseif`, or `.else` with a condition that is always true. @throws AssemblyFault without an open `.if` */
  switchConditional(statement: Statement, isElse: boolean, condition: () => boolean): void {
    const conditional = this.#innermost(statement);
    if (conditional.hasElse) {
      throw new AssemblyFault(
        spanIn(statement),
        `expected '.endif' behind '.else', found ${quote(statement.text)}: remove it`,
      );
    }
    conditional.hasElse = isElse;
    conditional.active = false;
    if (conditional.settled) return;
    conditional.active = condition();
    conditional.settled = conditional.active;
  }

  /** `.endif`. @throws AssemblyFault without an open `.if` */
  closeConditional(statement: Statement): void {
    this.#innermost(statement);
    this.#conditionals.pop();
  }

  #innermost(statement: Statement): Conditional {
    const conditional = this.#conditionals.at(-1);
    if (!conditional) {
      throw new AssemblyFault(
        spanIn(statement),
        `expected '.if' above, found ${quote(statement.text)} without one: remove it`,
      );
    }
    return conditional;
  }
}
