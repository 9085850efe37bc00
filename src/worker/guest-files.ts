// The files of the guests that ship with the lab, fetched once and taken out of their compression while they arrive. They are
// kept: a second VM of the same guest waits for nothing.

const MEBIBYTE = 2 ** 20;
/** What a compressed image may grow to: more is a mistake or an attack. */
const UNPACKED_LIMIT = 256 * MEBIBYTE;

type Bytes = Uint8Array<ArrayBuffer>;

/** Where the page's public files lie: beside `assets/` in a build, at the root of the development server. */
const base = new URL(self.location.pathname.includes('/src/worker/') ? '../../' : '../', self.location.href);

export class GuestFiles {
  readonly #files = new Map<string, Promise<Uint8Array>>();
  /** Files that the page has promised to bring. */
  readonly #promised = new Map<string, (bytes: Bytes | undefined) => void>();

  /** The bytes of a file, by its path below the page's base. @throws Error with one line for a person */
  get(path: string): Promise<Uint8Array> {
    const present = this.#files.get(path);
    if (present !== undefined) return present;
    return this.#keep(path, fetchFile(path));
  }

  /** The page has asked for this file before there was a worker: it comes by `give`. */
  expect(path: string): void {
    if (this.#files.has(path)) return;
    const brought = new Promise<Bytes | undefined>((resolve) => this.#promised.set(path, resolve));
    const file = brought.then((bytes) => (bytes === undefined ? fetchFile(path) : unpack(streamOf(bytes), path)));
    void this.#keep(path, file);
  }

  /** @param bytes as they were fetched; undefined where the page could not: then they are fetched here, or it is said why not */
  give(path: string, bytes: Bytes | undefined): void {
    this.#promised.get(path)?.(bytes);
    this.#promised.delete(path);
  }

  #keep(path: string, file: Promise<Uint8Array>): Promise<Uint8Array> {
    this.#files.set(path, file);
    // What failed is asked for anew the next time.
    file.catch(() => this.#files.delete(path));
    return file;
  }
}

const streamOf = (bytes: Bytes): ReadableStream<Bytes> =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });

async function fetchFile(path: string): Promise<Uint8Array> {
  const response = await fetch(new URL(path, base)).catch(() => undefined);
  if (!response?.ok || response.body === null) {
    throw new Error(
      `Expected the guest’s file ${path}, found ${response ? `status ${response.status}` : 'no connection'}. Reload the page when its server answers.`,
    );
  }
  return unpack(response.body, path);
}

/**
 * The bytes of a stream, out of their compression if they are in one. Some servers unpack .gz files on their way, so the
 * bytes themselves say what they are (RFC 1952, 2.3.1). @throws Error with one line for a person
 */
export async function unpack(stream: ReadableStream<Bytes>, name: string): Promise<Uint8Array> {
  const reader = stream.getReader();
  let { done, value: first } = await reader.read();
  while (!done && first !== undefined && first.length < 2) {
    const more = await reader.read();
    ({ done } = more);
    if (more.value !== undefined) first = joined([first, more.value]);
  }
  if (first === undefined) return new Uint8Array(0);
  const begun = first;
  const whole = new ReadableStream<Bytes>({
    start: (controller) => controller.enqueue(begun),
    pull: async (controller) => {
      const next = await reader.read();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const packed = begun[0] === 0x1f && begun[1] === 0x8b;
  return collect(packed ? whole.pipeThrough(new DecompressionStream('gzip')) : whole, name);
}

async function collect(stream: ReadableStream<Bytes>, name: string): Promise<Uint8Array> {
  const reader = stream.getReader();
  const pieces: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error(`Expected a whole file, found a broken one: ${name}. Pack or fetch it again.`);
    });
    if (done) return joined(pieces);
    pieces.push(value);
    length += value.length;
    if (length > UNPACKED_LIMIT) {
      throw new Error(
        `Expected an image of at most ${UNPACKED_LIMIT / MEBIBYTE} MiB, found more in ${name}. Choose a smaller one.`,
      );
    }
  }
}

function joined(pieces: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
