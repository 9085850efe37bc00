// The one table the command prints, as text, and the same as JSON.

import type { Figure } from './figure.ts';
import type { KernelSection } from './kernel-section.ts';
import { kernels } from './kernel-list.ts';
import { goalRatios, peerRatios } from './ratios.ts';

export interface FigureGroup {
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Why there are none. */
  readonly failure: string | undefined;
}

export interface Report {
  /** Engine, machine, and what else a reader must know. */
  readonly about: readonly string[];
  readonly quick: boolean;
  readonly kernels: KernelSection | undefined;
  readonly groups: readonly FigureGroup[];
}

const TITLE = 38;
const CELL = 10;

const cell = (text: string) => text.padStart(CELL);
const number = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 1 : 2);
};

function kernelLines(section: KernelSection, quick: boolean): readonly string[] {
  const pairs = `medians of ${section.pairs} pairs${quick ? ', quick form' : ''}`;
  const head = ['', 'mean', ...kernels.map(({ name }) => name), 'MIPS'];
  return [
    `Time over that of the same C as direct WebAssembly (${pairs})`,
    `${(head[0] ?? '').padEnd(TITLE)}${head.slice(1).map(cell).join('')}`,
    ...peerRatios(section).map(({ title, mean, kernels: each, mips }) => {
      const values = [mean, ...kernels.map(({ name }) => each[name] ?? NaN), mips];
      return `${title.padEnd(TITLE)}${values.map((value) => cell(number(value))).join('')}`;
    }),
    '',
    ...Object.entries(goalRatios(section)).map(([name, value]) => `${name.padEnd(TITLE)}${cell(number(value))}`),
    ...section.notes,
    checksumLine(section),
  ];
}

function checksumLine(section: KernelSection): string {
  const wrong = wrongResults(section);
  return wrong.length === 0 ? 'checksums: all right' : `checksums: ${wrong.length} wrong\n${wrong.join('\n')}`;
}

const wrongResults = ({ kernels: results }: KernelSection): readonly string[] => results.flatMap(({ wrong }) => wrong);

/** Every checksum is right and everything could be measured. */
export const isRight = ({ kernels: section, groups }: Report): boolean =>
  (section === undefined || wrongResults(section).length === 0) && groups.every(({ failure }) => failure === undefined);

const groupLines = ({ title, figures, failure }: FigureGroup): readonly string[] => {
  if (failure !== undefined) return [title, `  failed: ${failure}`];
  const width = Math.max(TITLE, ...figures.map(({ name }) => name.length + 2));
  return [title, ...figures.map(({ name, value, unit }) => `  ${name.padEnd(width)}${cell(number(value))} ${unit}`)];
};

export const reportText = ({ about, quick, kernels: section, groups }: Report): string =>
  [about, ...(section ? [kernelLines(section, quick)] : []), ...groups.map(groupLines)]
    .map((lines) => lines.join('\n').trimEnd())
    .join('\n\n');

/** Everything, for a machine. Ratios are time over time: below 1 the first is faster. */
export const reportJson = ({ about, quick, kernels: section, groups }: Report): unknown => ({
  about,
  quick,
  ...(section && {
    ratios: goalRatios(section),
    peers: peerRatios(section),
    pairs: section.kernels,
    notes: section.notes,
  }),
  groups,
});
