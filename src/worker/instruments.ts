// The instruments of the three properties, each run a few milliseconds at a time: the page asks again until it has an end, so
// that consoles, frames and the lab's own computers get their turns in between.

import { Comparison } from '../core/hypervisor/properties/equivalence.ts';
import { attemptOf, ISOLATION_MEMORY } from '../core/hypervisor/properties/isolation-attempts.ts';
import { IsolationSuite } from '../core/hypervisor/properties/isolation-suite.ts';
import { VirtualizabilityTest, verdictOf } from '../core/hypervisor/properties/virtualizability.ts';
import { unmodifiedHosted } from '../core/hypervisor/virtual-machine.ts';
import { disassemble } from '../core/isa/disassemble.ts';
import type { Host } from '../core/machine/linear-memory.ts';
import { quirksOf } from '../core/machine/quirks.ts';
import { isolationAttempts } from '../guests/hostile/attempts.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../guests/manifest.ts';
import type {
  EquivalenceReply,
  EquivalenceRequest,
  IsolationReply,
  IsolationRequest,
  VirtualizableReply,
  VirtualizableRequest,
} from '../protocol/properties.ts';
import type { GuestFiles } from './guest-files.ts';
import { loadGuest } from './guest-images.ts';

export { sensitiveOn } from '../core/hypervisor/techniques/patching/sensitive-instructions.ts';

/** Milliseconds of one answer: the lab's own computers have slices of the same length. */
const SLICE_MILLISECONDS = 12;
const EQUIVALENCE_LIMIT = 200_000_000;
const notBegun = (what: string) => new Error(`expected ${what} under way, found none: begin one`);

export class Instruments {
  readonly #host: Host;
  readonly #files: GuestFiles;
  #test: VirtualizabilityTest | undefined;
  #suite: IsolationSuite | undefined;
  #comparison: Comparison | undefined;

  constructor(host: Host, files: GuestFiles) {
    this.#host = host;
    this.#files = files;
  }

  virtualizable({ begin }: VirtualizableRequest): VirtualizableReply {
    if (begin) {
      const { quirks, countersGranted } = begin;
      this.#test = new VirtualizabilityTest({ host: this.#host, quirks: quirksOf(quirks), countersGranted });
    }
    const test = this.#test;
    if (test === undefined) throw notBegun('a test');
    this.#slice(
      () => test.done,
      () => test.step(),
    );
    const { results, total } = test;
    return {
      tried: results.length,
      total,
      finished: test.done ? { results, verdict: verdictOf(results) } : undefined,
    };
  }

  async isolation({ begin }: IsolationRequest): Promise<IsolationReply> {
    if (begin) this.#suite = await this.#newSuite();
    const suite = this.#suite;
    if (suite === undefined) throw notBegun('a suite');
    this.#slice(
      () => suite.done,
      () => suite.step(),
    );
    return { total: suite.total, results: suite.results };
  }

  async equivalence({ begin }: EquivalenceRequest): Promise<EquivalenceReply> {
    if (begin) this.#comparison = await this.#newComparison(begin);
    const comparison = this.#comparison;
    if (comparison === undefined) throw notBegun('a comparison');
    this.#slice(
      () => comparison.end !== undefined,
      () => comparison.step(),
    );
    const { end, progress } = comparison;
    const { word, pc = 0 } = end?.difference ?? {};
    return { progress, end, text: word === undefined ? undefined : disassemble(word, pc).text };
  }

  async #newSuite(): Promise<IsolationSuite> {
    const { image } = await loadGuest(
      {
        guest: { kind: 'shipped', name: 'paging' },
        technique: 'trap-and-emulate',
        memoryMiB: ISOLATION_MEMORY / 2 ** 20,
        start: false,
      },
      this.#files,
    );
    return new IsolationSuite({
      host: this.#host,
      attempts: isolationAttempts.map((row) => attemptOf(row, SUPERVISOR_TEXT_ADDRESS)),
      techniques: unmodifiedHosted,
      neighbour: () => image,
    });
  }

  async #newComparison({
    guest,
    every,
    quirks,
    binaryPatching,
    until,
  }: NonNullable<EquivalenceRequest['begin']>): Promise<Comparison> {
    const { image } = await loadGuest(
      {
        guest: { kind: 'shipped', name: guest },
        technique: 'bare',
        memoryMiB: guest === 'linux' ? 64 : 16,
        start: false,
      },
      this.#files,
    );
    return new Comparison({
      host: this.#host,
      guest: () => image,
      techniques: unmodifiedHosted,
      every,
      quirks,
      binaryPatching,
      limit: EQUIVALENCE_LIMIT,
      ...(until !== undefined && { until }),
    });
  }

  #slice(done: () => boolean, step: () => void): void {
    const end = this.#host.nanoseconds() + SLICE_MILLISECONDS * 1e6;
    while (!done() && this.#host.nanoseconds() < end) step();
  }
}
