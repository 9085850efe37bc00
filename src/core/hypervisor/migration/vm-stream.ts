// A VM into a migration stream, and out of one into another VM of the same shape. The parts are the same for a file, which has
// them all at once, and for a live migration, which sends pages for as long as the VM runs.

import type { DeviceState } from '../../devices/device.ts';
import { adoptState, BYTE, list, type FieldsOf } from '../../devices/device-state.ts';
import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { HostedVm, SavedVm } from '../hosted-vm.ts';
import { hashOfVm } from '../inspection/state-hash.ts';
import { boardShape } from './board-state.ts';
import {
  encodeSection,
  PagesWriter,
  readPages,
  Section,
  SECTION_OVERHEAD,
  sectionName,
  StreamError,
  streamHeader,
  StreamReader,
  type ReadSection,
} from './migration-stream.ts';
import { decodePlain, encodePlain } from './plain-encoding.ts';

/** Pages in one section of a stream that has no clock to keep to. */
const PAGES_PER_SECTION = 64;

/** What a VM must be like to go on as this one. */
function configurationOf(vm: HostedVm): DeviceState {
  const devices = boardShape(vm.board).map((name): [string, number] => [name, 1]);
  const slots = vm.board.virtio.map((slot, index): [string, number] => [`slot ${index}`, slot.transport.deviceId]);
  return {
    memoryBytes: vm.memoryBytes,
    harts: vm.harts,
    supervisor: vm.guest.supervisor,
    svadu: vm.look().svadu,
    board: Object.fromEntries(devices),
    virtio: Object.fromEntries(slots),
  };
}

/** What every stream begins with. */
export function openingOf(vm: HostedVm): readonly Uint8Array[] {
  return [streamHeader(), encodeSection(Section.configuration, encodePlain(configurationOf(vm)))];
}

/** What everything but memory takes in a stream. */
export function stateBytesOf(vm: HostedVm): number {
  const { machine, vcpus, devices } = vm.saveState();
  const states = [machine, ...vcpus, devices, { hash: bytesOfHash('0'.repeat(16)) }];
  return states.reduce((sum, state) => sum + encodePlain(state).length + SECTION_OVERHEAD, 0);
}

/**
 * What every stream ends with, and all there is besides memory.
 * @param vm stands still: it is on no hart, or held
 * @throws StreamError where it has more state than a stream can carry: its guest has made it so
 */
export function closingOf(vm: HostedVm): { readonly sections: readonly Uint8Array[]; readonly hash: string } {
  const { machine, vcpus, devices } = vm.saveState();
  const hash = hashOfVm(vm);
  const numbered = Object.fromEntries(vcpus.map((state, index) => [`${index}`, state]));
  return {
    hash,
    sections: [
      encodeSection(Section.machine, encodePlain(machine)),
      encodeSection(Section.vcpus, encodePlain(numbered)),
      encodeSection(Section.devices, encodePlain(devices)),
      encodeSection(Section.end, encodePlain({ hash: bytesOfHash(hash) })),
    ],
  };
}

const bytesOfHash = (hash: string): readonly number[] =>
  Array.from({ length: hash.length / 2 }, (_, index) => Number.parseInt(hash.slice(2 * index, 2 * index + 2), 16));

type EndState = { hash: readonly number[] };
const END_FIELDS: FieldsOf<EndState> = { hash: list(BYTE, 8) };

/** A whole VM as one stream. @param vm stands still */
export function saveVm(vm: HostedVm): Uint8Array {
  const parts: Uint8Array[] = [...openingOf(vm)];
  const pages = new PagesWriter();
  const contents = new Uint8Array(PAGE_SIZE);
  for (const gpa of vm.memory.touchedPages()) {
    vm.memory.copyPage(gpa, contents);
    pages.add((gpa - RAM_BASE) / PAGE_SIZE, contents);
    if (pages.pages === PAGES_PER_SECTION) parts.push(pages.finish());
  }
  if (pages.pages > 0) parts.push(pages.finish());
  parts.push(...closingOf(vm).sections);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Makes a VM go on as the one that was saved. @throws StreamError; then the VM must be reset before it runs */
export function restoreVm(vm: HostedVm, stream: Uint8Array): void {
  const incoming = new IncomingVm(vm);
  incoming.receive(stream);
  if (incoming.failure !== undefined) throw new StreamError(incoming.failure);
  if (incoming.complete) return;
  throw new StreamError('The stream is cut off: expected its end, found no more bytes. Save or send it again.');
}

type Part = typeof Section.machine | typeof Section.vcpus | typeof Section.devices;

/** The receiving end: puts what comes into a VM that does not run yet, and says what is wrong with it. */
export class IncomingVm {
  readonly vm: HostedVm;
  readonly #reader = new StreamReader();
  readonly #parts = new Map<Section, DeviceState>();
  #configured = false;
  #failure: string | undefined;
  #hash: string | undefined;
  #pages = 0;

  /** @param vm of the shape that is expected; held */
  constructor(vm: HostedVm) {
    this.vm = vm;
  }

  /** What is wrong with the stream, in one line for a person; nothing more is taken then. */
  get failure(): string | undefined {
    return this.#failure;
  }
  /** The VM is as the other one was. */
  get complete(): boolean {
    return this.#hash !== undefined;
  }
  /** Of the VM that was restored. */
  get hash(): string | undefined {
    return this.#hash;
  }
  /** Pages taken so far, again and again the same ones included. */
  get pages(): number {
    return this.#pages;
  }

  /** Takes the next bytes of the stream, whatever they are. */
  receive(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    try {
      for (const section of this.#reader.push(bytes)) this.#take(section);
    } catch (error) {
      // What the parts refuse, they refuse as plain Errors in words; anything else is a defect and must look like one.
      if (!(error instanceof StreamError) && !(error instanceof Error && error.constructor === Error)) throw error;
      this.#failure = error.message;
    }
  }

  #take({ kind, payload }: ReadSection): void {
    if (this.#hash !== undefined) throw new StreamError('The stream goes on behind its end. Send it again.');
    if (this.#configured === (kind === Section.configuration)) {
      throw new StreamError(
        `The stream is out of order: found “${sectionName(kind)}” ${this.#configured ? 'twice' : 'first'}. Send it again.`,
      );
    }
    switch (kind) {
      case Section.configuration:
        this.#configure(decodePlain(payload));
        break;
      case Section.pages:
        this.#takePages(payload);
        break;
      case Section.end:
        this.#finish(decodePlain(payload));
        break;
      default:
        if (this.#parts.has(kind)) throw new StreamError(`The stream has “${sectionName(kind)}” twice. Send it again.`);
        this.#parts.set(kind, decodePlain(payload));
    }
  }

  #configure(found: DeviceState): void {
    const expected = configurationOf(this.vm);
    const difference = differenceOf(expected, found, '');
    if (difference !== undefined) {
      throw new StreamError(
        `This VM is another one than the stream’s: expected ${difference}. Make it with the same options.`,
      );
    }
    this.#configured = true;
    // Leaving its hart, a guest is told its steal time, in its memory: that must be over before what comes is put there.
    for (const vcpu of this.vm.vcpus) vcpu.takeOff();
    this.vm.memory.pages.clear();
  }

  #takePages(payload: Uint8Array): void {
    const { memory } = this.vm;
    for (const { page, contents } of readPages(payload, memory.size / PAGE_SIZE)) {
      this.#pages++;
      if (!memory.installPage(RAM_BASE + page * PAGE_SIZE, contents ?? ZEROS)) {
        throw new StreamError(
          'The destination has no free memory left for this VM. Remove a VM there, then migrate again.',
        );
      }
    }
  }

  #finish(end: DeviceState): void {
    const part = (kind: Part): DeviceState => {
      const state = this.#parts.get(kind);
      if (state === undefined) throw new StreamError(`The stream ends without “${sectionName(kind)}”. Send it again.`);
      return state;
    };
    const numbered = part(Section.vcpus);
    const vcpus = this.vm.vcpus.map((_, index): DeviceState => {
      const state = numbered[`${index}`];
      if (typeof state === 'object' && !Array.isArray(state)) return state as DeviceState;
      throw new StreamError(`The stream has no vCPU ${index}. Send it again.`);
    });
    const saved: SavedVm = { machine: part(Section.machine), vcpus, devices: part(Section.devices) };
    this.vm.restoreState(saved);
    const hash = hashOfVm(this.vm);
    const sent = adoptState<EndState>('stream', END_FIELDS, end).hash;
    if (bytesOfHash(hash).some((byte, index) => byte !== sent[index])) {
      throw new StreamError('What arrived is not what was sent: the hashes of the state differ. Send it again.');
    }
    this.#hash = hash;
  }
}

const ZEROS = new Uint8Array(PAGE_SIZE);

/** Where two configurations differ, as “this, found that”. */
function differenceOf(expected: DeviceState, found: DeviceState, at: string): string | undefined {
  for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [one, other] = [expected, found].map((each) => (Object.hasOwn(each, key) ? each[key] : undefined));
    const name = `${at}${key}`;
    if (typeof one === 'object' && typeof other === 'object') {
      const inside = differenceOf(one as DeviceState, other as DeviceState, `${name} `);
      if (inside !== undefined) return inside;
    } else if (one !== other) return `${name} ${textOf(one)}, found ${textOf(other)}`;
  }
  return undefined;
}

const textOf = (value: DeviceState[string] | undefined): string =>
  typeof value === 'number' || typeof value === 'boolean'
    ? `${value}`
    : value === undefined
      ? 'absent'
      : 'something else';
