// The contract between interpreter and translated regions: how a region is called, what it returns, and how the heat word
// of an instruction says that one stands there.
//
//   heat    0 …            how often control has arrived here by a jump, a call or a branch backwards
//           HOT            asked for: a region is being made, or none can be
//           REGION | slot  a region stands here, in this slot of the table
//
//   region(hart, page, budget, depth, slot) → budget << 32 | pc | LEAVES_SLOWLY
//
// `hart` is the linear address of the hart's block, in which all registers are up to date before and after; `page` the
// virtual address of the page that holds the region's first instruction; `slot` is where the region stands, for regions
// that are alike are one function in several slots. All that a region returns through is exact: it never begins an
// instruction that it cannot finish.

import type { FunctionType } from '../../wasm/module.ts';
import { ValueType } from '../../wasm/opcodes.ts';

/**
 * Arrivals after which an instruction is worth translating from, if nothing else is said. To translate and compile a region
 * takes as long as interpreting some hundred thousand instructions; a boot of Linux, 20 million, has few loops that hot.
 */
export const HOT = 20_000;
/** Marks a heat word as naming a region. */
export const REGION = 0x8000_0000 | 0;
/** Set in the pc that a region returns: the instruction there is for the interpreter. */
export const LEAVES_SLOWLY = 1;
/** How deep calls may nest as calls; WebAssembly's own stack bounds it. */
export const CALL_DEPTH = 200;

export const REGION_TYPE: FunctionType = {
  parameters: [ValueType.i32, ValueType.i32, ValueType.i32, ValueType.i32, ValueType.i32],
  results: [ValueType.i64],
};
