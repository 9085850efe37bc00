// The network of one computer: a switch, the gateway on it, and a card for each VM that asked for one. It lives in the
// computer's own time: the computer runs to `deadline()` and no further, then calls `elapse()` while no guest executes. So a
// frame is in a guest's memory, and its interrupt pending, at the same instruction in every run.
//
//   guest → virtqueue → exit → card ─send─▶ switch ─(delay)─▶ card → the guest's memory → interrupt of that guest alone

import type { ProgrammedIoNetworkPorts } from '../../devices/programmed-io-network.ts';
import { virtioNetwork } from '../../devices/virtio/virtio-network.ts';
import type { VirtioDevice } from '../../machine/board.ts';
import { formatMac, isGroupMac, type MacAddress } from '../../network/address.ts';
import type { FrameEvent, FrameObserver } from '../../network/frame-event.ts';
import type { LinkSettings } from '../../network/link.ts';
import { readMac } from '../../network/octets.ts';
import { Capture } from '../../network/pcap.ts';
import { DEFAULT_SERVICE_HOST, ServiceHost } from '../../network/service-host.ts';
import type { Station } from '../../network/station.ts';
import { VirtualSwitch, type SwitchPort } from '../../network/virtual-switch.ts';
import { TICKS_PER_SECOND } from '../computer.ts';
import { FrameJourneys, type CardOutcome } from './frame-journeys.ts';

/** A VM has a card on the network of its computer. */
export interface NetworkChoice {
  /** Makes the network, where this is the first card of the computer: who has none need not have the network either. */
  readonly makeNetwork: (ports: VirtualNetworkPorts) => VirtualNetwork;
  /** The card is a physical one, assigned to the VM. On the bare machine every card is. */
  readonly assigned?: boolean;
  /** The card is the one by programmed I/O, in place of a virtio card. Under a hypervisor, not one to be assigned. */
  readonly programmed?: boolean;
  /** Of a virtio card that is not assigned: its slot, 0 to 7. Default: the highest that is left. */
  readonly slot?: number;
  /** Its cable; what is not said is as on `DEFAULT_LINK`. */
  readonly link?: Partial<LinkSettings>;
  /** Told, in one line, when a virtio card stops because its driver broke a rule. */
  readonly failed?: (message: string) => void;
}

export interface VirtualNetworkPorts {
  /** Time of the computer in ticks of 10 MHz. */
  readonly now: () => number;
  /** The deadline may have come nearer. */
  readonly rescheduled?: () => void;
  /** Number of the exit that the hypervisor handles at the moment, if it handles one. */
  readonly exit?: () => number | undefined;
}

/** Frames for a VM that a person holds: a card has no more room than this. */
const KEPT_FRAMES = 256;

/** `52:54:00` is the prefix that QEMU's cards have; the rest is the VM's number. */
export const macOfVm = (vm: number): MacAddress => 0x5254_0000_0000 + (vm % 2 ** 24);

interface Card {
  readonly vm: number;
  readonly mac: MacAddress;
  readonly port: SwitchPort;
  /** Puts a frame into the guest's memory. */
  receive: (frame: Uint8Array) => boolean;
  interrupted: boolean;
  kept: { readonly frame: Uint8Array; readonly id: number }[];
  held: () => boolean;
  readonly choice: NetworkChoice;
}

/** What hangs on the cable, to be put on a board. */
export type NetworkCard =
  | { readonly kind: 'virtio'; readonly device: VirtioDevice }
  | { readonly kind: 'programmed'; readonly device: ProgrammedCard };

type ProgrammedCard = Omit<ProgrammedIoNetworkPorts, 'interrupt'>;

/** The card of a VM that is to take another one's place: it hangs on nothing until it is plugged in. */
export interface SpareCard {
  readonly card: NetworkCard;
  /** The cable of the VM is pulled out of the old card and put into this one; port, address and kept frames stay. */
  plugIn(): void;
}

/** A station on the switch, for people: the gateway, or the card of a VM. */
export interface NetworkStation {
  readonly port: number;
  readonly name: string;
  /** Undefined for the gateway. */
  readonly vm: number | undefined;
  readonly mac: string;
}

/** A card on the network, for a guest: what is not said is as on a virtio card of the hypervisor's on a cable like `DEFAULT_LINK`. */
export const networkChoice = (card: Omit<NetworkChoice, 'makeNetwork'> = {}): NetworkChoice => ({
  ...card,
  makeNetwork: (ports) => new VirtualNetwork(ports),
});

export class VirtualNetwork {
  readonly switch: VirtualSwitch;
  readonly gateway: ServiceHost;
  readonly journeys = new FrameJourneys();
  /** The last frames, each once, as they were sent. */
  readonly capture = new Capture('every-sender');
  readonly #ports: VirtualNetworkPorts;
  readonly #cards = new Map<number, Card>();
  readonly #gatewayPort: SwitchPort;
  readonly #observers = new Set<FrameObserver>();
  /** What `deadline` answers, until something happens on the network. */
  #deadline: number | undefined;

  constructor(ports: VirtualNetworkPorts) {
    this.#ports = ports;
    this.switch = new VirtualSwitch(
      { now: ports.now, observe: (event) => this.#observe(event) },
      { ticksPerSecond: TICKS_PER_SECOND },
    );
    this.gateway = new ServiceHost({
      transmit: (frame) => this.#gatewayPort.send(frame),
      observe: ({ frame, time, note }) => {
        if (frame !== undefined) this.journeys.add(frame, { kind: 'served', time, port: this.#gatewayPort.id, note });
      },
    });
    this.#gatewayPort = this.switch.attach(this.gateway);
  }

  /**
   * Makes a card for a VM and plugs it in.
   * @param held answers whether a person holds the VM, or it has ended: then nothing may change in its memory
   * @throws Error where no port is free, RangeError for a setting of the cable out of range
   */
  connect(vm: number, choice: NetworkChoice, held: () => boolean): NetworkCard {
    const mac = macOfVm(vm);
    const station: Station = {
      name: `vm${vm}`,
      deliver: (frame, time, id) => {
        const card = this.#cards.get(vm);
        if (card) this.#deliver(card, frame, time, id);
      },
    };
    const port = this.switch.attach(station, choice.link);
    const card: Card = { vm, mac, port, held, choice, receive: () => false, interrupted: false, kept: [] };
    this.#cards.set(vm, card);
    return this.#plugged(card, (receive) => (card.receive = receive));
  }

  /**
   * A second card for a VM that moves to another machine, while the first one is still in use.
   * @param held as for `connect`, about the VM that is to come
   * @returns undefined where the VM has no card
   */
  spare(vm: number, held: () => boolean): SpareCard | undefined {
    const card = this.#cards.get(vm);
    if (card === undefined) return undefined;
    let receive: Card['receive'] = () => false;
    return {
      card: this.#plugged(card, (attached) => (receive = attached)),
      plugIn: () => {
        card.receive = receive;
        card.held = held;
      },
    };
  }

  #plugged(card: Card, attach: (receive: Card['receive']) => void): NetworkCard {
    const { failed, programmed, slot } = card.choice;
    const interrupted = () => (card.interrupted = true);
    const ports = { mac: octetsOf(card.mac), cable: { send: (frame: Uint8Array) => this.#send(card, frame), attach } };
    if (programmed === true) return { kind: 'programmed', device: { ...ports, interrupted } };
    const observer = { interrupted, ...(failed && { failed }) };
    return { kind: 'virtio', device: { device: virtioNetwork(ports), observer, ...(slot !== undefined && { slot }) } };
  }

  /** The VM goes, and its card with it. */
  disconnect(vm: number): void {
    this.#cards.get(vm)?.port.detach();
    this.#cards.delete(vm);
    this.#changed();
  }

  /** The VM goes on: it gets the frames that its card has kept. Not to be called while the guest executes. */
  resume(vm: number): void {
    const card = this.#cards.get(vm);
    if (card === undefined) return;
    for (const { frame, id } of card.kept.splice(0)) this.#deliver(card, frame, this.#ports.now(), id);
  }

  /** The VM begins anew: what its card has kept is lost. */
  forget(vm: number): void {
    this.#cards.get(vm)?.kept.splice(0);
  }

  /** Ticks at which something happens by itself; Infinity: nothing will. A frame that is sent may bring it nearer. */
  deadline(): number {
    return (this.#deadline ??= Math.ceil(this.switch.deadline()));
  }

  /** Time has moved on. To be called while no guest of the network executes. */
  elapse(): void {
    if (this.deadline() > this.#ports.now()) return;
    this.switch.elapse();
    this.#deadline = undefined;
  }

  /** Settings of a station's cable, for frames sent from now on. @throws RangeError for a value out of range, Error for a port that is not there */
  configure(port: number, settings: Partial<LinkSettings>): void {
    const found = [this.#gatewayPort, ...[...this.#cards.values()].map((card) => card.port)].find(
      ({ id }) => id === port,
    );
    if (found === undefined) throw new Error(`expected a port of the switch, found ${port}: its VM was removed`);
    found.configure(settings);
  }

  /** All events from now on. @returns how to hear no more of them */
  observe(observer: FrameObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** What hangs on the switch, in the order of the ports. */
  get stations(): readonly NetworkStation[] {
    const gateway = { port: this.#gatewayPort.id, name: this.#gatewayPort.name, vm: undefined };
    const cards = [...this.#cards.values()].map(({ vm, mac, port }) => ({
      port: port.id,
      name: port.name,
      vm,
      mac: formatMac(mac),
    }));
    return [{ ...gateway, mac: formatMac(DEFAULT_SERVICE_HOST.mac) }, ...cards].sort((a, b) => a.port - b.port);
  }

  #observe(event: FrameEvent): void {
    this.journeys.observe(event, event.port === this.#gatewayPort.id ? undefined : this.#ports.exit?.());
    this.capture.observe(event);
    for (const observer of this.#observers) observer(event);
  }

  #send(card: Card, frame: Uint8Array): void {
    card.port.send(frame);
    this.#changed();
  }

  #changed(): void {
    this.#deadline = undefined;
    this.#ports.rescheduled?.();
  }

  #deliver(card: Card, frame: Uint8Array, time: number, id: number): void {
    this.journeys.add(id, { kind: 'taken', time, port: card.port.id, outcome: this.#take(card, frame, id) });
  }

  #take(card: Card, frame: Uint8Array, id: number): CardOutcome {
    if (this.#isForAnother(card, readMac(frame, 0))) return 'not-addressed';
    if (card.held()) {
      if (card.kept.length >= KEPT_FRAMES) return 'no-room';
      card.kept.push({ frame, id });
      return 'kept';
    }
    card.interrupted = false;
    if (!card.receive(frame)) return 'no-buffer';
    return card.interrupted ? 'interrupt' : 'silent';
  }

  /**
   * Until the switch has learned an address it floods, and a flooded frame is none of the other guests' business. Addresses
   * that nobody here is known by are let through: a guest may have bridged a network of its own to its card.
   */
  #isForAnother(card: Card, destination: MacAddress): boolean {
    if (isGroupMac(destination) || destination === card.mac) return false;
    if (destination === DEFAULT_SERVICE_HOST.mac) return true;
    return [...this.#cards.values()].some(({ mac }) => mac === destination);
  }
}

function octetsOf(mac: MacAddress): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, index) => Math.floor(mac / 2 ** (40 - 8 * index)) % 256);
}
