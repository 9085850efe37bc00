// The page's end of the protocol: typed requests to the worker, paired with their answers by id.
// The worker may die or hang. It has died when it reports an error, and it hangs when a frame request stays unanswered
// for three seconds; then it is replaced, and the VMs the person had are added anew (their guests start from the beginning).

import type {
  Catalog,
  CommandName,
  Commands,
  GuestDescription,
  Request,
  Response,
  VmOptions,
} from '../protocol/commands.ts';
import { messageOf } from '../protocol/message-of.ts';
import type { SendCommand } from './panel.ts';

/** The part of `Worker` that is used, so that a test can be one. */
export interface CorePort {
  postMessage(message: Request): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Response>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export type CorePhase =
  /** No answer to `describe` yet. */
  | 'starting'
  | 'ready'
  /** Given up: it died three times in half a minute. */
  | 'dead';

export interface CoreStatus {
  readonly phase: CorePhase;
  readonly catalog: Catalog | undefined;
  /** What went wrong last and what was done about it, for the person; undefined when nothing did. */
  readonly trouble: string | undefined;
}

export interface CoreClient {
  readonly send: SendCommand;
  readonly status: () => CoreStatus;
  /** The options a VM was added with; undefined for a VM that is not there. */
  readonly optionsOf: (vm: number) => VmOptions | undefined;
  /** Every VM that is there, in the order they were added. */
  readonly options: () => readonly VmOptions[];
  /** Called after every change of status. Returns the way to stop. */
  readonly onStatus: (listener: () => void) => () => void;
  /** Called when a new worker has the old VMs again, with their new numbers by their old ones. */
  readonly onRestart: (listener: (renumbered: ReadonlyMap<number, number>) => void) => () => void;
  /** Starts a new worker, with the VMs there were or with none. */
  readonly restart: (vms: 'keep' | 'forget') => void;
  /** The person has read the trouble. */
  readonly dismissTrouble: () => void;
}

const BEAT_MS = 500;
/** Beats a frame request may stay unanswered. Counted, not measured: a sleeping laptop must not look like a hung worker. */
const BEATS_UNTIL_HUNG = 6;
const DEATHS_UNTIL_DEAD = 3;
const DEATHS_WITHIN_MS = 30_000;

interface Pending {
  readonly command: CommandName;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

interface Ledgered {
  readonly options: VmOptions;
  readonly running: boolean;
}

export function createCoreClient(spawn: () => CorePort): CoreClient {
  const statusListeners = new Set<() => void>();
  const restartListeners = new Set<(renumbered: ReadonlyMap<number, number>) => void>();
  let status: CoreStatus = { phase: 'starting', catalog: undefined, trouble: undefined };
  let port: CorePort | undefined;
  let pending = new Map<number, Pending>();
  let ledger = new Map<number, Ledgered>();
  let lastId = 0;
  let silentBeats = 0;
  let deaths: number[] = [];

  function setStatus(change: Partial<CoreStatus>): void {
    status = { ...status, ...change };
    for (const listener of statusListeners) listener();
  }

  const send: SendCommand = (command, request) => {
    const to = port;
    if (to === undefined) {
      return Promise.reject(
        new Error('The machine has stopped. Start it again with the button at the top of the page.'),
      );
    }
    lastId += 1;
    const id = lastId;
    type Reply = Commands[typeof command]['reply'];
    return new Promise<Reply>((resolve, reject) => {
      const settle = (reply: Reply) => {
        keepLedger(command, request, reply);
        resolve(reply);
      };
      pending.set(id, { command, resolve: settle, reject });
      to.postMessage({ id, command, request } as Request);
    });
  };

  /** Remembers what must be there again after a restart. */
  function keepLedger(command: CommandName, request: unknown, reply: unknown): void {
    const { vm } = { ...(request as { readonly vm?: number }), ...(reply as { readonly vm?: number }) };
    if (vm === undefined) return;
    const entry = ledger.get(vm);
    if (command === 'addVm') {
      const options = request as VmOptions;
      ledger.set(vm, { options, running: options.start });
    } else if (command === 'cloneVm') {
      const { vm: original, scenario } = request as Commands['cloneVm']['request'];
      const cloned = ledger.get(original);
      if (cloned === undefined) return;
      // After a restart it is a VM like any other; a disk that is kept is in one VM at a time.
      const { disks: _, scenario: __, ...options } = cloned.options;
      ledger.set(vm, { ...cloned, options: { ...options, ...(scenario && { scenario }) } });
    } else if (command === 'removeVm') ledger.delete(vm);
    else if (entry !== undefined && command === 'startVm') ledger.set(vm, { ...entry, running: true });
    else if (entry !== undefined && command === 'pauseVm') ledger.set(vm, { ...entry, running: false });
  }

  function receive(response: Response): void {
    silentBeats = 0;
    const waiting = pending.get(response.id);
    if (waiting === undefined) return;
    pending.delete(response.id);
    if (response.ok) waiting.resolve(response.reply as never);
    else waiting.reject(new Error(response.failure.message));
  }

  /** Ends the worker and fails what was asked of it. */
  function bury(reason: string): void {
    if (port !== undefined) {
      port.onmessage = null;
      port.onerror = null;
      port.terminate();
    }
    port = undefined;
    silentBeats = 0;
    const failed = pending;
    pending = new Map();
    for (const { reject } of failed.values()) reject(new Error(reason));
  }

  function die(found: string): void {
    const now = performance.now();
    deaths = [...deaths.filter((death) => now - death < DEATHS_WITHIN_MS), now];
    bury(found);
    if (deaths.length >= DEATHS_UNTIL_DEAD) {
      setStatus({
        phase: 'dead',
        trouble: `${found} It was started anew ${DEATHS_UNTIL_DEAD - 1} times and failed again. Start it without the VMs, then add them one by one to find the one that breaks it.`,
      });
      return;
    }
    const again =
      ledger.size === 0
        ? 'It was started anew.'
        : ledger.size === 1
          ? 'It was started anew; the guest begins from its first instruction.'
          : 'It was started anew; all guests begin from their first instruction.';
    void begin(`${found} ${again}`);
  }

  async function begin(trouble: string | undefined): Promise<void> {
    setStatus({ phase: 'starting', trouble });
    const current = spawn();
    port = current;
    current.onmessage = (event) => receive(event.data);
    current.onerror = (event) => {
      event.preventDefault();
      die(`The simulated machine failed${event.message === '' ? '' : ` (${event.message})`}.`);
    };
    try {
      const catalog = await send('describe', {});
      const old = ledger;
      ledger = new Map();
      const renumbered = new Map<number, number>();
      for (const [vm, { options, running }] of old) {
        try {
          renumbered.set(vm, (await send('addVm', { ...options, start: running })).vm);
        } catch (error) {
          // Another death keeps the whole ledger for the next attempt; a refusal loses this VM only.
          if (port !== current) {
            ledger = old;
            return;
          }
          setStatus({ trouble: `${status.trouble ?? ''} One guest could not be added again: ${messageOf(error)}` });
        }
      }
      setStatus({ phase: 'ready', catalog });
      if (trouble !== undefined) for (const listener of restartListeners) listener(renumbered);
    } catch (error) {
      if (port === current) die(messageOf(error));
    }
  }

  setInterval(() => {
    if (![...pending.values()].some(({ command }) => command === 'frame')) return;
    silentBeats += 1;
    if (silentBeats >= BEATS_UNTIL_HUNG) die('The simulated machine did not answer for three seconds.');
  }, BEAT_MS);
  void begin(undefined);

  return {
    send,
    status: () => status,
    optionsOf: (vm) => ledger.get(vm)?.options,
    options: () => [...ledger.values()].map(({ options }) => options),
    onStatus: (listener) => {
      statusListeners.add(listener);
      return () => statusListeners.delete(listener);
    },
    onRestart: (listener) => {
      restartListeners.add(listener);
      return () => restartListeners.delete(listener);
    },
    restart: (vms) => {
      deaths = [];
      bury('The machine was started anew.');
      if (vms === 'forget') ledger = new Map();
      void begin(vms === 'forget' ? 'The machine was started anew, without VMs.' : 'The machine was started anew.');
    },
    dismissTrouble: () => setStatus({ trouble: undefined }),
  };
}

/** The guest a VM runs, where it is one that ships. */
export function guestOf(catalog: Catalog | undefined, name: string | undefined): GuestDescription | undefined {
  return catalog?.guests.find((guest) => guest.name === name);
}
