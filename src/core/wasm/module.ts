// Puts functions together into a WebAssembly module (core specification, "Binary Format: Modules").

import { ByteWriter } from './byte-writer.ts';
import type { ValueType } from './opcodes.ts';

export interface FunctionDefinition {
  /** The name under which the function is exported. */
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** From `CodeWriter.finish`. */
  readonly body: Uint8Array;
}

const FUNCTION_TYPE = 0x60;
const MEMORY_IMPORT = 0x02;
const FUNCTION_EXPORT = 0x00;
const NO_MAXIMUM = 0x00;

/** A module that imports one memory as `machine.memory` and exports every function given. @returns its bytes */
export function moduleOf(functions: readonly FunctionDefinition[]): Uint8Array {
  const out = new ByteWriter(4096);
  for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte); // "\0asm", version 1
  const section = (id: number, fill: (section: ByteWriter) => void) => {
    const content = new ByteWriter();
    fill(content);
    out.byte(id);
    out.unsigned(content.length);
    out.append(content.view());
  };
  const types = (list: readonly ValueType[], into: ByteWriter) => {
    into.unsigned(list.length);
    for (const type of list) into.byte(type);
  };
  section(1, (content) => {
    content.unsigned(functions.length);
    for (const { parameters, results } of functions) {
      content.byte(FUNCTION_TYPE);
      types(parameters, content);
      types(results, content);
    }
  });
  section(2, (content) => {
    content.unsigned(1);
    content.name('machine');
    content.name('memory');
    content.byte(MEMORY_IMPORT);
    content.byte(NO_MAXIMUM);
    content.unsigned(1);
  });
  section(3, (content) => {
    content.unsigned(functions.length);
    functions.forEach((_, index) => content.unsigned(index));
  });
  section(7, (content) => {
    content.unsigned(functions.length);
    functions.forEach(({ name }, index) => {
      content.name(name);
      content.byte(FUNCTION_EXPORT);
      content.unsigned(index);
    });
  });
  section(10, (content) => {
    content.unsigned(functions.length);
    for (const { body } of functions) content.append(body);
  });
  return out.view().slice();
}
