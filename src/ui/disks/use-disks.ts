// The disks that the browser keeps, as last heard of from the core. They change only by what a person does here, so they are
// asked for once and after each change, not with every frame.

import { useEffect, useState } from 'react';
import type { Commands, DiskRow } from '../../protocol/commands.ts';
import { messageOf } from '../../protocol/message-of.ts';
import { useLab } from '../lab.ts';

export interface Disks {
  /** Undefined until the core has answered. */
  readonly disks: readonly DiskRow[] | undefined;
  /** Why the last thing failed. */
  readonly problem: string | undefined;
  /** Makes a disk. @returns whether it is there now */
  readonly create: (request: Commands['createDisk']['request']) => Promise<boolean>;
  readonly remove: (name: string) => Promise<boolean>;
  readonly save: (name: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** @param reason asks anew whenever it changes */
export function useDisks(reason?: unknown): Disks {
  const { core } = useLab();
  const [disks, setDisks] = useState<readonly DiskRow[]>();
  const [problem, setProblem] = useState<string>();
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    let current = true;
    core.send('listDisks', {}).then(
      (reply) => {
        if (current) setDisks(reply.disks);
      },
      (error: unknown) => {
        if (current) setProblem(messageOf(error));
      },
    );
    return () => {
      current = false;
    };
  }, [core, reason, changes]);
  async function attempt<Value>(what: Promise<Value>): Promise<Value | undefined> {
    try {
      const value = await what;
      setProblem(undefined);
      return value;
    } catch (error) {
      setProblem(messageOf(error));
      return undefined;
    } finally {
      setChanges((count) => count + 1);
    }
  }
  return {
    disks,
    problem,
    create: async (request) => {
      // Without this the browser may throw the page's files away when it lacks room.
      const storage: StorageManager | undefined = navigator.storage;
      void storage?.persist().catch(() => false);
      return (await attempt(core.send('createDisk', request))) !== undefined;
    },
    remove: async (name) => (await attempt(core.send('deleteDisk', { name }))) !== undefined,
    save: async (name) => (await attempt(core.send('saveDisk', { name })))?.bytes,
  };
}
