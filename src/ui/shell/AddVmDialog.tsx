// Adds a VM: a guest that ships, or the person's own ELF or Linux Image, under a technique, with some memory.

import { useEffect, useId, useState } from 'react';
import type { BootMode, GuestChoice, GuestDescription, Technique, VmDisk } from '../../protocol/commands.ts';
import { messageOf } from '../../protocol/message-of.ts';
import { techniques } from '../../protocol/vocabulary.ts';
import { TECHNIQUE_NAMES } from '../commands/command-row.ts';
import { DiskFields } from '../disks/DiskFields.tsx';
import { glossary } from '../glossary.ts';
import { guessBoot } from '../guess-boot.ts';
import { MOST_MEMORY_MIB } from '../first-vms.ts';
import { useFrame } from '../frame-store.ts';
import { useLab } from '../lab.ts';
import { openOverlay, useShell } from '../shell-state.ts';
import styles from './AddVmDialog.module.css';
import { Dialog } from './Dialog.tsx';
import { DialogForm, DialogProblem } from './DialogForm.tsx';
import { memoryPromise } from './memory-promise.ts';
import { useCoreStatus } from './use-core-status.ts';

const OWN_MEMORY_MIB = 64;
const MEBIBYTE = 2 ** 20;
const LARGEST_IMAGE = 256 * MEBIBYTE;

interface OwnFile {
  readonly title: string;
  readonly bytes: Uint8Array;
}

interface OwnImage extends OwnFile {
  /** Guessed from the file; the person may say otherwise. */
  readonly boot: BootMode;
}

async function readOwn(file: File): Promise<OwnFile> {
  if (file.size === 0) throw new Error(`Expected a program, found an empty file (${file.name}). Choose another.`);
  if (file.size > LARGEST_IMAGE) {
    throw new Error(
      `Expected a program of at most 256 MiB, found ${Math.round(file.size / 2 ** 20)} MiB (${file.name}). Choose a smaller one.`,
    );
  }
  return { title: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
}

export function AddVmDialog() {
  const lab = useLab();
  const id = useId();
  const { catalog } = useCoreStatus();
  const dropped = useShell((state) => state.droppedFile);
  const guests = catalog?.guests ?? [];
  const [name, setName] = useState(guests[0]?.name);
  const [own, setOwn] = useState<OwnImage>();
  const [technique, setTechnique] = useState<Technique>('trap-and-emulate');
  /** Undefined follows the guest's own default. */
  const [memory, setMemory] = useState<number>();
  const [bootArguments, setBootArguments] = useState('');
  const [adBits, setAdBits] = useState<'software' | 'hardware'>('software');
  const [aia, setAia] = useState<'none' | 'aplic-imsic'>('none');
  const [firmware, setFirmware] = useState<OwnFile>();
  const [harts, setHarts] = useState(1);
  const [network, setNetwork] = useState(false);
  const [balloon, setBalloon] = useState(false);
  const [patching, setPatching] = useState(false);
  const [disks, setDisks] = useState<readonly VmDisk[]>([]);
  const [virtio, setVirtio] = useState<'legacy' | 'modern'>('legacy');
  const [start, setStart] = useState(true);
  const [problem, setProblem] = useState<string>();
  const [adding, setAdding] = useState(false);

  const guest: GuestDescription | undefined = guests.find((known) => known.name === name);
  const boot = own === undefined ? guest?.boot : own.boot;
  // The H extension gives a guest no machine mode: only deprivileging does.
  const offered: readonly Technique[] =
    own === undefined
      ? (guest?.techniques ?? techniques)
      : techniques.filter((each) => own.boot === 'supervisor' || each !== 'hardware-assisted');
  const chosenTechnique = offered.includes(technique) ? technique : (offered[0] ?? 'bare');
  const { frame } = useFrame();
  const memoryMiB = memory ?? (own === undefined ? guest?.memoryMiB : undefined) ?? OWN_MEMORY_MIB;
  // A bare guest has a machine of its own; the others begin on machine A.
  const promise =
    chosenTechnique === 'bare'
      ? { room: 'on a machine of its own', consequence: undefined }
      : memoryPromise({
          memoryMiB,
          machineBytes: catalog?.machineMemoryBytes ?? 0,
          machine: frame?.machines.find(({ name: each }) => each === 'A'),
          physicalDevice: disks.some(({ model }) => model === 'passthrough'),
        });

  const take = (file: File | undefined) => {
    if (file === undefined) return;
    readOwn(file).then(
      (image) => {
        setOwn({ ...image, boot: guessBoot(image.bytes) });
        setProblem(undefined);
      },
      (error: unknown) => setProblem(messageOf(error)),
    );
  };
  useEffect(() => take(dropped), [dropped]);
  // It starts in machine mode: where there is none, there is no firmware either.
  const takesFirmware = chosenTechnique === 'bare' || chosenTechnique === 'trap-and-emulate';
  const takeFirmware = (file: File | undefined) => {
    if (file === undefined) return;
    readOwn(file).then(
      (found) => {
        setFirmware(found);
        setProblem(undefined);
      },
      (error: unknown) => setProblem(messageOf(error)),
    );
  };

  const close = () => openOverlay(undefined);
  const add = async () => {
    const choice: GuestChoice | undefined =
      own !== undefined ? { kind: 'image', ...own } : guest && { kind: 'shipped', name: guest.name };
    if (choice === undefined) return;
    setAdding(true);
    try {
      await lab.vms.add({
        guest: choice,
        technique: chosenTechnique,
        memoryMiB,
        start,
        adBits,
        ...(aia === 'aplic-imsic' && { aia }),
        ...(takesFirmware && firmware && { firmware: firmware.bytes }),
        ...(harts > 1 && { harts }),
        ...(network && { network }),
        ...(balloon && { balloon }),
        ...(patching && chosenTechnique === 'trap-and-emulate' && { binaryPatching: true }),
        ...(disks.length > 0 && { disks }),
        ...(virtio === 'modern' && { virtio }),
        ...(bootArguments.trim() === '' ? {} : { bootArguments: bootArguments.trim() }),
      });
      close();
    } catch (error) {
      setProblem(messageOf(error));
      setAdding(false);
    }
  };

  return (
    <Dialog label="Add a VM" onClose={close}>
      <DialogForm onSubmit={() => void add()}>
        <fieldset>
          <legend>Guest</legend>
          <div className={styles['guests']}>
            {guests.map((known) => (
              <label key={known.name} className={styles['guest']}>
                <input
                  type="radio"
                  name={`${id}guest`}
                  checked={own === undefined && known.name === name}
                  onChange={() => {
                    setName(known.name);
                    setOwn(undefined);
                  }}
                />
                <span className={styles['title']}>{known.title}</span>
                <span className={styles['teaches']}>{known.teaches}</span>
              </label>
            ))}
          </div>
          <label className={styles['file']} data-chosen={own !== undefined}>
            <span>
              {own === undefined
                ? 'Or a file of yours: an RV32 ELF, a Linux Image, or a flat binary (.bin)'
                : own.title}
            </span>
            <span className="button outlined" aria-hidden="true">
              Choose a file
            </span>
            <input
              type="file"
              className="visually-hidden"
              aria-label="A file of yours: an RV32 ELF, a Linux Image, or a flat binary (.bin)"
              onChange={(event) => take(event.target.files?.[0])}
            />
          </label>
        </fieldset>
        <fieldset>
          <legend>Technique</legend>
          <div className={styles['techniques']}>
            {offered.map((possible) => (
              <label key={possible} className={styles['guest']}>
                <input
                  type="radio"
                  name={`${id}technique`}
                  checked={possible === chosenTechnique}
                  onChange={() => setTechnique(possible)}
                />
                <span className={styles['title']}>{TECHNIQUE_NAMES[possible]}</span>
                <span className={styles['teaches']}>{glossary[possible].sentence}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <div className={styles['row']}>
          <label>
            Memory{' '}
            <input
              className="field tabular"
              type="number"
              min={1}
              max={MOST_MEMORY_MIB}
              required
              value={Number.isNaN(memoryMiB) ? '' : memoryMiB}
              onChange={(event) => setMemory(event.target.valueAsNumber)}
            />{' '}
            MiB
            <span className={styles['free']}>
              , {promise.room}
              {chosenTechnique !== 'bare' && (frame?.machines.length ?? 0) > 1 && ' on machine A'}
            </span>
          </label>
          {own !== undefined && (
            <label>
              Starts in{' '}
              <select
                className="field"
                value={own.boot}
                onChange={(event) =>
                  setOwn({ ...own, boot: event.target.value === 'supervisor' ? 'supervisor' : 'machine' })
                }
              >
                <option value="machine">machine mode, at its entry point</option>
                <option value="supervisor">supervisor mode, with SBI below it</option>
              </select>
            </label>
          )}
          <label title="Who sets the accessed and dirty bits of a page-table entry (Svade, Svadu)">
            A and D bits set by{' '}
            <select
              className="field"
              value={adBits}
              onChange={(event) => setAdBits(event.target.value === 'hardware' ? 'hardware' : 'software')}
            >
              <option value="software">software, after a page fault</option>
              <option value="hardware">hardware</option>
            </select>
          </label>
          <label title="The board’s interrupt controllers: wires to a PLIC, or messages from an APLIC to an IMSIC for each hart (RISC-V AIA), for a guest that knows them. Linux does from 6.10 on; the one that ships is 6.1">
            Interrupts by{' '}
            <select
              className="field"
              value={aia}
              onChange={(event) => setAia(event.target.value === 'aplic-imsic' ? 'aplic-imsic' : 'none')}
            >
              <option value="none">a PLIC</option>
              <option value="aplic-imsic">APLIC and IMSIC (AIA; Linux from 6.10 on)</option>
            </select>
          </label>
          <label title="Harts of the guest: virtual CPUs, where a hypervisor runs it. Only a guest made for several uses them">
            {chosenTechnique === 'bare' ? 'Harts' : 'Virtual CPUs'}{' '}
            <input
              className="field tabular"
              type="number"
              min={1}
              max={8}
              required
              value={Number.isNaN(harts) ? '' : harts}
              onChange={(event) => setHarts(event.target.valueAsNumber)}
            />
          </label>
          <label title="A virtio network card on a switch with a gateway: DHCP, DNS and a web server">
            <input type="checkbox" checked={network} onChange={(event) => setNetwork(event.target.checked)} /> Network
            card
          </label>
          <label title="A virtio balloon, by which the hypervisor asks the guest’s kernel to give memory up">
            <input type="checkbox" checked={balloon} onChange={(event) => setBalloon(event.target.checked)} /> Balloon
          </label>
          {chosenTechnique === 'trap-and-emulate' && (
            <label title="Its code is patched where an instruction does not trap although a hypervisor would have to see it; see the panel Virtualizable?">
              <input type="checkbox" checked={patching} onChange={(event) => setPatching(event.target.checked)} />{' '}
              Binary patching
            </label>
          )}
          {boot === 'supervisor' && (
            <label className={styles['grow']}>
              Boot arguments{' '}
              <input
                className="field"
                value={bootArguments}
                placeholder="the guest’s own"
                spellCheck={false}
                onChange={(event) => setBootArguments(event.target.value)}
              />
            </label>
          )}
        </div>
        {takesFirmware && (
          <div className={styles['file']} data-chosen={firmware !== undefined}>
            <span>
              {firmware === undefined
                ? 'Firmware below it, such as OpenSBI: an ELF or a flat binary'
                : `Firmware: ${firmware.title}`}
            </span>
            {firmware !== undefined && (
              <button type="button" className="button" onClick={() => setFirmware(undefined)}>
                Without firmware
              </button>
            )}
            <label>
              <span className="button outlined" aria-hidden="true">
                Choose firmware
              </span>
              <input
                type="file"
                className="visually-hidden"
                aria-label="Firmware of its own: an ELF or a flat binary for machine mode"
                onChange={(event) => takeFirmware(event.target.files?.[0])}
              />
            </label>
          </div>
        )}
        {promise.consequence !== undefined && (
          <p role="status" className={styles['consequence']}>
            {promise.consequence}
          </p>
        )}
        <DiskFields chosen={disks} onChange={setDisks} virtio={virtio} onVirtio={setVirtio} />
        <DialogProblem>{problem}</DialogProblem>
        <footer className={styles['actions']}>
          <label>
            <input type="checkbox" checked={start} onChange={(event) => setStart(event.target.checked)} /> Start at once
          </label>
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={adding || (own === undefined && guest === undefined)}
          >
            {adding ? 'Adding …' : 'Add the VM'}
          </button>
        </footer>
      </DialogForm>
    </Dialog>
  );
}
