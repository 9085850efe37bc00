// What the hart wrote into its trap registers, register by register, with the meaning each has for this cause
// (privileged manual, "Supervisor Cause", "Supervisor Trap Value", "Hypervisor Trap Value/Instruction"). Pure.

import { findCause } from '../../../core/isa/causes.ts';
import { disassemble } from '../../../core/isa/disassemble.ts';
import { findRow } from '../../../core/isa/instructions.ts';
import type { ExitDetail } from '../../../protocol/frame.ts';
import type { SpacedAddress } from '../../panel.ts';

export interface TrapValue {
  readonly name: 'scause' | 'stval' | 'htval' | 'htinst';
  readonly value: number;
  readonly meaning: string;
  /** Where the value leads, if it is an address; for htval the address it stands for. */
  readonly address: SpacedAddress | undefined;
}

const PSEUDO_READ = 0x2000;
const PSEUDO_WRITE = 0x2020;

/** The trap registers of one exit; htval and htinst only where the hart has them. */
export function trapValues(exit: ExitDetail): readonly TrapValue[] {
  const values: TrapValue[] = [
    {
      name: 'scause',
      value: exit.cause,
      meaning: `${exit.cause >>> 31 === 1 ? 'interrupt' : 'exception'} ${exit.cause & 0x7fff_ffff}: ${exit.causeName}`,
      address: undefined,
    },
    stval(exit),
  ];
  if (exit.htval !== undefined) {
    const gpa = exit.htval * 4 + (exit.stval & 3);
    values.push({
      name: 'htval',
      value: exit.htval,
      meaning:
        exit.htval === 0
          ? 'zero: no guest physical address belongs to this trap'
          : 'the guest physical address, shifted right by 2',
      address: exit.htval === 0 ? undefined : { space: 'gpa', address: gpa },
    });
  }
  if (exit.htinst !== undefined) {
    values.push({ name: 'htinst', value: exit.htinst, meaning: describeHtinst(exit.htinst), address: undefined });
  }
  return values;
}

function stval(exit: ExitDetail): TrapValue {
  const code = exit.cause >>> 0;
  if (findCause(code)?.addressInTval === true) {
    return {
      name: 'stval',
      value: exit.stval,
      meaning: 'the address that was accessed',
      address: { space: 'gva', address: exit.stval },
    };
  }
  if ((code === 2 || code === 22) && exit.stval !== 0) {
    return {
      name: 'stval',
      value: exit.stval,
      meaning: `the instruction word: ${disassemble(exit.stval, exit.pc).text}`,
      address: undefined,
    };
  }
  return {
    name: 'stval',
    value: exit.stval,
    meaning: exit.stval === 0 ? 'zero: nothing to say for this cause' : 'set by the hart',
    address: undefined,
  };
}

/** htinst in words (privileged manual, "Transformed Instruction or Pseudoinstruction for mtinst or htinst"). */
export function describeHtinst(value: number): string {
  if (value === 0) return 'zero: the hart does not say; the handler must fetch the instruction';
  if (value === PSEUDO_READ) return 'pseudoinstruction: the walker read an entry of the guest’s page table';
  if (value === PSEUDO_WRITE) return 'pseudoinstruction: the walker updated A or D in the guest’s page table';
  const row = findRow(value);
  if (row === undefined) return 'not an encoding the manual defines';
  const offset = (value >>> 15) & 31;
  return `transformed ${row.mnemonic}: the instruction without its address${offset === 0 ? '' : `, ${offset} bytes into a misaligned access`}`;
}
