// `assemble`: a source of RV32IMA assembly to an ELF program, as the page does it.

import { assemble, type AssemblyMessage } from '../core/isa/assembly/assemble.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../guests/manifest.ts';
import type { Command } from './command.ts';
import { readBytes, writeBytes } from './files.ts';
import { oneOperand, option, quoted, UsageError } from './options.ts';
import { address, fileName } from '../protocol/option-values/values.ts';

const assembleOptions = {
  output: option('-o', 'OUT', fileName, 'the ELF program to write; required'),
  text: option(
    '--text',
    'ADDRESS',
    address,
    `where .text goes; the other sections follow. Default: 0x${SUPERVISOR_TEXT_ADDRESS.toString(16)}, where a kernel ` +
      'lies on QEMU’s board; for --boot machine take 0x80000000',
  ),
} as const;

export const assembleCommand: Command<typeof assembleOptions> = {
  name: 'assemble',
  operands: 'FILE -o OUT',
  summary: 'assemble a source into an ELF program',
  details: [
    'FILE is assembly for RV32IMA with Zicsr, Zifencei and the Hypervisor extension, in the syntax of GNU as.',
    'Errors are written as FILE:LINE:COLUMN: error: MESSAGE; with one, nothing is written and the status is 2.',
  ],
  options: assembleOptions,
  run(operands, { output, text }, { complain }) {
    const path = oneOperand('assemble', 'FILE', operands);
    if (output === undefined) throw new UsageError('the option -o OUT', 'none', 'say where the program goes');
    const assembled = assemble(sourceText(path), {
      fileName: path,
      textAddress: text ?? SUPERVISOR_TEXT_ADDRESS,
    });
    const say = (kind: string) => (message: AssemblyMessage) => {
      complain(`${path}:${message.line}:${message.column}: ${kind}: ${message.message}`);
    };
    assembled.warnings.forEach(say('warning'));
    if (!assembled.ok) {
      assembled.errors.forEach(say('error'));
      return 2;
    }
    writeBytes('the program', output, assembled.image, [path]);
    return 0;
  },
};

function sourceText(path: string): string {
  const bytes = readBytes('a source', path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(
      `assembly source as UTF-8 text at ${quoted(path)}`,
      'bytes that are not text',
      'name the source, not the program',
    );
  }
}
