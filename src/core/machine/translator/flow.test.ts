// The flow of random graphs, held against definitions written down naively: A dominates B if no path from the entry reaches B once
// A is taken away; a loop's nodes are those from which its head is reached again without leaving what the head dominates.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flowOf } from './flow.ts';

type Graph = readonly (readonly number[])[];

const graph: fc.Arbitrary<Graph> = fc
  .integer({ min: 1, max: 14 })
  .chain((size) =>
    fc.array(fc.array(fc.integer({ min: 0, max: size - 1 }), { maxLength: 3 }), { minLength: size, maxLength: size }),
  );

function reachable(successors: Graph, without = -1): ReadonlySet<number> {
  const seen = new Set<number>();
  const pending = without === 0 ? [] : [0];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    pending.push(...(successors[node] ?? []).filter((to) => to !== without));
  }
  return seen;
}

const dominates = (successors: Graph, upper: number, lower: number): boolean =>
  upper === lower || !reachable(successors, upper).has(lower);

/** Dominators of a node other than itself; the one that all others dominate is immediate. */
function immediateDominator(successors: Graph, node: number): number | undefined {
  const all = [...reachable(successors)].filter((each) => each !== node && dominates(successors, each, node));
  return all.find((each) => all.every((other) => dominates(successors, other, each)));
}

const edgesOf = (successors: Graph, nodes: Iterable<number>): readonly (readonly [number, number])[] =>
  [...nodes].flatMap((from) => (successors[from] ?? []).map((to) => [from, to] as const));

/** Whether a loop can only be entered through its head everywhere: no cycle is left without edges to a dominator. */
function isReducible(successors: Graph): boolean {
  const nodes = reachable(successors);
  const forward = successors.map((list, from) => list.filter((to) => !dominates(successors, to, from)));
  const state = new Map<number, 'open' | 'done'>();
  const cyclic = (node: number): boolean => {
    if (state.get(node) === 'open') return true;
    if (state.get(node) === 'done') return false;
    state.set(node, 'open');
    const found = (forward[node] ?? []).some(cyclic);
    state.set(node, 'done');
    return found;
  };
  return ![...nodes].some(cyclic);
}

const check = (
  body: (successors: Graph, flow: ReturnType<typeof flowOf>) => void,
  force: ReadonlySet<number> = new Set(),
) =>
  fc.assert(
    fc.property(graph, (successors) => body(successors, flowOf(successors, force))),
    { numRuns: 400 },
  );

describe('what is kept of a graph', () => {
  test('are edges of it, and all of them where it is reducible', () => {
    let cut = 0;
    check((successors, flow) => {
      for (const [from, to] of edgesOf(flow.successors, flow.order)) expect(successors[from]).toContain(to);
      if (isReducible(successors)) expect(flow.successors).toEqual(successors);
      else cut++;
    });
    expect(cut).toBeGreaterThan(5);
  });

  test('is reducible: every branch back leads to a node that dominates it', () => {
    check((_, { successors, order, place }) => {
      for (const [from, to] of edgesOf(successors, order)) {
        if ((place[to] ?? 0) <= (place[from] ?? 0)) expect(dominates(successors, to, from)).toBe(true);
      }
    });
  });
});

test('the order is a reverse postorder of what is reachable: dominators come first, and forward edges go forward', () => {
  check((_, { successors, order, place }) => {
    expect(new Set(order)).toEqual(reachable(successors));
    expect(order[0]).toBe(0);
    order.forEach((node, index) => expect(place[node]).toBe(index));
    for (const node of order) {
      for (const other of order) {
        if (node !== other && dominates(successors, node, other)) expect(place[node]).toBeLessThan(place[other] ?? 0);
      }
    }
    successors.forEach((_each, node) => {
      if (!order.includes(node)) expect(place[node]).toBe(-1);
    });
  });
});

test('the loops: heads are what branches lead back to, members what leads there again', () => {
  check((_, { successors, order, place, loops }) => {
    const back = edgesOf(successors, order).filter(([from, to]) => (place[to] ?? 0) <= (place[from] ?? 0));
    expect(new Set(loops.keys())).toEqual(new Set(back.map(([, to]) => to)));
    for (const [head, members] of loops) {
      const naive = new Set(
        order.filter((node) => {
          if (node === head) return true;
          if (!dominates(successors, head, node)) return false;
          // A path from the node back to the head that stays below the head.
          const below = successors.map((list) => list.filter((to) => dominates(successors, head, to)));
          const pending = [node];
          const seen = new Set<number>();
          for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
            if (seen.has(at)) continue;
            seen.add(at);
            if ((below[at] ?? []).includes(head)) return true;
            pending.push(...(below[at] ?? []));
          }
          return false;
        }),
      );
      expect(members).toEqual(naive);
    }
  });
});

describe('where a node is written', () => {
  /** Heads of the loops a node lies in. */
  const around = (loops: ReadonlyMap<number, ReadonlySet<number>>, node: number) =>
    [...loops].filter(([, members]) => members.has(node)).map(([head]) => head);

  test('a merge behind its immediate dominator, in the same loops; an exit behind a loop that it is not part of', () => {
    check((_, { successors, merges, exits, loops, order, place }) => {
      const placed = [...merges.flat(), ...exits.flat()];
      expect(new Set(placed).size).toBe(placed.length);
      merges.forEach((list, dominator) => {
        for (const node of list) {
          expect(immediateDominator(successors, node)).toBe(dominator);
          expect(around(loops, dominator).every((head) => loops.get(head)?.has(node))).toBe(true);
        }
        expect(list).toEqual(list.toSorted((a, b) => (place[a] ?? 0) - (place[b] ?? 0)));
      });
      exits.forEach((list, head) => {
        for (const node of list) {
          expect(loops.get(head)?.has(node)).toBe(false);
          expect(loops.get(head)?.has(immediateDominator(successors, node) ?? -1)).toBe(true);
        }
        expect(list).toEqual(list.toSorted((a, b) => (place[a] ?? 0) - (place[b] ?? 0)));
      });
      // What several forward edges lead to must have a place of its own; the rest is written where its one edge starts.
      for (const node of order.slice(1)) {
        const forward = edgesOf(successors, order).filter(
          ([from, to]) => to === node && (place[from] ?? 0) < (place[to] ?? 0),
        );
        if (forward.length > 1) expect(placed).toContain(node);
      }
    });
  });

  test('nodes that must be merges are', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: 1, max: 13 }), (successors, forced) => {
        const { merges, exits, order } = flowOf(successors, new Set([forced]));
        if (order.includes(forced)) expect([...merges.flat(), ...exits.flat()]).toContain(forced);
      }),
    );
  });
});

test('a graph of one node, and one that loops on itself', () => {
  expect(flowOf([[]], new Set()).order).toEqual([0]);
  const self = flowOf([[0]], new Set());
  expect([...self.loops.keys()]).toEqual([0]);
  expect(self.merges).toEqual([[]]);
});
