// The part of WebAssembly that Node gives the core. Node has it at run time; TypeScript declares it only beside the whole DOM,
// which must stay out of scope here (WebAssembly JavaScript Interface, W3C).

declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    constructor(descriptor: { readonly element: 'anyfunc'; readonly initial: number });
    get(slot: number): unknown;
    set(slot: number, value: null): void;
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
    static customSections(module: Module, name: string): ArrayBuffer[];
  }
  type Imports = Readonly<Record<string, Readonly<Record<string, Memory | Table>>>>;
  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  function instantiate(bytes: Uint8Array<ArrayBuffer>, imports: Imports): Promise<unknown>;
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
