// The layer table (src/layers.json) as dependency-cruiser rules. src/layers.test.ts checks the same table on its own, so a
// cruise that silently looked at nothing cannot pass for a clean one.
const table = require('./src/layers.json');

const TEST_FILES = '\\.(test|test-support)\\.tsx?$';
const inside = (layers) => `^src/(${layers.join('|')})/`;

const packageRules = { none: ['core', 'npm'], node: ['npm'], npm: ['core'], any: [] };
const packageTypes = {
  core: ['core'],
  npm: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
};

const layerRules = Object.entries(table).flatMap(([layer, { layers, typesOf, packages }]) => {
  const from = { path: inside([layer]), pathNot: TEST_FILES };
  return [
    {
      name: `${layer}-imports`,
      comment: `src/${layer} may import ${[...layers, ...typesOf.map((name) => `types of ${name}`)].join(', ') || 'nothing'} (src/layers.json).`,
      severity: 'error',
      from,
      to: { path: '^src/', pathNot: inside([layer, ...layers, ...typesOf]) },
    },
    ...typesOf.map((other) => ({
      name: `${layer}-types-only-of-${other}`,
      comment: `src/${layer} may import only types of src/${other}: write \`import type\`.`,
      severity: 'error',
      from,
      to: { path: inside([other]), dependencyTypesNot: ['type-only'] },
    })),
    ...packageRules[packages].map((kind) => ({
      name: `${layer}-no-${kind === 'core' ? 'node-builtins' : 'packages'}`,
      comment: `src/${layer} may not import ${kind === 'core' ? 'Node built-ins' : 'npm packages'} (src/layers.json).`,
      severity: 'error',
      from,
      to: { dependencyTypes: packageTypes[kind] },
    })),
  ];
});

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'no-cycles',
      comment: 'Two files that import each other are one file, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: "An import that leads nowhere is checked by no rule. (`?worker` and `?url` are vite's.)",
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\?' },
    },
    {
      name: 'no-tests-in-sources',
      comment: 'What ships may not lean on what tests it.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST_FILES },
      to: { path: TEST_FILES },
    },
    {
      name: 'no-tools-in-sources',
      comment: 'What ships may import dependencies only, not devDependencies. The benchmark does not ship.',
      severity: 'error',
      from: { path: '^src/', pathNot: `${TEST_FILES}|\\.config\\.js$|^src/bench/` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.d.ts', '.js', '.mjs', '.json'],
    },
  },
};
