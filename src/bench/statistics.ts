// Medians within a figure, geometric means across kernels: a ratio and its inverse must count the same.

/** The middle value; of an even number of values the mean of the two in the middle. NaN of none. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
};

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** What corresponding values are to each other. @throws RangeError where the lists differ in length */
export function quotients(above: readonly number[], below: readonly number[]): readonly number[] {
  if (above.length !== below.length) throw new RangeError(`${above.length} values over ${below.length}`);
  return above.map((value, index) => value / (below[index] ?? NaN));
}
