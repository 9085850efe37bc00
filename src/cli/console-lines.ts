// A console passed on line by line, for VMs that share one place to print to.

const RETURN = 0x0d;
const NEWLINE = 0x0a;
/** A line that is longer is cut in two. */
const LONGEST = 4096;

/**
 * Passes a console on line by line, without the ends of the lines.
 * @returns what passes on an unfinished line
 */
export function linesOf(console: { sink: (byte: number) => void }, print: (line: Uint8Array) => void): () => void {
  let line: number[] = [];
  const flush = () => {
    if (line.length === 0) return;
    print(Uint8Array.from(line));
    line = [];
  };
  console.sink = (byte) => {
    if (byte === NEWLINE || line.length >= LONGEST) {
      if (line.length === 0) line.push(0x20);
      flush();
    }
    if (byte !== NEWLINE && byte !== RETURN) line.push(byte);
  };
  return flush;
}
