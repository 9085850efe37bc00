// The assembly source that belongs to a VM: the one the person assembled, or the one that ships with the guest (fetched as
// text once). With it, which line became which address.

import { useEffect, useMemo, useState } from 'react';
import { assemble } from '../../../core/isa/assembly/assemble.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../../../guests/manifest.ts';
import type { BootMode, Catalog } from '../../../protocol/commands.ts';
import type { VmSummary } from '../../../protocol/frame.ts';
import type { Choice } from '../../choice.ts';
import { sourceLines, type SourceLines } from './source-lines.ts';

export interface Source {
  /** Without what the person is typing: this is what runs. */
  readonly text: string;
  readonly title: string;
  /** Undefined if it does not assemble, which a source that runs always did. */
  readonly lines: SourceLines | undefined;
}

export type SourceState =
  | { readonly kind: 'none' }
  | { readonly kind: 'loading'; readonly title: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'ready'; readonly source: Source };

const RAM_START = 0x8000_0000;

/** Guest physical address of `.text` in an image that starts in this mode. */
export const textAddressOf = (boot: BootMode): number => (boot === 'supervisor' ? SUPERVISOR_TEXT_ADDRESS : RAM_START);

export function useSource(vm: VmSummary | undefined, choice: Choice, catalog: Catalog | undefined): SourceState {
  const own = vm === undefined ? undefined : choice.sources[vm.vm];
  const path = own === undefined ? catalog?.guests.find(({ name }) => name === vm?.guest)?.source : undefined;
  const fetched = useText(path);
  const text = own?.text ?? (typeof fetched === 'string' ? fetched : undefined);
  const title = own?.title ?? path?.split('/').at(-1) ?? '';
  const textAddress = textAddressOf(vm?.boot ?? 'supervisor');
  const lines = useMemo(() => (text === undefined ? undefined : linesOf(text, textAddress)), [text, textAddress]);
  if (text !== undefined) return { kind: 'ready', source: { text, title, lines } };
  if (path === undefined) return { kind: 'none' };
  if (fetched instanceof Error) return { kind: 'failed', message: `${title} could not be loaded: ${fetched.message}` };
  return { kind: 'loading', title };
}

function linesOf(text: string, textAddress: number): SourceLines | undefined {
  const result = assemble(text, { textAddress });
  if (!result.ok) return undefined;
  const end = Math.max(...result.segments.map(({ address, memorySize }) => address + memorySize));
  return sourceLines(result.lines, end);
}

/** The text at a path below the page's base; undefined until it is there. */
function useText(path: string | undefined): string | Error | undefined {
  const [loaded, setLoaded] = useState<Readonly<Record<string, string | Error>>>({});
  const known = path === undefined ? undefined : loaded[path];
  useEffect(() => {
    if (path === undefined || known !== undefined) return;
    const abandoned = new AbortController();
    const keep = (result: string | Error) => {
      if (!abandoned.signal.aborted) setLoaded((before) => ({ ...before, [path]: result }));
    };
    fetch(new URL(path, document.baseURI), { signal: abandoned.signal })
      .then(async (response) =>
        keep(response.ok ? await response.text() : new Error(`the server answered ${response.status}`)),
      )
      .catch((error: unknown) => keep(error instanceof Error ? error : new Error(String(error))));
    return () => abandoned.abort();
  }, [path, known]);
  return known;
}
