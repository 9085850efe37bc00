// One page's lab: answers its commands and keeps the computers running between its messages.

import type { DirtyLog } from '../core/hypervisor/memory/dirty-log.ts';
import type { LiveMigration } from '../core/hypervisor/migration/live-migration.ts';
import { DEFAULT_MIGRATION_LINK } from '../core/hypervisor/migration/migration-link.ts';
import { restoreVm } from '../core/hypervisor/migration/vm-stream.ts';
import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import { TICKS_PER_SECOND } from '../core/hypervisor/computer.ts';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import { Lab } from '../core/hypervisor/lab.ts';
import type { VirtualNetwork } from '../core/hypervisor/guest-devices/virtual-network.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import type { Host } from '../core/machine/linear-memory.ts';
import type { DiskFolder } from './disks/disk-folder.ts';
import { PageDisks } from './disks/page-disks.ts';
import type { CommandName, Commands, Done, Entitlement, IoPathRow, VmCard } from '../protocol/commands.ts';
import type { FrameRequest } from '../protocol/frame.ts';
import { buildFrame, type VmOrigin } from './frame-builder.ts';
import { catalogOf } from './catalog.ts';
import { followedVm } from './followed-vm.ts';
import { GuestFiles } from './guest-files.ts';
import { loadGuest } from './guest-images.ts';
import type { Pacer } from './pacer.ts';
import { nextTurn } from './next-turn.ts';
import { Part } from './part.ts';
import { TypedInput } from './typed-input.ts';
import { ScenarioWatch } from './scenario-watch.ts';

/** RAM of the machine the hypervisor shares out: four Linux guests and their tables. */
const MACHINE_MEMORY = 384 * 2 ** 20;
const MEBIBYTE = 2 ** 20;
/** The most it can be told to have. */
const MOST_MACHINE_MIB = 2048;
/** The same of a machine that a measurement makes for itself: one Linux guest and its tables. */
const MEASURED_MEMORY = 96 * 2 ** 20;
/** 2026-01-01 00:00:00 UTC in nanoseconds: every run sees the same date. */
const EPOCH = { high: 0x1886_7251, low: 0xedfa_0000 };

type Handlers = {
  readonly [Name in CommandName]: (
    request: Commands[Name]['request'],
  ) => Commands[Name]['reply'] | Promise<Commands[Name]['reply']>;
};

const IO_PATHS_IMAGE = 'guests/io-paths.elf';

/** Behind the title of a VM that is a copy. */
const CLONE = ' (clone)';

/** How the core is told of a card and its cable. */
const cardOf = ({ model, ...card }: VmCard = { model: 'virtio' }) => ({
  ...card,
  assigned: model === 'passthrough',
  programmed: model === 'programmed-io',
});

const done: Done = { done: true };

export class Session {
  readonly lab: Lab;
  readonly #origins = new Map<number, VmOrigin>();
  readonly #host: Host;
  readonly #pacer: Pacer;
  readonly #typed: TypedInput;
  readonly #scenarios: ScenarioWatch;
  readonly #files = new GuestFiles();
  readonly #disks: PageDisks;
  /** Settled when every VM that was asked for before is there or has failed. */
  #added: Promise<unknown> = Promise.resolve();
  #frames = 0;
  readonly #network = new Part(async () => ({
    ...(await import('../core/hypervisor/guest-devices/virtual-network.ts')),
    ...(await import('./answers/network.ts')),
  }));
  readonly #introspection = new Part(async () => (await import('./introspection.ts')).openIntrospection(this.#files));
  readonly #measurement = new Part(async () => {
    const { Measurement } = await import('./measurement.ts');
    return new Measurement({
      files: this.#files,
      layouts: async () => (await this.#introspection.get()).layouts,
      makeLab: () => new Lab({ host: this.#host, memoryBytes: MEASURED_MEMORY, epochNanoseconds: EPOCH }),
    });
  });
  readonly #instruments = new Part(async () => {
    const { Instruments } = await import('./instruments.ts');
    return new Instruments(this.#host, this.#files);
  });

  /** What must be patched in a guest’s code. It comes with the instruments, which need it too. */
  readonly #findSensitive = new Part(async () => (await import('./instruments.ts')).sensitiveOn);

  constructor(host: Host, makePacer: (lab: Lab) => Pacer, disks: DiskFolder) {
    this.#host = host;
    this.#disks = new PageDisks(disks);
    this.lab = new Lab({ host, memoryBytes: MACHINE_MEMORY, epochNanoseconds: EPOCH });
    this.#pacer = makePacer(this.lab);
    this.#typed = new TypedInput(this.lab);
    this.#scenarios = new ScenarioWatch(this.lab);
    this.#pacer.beforeTurn = () => {
      this.#scenarios.look();
      this.#typed.look();
    };
  }

  /** Answers one command. @throws Error with one line for a person */
  async answer<Name extends CommandName>(
    command: Name,
    request: Commands[Name]['request'],
  ): Promise<Commands[Name]['reply']> {
    if (!Object.hasOwn(this.#handlers, command))
      throw new Error(`Expected a command of the protocol, found “${command}”.`);
    const reply = await this.#handlers[command](request);
    if (command !== 'frame') this.#pacer.wake();
    return reply;
  }

  #hosted(id: number): HostedVm {
    const vm = this.lab.vm(id);
    if (vm instanceof HostedVm) return vm;
    throw new Error(
      'expected a VM of the hypervisor, found one on the bare machine: nobody but itself knows its memory',
    );
  }

  /** @throws Error while a migration lives on it: a page collected by somebody else would not be sent */
  #dirtyLogOf(id: number): DirtyLog {
    const { migration } = this.lab;
    if (migration?.active === true && migration.vm === id) {
      throw new Error(
        `expected no migration of VM ${id} under way, found one, which reads the dirty log itself: wait for it or cancel it`,
      );
    }
    return this.#hosted(id).memory.dirtyLog;
  }

  #entitle(vm: HostedVm, entitlements: readonly Entitlement[]): void {
    for (const [index, change] of entitlements.slice(0, vm.vcpus.length).entries()) {
      this.lab.hypervisorOf(vm)?.entitle(vm.vcpu(index), change);
    }
  }

  /** @throws Error; then there is no such VM */
  #restore(vm: VirtualMachine, saved: Uint8Array): void {
    try {
      restoreVm(this.#hosted(vm.id), saved);
    } catch (error) {
      this.lab.removeVm(vm.id);
      throw error;
    }
  }

  #migrationUnderWay(): LiveMigration {
    const { migration } = this.lab;
    if (migration?.active === true) return migration;
    throw new Error('expected a migration under way, found none: start one in the panel Migration');
  }

  #networkOf(vm: number): VirtualNetwork {
    const network = this.lab.networkOf(this.lab.vm(vm));
    if (network === undefined) {
      throw new Error('expected a VM with a network card, found one without: add one with “Network card” checked');
    }
    return network;
  }

  /** Fetches what some answers are made with. A frame does not wait for it: until it is here, the answer says so. */
  #fetchPartsFor({ processes, network }: FrameRequest['queries']): void {
    const wanted = [...(processes ? [this.#introspection] : []), ...(network ? [this.#network] : [])];
    for (const part of wanted) {
      if (part.here !== undefined) continue;
      part.get().then(
        () => this.#pacer.wake(),
        () => undefined,
      );
    }
  }

  readonly #handlers: Handlers = {
    describe: () => catalogOf(MACHINE_MEMORY),
    addVm: (options) => {
      // Files arrive side by side; VMs get their numbers in the order in which they were asked for.
      const loading = loadGuest(options, this.#files);
      const adding = Promise.all([loading, this.#added]).then(async ([{ image, origin }]) => {
        const { balloon, card } = options;
        const network = options.network === true ? (await this.#network.get()).networkChoice(cardOf(card)) : undefined;
        const disks = await this.#disks.attach(options);
        try {
          const guest = {
            ...image,
            ...disks.guest,
            ...(network && { network }),
            ...(balloon !== undefined && balloon !== false && { balloon: balloon === true ? {} : balloon }),
            ...(options.binaryPatching === true && { binaryPatching: await this.#findSensitive.get() }),
          };
          if (options.aia === 'aplic-imsic' && options.technique === 'hardware-assisted')
            this.lab.messageInterrupts = true;
          const vm = this.lab.addVm({ technique: options.technique, guest });
          if (options.saved) this.#restore(vm, options.saved);
          if (vm instanceof HostedVm) this.#entitle(vm, options.entitlements ?? []);
          disks.keep(vm.id);
          this.#origins.set(vm.id, origin);
          // A page that looks later wants to see what was.
          if (vm instanceof BareMachine) vm.levels.recording = true;
          this.#typed.give(vm.id, options.input ?? []);
          this.#scenarios.begin(vm.id, options.scenario);
          if (options.start) this.lab.start(vm.id);
          return { vm: vm.id };
        } catch (error) {
          disks.close();
          throw error;
        }
      });
      this.#added = Promise.allSettled([this.#added, adding]);
      return adding;
    },
    removeVm: ({ vm }) => {
      this.lab.removeVm(vm);
      this.#origins.delete(vm);
      this.#disks.release(vm);
      this.#introspection.here?.forget(vm);
      this.#typed.forget(vm);
      this.#scenarios.forget(vm);
      return done;
    },
    startVm: ({ vm }) => {
      this.lab.start(vm);
      return done;
    },
    pauseVm: ({ vm }) => {
      this.lab.pause(vm);
      return done;
    },
    resetVm: ({ vm }) => {
      this.lab.reset(vm);
      this.#typed.restart(vm);
      this.#scenarios.begin(vm);
      return done;
    },
    entitle: ({ vm: id, vcpu, ...change }) => {
      const vm = this.lab.vm(id);
      if (!(vm instanceof HostedVm)) {
        throw new Error('expected a VM of the hypervisor, found one on the bare machine: nobody else wants its harts');
      }
      this.lab.hypervisorOf(vm)?.entitle(vm.vcpu(vcpu), change);
      return done;
    },
    setPhysicalHarts: ({ harts }) => {
      this.lab.physicalHarts = harts;
      return done;
    },
    setMachineMemory: ({ memoryMiB, swapMiB, swapLatencyTicks }) => {
      if (memoryMiB !== undefined && !(memoryMiB >= 2 && memoryMiB <= MOST_MACHINE_MIB)) {
        throw new Error(
          `Expected 2 to ${MOST_MACHINE_MIB} MiB for the machine, found ${memoryMiB}. Choose another size.`,
        );
      }
      this.lab.setMachineMemory({
        ...(memoryMiB !== undefined && { memoryBytes: memoryMiB * MEBIBYTE }),
        memory: {
          ...(swapMiB !== undefined && { swapBytes: swapMiB * MEBIBYTE }),
          ...(swapLatencyTicks !== undefined && { swapLatency: swapLatencyTicks }),
        },
      });
      return done;
    },
    step: ({ vm, kind, vcpu }) => {
      this.lab.step(vm, kind, vcpu ?? 0);
      return done;
    },
    setBreakpoints: ({ vm, addresses }) => {
      this.lab.setBreakpoints(vm, addresses);
      return done;
    },
    consoleInput: ({ vm, bytes }) => ({ accepted: this.lab.vm(vm).receive(bytes) }),
    setBalloon: ({ vm, bytes }) => {
      const { balloon } = this.lab.vm(vm);
      if (balloon === undefined) {
        throw new Error('expected a VM with a balloon, found one without: add one with “Balloon” checked');
      }
      balloon.setTarget(bytes);
      return done;
    },
    setDirtyLog: ({ vm, on }) => {
      const dirtyLog = this.#dirtyLogOf(vm);
      if (on && !dirtyLog.active) dirtyLog.start();
      else if (!on) dirtyLog.stop();
      return done;
    },
    collectDirtyLog: ({ vm }) => ({ pages: this.#dirtyLogOf(vm).collect().length }),
    migrate: ({ vm, bytesPerSecond, downtimeLimitTicks, divergence }) => {
      const link = { ...DEFAULT_MIGRATION_LINK, bytesPerSecond };
      this.lab.migrate(vm, { link, downtimeLimitTicks, divergence });
      return done;
    },
    cancelMigration: () => {
      this.#migrationUnderWay().cancel();
      return done;
    },
    cutMigrationLink: () => {
      this.#migrationUnderWay().cutLink();
      return done;
    },
    forceMigration: () => {
      this.#migrationUnderWay().force();
      return done;
    },
    cloneVm: ({ vm: id, title: chosen, input: typed, scenario }) => {
      const { id: clone } = this.lab.cloneVm(id);
      const origin = this.#origins.get(id);
      if (origin !== undefined) {
        const title = origin.title.endsWith(CLONE) ? origin.title : `${origin.title}${CLONE}`;
        this.#origins.set(clone, { ...origin, title: chosen ?? title });
      }
      if (typed !== undefined) this.#typed.give(clone, typed);
      this.#scenarios.begin(clone, scenario);
      this.#typed.inherit(clone, id);
      return { vm: clone };
    },
    setMemory: ({ machine, merging, pagesPerScan, hugePages }) => {
      const hypervisor = this.lab.hypervisors[machine === 'A' ? 0 : 1];
      if (hypervisor === undefined) {
        throw new Error(
          machine === 'A'
            ? 'expected a VM of the hypervisor, found none: add one under trap-and-emulate or hardware-assisted'
            : 'expected machine B to be switched on, found it off: migrate a VM to it',
        );
      }
      const { memory } = hypervisor;
      if (pagesPerScan !== undefined) memory.merging.pagesPerScan = Math.max(1, Math.floor(pagesPerScan));
      if (merging !== undefined) memory.merging.turn(merging, hypervisor.now);
      if (hugePages !== undefined) memory.hugePages = hugePages;
      return done;
    },
    setLink: ({ vm, port, settings }) => {
      this.#networkOf(vm).configure(port, settings);
      return done;
    },
    capture: ({ vm }) => {
      const { capture } = this.#networkOf(vm);
      const { frames, forgotten } = capture;
      return { pcap: capture.toPcap(TICKS_PER_SECOND), frames: frames.length, forgotten };
    },
    measureIoPaths: async ({ technique }) => {
      const [image, { ioPathRows }] = await Promise.all([
        this.#files.get(IO_PATHS_IMAGE),
        import('../core/hypervisor/measurements/io-paths.ts'),
      ]);
      const rows: IoPathRow[] = [];
      for (const more of ioPathRows({ host: this.#host, image, technique })) {
        rows.push(...more);
        await nextTurn();
      }
      return { rows };
    },
    expectFile: ({ path }) => {
      this.#files.expect(path);
      return done;
    },
    giveFile: ({ path, bytes }) => {
      this.#files.give(path, bytes);
      return done;
    },
    listDisks: async () => ({ disks: await this.#disks.list() }),
    createDisk: async ({ name, contents }) => {
      await this.#disks.create(name, contents);
      return done;
    },
    deleteDisk: async ({ name }) => {
      await this.#disks.delete(name);
      return done;
    },
    saveDisk: async ({ name }) => ({ bytes: await this.#disks.save(name) }),
    measureContainers: async ({ technique, begin }) => (await this.#measurement.get()).next(technique, begin),
    compareTwins: async ({ guest }) => {
      const { runTwins } = await import('./twin-runs.ts');
      return runTwins(guest, this.#host, this.#files);
    },
    watchSystemCalls: async ({ vm: id, watch }) => {
      const introspection = await this.#introspection.get();
      const vm = this.lab.vm(id);
      vm.userCalls = watch ? introspection.record(id, followedVm(this.lab, id)) : undefined;
      return done;
    },
    setQuirk: ({ quirk, on }) => {
      this.lab.setQuirk(quirk, on);
      return done;
    },
    virtualizable: async (request) => (await this.#instruments.get()).virtualizable(request),
    isolation: async (request) => (await this.#instruments.get()).isolation(request),
    equivalence: async (request) => (await this.#instruments.get()).equivalence(request),
    frame: (request) => {
      this.#fetchPartsFor(request.queries);
      const parts = {
        introspection: this.#introspection.here,
        network: this.#network.here,
        scenarios: this.#scenarios,
      };
      return buildFrame(this.lab, this.#origins, this.#pacer.speed, this.#frames++, request, parts);
    },
    recordLevels: ({ vm: id, on }) => {
      const vm = this.lab.vm(id);
      if (!(vm instanceof BareMachine)) {
        throw new Error('expected a guest on the bare machine, found one of the hypervisor: its exits are recorded');
      }
      vm.levels.recording = on;
      return done;
    },
  };
}
