// Disassembly around an address, with the image's own symbols.

import { disassemble } from '../../core/isa/disassemble.ts';
import type { SymbolTable } from '../../core/hypervisor/firmware/guest-boot.ts';
import { instructionAt } from '../../core/hypervisor/inspection/inspect-memory.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { DisassemblyAnswer, DisassemblyLine, DisassemblyQuestion } from '../../protocol/frame.ts';

const LIMIT = 2000;

export function disassemblyAnswer(vm: VirtualMachine, question: DisassemblyQuestion, hart = 0): DisassemblyAnswer {
  const { pc } = vm.look(hart);
  const around = question.around === 'pc' ? pc : question.around;
  const first = Math.max(0, (around & ~3) >>> 0) - 4 * clamp(question.before);
  const count = clamp(question.before) + 1 + clamp(question.after);
  const { symbols } = vm.guest;
  const lines = Array.from({ length: count }, (_, index) => first + 4 * index)
    .filter((gva) => gva >= 0 && gva < 2 ** 32)
    .map((gva) => lineAt(vm, symbols, gva, hart));
  return { pc, lines };
}

const clamp = (count: number): number => Math.min(LIMIT, Math.max(0, Math.floor(count)));

function lineAt(vm: VirtualMachine, symbols: SymbolTable, gva: number, hart: number): DisassemblyLine {
  const word = instructionAt(vm, gva, hart);
  const symbol = symbolAt(symbols, gva);
  if (word === undefined) return { gva, word, text: 'not mapped', target: undefined, symbol };
  const { text, target } = disassemble(word, gva, {
    symbols: (address) => symbols.find((each) => each.address === address)?.name,
  });
  return { gva, word, text, target, symbol };
}

/** The nearest symbol at or below an address, by halving. */
function symbolAt(symbols: SymbolTable, address: number): DisassemblyLine['symbol'] {
  let low = 0;
  let high = symbols.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((symbols[middle]?.address ?? Infinity) <= address) low = middle + 1;
    else high = middle;
  }
  const found = symbols[low - 1];
  return found && { name: found.name, offset: address - found.address };
}
