// Live migration, pre-copy (Clark et al., NSDI 2005; QEMU, migration/migration.c): the VM runs on while its pages travel; what
// it writes meanwhile travels again, round by round; when the rest would be over within the downtime limit the VM is stopped,
// the rest and its state follow, and it goes on at the other end.
//
//   setup → round 1: every page → round n: what was written during round n − 1 → … → stopped: the rest, vCPUs, devices
//     → arrived, hashes equal → completed                 anything wrong before that: failed, and the source runs on untouched
//
// It lives in virtual time: whoever runs the two machines calls `elapse` when `deadline` has come, while no guest executes.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { HostedVm } from '../hosted-vm.ts';
import { TICKS_PER_SECOND } from '../computer.ts';
import { MigrationLink, transferTicks, type MigrationLinkSettings } from './migration-link.ts';
import { PagesWriter, StreamError } from './migration-stream.ts';
import { closingOf, IncomingVm, openingOf, stateBytesOf } from './vm-stream.ts';

/** What to do with a VM that writes faster than the link carries. */
export type Divergence = 'report' | 'throttle' | 'force' | 'cancel';
export const divergences: readonly Divergence[] = ['report', 'throttle', 'force', 'cancel'];

export interface MigrationOptions {
  readonly link: MigrationLinkSettings;
  /** Ticks for which the VM may stand still; 300 ms with QEMU. */
  readonly downtimeLimitTicks: number;
  readonly divergence: Divergence;
  /** Rounds after which a VM that does not converge is given up, whatever `divergence` says. */
  readonly mostRounds?: number;
}

export const DEFAULT_DOWNTIME_TICKS = 0.3 * TICKS_PER_SECOND;
const TICKS_PER_MILLISECOND = TICKS_PER_SECOND / 1000;
const MOST_ROUNDS = 40;
/** As QEMU's cpu-throttle-initial, -increment and max-cpu-throttle: percent of its time that the VM may not run. */
const THROTTLE_FIRST = 20;
const THROTTLE_STEP = 10;
const THROTTLE_MOST = 99;
/** Ticks of one period of throttling. */
const THROTTLE_PERIOD = 0.01 * TICKS_PER_SECOND;
/** A section of pages takes the link about this long, and is no longer than `MOST_CHUNK` bytes. */
const CHUNK_SECONDS = 0.001;
const MOST_CHUNK = 2 ** 20;
/** What a page takes on the link: its number and its bytes. */
const PAGE_WIRE_BYTES = PAGE_SIZE + 4;

export type MigrationState = 'copying' | 'stopped' | 'completed' | 'failed' | 'cancelled';

/** One round: what was sent in it, and what the VM wrote meanwhile. Times in ticks of the source's machine. */
export interface MigrationRound {
  readonly number: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Pages of this round, and those of them that were all zeros. */
  readonly pages: number;
  readonly zeroPages: number;
  readonly bytes: number;
  /** Pages that the VM wrote during the round, or that had not been sent when it ended. */
  readonly dirtyPages: number;
  /** What the downtime would be if the VM were stopped now, in ticks. */
  readonly expectedDowntime: number;
  /** Percent of its time that the VM could not run. */
  readonly throttle: number;
}

/** What a migration needs of the two machines. */
export interface MigrationPorts {
  /** Ticks of the source's machine. */
  readonly now: () => number;
  readonly source: HostedVm;
  /** A VM of the same shape on the other machine, which does not run. */
  readonly destination: HostedVm;
  /** The source must not execute, for the switch or for a while: or may again. */
  readonly withhold: (withheld: boolean) => void;
  /** The source stands still and is taken off its hart: its time stands too. */
  readonly stop: () => void;
  /** The source goes on after all. */
  readonly resume: () => void;
  /** The destination takes the place of the source. */
  readonly complete: () => void;
  /** Nothing comes of the destination. */
  readonly abandon: () => void;
}

export class LiveMigration {
  readonly link: MigrationLink;
  readonly options: MigrationOptions;
  readonly vm: number;
  readonly startedAt: number;
  readonly #ports: MigrationPorts;
  readonly #incoming: IncomingVm;
  /** What everything but memory takes, as it was when the migration began. */
  readonly #stateBytes: number;
  readonly #contents = new Uint8Array(PAGE_SIZE);
  readonly #rounds: MigrationRound[] = [];
  #state: MigrationState = 'copying';
  #message = 'The first round sends every page.';
  /** Numbers of pages, in order, still to be sent in this round; from `#next` on. */
  #queue: readonly number[];
  #next = 0;
  #round = { number: 1, startedAt: 0, zeroPages: 0, bytes: 0 };
  #stoppedAt: number | undefined;
  #endedAt: number | undefined;
  /** Ticks at which the destination's answer arrives. */
  #answerAt = Infinity;
  #sourceHash: string | undefined;
  #converging = true;
  #slowRounds = 0;
  #forced = false;
  #damageAtSwitch = false;
  #throttle = 0;
  #withheld = false;
  /** Ticks at which throttling holds the VM or lets it go. */
  #throttleAt = Infinity;

  /** Begins. @throws RangeError for options out of range */
  constructor(ports: MigrationPorts, options: MigrationOptions) {
    this.#ports = ports;
    this.options = options;
    this.link = new MigrationLink(options.link);
    this.#stateBytes = stateBytesOf(ports.source);
    const least = this.#downtimeOf(0);
    if (options.downtimeLimitTicks < least) {
      throw new RangeError(
        `expected a downtime limit of at least ${Math.ceil(least / TICKS_PER_MILLISECOND)} ms, which the VM’s state alone takes on this link, found ${options.downtimeLimitTicks / TICKS_PER_MILLISECOND} ms`,
      );
    }
    this.vm = ports.source.id;
    this.startedAt = ports.now();
    this.#round.startedAt = this.startedAt;
    this.#incoming = new IncomingVm(ports.destination);
    const { memory } = ports.source;
    memory.dirtyLog.start();
    for (const part of openingOf(ports.source)) this.#send(part);
    this.#queue = [...memory.touchedPages()].map(pageOf);
  }

  get state(): MigrationState {
    return this.#state;
  }
  get active(): boolean {
    return this.#state === 'copying' || this.#state === 'stopped';
  }
  /** What is going on, or why it is over, in one sentence. */
  get message(): string {
    return this.#message;
  }
  /** Rounds that are over. */
  get rounds(): readonly MigrationRound[] {
    return this.#rounds;
  }
  /** The round under way: pages sent of those it has. */
  get progress(): { readonly round: number; readonly sent: number; readonly pages: number } {
    return { round: this.#round.number, sent: this.#next, pages: this.#queue.length };
  }
  /** Whether each round has less to send than the one before. */
  get converging(): boolean {
    return this.#converging;
  }
  /** Percent of its time that the VM may not run. */
  get throttle(): number {
    return this.#throttle;
  }
  /** Ticks for which the VM stood still, or has so far. */
  get downtime(): number | undefined {
    return this.#stoppedAt === undefined ? undefined : (this.#endedAt ?? this.#ports.now()) - this.#stoppedAt;
  }
  get endedAt(): number | undefined {
    return this.#endedAt;
  }
  /** Of the source when it was stopped, and of the destination when it had everything. */
  get hashes(): { readonly source: string | undefined; readonly destination: string | undefined } {
    return { source: this.#sourceHash, destination: this.#incoming.hash };
  }

  /** Ticks at which `elapse` must be called; Infinity: it is over. */
  deadline(): number {
    if (!this.active) return Infinity;
    const sends = this.#state === 'copying' ? this.link.freeAt : Infinity;
    return Math.ceil(Math.min(sends, this.link.nextArrival, this.#answerAt, this.#throttleAt));
  }

  /** Time has moved on. To be called while no guest of either machine executes. */
  elapse(): void {
    if (!this.active) return;
    const now = this.#ports.now();
    if (this.#ports.source.ending) return this.#fail(`The guest has ended: ${this.#ports.source.ending.message}`);
    for (const bytes of this.link.arrivals(now)) this.#incoming.receive(bytes);
    if (this.#incoming.failure !== undefined) return this.#fail(this.#incoming.failure);
    if (this.#incoming.complete && this.#answerAt === Infinity) this.#answerAt = now + this.link.settings.latencyTicks;
    if (this.#answerAt <= now) return this.#complete();
    if (this.#throttleAt <= now) this.#turnThrottle(now);
    while (this.#state === 'copying' && this.link.freeAt <= now) this.#proceed();
  }

  /** The VM is to be stopped now, whatever the downtime. */
  force(): void {
    if (this.#state === 'copying') this.#forced = true;
  }

  /** The last part of the stream, with the state of the VM, arrives with one bit turned over. */
  damageAtSwitch(): void {
    this.#damageAtSwitch = true;
  }

  /** Gives up: the source runs on. */
  cancel(why = 'You cancelled it. The VM runs on where it was.'): void {
    if (this.active) this.#end('cancelled', why);
  }

  /** Somebody pulls the cable out. */
  cutLink(): void {
    if (!this.active) return;
    this.link.cut();
    this.#fail('The link was cut.');
  }

  /** Sends the next pages of the round, or ends it. */
  #proceed(): void {
    const left = this.#queue.length - this.#next;
    const limit = this.#pagesWithin(this.options.downtimeLimitTicks);
    if (left === 0 || this.#forced || (this.#round.number > 1 && left <= limit)) return this.#endRound();
    const pages = new PagesWriter();
    const chunk = Math.min(MOST_CHUNK, this.options.link.bytesPerSecond * CHUNK_SECONDS);
    while (this.#next < this.#queue.length && pages.bytes < chunk) this.#add(pages, this.#queue[this.#next++] ?? 0);
    this.#send(pages.finish());
  }

  /** The log of what was written is collected; then the next round begins, or the last. */
  #endRound(): void {
    const { memory } = this.#ports.source;
    const now = this.#ports.now();
    const unsent = this.#queue.slice(this.#next);
    const dirty = memory.dirtyLog.collect().map(pageOf);
    const next = unsent.length === 0 ? dirty : [...new Set([...unsent, ...dirty])].sort((a, b) => a - b);
    const expectedDowntime = this.#downtimeOf(next.length);
    this.#rounds.push({
      ...this.#round,
      endedAt: now,
      pages: this.#next,
      dirtyPages: next.length,
      expectedDowntime,
      throttle: this.#throttle,
    });
    this.#judge(next.length);
    this.#queue = next;
    this.#next = 0;
    const number = this.#round.number + 1;
    this.#round = { number, startedAt: now, zeroPages: 0, bytes: 0 };
    if (expectedDowntime <= this.options.downtimeLimitTicks || this.#forced) return this.#stop();
    const most = this.options.mostRounds ?? MOST_ROUNDS;
    if (number > most) {
      return this.#fail(
        `It did not converge in ${most} rounds: the VM writes faster than the link carries. Give it more bandwidth or downtime, or let it be throttled or forced.`,
      );
    }
    if (!this.#converging && this.options.divergence === 'cancel') {
      return this.#end(
        'cancelled',
        'It does not converge: the VM writes faster than the link carries. It runs on where it was.',
      );
    }
    this.#message = this.#converging
      ? `Round ${number} sends what the VM wrote during round ${number - 1}.`
      : 'It does not converge: the VM writes faster than the link carries.';
  }

  /** Two rounds in a row that left nearly as much as they began with: more of them will not help (QEMU: mig_throttle_guest_down). */
  #judge(left: number): void {
    if (left * 10 <= this.#queue.length * 9 || this.#round.number === 1) this.#slowRounds = 0;
    else this.#slowRounds++;
    this.#converging = this.#slowRounds < 2;
    if (this.#converging) return;
    if (this.options.divergence === 'force') this.#forced = true;
    if (this.options.divergence === 'throttle') this.#throttleMore();
  }

  #throttleMore(): void {
    this.#throttle = this.#throttle === 0 ? THROTTLE_FIRST : Math.min(THROTTLE_MOST, this.#throttle + THROTTLE_STEP);
    this.#slowRounds = 0;
    if (this.#throttleAt === Infinity) this.#throttleAt = this.#ports.now();
  }

  #turnThrottle(now: number): void {
    this.#withheld = !this.#withheld;
    this.#ports.withhold(this.#withheld);
    const share = this.#withheld ? this.#throttle : 100 - this.#throttle;
    this.#throttleAt = now + (THROTTLE_PERIOD * share) / 100;
  }

  /** The VM stands still from here on; the rest of its pages and all of its state follow. */
  #stop(): void {
    const { source, stop } = this.#ports;
    stop();
    this.#endThrottle();
    this.#state = 'stopped';
    this.#stoppedAt = this.#ports.now();
    // Leaving its hart, the VM may have been written to once more: its steal time.
    const late = source.memory.dirtyLog.collect().map(pageOf);
    if (late.length > 0) this.#queue = [...new Set([...this.#queue, ...late])];
    const pages = new PagesWriter();
    for (const page of this.#queue) {
      this.#add(pages, page);
      this.#next++;
      if (pages.bytes >= MOST_CHUNK) this.#send(pages.finish());
    }
    if (pages.pages > 0) this.#send(pages.finish());
    if (this.#damageAtSwitch) this.link.damageNext();
    try {
      const { sections, hash } = closingOf(source);
      this.#sourceHash = hash;
      for (const section of sections) this.#send(section);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      return this.#fail(error.message);
    }
    this.#message = 'The VM stands still; the rest of its pages and its state are under way.';
  }

  #complete(): void {
    const { hash } = this.#incoming;
    if (hash !== this.#sourceHash) return this.#fail('What arrived is not what was sent.');
    const now = this.#ports.now();
    this.#rounds.push({
      ...this.#round,
      endedAt: now,
      pages: this.#next,
      dirtyPages: 0,
      expectedDowntime: 0,
      throttle: 0,
    });
    this.#endedAt = now;
    this.#state = 'completed';
    this.#message = 'The VM goes on at the other machine; nothing was lost.';
    this.#ports.source.memory.dirtyLog.stop();
    this.#ports.complete();
  }

  #fail(reason: string): void {
    this.#end('failed', `${reason.endsWith('.') ? reason : `${reason}.`} The VM runs on where it was.`);
  }

  #end(state: 'failed' | 'cancelled', message: string): void {
    const stopped = this.#state === 'stopped';
    this.#state = state;
    this.#message = message;
    this.#endedAt = this.#ports.now();
    this.#endThrottle();
    this.#ports.source.memory.dirtyLog.stop();
    this.#ports.abandon();
    if (stopped) this.#ports.resume();
  }

  #endThrottle(): void {
    this.#throttle = 0;
    this.#throttleAt = Infinity;
    if (!this.#withheld) return;
    this.#withheld = false;
    this.#ports.withhold(false);
  }

  #add(pages: PagesWriter, page: number): void {
    this.#ports.source.memory.copyPage(RAM_BASE + page * PAGE_SIZE, this.#contents);
    if (pages.add(page, this.#contents)) this.#round.zeroPages++;
  }

  #send(bytes: Uint8Array): void {
    this.link.send(bytes, this.#ports.now());
    this.#round.bytes += bytes.length;
  }

  /** Ticks that the VM would stand still for so many pages: they and its state on the link, and the way there and back. */
  #downtimeOf(pages: number): number {
    const bytes = pages * PAGE_WIRE_BYTES + this.#stateBytes;
    return transferTicks(this.options.link, bytes) + 2 * this.options.link.latencyTicks;
  }

  /** Pages that could be sent in so many ticks of downtime. */
  #pagesWithin(ticks: number): number {
    const forPages = ticks - this.#downtimeOf(0);
    return Math.floor((forPages * this.options.link.bytesPerSecond) / TICKS_PER_SECOND / PAGE_WIRE_BYTES);
  }
}

const pageOf = (gpa: number): number => (gpa - RAM_BASE) / PAGE_SIZE;
