// Puts functions together into a WebAssembly module (core specification, "Binary Format: Modules").

import { ByteWriter } from './byte-writer.ts';
import type { FunctionBody } from './code-writer.ts';
import { Op, type ValueType } from './opcodes.ts';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface FunctionDefinition {
  readonly type: FunctionType;
  readonly body: FunctionBody;
  /** The name under which the function is exported. */
  readonly name?: string;
  /** Slot of the imported table that the function takes when the module is instantiated. */
  readonly slot?: number;
}

export interface ModuleOptions {
  /** Imports a table of functions as `machine.regions`. */
  readonly table?: boolean;
  /** Types that come first, in this order: what `CodeWriter.callIndirect` names by their index. */
  readonly types?: readonly FunctionType[];
}

const Section = { type: 1, import: 2, function: 3, export: 7, element: 9, code: 10 } as const;
const FUNCTION_TYPE = 0x60;
const TABLE_IMPORT = 0x01;
const MEMORY_IMPORT = 0x02;
const FUNCTION_EXPORT = 0x00;
const FUNCTION_REFERENCE = 0x70;
const NO_MAXIMUM = 0x00;
const ACTIVE_ELEMENTS = 0x00;

/** A module that imports one memory as `machine.memory`, and exports or places every function given. @returns its bytes */
export function moduleOf(functions: readonly FunctionDefinition[], options: ModuleOptions = {}): Uint8Array {
  const out = new ByteWriter(4096);
  for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte); // "\0asm", version 1
  const section = (id: number, fill: (section: ByteWriter) => void) => {
    const content = new ByteWriter();
    fill(content);
    out.byte(id);
    out.unsigned(content.length);
    out.append(content.view());
  };
  const types = [...new Set([...(options.types ?? []), ...functions.map(({ type }) => type)])];
  section(Section.type, (content) => writeTypes(types, content));
  section(Section.import, (content) => {
    content.unsigned(options.table ? 2 : 1);
    content.name('machine');
    content.name('memory');
    content.byte(MEMORY_IMPORT);
    content.byte(NO_MAXIMUM);
    content.unsigned(1);
    if (!options.table) return;
    content.name('machine');
    content.name('regions');
    content.byte(TABLE_IMPORT);
    content.byte(FUNCTION_REFERENCE);
    content.byte(NO_MAXIMUM);
    content.unsigned(1);
  });
  section(Section.function, (content) => {
    content.unsigned(functions.length);
    for (const { type } of functions) content.unsigned(types.indexOf(type));
  });
  section(Section.export, (content) => {
    const exported = functions.filter(({ name }) => name !== undefined);
    content.unsigned(exported.length);
    for (const definition of exported) {
      content.name(definition.name ?? '');
      content.byte(FUNCTION_EXPORT);
      content.unsigned(functions.indexOf(definition));
    }
  });
  section(Section.element, (content) => {
    const placed = functions.filter(({ slot }) => slot !== undefined);
    content.unsigned(placed.length);
    for (const definition of placed) {
      content.byte(ACTIVE_ELEMENTS);
      content.byte(Op.i32Const);
      content.signed(definition.slot ?? 0);
      content.byte(Op.end);
      content.unsigned(1);
      content.unsigned(functions.indexOf(definition));
    }
  });
  writeBranchHints(functions, out, section);
  section(Section.code, (content) => {
    content.unsigned(functions.length);
    for (const { body } of functions) content.append(body.bytes);
  });
  return out.view().slice();
}

function writeTypes(types: readonly FunctionType[], into: ByteWriter): void {
  const list = (values: readonly ValueType[]) => {
    into.unsigned(values.length);
    for (const value of values) into.byte(value);
  };
  into.unsigned(types.length);
  for (const { parameters, results } of types) {
    into.byte(FUNCTION_TYPE);
    list(parameters);
    list(results);
  }
}

/** The custom section `metadata.code.branch_hint` (branch hinting proposal); engines that do not know it skip it. */
function writeBranchHints(
  functions: readonly FunctionDefinition[],
  out: ByteWriter,
  section: (id: number, fill: (section: ByteWriter) => void) => void,
): void {
  const hinted = functions.filter(({ body }) => body.hints.length > 0);
  if (hinted.length === 0) return;
  section(0, (content) => {
    content.name('metadata.code.branch_hint');
    content.unsigned(hinted.length);
    for (const definition of hinted) {
      content.unsigned(functions.indexOf(definition));
      content.unsigned(definition.body.hints.length);
      for (const { offset, likely } of definition.body.hints) {
        content.unsigned(offset);
        content.unsigned(1);
        content.byte(likely ? 1 : 0);
      }
    }
  });
  void out;
}
