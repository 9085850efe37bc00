// Which network, what card the guest has on it, and what cable leads to it.

import type { LinkSettings } from '../../core/network/link.ts';
import { TICKS_PER_MILLISECOND } from '../virtual-time.ts';
import { ValueError, type Reader } from './values.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };
const LONGEST_DELAY = 3_600_000;

/** @returns a decimal number with a unit, scaled; undefined for any other text, or where it is out of the limits */
function number(text: string, units: Readonly<Record<string, number>>, minimum: number, maximum: number) {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([A-Z]?)$/i.exec(text) ?? [];
  const scale = units[unit.toUpperCase()];
  const value = digits === undefined || scale === undefined ? NaN : Number(digits) * scale;
  return value >= minimum && value <= maximum ? value : undefined;
}

const WHOLE = { '': 1 } as const;

const settings: Readonly<
  Record<string, { readonly expected: string; readonly read: (text: string) => Partial<LinkSettings> | undefined }>
> = {
  delay: {
    expected: `milliseconds from 0 to ${LONGEST_DELAY} after delay=`,
    read: (text) => {
      const milliseconds = number(text, WHOLE, 0, LONGEST_DELAY);
      // No answer comes at the very time of its question.
      return milliseconds === undefined
        ? undefined
        : { delayTicks: Math.max(1, Math.round(milliseconds * TICKS_PER_MILLISECOND)) };
    },
  },
  loss: {
    expected: 'a percentage from 0 to 100 after loss=',
    read: (text) => {
      const percent = number(text.replace(/%$/, ''), WHOLE, 0, 100);
      return percent === undefined ? undefined : { lossProbability: percent / 100 };
    },
  },
  rate: {
    expected: 'bits a second from 1K to 1000G after rate=',
    read: (text) => {
      const bitsPerSecond = number(text, UNITS, 1e3, 1e12);
      return bitsPerSecond === undefined ? undefined : { bitsPerSecond };
    },
  },
};

const cardModels = ['virtio', 'pio', 'passthrough'] as const;

/** A card on the network. */
export interface CardChoice {
  readonly model: (typeof cardModels)[number];
  /** What was said of its cable. */
  readonly link: Partial<LinkSettings>;
}

/** `user`, or `user,model=pio,delay=5,loss=1,rate=10M`. */
export const networkCard: Reader<CardChoice> = (text) => {
  const [network, ...parts] = text.split(',');
  if (network !== 'user')
    throw new ValueError('user', 'write --network user; the settings of card and cable stand behind a comma');
  let link: Partial<LinkSettings> = {};
  let model: CardChoice['model'] = 'virtio';
  for (const part of parts) {
    const [name = '', value = ''] = part.split('=', 2);
    if (name === 'model') {
      const found = cardModels.find((each) => each === value);
      if (found === undefined) throw new ValueError(`${cardModels.join(' or ')} after model=`, 'choose one of these');
      model = found;
      continue;
    }
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (setting === undefined) {
      throw new ValueError(
        `${['model', ...Object.keys(settings)].join(', ')} with = and a value behind user`,
        'write user,delay=5',
      );
    }
    const read = setting.read(value);
    if (read === undefined) throw new ValueError(setting.expected, 'choose one within these limits');
    link = { ...link, ...read };
  }
  return { model, link };
};
