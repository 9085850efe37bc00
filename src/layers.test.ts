// The layer table (layers.json) against the sources: who imports whom, cycles, and what would make the core nondeterministic.
// dependency-cruiser checks the same table with its own parser; here the TypeScript parser does, and the checks themselves are
// tried on made-up sources, so that neither can pass by looking at nothing.
import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import table from './layers.json' with { type: 'json' };

interface Rule {
  /** Layers, or folders of layers, whose values and types may be imported. */
  readonly layers: readonly string[];
  /** Layers, or folders of layers, of which only types may be imported. */
  readonly typesOf: readonly string[];
  /** Packages: none at all, Node built-ins only, or npm packages only. */
  readonly packages: string;
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const RULES: ReadonlyMap<string, Rule> = new Map(Object.entries(table));
const SOURCE_ROOT = dirname(fileURLToPath(import.meta.url));
const NOT_SHIPPED = /\.(test|test-support)\.tsx?$/;

/** Paths below src/, with forward slashes, of every TypeScript source that ships. */
const shippedFiles = readdirSync(SOURCE_ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !NOT_SHIPPED.test(entry.name))
  .map((entry) => relative(SOURCE_ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'));

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
}

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  // getChildren() would also give doc comments, whose {@link Date} is prose.
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  for (const node of nodesOf(source)) {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({
        specifier: node.moduleSpecifier.text,
        typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
      });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) {
        found.push({ specifier: node.argument.literal.text, typeOnly: true });
      }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier && ts.isStringLiteralLike(specifier)) found.push({ specifier: specifier.text, typeOnly: false });
    }
  }
  return found;
}

/** The layer a path below src/ lies in, or undefined for a path that lies in none. In the table a layer inside another comes first. */
function layerOf(path: string): string | undefined {
  return [...RULES.keys()].find((layer) => path.startsWith(`${layer}/`));
}

function covers(folders: readonly string[], layer: string): boolean {
  return folders.some((folder) => layer === folder || layer.startsWith(`${folder}/`));
}

/** Why this import is forbidden in this file, or undefined when it is allowed. */
function violation(path: string, { specifier, typeOnly }: Import): string | undefined {
  const layer = layerOf(path);
  const rule = layer === undefined ? undefined : RULES.get(layer);
  if (layer === undefined || rule === undefined) return `${path} lies in no layer of layers.json`;
  const line = `${path} imports ${specifier}, but ${layer} may`;
  if (!specifier.startsWith('.')) {
    if (rule.packages === 'none') return `${line} import no packages`;
    if (rule.packages === 'node' && !isBuiltin(specifier)) return `${line} import Node built-ins only`;
    if (rule.packages === 'npm' && isBuiltin(specifier)) return `${line} not import Node built-ins`;
    return undefined;
  }
  const target = posix.join(posix.dirname(path), specifier);
  const targetLayer = layerOf(target);
  if (targetLayer === layer) return undefined;
  if (targetLayer === undefined) return `${line} import layers only`;
  if (covers(rule.layers, targetLayer)) return undefined;
  if (!covers(rule.typesOf, targetLayer)) {
    return `${line} import only [${[...rule.layers, ...rule.typesOf.map((name) => `types of ${name}`)].join(', ')}]`;
  }
  return typeOnly ? undefined : `${line} import only types of ${targetLayer}`;
}

/** One cycle among the files as a path that ends where it starts, or undefined. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** Uses of what differs from run to run: `Date`, and `Math` other than as `Math.name` with a name that is not `random`. */
function nondeterminismIn(source: ts.SourceFile): string[] {
  return [...nodesOf(source)].filter(ts.isIdentifier).flatMap((node) => {
    const asMember = ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node;
    const random = node.text === 'Math' && !(asMember && node.parent.name.text !== 'random');
    if (node.text !== 'Date' && !random) return [];
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    return [`${source.fileName}:${line + 1} uses ${node.parent.getText()}`];
  });
}

const sources = shippedFiles.map((path) => parse(path, readFileSync(join(SOURCE_ROOT, path), 'utf8')));
const imports = new Map(sources.map((source) => [source.fileName, importsOf(source)]));

describe('the sources', () => {
  test('are there to be looked at', () => {
    expect(shippedFiles.length).toBeGreaterThan(0);
    expect([...imports.values()].flat().length).toBeGreaterThan(0);
  });

  test('keep to the layer table', () => {
    const violations = [...imports].flatMap(([path, list]) => list.map((each) => violation(path, each)));
    expect(violations.filter((each) => each !== undefined)).toEqual([]);
  });

  test('lie in a layer', () => {
    expect(shippedFiles.filter((path) => layerOf(path) === undefined)).toEqual([]);
  });

  test('import one another without cycles', () => {
    const graph = new Map(
      [...imports].map(([path, list]) => [
        path,
        list
          .filter(({ specifier }) => specifier.startsWith('.'))
          .map(({ specifier }) => posix.join(posix.dirname(path), specifier)),
      ]),
    );
    expect(cycleIn(graph)).toBeUndefined();
  });

  test('of the core use neither Date nor Math.random', () => {
    const core = sources.filter(({ fileName }) => fileName.startsWith('core/'));
    expect(core.flatMap(nondeterminismIn)).toEqual([]);
  });
});

describe('the checks bite', () => {
  const check = (path: string, text: string) => importsOf(parse(path, text)).map((each) => violation(path, each));

  test.each([
    ['core/isa/a.ts', `import { b } from '../machine/b.ts';`],
    ['core/devices/a.ts', `import type { b } from '../isa/b.ts';`],
    ['core/machine/a.ts', `export * from '../hypervisor/b.ts';`],
    ['core/machine/a.ts', `import fs from 'node:fs';`],
    ['core/machine/a.ts', `const react = await import('react');`],
    ['core/hypervisor/memory/a.ts', `import type { b } from '../b.ts';`],
    ['protocol/a.ts', `import { b } from '../core/machine/b.ts';`],
    ['protocol/a.ts', `import { type b } from '../core/machine/b.ts';`],
    ['labs/a.ts', `let a: import('../core/machine/b.ts').B;`],
    ['cli/a.ts', `import react from 'react';`],
    ['ui/a.tsx', `import { b } from '../core/machine/b.ts';`],
    ['ui/a.tsx', `import { b } from '../worker/b.ts';`],
    ['ui/a.tsx', `import { readFileSync } from 'fs';`],
    ['core/a.ts', `import { b } from './isa/b.ts';`],
    ['worker/a.ts', `import table from '../layers.json';`],
  ])('%s may not %s', (path, text) => {
    expect(check(path, text)).toEqual([expect.any(String)]);
  });

  test.each([
    ['core/machine/a.ts', `import { b } from '../isa/b.ts';`],
    ['core/machine/run/a.ts', `import { b } from '../b.ts';`],
    ['core/hypervisor/a.ts', `import { b } from './memory/b.ts';`],
    ['protocol/a.ts', `import type { b } from '../core/machine/b.ts';`],
    ['worker/a.ts', `import { b } from '../core/hypervisor/b.ts';`],
    ['cli/a.ts', `import { readFileSync } from 'node:fs';`],
    ['ui/a.tsx', `import { b } from '../core/isa/b.ts'; import react from 'react';`],
    ['core/isa/a.ts', `// import { b } from '../machine/b.ts';`],
  ])('%s may %s', (path, text) => {
    expect(check(path, text).filter((each) => each !== undefined)).toEqual([]);
  });

  test('a cycle is found, a diamond is none', () => {
    const cycle = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(cycleIn(cycle)).toEqual(['b', 'c', 'b']);
    const diamond = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d']],
    ]);
    expect(cycleIn(diamond)).toBeUndefined();
  });

  test.each(['Date.now()', 'new Date()', 'Math.random()', `Math['random']()`, 'const { random } = Math'])(
    '%s is nondeterminism',
    (text) => {
      expect(nondeterminismIn(parse('core/isa/a.ts', text)).length).toBe(1);
    },
  );

  test.each([
    '// Date.now()',
    '/** See Math.random. */ let x = 1',
    `'Date'`,
    'random(4)',
    'Math.imul(3, 5)',
    'const dates = 1',
  ])('%s is none', (text) => {
    expect(nondeterminismIn(parse('core/isa/a.ts', text))).toEqual([]);
  });
});
