// What a value read from a file must be, said once: from one description come its type, its check, and the sentence of each
// problem. Every problem of a file is found at once, each with its path, what was expected, what was found, what to do.

export interface Problem {
  /** Where in the file: `vms[1].memory`; empty for the whole. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
}

export interface Schema<Value> {
  /** Reads a value; what is wrong with it is added to `problems`, and the result is then not to be used. */
  read(value: unknown, path: string, problems: Problem[]): Value;
  readonly optional?: boolean;
  /** For people: what it is, one sentence. */
  readonly meaning: string;
}

/** A field that may be left out. */
export interface OptionalSchema<Value> extends Schema<Value> {
  readonly optional: true;
}

export type ValueOf<S> = S extends Schema<infer Value> ? Value : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalNames<F extends Fields> = {
  [Name in keyof F]: F[Name] extends OptionalSchema<unknown> ? Name : never;
}[keyof F];
export type ObjectOf<F extends Fields> = {
  readonly [Name in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[Name]>;
} & { readonly [Name in OptionalNames<F>]?: ValueOf<F[Name]> };

/** A value as it stands in a message: as JSON, on one line, not for ever. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A leaf: `convert` gives the value, or undefined where it is not one. */
function leaf<Value>(
  meaning: string,
  expected: string,
  advice: string,
  convert: (value: unknown) => Value | undefined,
): Schema<Value> {
  return {
    meaning,
    read: (value, path, problems) => {
      const converted = convert(value);
      if (converted === undefined) problems.push({ path, expected, found: shown(value), advice });
      return converted as Value;
    },
  };
}

export const text = (meaning: string, expected = 'a text'): Schema<string> =>
  leaf(meaning, expected, 'write it in quotes', (value) =>
    typeof value === 'string' && value !== '' ? value : undefined,
  );

export const wholeNumber = (meaning: string, minimum: number, maximum: number): Schema<number> =>
  leaf(meaning, `a whole number from ${minimum} to ${maximum}`, 'write digits, without quotes', (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined,
  );

/** A text, or a number where that reads well: `"64M"`, `4`. It becomes a text. */
export const textOrNumber = (meaning: string, expected: string): Schema<string> =>
  leaf(meaning, expected, 'write it in quotes, or a number', (value) =>
    typeof value === 'number' && Number.isFinite(value)
      ? String(value)
      : typeof value === 'string' && value !== ''
        ? value
        : undefined,
  );

/** How many: a whole number, or a text with K, M or G for thousands and so on: `"500M"`. */
export const count = (meaning: string): Schema<number> =>
  leaf(
    meaning,
    'a whole number',
    'write digits, or "500M" with K, M or G for thousands, millions and so on',
    (value) => {
      const [, digits, unit = ''] = /^(\d{1,15})([KMG]?)$/i.exec(String(value)) ?? [];
      const scale = { '': 1, K: 1e3, M: 1e6, G: 1e9 }[unit.toUpperCase()] ?? 1;
      const amount = digits === undefined ? NaN : Number(digits) * scale;
      return Number.isSafeInteger(amount) && (typeof value === 'number' || typeof value === 'string')
        ? amount
        : undefined;
    },
  );

export function oneOf<const Words extends readonly string[]>(meaning: string, words: Words): Schema<Words[number]> {
  const expected = words.map((word) => JSON.stringify(word)).join(' or ');
  return leaf(meaning, expected, 'choose one of these', (value) => words.find((word) => word === value));
}

/** A list of at least `least` items. */
export const list = <Item>(meaning: string, item: Schema<Item>, least = 0): Schema<readonly Item[]> => ({
  meaning,
  read: (value, path, problems) => {
    if (!Array.isArray(value) || value.length < least) {
      const expected = least > 0 ? `a list of at least ${least}` : 'a list';
      problems.push({ path, expected, found: shown(value), advice: 'write it in [ ], separated by commas' });
      return [];
    }
    return value.map((each, index) => item.read(each, `${path}[${index}]`, problems));
  },
});

/** One item, or a list of them. */
export const oneOrMore = <Item>(meaning: string, item: Schema<Item>): Schema<readonly Item[]> => {
  const many = list(meaning, item);
  return {
    meaning,
    read: (value, path, problems) =>
      Array.isArray(value) ? many.read(value, path, problems) : [item.read(value, path, problems)],
  };
};

export const optional = <Value>(schema: Schema<Value>): OptionalSchema<Value> => ({ ...schema, optional: true });

/** An object with these fields and no others. */
export const object = <F extends Fields>(meaning: string, fields: F): Schema<ObjectOf<F>> => ({
  meaning,
  read: (value, path, problems) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const advice = `write it in { }, with ${Object.keys(fields).join(', ')}`;
      problems.push({ path, expected: 'an object', found: shown(value), advice });
      return {} as ObjectOf<F>;
    }
    const given = value as Readonly<Record<string, unknown>>;
    const at = (name: string) => (path === '' ? name : `${path}.${name}`);
    for (const name of Object.keys(given).filter((each) => !Object.hasOwn(fields, each))) {
      const advice = 'correct the name, or leave it out';
      problems.push({
        path: at(name),
        expected: `one of ${Object.keys(fields).join(', ')}`,
        found: shown(name),
        advice,
      });
    }
    const entries = Object.entries(fields).flatMap(([name, schema]) => {
      const field = Object.hasOwn(given, name) ? given[name] : undefined;
      if (field === undefined && schema.optional === true) return [];
      return [[name, schema.read(field, at(name), problems)] as const];
    });
    return Object.fromEntries(entries) as ObjectOf<F>;
  },
});

/** A rule over a whole value. `check` answers what is wrong with it. */
export const withRule = <Value>(
  schema: Schema<Value>,
  check: (value: Value, path: string) => readonly Problem[],
): Schema<Value> => ({
  ...schema,
  read: (value, path, problems) => {
    const before = problems.length;
    const read = schema.read(value, path, problems);
    if (problems.length === before) problems.push(...check(read, path));
    return read;
  },
});
