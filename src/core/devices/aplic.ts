// An interrupt domain of an APLIC in MSI delivery mode: it turns the devices' wires into messages to interrupt files (RISC-V
// Advanced Interrupt Architecture 1.0, chapter 4; QEMU hw/intc/riscv_aplic.c). Direct delivery, which harts with IMSICs do not
// take, is not built. A machine-level domain may leave sources to its child, a supervisor-level one.
//
//   wire ─▶ mode (edge, level, inverted) ─▶ pending ∧ enabled ∧ IE ─▶ store of the identity to the interrupt file of the target

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, InterruptLine, RegisterRow, RegisterValue } from './device.ts';
import { adoptState, copyState } from './device-state.ts';
import { nodeName, registerWindow } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import {
  ADDRESS_HIGH_MASK,
  aplicRows,
  DELEGATED,
  Domain,
  isInverted,
  isLevel,
  legalMode,
  LOCKED,
  Offset,
  SourceMode,
  SUPERVISOR_ADDRESS_HIGH_MASK,
  targetFields,
} from './aplic-registers.ts';
import {
  APLIC_SOURCES,
  FIELDS,
  hasBit,
  messageAddress,
  newState,
  setBit,
  WORDS,
  type AplicState,
} from './aplic-state.ts';
import { IDENTITIES } from './interrupt-file.ts';
import type { InterruptLevel } from './imsics.ts';

const PAGE = 4096;
/** What a source of a guest's APLIC is in the machine, where it is a physical device's wire. */
export interface PhysicalSource {
  /** The guest has configured it anew. */
  configure(mode: SourceMode, target: number, enabled: boolean): void;
  setPending(pending: boolean): void;
  readonly pending: boolean;
  /** The wire, as its mode reads it. */
  readonly input: boolean;
}

export interface AplicPorts {
  readonly level: InterruptLevel;
  readonly harts: number;
  /** Largest Guest Index. */
  readonly guestFiles: number;
  /** A message: a 32-bit store at a physical address. */
  readonly send: (address: number, identity: number) => void;
  /** Where supervisor-level interrupt files lie, for a domain without a parent: firmware has said it for good. */
  readonly files?: { readonly base: number; readonly guestBits: number };
  /** The domain that leaves sources to this one. */
  readonly parent?: Aplic;
  /** Sources that are wires of the machine that this board is virtual on. */
  readonly physical?: (source: number) => PhysicalSource | undefined;
  readonly raised?: (source: number, level: boolean) => void;
}

export class Aplic implements DescribedDevice {
  readonly name = 'aplic';
  readonly provides = 'interrupt-controller';
  /** Cells of an interrupt in the device tree: the source, and that it is a level that counts while high. */
  readonly interruptTrigger = 4;
  readonly size = 0x8000;
  readonly registers: readonly RegisterRow[];
  readonly #ports: AplicPorts;
  #child: Aplic | undefined;
  #state = newState();

  constructor(ports: AplicPorts) {
    this.#ports = ports;
    this.registers = aplicRows(APLIC_SOURCES, ports.level === 'machine');
    if (ports.parent) ports.parent.#child = this;
  }

  get level(): InterruptLevel {
    return this.#ports.level;
  }

  /** The wire of a source, 1 to 96, of a domain without a parent. */
  line(source: number): InterruptLine {
    if (!Number.isInteger(source) || source < 1 || source > APLIC_SOURCES) {
      throw new Error(`The interrupt controller has sources 1 to ${APLIC_SOURCES}; there is no source ${source}.`);
    }
    return (level) => this.#drive(source, level);
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0) return BUS_ERROR;
    return this.#look(offset);
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0) return false;
    this.#store(offset, value >>> 0);
    return true;
  }

  reset(): void {
    // Wires stay as they are: who drives them is reset by itself.
    const { lines } = this.#state;
    this.#state = { ...newState(), lines };
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((row) => ({ row, value: this.#look(row.offset) }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState<AplicState>(this.name, FIELDS, state);
  }

  /** The source whose messages have this identity at a hart's own file; 0 where none has. */
  sourceOf(hart: number, identity: number): number {
    return this.#state.target.findIndex((target, source) => {
      const to = targetFields(target);
      return this.#isActive(source) && to.hart === hart && to.guest === 0 && to.identity === identity;
    });
  }

  /** Where messages go has changed elsewhere: the physical wires of this guest's sources must follow. */
  redirect(): void {
    for (let source = 1; source <= APLIC_SOURCES; source++) if (this.#ports.physical?.(source)) this.#changed(source);
  }

  /** How the guest has configured a source: what its physical wire must do. */
  #configured(source: number): { readonly mode: SourceMode; readonly target: number; readonly enabled: boolean } {
    const { enabled, target, enable } = this.#state;
    return {
      mode: this.#mode(source) as SourceMode,
      target: target[source] ?? 0,
      enabled: enabled && hasBit(enable, source),
    };
  }

  describe(mount: DeviceMount): DeviceDescription {
    const { msiParent, phandle, child } = mount;
    return {
      node: {
        name: nodeName(this.name, mount.base),
        properties: {
          ...(phandle === undefined ? {} : { phandle: [phandle] }),
          ...(child === undefined ? {} : { 'riscv,delegate': [child, 1, APLIC_SOURCES], 'riscv,children': [child] }),
          'riscv,num-sources': [APLIC_SOURCES],
          reg: registerWindow(mount.base, this.size),
          ...(msiParent === undefined ? {} : { 'msi-parent': [msiParent] }),
          'interrupt-controller': true,
          '#interrupt-cells': [2],
          compatible: 'riscv,aplic',
        },
        children: [],
      },
    };
  }

  /** A wire comes to the root domain, and to each one below. */
  #drive(source: number, level: boolean): void {
    const { lines, pending } = this.#state;
    const before = this.#input(source);
    const was = hasBit(lines, source);
    setBit(lines, source, level);
    if (this.#child) this.#child.#drive(source, level);
    if (level !== was && this.#child === undefined) this.#ports.raised?.(source, level);
    const asks = this.#input(source);
    if (asks && !before) setBit(pending, source, true);
    else if (!asks && isLevel(this.#mode(source))) setBit(pending, source, false);
    this.#forward(source);
  }

  /** Section 4.5: 0 where the source is not this domain's. */
  #mode(source: number): number {
    const configuration = this.#state.sourcecfg[source] ?? 0;
    return (configuration & DELEGATED) !== 0 || !this.#has(source) ? SourceMode.inactive : configuration & 7;
  }

  #has(source: number): boolean {
    return this.#ports.parent === undefined || this.#ports.parent.#delegates(source);
  }

  #delegates(source: number): boolean {
    return ((this.#state.sourcecfg[source] ?? 0) & DELEGATED) !== 0;
  }

  #isActive(source: number): boolean {
    return this.#mode(source) !== SourceMode.inactive;
  }

  /** The rectified input value. */
  #input(source: number): boolean {
    const mode = this.#mode(source);
    if (mode === SourceMode.inactive || mode === SourceMode.detached) return false;
    const physical = this.#ports.physical?.(source);
    return physical ? physical.input : hasBit(this.#state.lines, source) !== isInverted(mode);
  }

  #look(offset: number): number {
    const state = this.#state;
    const array = (first: number, bits: (source: number) => boolean): number | undefined => {
      if (offset < first || offset >= first + 4 * WORDS) return undefined;
      let word = 0;
      for (let bit = 0; bit < 32; bit++) {
        const source = 8 * (offset - first) + bit;
        if (source >= 1 && source <= APLIC_SOURCES && this.#isActive(source) && bits(source)) word |= 1 << bit;
      }
      return word >>> 0;
    };
    const source = sourceAt(Offset.sourcecfg, offset);
    if (source !== undefined) return this.#has(source) ? (state.sourcecfg[source] ?? 0) : 0;
    const targeted = sourceAt(Offset.target, offset);
    if (targeted !== undefined) return this.#isActive(targeted) ? (state.target[targeted] ?? 0) : 0;
    switch (offset) {
      case Offset.domaincfg:
        return (Domain.fixed | Domain.messages | (state.enabled ? Domain.enable : 0)) >>> 0;
      case Offset.genmsi:
        return state.genmsi;
      case Offset.mmsiaddrcfg:
        return state.mmsiaddrcfg;
      case Offset.mmsiaddrcfgh:
        return state.mmsiaddrcfgh;
      case Offset.smsiaddrcfg:
        return state.smsiaddrcfg;
      case Offset.smsiaddrcfgh:
        return state.smsiaddrcfgh;
    }
    return (
      array(Offset.setip, (each) => this.#isPending(each)) ??
      array(Offset.inClrip, (each) => this.#input(each)) ??
      array(Offset.setie, (each) => hasBit(state.enable, each)) ??
      0
    );
  }

  #store(offset: number, value: number): void {
    const state = this.#state;
    const source = sourceAt(Offset.sourcecfg, offset);
    if (source !== undefined) return this.#configureSource(source, value);
    const targeted = sourceAt(Offset.target, offset);
    if (targeted !== undefined) return this.#setTarget(targeted, value);
    const each = (first: number, act: (found: number) => void): boolean => {
      if (offset < first || offset >= first + 4 * WORDS) return false;
      for (let bit = 0; bit < 32; bit++) if ((value & (1 << bit)) !== 0) act(8 * (offset - first) + bit);
      return true;
    };
    switch (offset) {
      case Offset.domaincfg:
        state.enabled = (value & Domain.enable) !== 0;
        for (let each = 1; each <= APLIC_SOURCES; each++) this.#changed(each);
        return;
      case Offset.genmsi:
        // The message is on its way at once: Busy is never seen.
        state.genmsi = (value & 0xfffc_07ff) >>> 0;
        this.#send(value >>> 18, 0, value & IDENTITIES);
        return;
      case Offset.setipnum:
      case Offset.setipnumLe:
        return this.#setPending(value, true);
      case Offset.clripnum:
        return this.#setPending(value, false);
      case Offset.setienum:
        return this.#setEnabled(value, true);
      case Offset.clrienum:
        return this.#setEnabled(value, false);
      case Offset.mmsiaddrcfg:
      case Offset.mmsiaddrcfgh:
      case Offset.smsiaddrcfg:
      case Offset.smsiaddrcfgh:
        return this.#setAddress(offset, value);
    }
    if (each(Offset.setip, (found) => this.#setPending(found, true))) return;
    if (each(Offset.inClrip, (found) => this.#setPending(found, false))) return;
    if (each(Offset.setie, (found) => this.#setEnabled(found, true))) return;
    each(Offset.clrie, (found) => this.#setEnabled(found, false));
  }

  #configureSource(source: number, value: number): void {
    if (!this.#has(source)) return;
    const state = this.#state;
    const delegated = (value & DELEGATED) !== 0;
    // A domain without a child has nobody to leave a source to; the child's number is 0, there is one.
    if (delegated) state.sourcecfg[source] = this.#child === undefined ? 0 : DELEGATED;
    else state.sourcecfg[source] = legalMode(value & 7);
    if (!this.#isActive(source)) {
      setBit(state.pending, source, false);
      setBit(state.enable, source, false);
      state.target[source] = 0;
    } else if (this.#input(source)) setBit(state.pending, source, true);
    if (this.#child) this.#child.#redelegated(source);
    this.#changed(source);
  }

  /** The parent has taken a source away, or given it: it begins inactive. */
  #redelegated(source: number): void {
    const state = this.#state;
    state.sourcecfg[source] = 0;
    state.target[source] = 0;
    setBit(state.pending, source, false);
    setBit(state.enable, source, false);
  }

  #setTarget(source: number, value: number): void {
    if (!this.#isActive(source)) return;
    const { hart, guest, identity } = targetFields(value);
    const legalGuest = this.#ports.level === 'supervisor' && guest <= this.#ports.guestFiles ? guest : 0;
    this.#state.target[source] = ((hart << 18) | (legalGuest << 12) | (identity & IDENTITIES)) >>> 0;
    this.#changed(source);
  }

  #setAddress(offset: number, value: number): void {
    const state = this.#state;
    if (this.#ports.level !== 'machine' || (state.mmsiaddrcfgh & LOCKED) !== 0) return;
    if (offset === Offset.mmsiaddrcfg) state.mmsiaddrcfg = value;
    else if (offset === Offset.mmsiaddrcfgh) state.mmsiaddrcfgh = (value & ADDRESS_HIGH_MASK) >>> 0;
    else if (offset === Offset.smsiaddrcfg) state.smsiaddrcfg = value;
    else state.smsiaddrcfgh = (value & SUPERVISOR_ADDRESS_HIGH_MASK) >>> 0;
  }

  #isPending(source: number): boolean {
    return this.#ports.physical?.(source)?.pending ?? hasBit(this.#state.pending, source);
  }

  /** "Precise effects on interrupt-pending bits" (section 4.7): a level that does not ask cannot be made pending. */
  #setPending(source: number, pending: boolean): void {
    if (source > APLIC_SOURCES || !this.#isActive(source)) return;
    const physical = this.#ports.physical?.(source);
    if (physical) return physical.setPending(pending);
    if (pending && isLevel(this.#mode(source)) && !this.#input(source)) return;
    setBit(this.#state.pending, source, pending);
    this.#forward(source);
  }

  #setEnabled(source: number, enabled: boolean): void {
    if (source > APLIC_SOURCES || !this.#isActive(source)) return;
    setBit(this.#state.enable, source, enabled);
    this.#changed(source);
  }

  /** A source was configured: its physical wire follows, or its message goes if it may now. */
  #changed(source: number): void {
    const physical = this.#ports.physical?.(source);
    if (physical === undefined) return this.#forward(source);
    const { mode, target, enabled } = this.#configured(source);
    physical.configure(mode, target, enabled);
  }

  #forward(source: number): void {
    const { enabled, pending, enable, target } = this.#state;
    if (!enabled || !hasBit(pending, source) || !hasBit(enable, source) || !this.#isActive(source)) return;
    setBit(pending, source, false);
    const { hart, guest, identity } = targetFields(target[source] ?? 0);
    this.#send(hart, guest, identity);
  }

  /** A message goes to where interrupt files lie, as firmware has said. */
  #send(hart: number, guest: number, identity: number): void {
    const { level, files, harts, send } = this.#ports;
    if (files !== undefined) {
      if (hart < harts) send(files.base + ((hart << files.guestBits) + guest) * PAGE, identity);
      return;
    }
    const { parent } = this.#ports;
    send(messageAddress(parent ? parent.#state : this.#state, level, hart, guest), identity);
  }
}

/** The source whose register of an array lies at an offset. */
function sourceAt(first: number, offset: number): number | undefined {
  const source = (offset - first) / 4 + 1;
  return source >= 1 && source <= APLIC_SOURCES ? source : undefined;
}
