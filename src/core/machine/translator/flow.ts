// How control flows through a region, as structured code needs it (N. Ramsey, "Beyond Relooper", ICFP 2022): the order of
// its nodes, who dominates whom, which nodes are loops, where paths merge. An edge that would enter a loop other than
// through its head is cut: there control leaves the region, and another region goes on.

export interface Flow {
  /** Reachable nodes in reverse postorder. */
  readonly order: readonly number[];
  /** Place of each node in `order`; −1: not reachable. */
  readonly place: Int32Array;
  /** The nodes of each loop, by its head: the node that branches backwards lead to. */
  readonly loops: ReadonlyMap<number, ReadonlySet<number>>;
  /**
   * Nodes that are written behind a block of their own, so that several edges can lead there: where paths merge, by the node
   * that dominates them. In the order of `order`.
   */
  readonly merges: readonly (readonly number[])[];
  /**
   * Nodes behind each loop, by its head: they are dominated from within but not part of it, so they are written outside of
   * it. An engine takes everything assigned between `loop` and `end` for part of the loop.
   */
  readonly exits: readonly (readonly number[])[];
  /** Successors that were kept. */
  readonly successors: readonly (readonly number[])[];
}

/**
 * Analyses a graph whose first node is the entry.
 * @param successors of each node
 * @param forceMerge nodes that are to be merges in any case
 */
export function flowOf(successors: readonly (readonly number[])[], forceMerge: ReadonlySet<number>): Flow {
  let kept = successors;
  for (;;) {
    const { order, place } = reversePostorder(kept);
    const dominators = dominatorsOf(kept, order, place);
    const dominates = (upper: number, lower: number) => {
      let at = lower;
      while ((place[at] ?? 0) > (place[upper] ?? 0)) at = dominators[at] ?? 0;
      return at === upper;
    };
    const isBack = (from: number, to: number) => (place[to] ?? 0) <= (place[from] ?? 0);
    const isCut = (from: number, to: number) => isBack(from, to) && !dominates(to, from);
    if (order.some((from) => kept[from]?.some((to) => isCut(from, to)))) {
      kept = kept.map((list, from) => ((place[from] ?? -1) < 0 ? list : list.filter((to) => !isCut(from, to))));
      continue;
    }
    const heads = new Set<number>();
    const several = new Set(forceMerge);
    const reached = new Set<number>();
    for (const from of order) {
      for (const to of kept[from] ?? []) {
        if (isBack(from, to)) heads.add(to);
        else if (reached.has(to)) several.add(to);
        else reached.add(to);
      }
    }
    const loops = membersOf(kept, order, heads, isBack);
    const merges: number[][] = successors.map(() => []);
    const exits: number[][] = successors.map(() => []);
    for (const node of order.slice(1)) {
      const dominator = dominators[node] ?? 0;
      const left = order.find((head) => loops.get(head)?.has(dominator) && !loops.get(head)?.has(node));
      if (left !== undefined) exits[left]?.push(node);
      else if (several.has(node)) merges[dominator]?.push(node);
    }
    return { order, place, loops, merges, exits, successors: kept };
  }
}

/** The nodes of each loop, by its head: those from which a branch back to it can be reached without passing it. */
function membersOf(
  successors: readonly (readonly number[])[],
  order: readonly number[],
  heads: ReadonlySet<number>,
  isBack: (from: number, to: number) => boolean,
): ReadonlyMap<number, ReadonlySet<number>> {
  const predecessors = predecessorsOf(successors, order);
  return new Map(
    [...heads].map((head) => {
      const members = new Set([head]);
      const pending = (predecessors[head] ?? []).filter((from) => isBack(from, head));
      for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
        if (members.has(node)) continue;
        members.add(node);
        pending.push(...(predecessors[node] ?? []));
      }
      return [head, members];
    }),
  );
}

function predecessorsOf(successors: readonly (readonly number[])[], order: readonly number[]): number[][] {
  const predecessors: number[][] = successors.map(() => []);
  for (const from of order) for (const to of successors[from] ?? []) predecessors[to]?.push(from);
  return predecessors;
}

function reversePostorder(successors: readonly (readonly number[])[]): { order: number[]; place: Int32Array } {
  const place = new Int32Array(successors.length).fill(-1);
  const seen = new Uint8Array(successors.length);
  const order: number[] = [];
  const stack: { node: number; next: number }[] = [{ node: 0, next: 0 }];
  seen[0] = 1;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const to = successors[top.node]?.[top.next++];
    if (to === undefined) {
      order.push(top.node);
      stack.pop();
    } else if (seen[to] === 0) {
      seen[to] = 1;
      stack.push({ node: to, next: 0 });
    }
  }
  order.reverse().forEach((node, index) => (place[node] = index));
  return { order, place };
}

/** Immediate dominators (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm"). */
function dominatorsOf(
  successors: readonly (readonly number[])[],
  order: readonly number[],
  place: Int32Array,
): Int32Array {
  const predecessors = predecessorsOf(successors, order);
  const dominators = new Int32Array(successors.length).fill(-1);
  dominators[0] = 0;
  const meet = (first: number, second: number) => {
    let [a, b] = [first, second];
    while (a !== b) {
      while ((place[a] ?? 0) > (place[b] ?? 0)) a = dominators[a] ?? 0;
      while ((place[b] ?? 0) > (place[a] ?? 0)) b = dominators[b] ?? 0;
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const node of order.slice(1)) {
      let dominator = -1;
      for (const from of predecessors[node] ?? []) {
        if (dominators[from] === -1) continue;
        dominator = dominator === -1 ? from : meet(from, dominator);
      }
      if (dominators[node] === dominator) continue;
      dominators[node] = dominator;
      changed = true;
    }
  }
  return dominators;
}
