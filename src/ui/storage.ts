// localStorage as a place that may be forbidden, and whose text is never trusted: readers check what they get.

/** What is stored under a key; undefined where it cannot be read, null where there is nothing. */
export function stored(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return undefined;
  }
}

/** Keeps a value for the next visit. */
export function store(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage may be forbidden; then it lasts for this visit.
  }
}
