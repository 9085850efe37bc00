// What becomes of the VM in the middle of a run: it begins to move to a second machine, or it is written into a file. Each at an
// instruction that is said beforehand, so every run is the same.

import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import type { LiveMigration } from '../core/hypervisor/migration/live-migration.ts';
import { saveVm } from '../core/hypervisor/migration/vm-stream.ts';
import { hashOfVm } from '../core/hypervisor/inspection/state-hash.ts';
import type { OpenFile } from './files.ts';
import type { LabVm } from './lab-vm.ts';
import { migrationLine, migrationOptionsOf, MoveError, refused, type MoveChoice } from './move-options.ts';
import { quoted } from './options.ts';
import type { Plan } from './plan.ts';

export class Move implements Plan {
  readonly #session: LabVm;
  readonly #choice: MoveChoice;
  /** For the saved VM, where the options want one. */
  file: OpenFile | undefined;
  readonly #say: (line: string) => void;
  #migration: LiveMigration | undefined;
  readonly #moved: () => void;
  #told = false;
  #saved: string | undefined;

  /**
   * @param say told in one line what has become of it
   * @param moved called when the session’s VM is the one on the second machine
   */
  constructor(session: LabVm, choice: MoveChoice, say: (line: string) => void, moved: () => void) {
    this.#session = session;
    this.#choice = choice;
    this.#say = say;
    this.#moved = moved;
  }

  get migration(): LiveMigration | undefined {
    return this.#migration;
  }

  /** Instructions of the guest at which `look` has something to do; Infinity: at none. */
  get due(): number {
    const { migrateAfter = Infinity, saveAfter = Infinity } = this.#choice;
    return Math.min(
      this.#migration === undefined ? migrateAfter : Infinity,
      this.#saved === undefined ? saveAfter : Infinity,
    );
  }

  /** @returns what to say of a VM that has just been saved @throws UsageError where it cannot be moved or saved */
  look(): string | undefined {
    const { migrateAfter = Infinity, saveAfter = Infinity } = this.#choice;
    const { instructions, ending } = this.#session.vm;
    if (ending !== undefined) return undefined;
    if (this.#migration === undefined && instructions >= migrateAfter) this.#migrate();
    if (this.#migration?.active === false) this.#tell(this.#migration);
    return instructions >= saveAfter && this.#saved === undefined ? this.#save() : undefined;
  }

  end(): void {
    const { migrateAfter, saveAfter } = this.#choice;
    const { instructions } = this.#session.vm;
    if (this.#migration !== undefined) this.#tell(this.#migration);
    else if (migrateAfter !== undefined) this.#missed('--migrate-after', migrateAfter, instructions, 'moved');
    if (saveAfter !== undefined && this.#saved === undefined) {
      this.#missed('--save-after', saveAfter, instructions, 'saved');
    }
  }

  #migrate(): void {
    try {
      this.#migration = this.#session.migrate(migrationOptionsOf(this.#choice));
    } catch (error) {
      throw refused('--migrate-after', error);
    }
  }

  #save(): string {
    const { vm } = this.#session;
    const { save = '' } = this.#choice;
    if (!(vm instanceof HostedVm)) throw new Error('a VM on the bare machine cannot be saved');
    if (this.#migration?.active === true) {
      throw new MoveError(
        '--save-after: expected a VM that stays where it is, found it on its way to the second machine: save it later, or earlier',
      );
    }
    try {
      const stream = saveVm(vm);
      this.file?.write(stream);
      this.#saved = `saved into ${quoted(save)} at ${vm.instructions} instructions: ${stream.length} bytes, state ${hashOfVm(vm)}. Go on with --restore and the same options.`;
    } catch (error) {
      throw refused('--save', error);
    }
    return this.#saved;
  }

  #tell(migration: LiveMigration): void {
    if (this.#told) return;
    this.#told = true;
    if (migration.state === 'completed') this.#moved();
    this.#say(migrationLine(migration));
  }

  #missed(option: string, wanted: number, found: number, what: string): void {
    this.#say(
      `expected the guest to come to ${wanted} instructions for ${option}, found the run over after ${found}: it was not ${what}, choose a smaller number`,
    );
  }
}
