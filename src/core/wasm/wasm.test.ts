// The encoder against its reader: modules are compiled by the engine, and integers read back by a decoder of LEB128
// (WebAssembly core specification, "Binary Format").

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { CodeWriter } from './code-writer.ts';
import { moduleOf } from './module.ts';
import { Op, ValueType } from './opcodes.ts';

function decodeLeb(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if ((byte & 0x80) === 0) return signed && (byte & 0x40) !== 0 ? value - (1n << shift) : value;
  }
  throw new Error('the integer does not end');
}

describe('LEB128', () => {
  test('unsigned integers come back, in as few bytes as can be', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff })), (value) => {
        const writer = new ByteWriter(1);
        writer.unsigned(value);
        expect(decodeLeb(writer.view(), false)).toBe(BigInt(value));
        expect(writer.length).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)));
      }),
    );
  });

  test('signed integers come back, in at most five bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(0, 63, 64, -64, -65, 0x7fff_ffff, -0x8000_0000), fc.integer()), (value) => {
        const writer = new ByteWriter(1);
        writer.signed(value);
        expect(decodeLeb(writer.view(), true)).toBe(BigInt(value));
        expect(writer.length).toBeLessThanOrEqual(5);
      }),
    );
  });

  test('a buffer grows and keeps what was written', () => {
    const writer = new ByteWriter(2);
    const bytes = Array.from({ length: 1000 }, (_, index) => index & 0xff);
    for (const byte of bytes) writer.byte(byte);
    writer.append(Uint8Array.from([1, 2, 3]));
    expect([...writer.view()]).toEqual([...bytes, 1, 2, 3]);
    writer.clear();
    expect(writer.length).toBe(0);
  });
});

/** Compiles a function of two words. */
function compiled(write: (code: CodeWriter) => void, parameters = 2): (...values: number[]) => number {
  const code = new CodeWriter(parameters);
  write(code);
  const types = Array<ValueType>(parameters).fill(ValueType.i32);
  const bytes = moduleOf([{ name: 'f', type: { parameters: types, results: [ValueType.i32] }, body: code.finish() }]);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
    machine: { memory },
  });
  return instance.exports['f'] as (...values: number[]) => number;
}

describe('functions', () => {
  test('compute with parameters, constants and locals', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (a, b, constant) => {
        const f = compiled((code) => {
          const local = code.local();
          code.get(0);
          code.constant(constant);
          code.op(Op.i32Add);
          code.tee(local);
          code.get(1);
          code.op(Op.i32Xor);
          code.get(local);
          code.op(Op.i32Sub);
        });
        const sum = (a + constant) | 0;
        expect(f(a, b)).toBe(((sum ^ b) - sum) | 0);
      }),
      { numRuns: 50 },
    );
  });

  test('branch: labels are found from any depth', () => {
    // 10 × the index for 0 … 3, 99 otherwise, by a branch table out of nested blocks.
    const f = compiled((code) => {
      const done = code.block();
      const result = code.local();
      const otherwise = code.block();
      const blocks = [3, 2, 1, 0].map(() => code.block());
      code.get(0);
      code.branchTable([...blocks].reverse(), otherwise);
      for (let index = 0; index < 4; index++) {
        code.end();
        code.constant(10 * index);
        code.set(result);
        code.branch(done);
      }
      code.end();
      code.constant(99);
      code.set(result);
      code.end();
      code.get(result);
    }, 1);
    expect([0, 1, 2, 3, 4, -1].map((index) => f(index))).toEqual([0, 10, 20, 30, 99, 99]);
  });

  test('loop and decide', () => {
    const f = compiled((code) => {
      const sum = code.local();
      const done = code.block();
      const again = code.loop();
      code.get(0);
      code.op(Op.i32Eqz);
      code.branchIf(done);
      code.get(0);
      code.constant(1);
      code.op(Op.i32And);
      code.ifValue();
      code.get(0);
      code.else();
      code.constant(0);
      code.end();
      code.get(sum);
      code.op(Op.i32Add);
      code.set(sum);
      code.get(0);
      code.constant(-1);
      code.op(Op.i32Add);
      code.set(0);
      code.branch(again);
      code.end();
      code.end();
      code.get(sum);
    }, 1);
    expect(f(10)).toBe(25); // 1 + 3 + 5 + 7 + 9
  });

  test('reach memory at an offset that is added without wrapping', () => {
    const f = compiled((code) => {
      code.get(0);
      code.get(1);
      code.memory(Op.i32Store, 1000);
      code.get(0);
      code.memory(Op.i32Load16U, 1002);
    });
    expect(f(8, 0x1234_5678)).toBe(0x1234);
    expect(() => f(-4, 1)).toThrow();
  });

  const word = { parameters: [], results: [ValueType.i32] };

  test('several stand in one module under their names', () => {
    const body = (value: number) => {
      const code = new CodeWriter(0);
      code.constant(value);
      return code.finish();
    };
    const bytes = moduleOf([
      { name: 'one', type: word, body: body(1) },
      { name: 'two', type: word, body: body(2) },
    ]);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
      machine: { memory },
    });
    expect([(exports['one'] as () => number)(), (exports['two'] as () => number)()]).toEqual([1, 2]);
  });

  test('functions are placed in the imported table and called through it', () => {
    const answer = new CodeWriter(1);
    answer.get(0);
    answer.constant(1);
    answer.op(Op.i32Add);
    const caller = new CodeWriter(1);
    caller.get(0);
    caller.constant(3); // the slot
    caller.callIndirect(0);
    const unary = { parameters: [ValueType.i32], results: [ValueType.i32] };
    const memory = new WebAssembly.Memory({ initial: 1 });
    const regions = new WebAssembly.Table({ element: 'anyfunc', initial: 4 });
    const options = { table: true, types: [unary] };
    const instantiate = (bytes: Uint8Array) =>
      new WebAssembly.Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {
        machine: { memory, regions },
      });
    instantiate(moduleOf([{ type: unary, body: answer.finish(), slot: 3 }], options));
    const { exports } = instantiate(moduleOf([{ name: 'call', type: unary, body: caller.finish() }], options));
    expect((exports['call'] as (value: number) => number)(41)).toBe(42);
    expect(regions.get(2)).toBeNull();
  });

  test('a branch hint names the offset of its branch, local declarations included (branch hinting proposal)', () => {
    const code = new CodeWriter(0);
    code.local();
    const label = code.block();
    code.constant(1);
    code.branchIf(label, 'unlikely');
    code.end();
    code.constant(7);
    const { bytes, hints } = code.finish();
    expect(hints.map(({ likely }) => likely)).toEqual([false]);
    expect(bytes[1 + (hints[0]?.offset ?? 0)]).toBe(Op.brIf); // one byte of size stands before the body
    const module = moduleOf([{ name: 'f', type: word, body: { bytes, hints } }]);
    expect(WebAssembly.validate(module as Uint8Array<ArrayBuffer>)).toBe(true);
    const sections = WebAssembly.Module.customSections(
      new WebAssembly.Module(module as Uint8Array<ArrayBuffer>),
      'metadata.code.branch_hint',
    );
    expect([...new Uint8Array(sections[0] ?? new ArrayBuffer(0))]).toEqual([1, 0, 1, hints[0]?.offset, 1, 0]);
  });
});
