// The colours keep the promise theme.css makes: WCAG 2.2 contrast (1.4.3: 4.5:1 for text, 1.4.11: 3:1 for marks), both themes.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('./theme.css', import.meta.url), 'utf8');
const colours = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name = '', light = '', dark = '']) => [
    name,
    { light, dark },
  ]),
);

/** Relative luminance (WCAG 2.2, definitions). */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const modes = ['guest-user', 'guest-kernel', 'hypervisor', 'device', 'host-interrupt'];
const surfaces = ['paper', 'panel', 'raised', 'sunken', 'hover', 'selected'];
const text = [...modes, 'ink', 'ink-muted', 'ink-faint', 'link', 'error'];
const pairs: [string, string, number][] = [
  ...text.flatMap((ink) => ['paper', 'panel', 'sunken'].map((on): [string, string, number] => [ink, on, 4.5])),
  ...surfaces.flatMap((on) => [
    ['ink', on, 4.5] as [string, string, number],
    ['ink-muted', on, 4.5] as [string, string, number],
    ['focus', on, 3] as [string, string, number],
  ]),
  ...['gva', 'gpa', 'hpa', ...modes].map((ink): [string, string, number] => [ink, `${ink}-tint`, 4.5]),
  ...['control', 'changed', 'breakpoint'].flatMap((mark) =>
    ['paper', 'panel'].map((on): [string, string, number] => [mark, on, 3]),
  ),
  ['ink', 'changed-tint', 4.5],
  ...['ink', 'ink-muted', 'ink-faint'].map((ink): [string, string, number] => [ink, 'current-line', 4.5]),
  ['error', 'error-tint', 4.5],
  ['panel', 'ink', 4.5],
];

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(pairs)('%s on %s has at least %d:1', (ink, on, least) => {
    const [front, back] = [colours.get(ink), colours.get(on)];
    if (front === undefined || back === undefined) throw new Error(`theme.css lacks --${ink} or --${on}`);
    expect(contrast(front[theme], back[theme])).toBeGreaterThanOrEqual(least);
  });
});
