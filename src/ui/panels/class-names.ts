// Joins class names; CSS-module lookups that may be undefined and conditions that may be false fall away.

export const classNames = (...names: readonly (string | false | undefined)[]): string =>
  names.filter((name) => name !== undefined && name !== false && name !== '').join(' ');
